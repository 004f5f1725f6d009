import type { Millis } from '../../../runtime/effects.ts';
import { ProtocolError } from '../../../runtime/errors.ts';
import { connect, mayDisplace, renewKeepAlive } from './connect.ts';
import { earliest, noDeadline, setDeadline, takeDue } from './deadlines.ts';
import { disconnect, leave, remove } from './departure.ts';
import { encodePingresp, encodePuback } from './encode.ts';
import type { GatewayEffect, GatewayEvent, Principal } from './events.ts';
import { createFramer, takePackets } from './framer.ts';
import { connectMillisMax, logsPerConnectionMax, receiveMaximum } from './limits.ts';
import { expiryOf, type Message } from './message.ts';
import { type ClientPacket, createDecoder, decodePacket } from './packet.ts';
import { answer, fanOut, publish, publishWill } from './publish.ts';
import { REASON, ReasonedError, reasonOf } from './reasons.ts';
import { createRetained } from './retained.ts';
import { acknowledge, changeExpiry, endSession } from './session.ts';
import { type Connection, type Gateway, log, type Online, warn, write } from './state.ts';
import { subscribeTo, unsubscribeFrom } from './subscribe.ts';
import { createSubscriptions } from './subscriptions.ts';
import { resolveTopic } from './topicAlias.ts';
import { releaseWill } from './will.ts';

/**
 * The MQTT side of the embedded service: sessions, subscriptions and AWS's own rules, for MQTT 3.1.1 and 5 side by side.
 * Bytes in, bytes out; it opens nothing, and time is an argument, so the simulated world runs this very gateway.
 *
 * Where AWS leaves MQTT or is not explicit, it does this:
 * - QoS 2: a PUBLISH is neither acknowledged nor passed on, a SUBSCRIBE with a filter at QoS 2 neither acknowledged nor
 *   carried out; the connection stays. (AWS: no PUBACK, no SUBACK.) In MQTT 5, whose clients are told that 1 is the most,
 *   such a PUBLISH ends the connection with 0x9B, and a SUBSCRIBE is granted QoS 1.
 * - Keep-alive 0 or above 1,200 s is 1,200 s.
 * - A publish that is not allowed, is too large or is on an impossible topic ends the connection, and a line is logged.
 *   A client of MQTT 5 hears the reason: in PUBACK if it was of QoS 1, and in DISCONNECT.
 * - A request in a thing's jobs namespace goes to the service alone. PUBACK leaves on receipt: what tells that a request
 *   took effect is its answer.
 * - Sessions, queued and retained messages live in memory: a restart of the service forgets them, and CONNACK says so.
 *
 * Of MQTT 5 it offers all but QoS 2, shared subscriptions, enhanced authentication (AUTH) and server redirection; it sends
 * no topic aliases of its own, takes eight of the client's, and does not look whether a payload is the UTF-8 it is said to be.
 */
export function createGateway(): Gateway {
  return {
    connections: new Map(),
    sessions: new Map(),
    offline: new Set(),
    subscriptions: createSubscriptions(),
    retained: createRetained(),
    decoder: createDecoder(),
    now: 0,
    dueWills: [],
    connectionDeadlines: [],
    sessionDeadlines: [],
    heldBytes: 0,
    generatedIds: 0,
    writes: new Map(),
    closes: [],
    effects: [],
  };
}

/**
 * One event in, its effects out: at most one write for a connection, then the closes, then requests and log lines.
 * An event about a connection that the gateway has closed, or never heard of, changes nothing.
 *
 * @param now  milliseconds of a clock that only runs forward
 */
