import type { Millis } from '../../../runtime/effects.ts';
import { ProtocolError } from '../../../runtime/errors.ts';
import { PAYLOAD_BYTES_MAX } from '../../../runtime/jobs/limits.ts';
import { authorisePublish } from './authorise.ts';
import { connect, renewKeepAlive } from './connect.ts';
import { clearDeadline, earliest, noDeadline, setDeadline, takeDue } from './deadlines.ts';
import type { GatewayEffect, GatewayEvent, Principal } from './events.ts';
import { createFramer, takePackets } from './framer.ts';
import { connectMillisMax, logsPerConnectionMax } from './limits.ts';
import type { Message } from './message.ts';
import {
  type ClientPacket,
  createDecoder,
  decodePacket,
  encodePingresp,
  encodePuback,
  encodePublish,
  encodeUnsuback,
} from './packet.ts';
import { createRetained, retain } from './retained.ts';
import { acknowledge, deliverKept, deliverOnce, endSession, isKept, leaveSession } from './session.ts';
import { type Connection, type Gateway, identity, log, type Online, warn, write } from './state.ts';
import { subscribeTo } from './subscribe.ts';
import { createSubscriptions, subscribersOf, unsubscribe } from './subscriptions.ts';
import { faultOfTopic } from './topicNames.ts';

/**
 * The MQTT side of the embedded service: sessions, subscriptions and AWS's own rules, for MQTT 3.1.1. Bytes in, bytes out;
 * it opens nothing, and time is an argument, so the simulated world runs this very gateway.
 *
 * Where AWS leaves MQTT 3.1.1 or is not explicit, it does this:
 * - QoS 2: a PUBLISH is neither acknowledged nor passed on, a SUBSCRIBE with a filter at QoS 2 neither acknowledged nor
 *   carried out; the connection stays. (AWS: no PUBACK, no SUBACK.)
 * - Keep-alive 0 or above 1,200 s is 1,200 s.
 * - A publish that is not allowed, is too large or is on an impossible topic ends the connection, and a line is logged.
 * - A request in a thing's jobs namespace goes to the service alone. PUBACK leaves on receipt: what tells that a request
 *   took effect is its answer.
 * - Sessions, queued and retained messages live in memory: a restart of the service forgets them, and CONNACK says so.
 */