export function stepGateway(gateway: Gateway, event: GatewayEvent, now: Millis): GatewayEffect[] {
  gateway.now = now;
  switch (event.on) {
    case 'connected':
      open(gateway, event.connection, event.principal, now);
      break;
    case 'bytes': {
      const connection = gateway.connections.get(event.connection);
      if (connection !== undefined) receive(gateway, connection, event.bytes, now);
      break;
    }
    case 'closed': {
      const connection = gateway.connections.get(event.connection);
      if (connection !== undefined) leave(gateway, connection, event.reason ?? 'the client closed', now, 'info');
      break;
    }
    case 'broken': {
      const connection = gateway.connections.get(event.connection);
      if (connection !== undefined) breakOff(gateway, connection, event.error, now);
      break;
    }
    case 'forget': {
      const session = gateway.sessions.get(event.clientId);
      if (session) remove(gateway, session, REASON.administrativeAction, 'its session is forgotten', now);
      break;
    }
    case 'elsewhere': {
      const session = gateway.sessions.get(event.clientId);
      // What was told may arrive behind a still newer connection here.
      if (session !== undefined && session.connectedAt <= event.at && mayDisplace(event.principal, session))
        remove(gateway, session, REASON.sessionTakenOver, 'its client identifier connected to another worker', now);
      break;
    }
    case 'publish':
      fanOut(gateway, { topic: event.topic, payload: event.payload, qos: event.qos, retain: false });
      break;
    case 'answer':
      answer(gateway, event);
      break;
    case 'revoked':
      for (const connection of [...gateway.connections.values()])
        if (connection.principal.certificateId === event.certificateId)
          disconnect(gateway, connection, REASON.administrativeAction, 'its certificate was revoked', now);
      break;
    case 'closing':
      for (const connection of [...gateway.connections.values()]) {
        if (connection.online !== undefined) connection.online.will = undefined;
        disconnect(gateway, connection, REASON.serverShuttingDown, 'the server ends', now, 'info');
      }
      break;
    case 'wake':
      wake(gateway, now);
      break;
  }
  for (const due of gateway.dueWills.splice(0)) publishWill(gateway, due);
  return takeEffects(gateway);
}

/** When the gateway wants `wake`; undefined while it waits for nothing. */
export function wakeAt(gateway: Gateway): Millis | undefined {
  const connectionAt = earliest(gateway.connectionDeadlines);
  const sessionAt = earliest(gateway.sessionDeadlines);
  if (connectionAt === undefined || sessionAt === undefined) return connectionAt ?? sessionAt;
  return Math.min(connectionAt, sessionAt);
}

function open(gateway: Gateway, number: number, principal: Principal, now: Millis): void {
  const connection: Connection = {
    ...noDeadline(),
    number,
    principal,
    framer: createFramer(),
    online: undefined,
    logsLeft: logsPerConnectionMax,
  };
  gateway.connections.set(number, connection);
  setDeadline(gateway.connectionDeadlines, connection, now + connectMillisMax);
}