export function createGateway(): Gateway {
  return {
    connections: new Map(),
    sessions: new Map(),
    offline: new Set(),
    subscriptions: createSubscriptions(),
    retained: createRetained(),
    decoder: createDecoder(4),
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
    case 'publish':
      fanOut(gateway, { topic: event.topic, payload: event.payload, qos: event.qos, retain: false });
      break;
    case 'answer':
      answer(gateway, event);
      break;
    case 'revoked':
      for (const connection of [...gateway.connections.values()])
        if (connection.principal.certificateId === event.certificateId)
          disconnect(gateway, connection, 'its certificate was revoked', now);
      break;
    case 'wake':
      wake(gateway, now);
      break;
  }
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
  try {
    for (const packet of takePackets(connection.framer, bytes)) {
      take(gateway, connection, packet, now);
      if (gateway.connections.get(connection.number) !== connection) return; // what follows is not for us
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    gateway.decoder = createDecoder(4);
    disconnect(gateway, connection, error.message, now);
  }
}

function take(gateway: Gateway, connection: Connection, bytes: Uint8Array, now: Millis): void {
  if (connection.online === undefined) {
    const displace = (holder: Connection) => disconnect(gateway, holder, 'its client identifier connected again', now);
    const refusal = connect(gateway, connection, bytes, displace);
    if (refusal !== undefined) return disconnect(gateway, connection, refusal.reason, now);
  } else {
    const packet = decodePacket(gateway.decoder, bytes);
    act(gateway, connection, connection.online, packet, now);
  }
  if (gateway.connections.has(connection.number)) renewKeepAlive(gateway, connection, now);
}

function act(gateway: Gateway, connection: Connection, online: Online, packet: ClientPacket, now: Millis): void {
  switch (packet.cmd) {
    case 'publish': {
      const { topic, qos, retain, messageId } = packet;
      if (qos === 2) return warn(gateway, connection, 'PUBLISH of QoS 2 is not acknowledged', { topic });
      const reason = publish(gateway, connection, { topic, payload: packet.payload as Buffer, qos, retain });
      if (reason !== undefined) return disconnect(gateway, connection, `PUBLISH: ${reason}`, now);
      if (qos === 1) write(gateway, connection, encodePuback(messageId as number));
      return;
    }
    case 'puback':
      return acknowledge(gateway, online.session, packet.messageId as number);
    case 'subscribe':
      return subscribeTo(gateway, connection, online.session, packet);
    case 'unsubscribe':
      for (const filter of packet.unsubscriptions)
        if (online.session.subscriptions.delete(filter)) unsubscribe(gateway.subscriptions, filter, online.session);
      return write(gateway, connection, encodeUnsuback(packet.messageId as number));
    case 'pingreq':
      return write(gateway, connection, encodePingresp());
    case 'disconnect':
      online.will = undefined; // MQTT 3.1.1 §3.14.4
      return disconnect(gateway, connection, 'DISCONNECT', now, 'info');
  }
}

/** Why a client's message is not taken; undefined when it was, wherever it went. */
function publish(gateway: Gateway, connection: Connection, message: Message): string | undefined {
  const { topic, payload, qos } = message;
  const fault = faultOfTopic(topic);
  if (fault !== undefined) return fault;
  if (payload.length > PAYLOAD_BYTES_MAX) return `a payload of ${payload.length} bytes: at most ${PAYLOAD_BYTES_MAX}`;
  const verdict = authorisePublish(connection.principal, topic, message.retain);
  switch (verdict.to) {
    case 'refused':
      return `${topic}: ${verdict.reason}`;
    case 'nobody':
      return undefined;
    case 'service': {
      const { thingName, request } = verdict;
      const clientId = connection.online?.session.clientId as string;
      gateway.effects.push({
        do: 'request',
        connection: connection.number,
        clientId,
        thingName,
        topic,
        request,
        payload,
      });
      return undefined;
    }
    case 'subscribers':
      if (message.retain && !topic.startsWith('$') && !retain(gateway.retained, message))
        warn(gateway, connection, 'too many retained messages: this one was passed on and not kept', { topic });
      fanOut(gateway, { topic, payload, qos, retain: false });
      return undefined;
  }
}

function fanOut(gateway: Gateway, message: Message): void {
  let bytes: Uint8Array | undefined; // of QoS 0: the same for all
  for (const [session, granted] of subscribersOf(gateway.subscriptions, message.topic)) {
    if (message.qos === 1 && granted === 1) deliverKept(gateway, session, message);
    else deliverOnce(gateway, session, (bytes ??= encodePublish(message.topic, message.payload, false)));
  }
}

/**
 * To the requester alone: at QoS 1 where it holds a subscription at QoS 1, else at QoS 0. When its connection is gone, a
 * persistent session that subscribed at QoS 1 gets it, now or later.
 */
function answer(
  gateway: Gateway,
  { connection: number, clientId, topic, payload }: GatewayEvent & { on: 'answer' },
): void {
  const connection = gateway.connections.get(number);
  const session = connection?.online?.session ?? gateway.sessions.get(clientId);
  if (session === undefined) return;
  if (isKept(session, topic)) {
    if (connection !== undefined || session.persistent)
      deliverKept(gateway, session, { topic, payload, qos: 1, retain: false });
  } else if (connection !== undefined) write(gateway, connection, encodePublish(topic, payload, false));
}

function wake(gateway: Gateway, now: Millis): void {
  for (;;) {
    const connection = takeDue(gateway.connectionDeadlines, now);
    if (connection === undefined) break;
    const reason = connection.online ? 'nothing heard for 1.5 times its keep-alive' : 'no CONNECT in time';
    disconnect(gateway, connection, reason, now);
  }
  for (;;) {
    const session = takeDue(gateway.sessionDeadlines, now);
    if (session === undefined) break;
    log(gateway, 'info', 'session expired', { clientId: session.clientId });
    endSession(gateway, session);
  }
}

type Level = 'info' | 'warn';

function disconnect(
  gateway: Gateway,
  connection: Connection,
  reason: string,
  now: Millis,
  level: Level = 'warn',
): void {
  gateway.closes.push({ connection: connection.number, reason });
  leave(gateway, connection, reason, now, level);
}

function leave(gateway: Gateway, connection: Connection, reason: string, now: Millis, level: Level): void {
  gateway.connections.delete(connection.number);
  clearDeadline(gateway.connectionDeadlines, connection);
  log(gateway, level, 'connection closed', { ...identity(connection), reason });
  if (connection.online === undefined) return;
  const { session, will } = connection.online;
  leaveSession(gateway, session, now);
  if (will !== undefined) publish(gateway, connection, will); // checked and authorised at CONNECT
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