function receive(gateway: Gateway, connection: Connection, bytes: Uint8Array, now: Millis): void {
  if (connection.online !== undefined) connection.online.unacknowledged = 0;
  try {
    for (const packet of takePackets(connection.framer, bytes)) {
      take(gateway, connection, packet, now);
      if (gateway.connections.get(connection.number) !== connection) return; // what follows is not for us
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    breakOff(gateway, connection, error, now);
  }
}

function breakOff(gateway: Gateway, connection: Connection, error: ProtocolError, now: Millis): void {
  gateway.decoder = createDecoder();
  disconnect(gateway, connection, reasonOf(error), error.message, now);
}

function take(gateway: Gateway, connection: Connection, bytes: Uint8Array, now: Millis): void {
  if (connection.online === undefined) {
    const displace = (holder: Connection) =>
      disconnect(gateway, holder, REASON.sessionTakenOver, 'its client identifier connected again', now);
    const refusal = connect(gateway, connection, bytes, displace);
    if (refusal !== undefined) return disconnect(gateway, connection, undefined, refusal, now);
  } else {
    const packet = decodePacket(gateway.decoder, bytes, connection.online.protocolVersion);
    act(gateway, connection, connection.online, packet, now);
  }
  if (gateway.connections.has(connection.number)) renewKeepAlive(gateway, connection, now);
}

function act(gateway: Gateway, connection: Connection, online: Online, packet: ClientPacket, now: Millis): void {
  switch (packet.cmd) {
    case 'publish':
      return takePublish(gateway, connection, online, packet, now);
    case 'puback':
      return acknowledge(gateway, online.session, packet.messageId);
    case 'subscribe':
      return subscribeTo(gateway, connection, online, packet);
    case 'unsubscribe':
      return unsubscribeFrom(gateway, connection, online, packet);
    case 'pingreq':
      return write(gateway, connection, encodePingresp());
    case 'disconnect':
      changeExpiry(online.session, packet.sessionExpiryInterval);
      // MQTT 3.1.1 §3.14.4, MQTT 5 §3.14.4: any other reason, such as 0x04, has the will published.
      if ((packet.reasonCode ?? 0) === 0) online.will = undefined;
      return disconnect(gateway, connection, undefined, 'DISCONNECT', now, 'info');
  }
}

function takePublish(
  gateway: Gateway,
  connection: Connection,
  online: Online,
  packet: ClientPacket & { cmd: 'publish' },
  now: Millis,
): void {
  const { qos, payload, retain, messageId, properties } = packet;
  const topic =
    online.protocolVersion === 5 ? resolveTopic(online, packet.topic, properties?.topicAlias) : packet.topic;
  if (qos === 2) {
    if (online.protocolVersion === 4)
      return warn(gateway, connection, 'PUBLISH of QoS 2 is not acknowledged', { topic });
    throw new ReasonedError(REASON.qosNotSupported, 'MQTT 5 §3.2.2.3.4', 'PUBLISH of QoS 2: expected 0 or 1');
  }
  if (qos === 1 && online.protocolVersion === 5 && ++online.unacknowledged > receiveMaximum)
    throw new ReasonedError(
      REASON.receiveMaximumExceeded,
      'MQTT 5 §3.3.4',
      `more than ${receiveMaximum} PUBLISH of QoS 1 before the first PUBACK`,
    );
  const expiresAt = expiryOf(properties?.messageExpiryInterval, now);
  const message: Message = { topic, payload, qos, retain, properties: properties?.forwarded, expiresAt };
  const outcome = publish(gateway, connection, message, properties?.correlationData);
  if (typeof outcome === 'number') {
    if (qos === 1) write(gateway, connection, encodePuback(online.protocolVersion, messageId as number, outcome));
    return;
  }
  const { reasonCode, reason } = outcome;
  if (qos === 1 && online.protocolVersion === 5)
    write(gateway, connection, encodePuback(5, messageId as number, reasonCode));
  disconnect(gateway, connection, reasonCode, `PUBLISH: ${reason}`, now);
}

function wake(gateway: Gateway, now: Millis): void {
  for (;;) {
    const connection = takeDue(gateway.connectionDeadlines, now);
    if (connection === undefined) break;
    const reason = connection.online ? 'nothing heard for 1.5 times its keep-alive' : 'no CONNECT in time';
    disconnect(gateway, connection, REASON.keepAliveTimeout, reason, now);
  }
  for (;;) {
    const session = takeDue(gateway.sessionDeadlines, now);
    if (session === undefined) break;
    if (session.expiresAt > now) {
      const held = releaseWill(gateway, session);
      if (held !== undefined) gateway.dueWills.push(held);
      setDeadline(gateway.sessionDeadlines, session, session.expiresAt);
      continue;
    }
    log(gateway, 'info', 'session expired', { clientId: session.clientId });
    endSession(gateway, session);
  }
}

function takeEffects(gateway: Gateway): GatewayEffect[] {
  const effects: GatewayEffect[] = [];
  for (const [connection, parts] of gateway.writes)
    effects.push({
      do: 'write',
      connection,
      bytes: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts),
    });
  for (const { connection, reason } of gateway.closes) effects.push({ do: 'close', connection, reason });
  for (const effect of gateway.effects) effects.push(effect);
  gateway.writes.clear();
  gateway.closes.length = 0;
  gateway.effects.length = 0;
  return effects;
}
