/**
 * The client's half of an MQTT 3.1.1 session: connect, subscribe, acknowledge, keep alive, back off. Events in,
 * effects out; the owner keeps the transport and one timer.
 */

import { ProtocolError } from '../errors.ts';
import {
  CONNACK_MILLIS_MAX,
  OPEN_MILLIS_MAX,
  PINGRESP_MILLIS_MAX,
  RETRY_MILLIS_BASE,
  RETRY_MILLIS_MIN,
  STABLE_MILLIS,
  SUBSCRIPTIONS_PER_SUBSCRIBE_MAX,
} from '../limits.ts';
import { randomUnit } from '../random.ts';
import { decodeAcknowledgement, decodeSignal, encodeAcknowledgement, encodeSignal } from './acknowledgement.ts';
import { decodeConnack, encodeConnect } from './connect.ts';
import {
  acknowledge,
  admit,
  createDelivery,
  type Delivery,
  firstResend,
  nextResend,
  type Resend,
  resendAt,
  send,
} from './delivery.ts';
import { createFramer, type Framer, nextPacket, offer } from './framer.ts';
import { malformed, PACKET_TYPE, type Subscription, type Will } from './packet.ts';
import { decodePublish, encodePublish } from './publish.ts';
import { decodeSuback, encodeSubscribe } from './subscribe.ts';

export interface ClientOptions {
  clientId: string;
  /** 0..65_535; 0 turns the keep-alive off. AWS takes 30..1200. */
  keepAliveSeconds: number;
  /** false: the server keeps subscriptions and undelivered messages while the device is away (§3.1.2.4). */
  cleanSession: boolean;
  filters: readonly { topicFilter: string; qos: 0 | 1 }[];
  /** The longest pause before connecting again. */
  retryMaxMillis: number;
  will?: Will | undefined;
  username?: string | undefined;
  password?: Uint8Array | undefined;
}

export type ClientEvent =
  /** May connect from now on. */
  | { on: 'start' }
  /** The transport is connected, TLS done. */
  | { on: 'opened' }
  | { on: 'bytes'; bytes: Uint8Array }
  /** The transport closed, or could not open. Not said of a connection that a `close` effect ended. */
  | { on: 'closed'; reason?: string | undefined }
  /**
   * QoS 1: held until acknowledged, over any number of connections. QoS 0: sent now, or dropped while not online.
   * `key` is the caller's own name for it. The payload is copied.
   */
  | { on: 'publish'; topic: string; payload: Uint8Array; qos: 0 | 1; key?: string | undefined }
  /** DISCONNECT, close, and do not connect again. What is held stays held. */
  | { on: 'stop' }
  /** The time of `wakeAt` has come. */
  | { on: 'wake' };

/** In the order in which they are to be carried out. A step gives at most one `write`; a `close` comes after it. */
export type ClientEffect =
  | { do: 'open' }
  | { do: 'write'; bytes: Uint8Array }
  /** End the connection once what was written has left, and say nothing more of it. */
  | { do: 'close'; reason?: string }
  /** CONNACK has accepted, and every filter is subscribed. */
  | { do: 'tell'; what: 'online'; sessionPresent: boolean }
  /** The connection is gone, or did not come about; `retryAtMillis` undefined: stopped. */
  | { do: 'tell'; what: 'offline'; reason: string; retryAtMillis: number | undefined }
  /** `payload` is a view into the bytes that came: whoever keeps it copies it. Its PUBACK is in the write behind. */
  | { do: 'tell'; what: 'message'; topic: string; payload: Uint8Array; qos: 0 | 1 }
  /** CONNACK or SUBACK refuses; `offline` follows, and the next attempt. */
  | { do: 'tell'; what: 'refused'; reason: string }
  | { do: 'tell'; what: 'acknowledged'; key: string | undefined }
  /** The message is not held: it was QoS 0 and there is no connection, or too much waits already. */
  | { do: 'tell'; what: 'dropped'; key: string | undefined; reason: string };

export interface Client {
  readonly options: ClientOptions;
  /** CONNECT and SUBSCRIBE are the same for every connection. SUBSCRIBE i has packet identifier i + 1. */
  readonly connectPacket: Uint8Array;
  readonly subscribePackets: readonly Uint8Array[];
  readonly connection: Connection;
  readonly delivery: Delivery;
  /** All filters were acknowledged to this process, and the server has not forgotten the session since. */
  readonly subscribed: boolean;
  /** Attempts since the last stable connection. */
  readonly attempts: number;
  readonly chance: number;
}

type Connection =
  | { readonly at: 'stopped' }
  | { readonly at: 'waiting'; readonly retryAtMillis: number }
  | { readonly at: 'opening'; readonly untilMillis: number }
  | { readonly at: 'connecting'; readonly untilMillis: number; readonly framer: Framer }
  | Session;

/** CONNACK has accepted. */
interface Session {
  readonly at: 'subscribing' | 'online';
  readonly framer: Framer;
  readonly sessionPresent: boolean;
  /** Not yet acknowledged SUBSCRIBEs: packet identifier -> when it is sent again. */
  readonly subscribes: ReadonlyMap<number, Resend>;
  readonly onlineSinceMillis: number;
  /** The last packet sent and the last bytes received; a PINGREQ is due a keep-alive after the earlier one. */
  readonly sentAtMillis: number;
  readonly receivedAtMillis: number;
  /** Until when PINGRESP must have come; undefined: none is expected. */
  readonly pingrespUntilMillis: number | undefined;
}

/** One step in the making. */
interface Turn {
  client: Client;
  readonly now: number;
  readonly effects: ClientEffect[];
  packets: Uint8Array[];
}

/**
 * @param seed    any 32-bit integer, different on each device and boot: it spreads the pauses of a fleet
 * @throws ProtocolError when an option cannot be put into CONNECT or SUBSCRIBE
 */
export function createClient(options: ClientOptions, seed: number): Client {
  const { filters } = options;
  const subscribePackets: Uint8Array[] = [];
  for (let from = 0; from < filters.length; from += SUBSCRIPTIONS_PER_SUBSCRIBE_MAX) {
    const subscriptions = filtersOf(options, subscribePackets.length + 1);
    subscribePackets.push(
      encodeSubscribe({ type: 'SUBSCRIBE', packetIdentifier: subscribePackets.length + 1, subscriptions }),
    );
  }
  return {
    options,
    connectPacket: encodeConnect({ type: 'CONNECT', ...options }),
    subscribePackets,
    connection: { at: 'stopped' },
    delivery: createDelivery(subscribePackets.length),
    subscribed: false,
    attempts: 0,
    chance: seed,
  };
}

/**
 * @param now  milliseconds of a clock that only runs forward
 * @returns    the next state (the one before is of no more use: a framer's buffer is shared) and what to do
 * @throws     ProtocolError when a message to publish is itself wrong; what the server does wrong closes instead
 */
export function stepClient(client: Client, event: ClientEvent, now: number): [Client, ClientEffect[]] {
  const turn: Turn = { client, now, effects: [], packets: [] };
  switch (event.on) {
    case 'start':
      if (client.connection.at === 'stopped') open(turn);
      break;
    case 'opened':
      if (client.connection.at === 'opening') {
        turn.packets.push(client.connectPacket);
        become(turn, { at: 'connecting', untilMillis: now + CONNACK_MILLIS_MAX, framer: createFramer() });
      }
      break;
    case 'bytes':
      take(turn, event.bytes);
      break;
    case 'closed':
      if (isConnected(client.connection) || client.connection.at === 'opening')
        retryLater(turn, event.reason ?? 'connection closed');
      break;
    case 'publish':
      publish(turn, event);
      break;
    case 'stop':
      stop(turn);
      break;
    case 'wake':
      wake(turn);
  }
  flush(turn);
  return [turn.client, turn.effects];
}

/** @returns the earliest time at which a `wake` is needed; undefined: not before another event */
export function wakeAt({ connection, delivery, options }: Client): number | undefined {
  let at: number;
  switch (connection.at) {
    case 'stopped':
      return undefined;
    case 'waiting':
      return connection.retryAtMillis;
    case 'opening':
    case 'connecting':
      return connection.untilMillis;
    case 'subscribing':
      at = [...connection.subscribes.values()].reduce(
        (earliest, { atMillis }) => Math.min(earliest, atMillis),
        Infinity,
      );
      break;
    case 'online':
      at = resendAt(delivery);
  }
  at = Math.min(at, connection.pingrespUntilMillis ?? pingAt(connection, options));
  return at === Infinity ? undefined : at;
}

/** True from `publish` until it was told `acknowledged` (or was not held in the first place). */
export function isInFlight({ delivery }: Client, key: string): boolean {
  return delivery.held.some((message) => message.key === key);
}

// The life of a connection

function open(turn: Turn): void {
  become(turn, { at: 'opening', untilMillis: turn.now + OPEN_MILLIS_MAX });
  turn.effects.push({ do: 'open' });
}

/** Accepted by CONNACK: subscribes where that is needed, or is online at once. */
function accepted(turn: Turn, framer: Framer, sessionPresent: boolean): void {
  const { client, now } = turn;
  const subscribed = client.subscribed && sessionPresent;
  turn.client = { ...client, subscribed };
  const subscribes = new Map<number, Resend>();
  if (!subscribed)
    client.subscribePackets.forEach((packet, i) => {
      turn.packets.push(packet);
      subscribes.set(i + 1, firstResend(now));
    });
  const session: Session = {
    at: 'subscribing',
    framer,
    sessionPresent,
    subscribes,
    onlineSinceMillis: Infinity,
    sentAtMillis: now,
    receivedAtMillis: now,
    pingrespUntilMillis: undefined,
  };
  become(turn, session);
  if (subscribes.size === 0) online(turn, session);
}

/** Every filter is subscribed: answers will come back, so what waits may go. */
function online(turn: Turn, session: Session): void {
  become(turn, { ...session, at: 'online', onlineSinceMillis: turn.now });
  turn.client = { ...turn.client, subscribed: true };
  turn.effects.push({ do: 'tell', what: 'online', sessionPresent: session.sessionPresent });
  sendHeld(turn, true);
}

function stop(turn: Turn): void {
  const { connection } = turn.client;
  if (connection.at === 'stopped') return;
  if (isConnected(connection)) turn.packets.push(encodeSignal({ type: 'DISCONNECT' }));
  become(turn, { at: 'stopped' });
  flush(turn);
  if (connection.at !== 'waiting') turn.effects.push({ do: 'close' });
  turn.effects.push({ do: 'tell', what: 'offline', reason: 'stopped', retryAtMillis: undefined });
}

/** Ends the connection from this side, and tries again later. */
function fail(turn: Turn, reason: string): void {
  flush(turn);
  turn.effects.push({ do: 'close', reason });
  retryLater(turn, reason);
}

/**
 * Full jitter: a pause uniform between 0 and an end that doubles with each attempt, so that a fleet that lost its
 * server together does not come back together. A connection that did not last counts as a failed attempt.
 */
function retryLater(turn: Turn, reason: string): void {
  const { client, now } = turn;
  const { connection, options } = client;
  const stable = connection.at === 'online' && now - connection.onlineSinceMillis >= STABLE_MILLIS;
  const attempts = stable ? 0 : client.attempts;
  const [unit, chance] = randomUnit(client.chance);
  const pauseMillis = unit * Math.min(options.retryMaxMillis, RETRY_MILLIS_BASE * 2 ** attempts);
  const retryAtMillis = now + Math.max(RETRY_MILLIS_MIN, pauseMillis);
  turn.client = {
    ...client,
    attempts: Math.min(attempts + 1, 30),
    chance,
    connection: { at: 'waiting', retryAtMillis },
  };
  turn.packets = [];
  turn.effects.push({ do: 'tell', what: 'offline', reason, retryAtMillis });
}

/** Does what is due, each by its own deadline. */
function wake(turn: Turn): void {
  const { client, now } = turn;
  const { connection, options } = client;
  switch (connection.at) {
    case 'stopped':
      return;
    case 'waiting':
      if (now >= connection.retryAtMillis) open(turn);
      return;
    case 'opening':
      if (now >= connection.untilMillis) fail(turn, `no connection within ${OPEN_MILLIS_MAX} ms`);
      return;
    case 'connecting':
      if (now >= connection.untilMillis) fail(turn, `no CONNACK within ${CONNACK_MILLIS_MAX} ms`);
      return;
  }
  if (now >= (connection.pingrespUntilMillis ?? Infinity))
    return fail(turn, `no PINGRESP within ${pingrespMillis(options)} ms`);
  if (connection.at === 'online') sendHeld(turn, false);
  else subscribeAgain(turn, connection);
  if (connection.pingrespUntilMillis === undefined && now >= pingAt(connection, options)) {
    turn.packets.push(encodeSignal({ type: 'PINGREQ' }));
    become(turn, { ...(turn.client.connection as Session), pingrespUntilMillis: now + pingrespMillis(options) });
  }
}

// What comes

function take(turn: Turn, bytes: Uint8Array): void {
  const { connection } = turn.client;
  if (!isConnected(connection)) return; // the last bytes of a connection that we gave up
  if (connection.at !== 'connecting') become(turn, { ...connection, receivedAtMillis: turn.now });
  try {
    offer(connection.framer, bytes);
    while (isConnected(turn.client.connection)) {
      const packet = nextPacket(connection.framer);
      if (packet === undefined) return;
      takePacket(turn, turn.client.connection, packet);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    fail(turn, error.message);
  }
}

function takePacket(turn: Turn, connection: Connected, packet: Uint8Array): void {
  const type = packet[0]! >> 4;
  if (connection.at === 'connecting') return takeConnack(turn, connection.framer, packet);
  switch (type) {
    case PACKET_TYPE.PUBLISH:
      return takePublish(turn, packet);
    case PACKET_TYPE.PUBACK:
      return takePuback(turn, decodeAcknowledgement(packet, 'PUBACK').packetIdentifier);
    case PACKET_TYPE.SUBACK:
      return takeSuback(turn, connection, packet);
    case PACKET_TYPE.PINGRESP:
      decodeSignal(packet, 'PINGRESP');
      return become(turn, { ...connection, pingrespUntilMillis: undefined });
  }
  throw malformed('2.2.1', `packet type ${type} from a server: expected PUBLISH, PUBACK, SUBACK or PINGRESP`);
}

function takeConnack(turn: Turn, framer: Framer, packet: Uint8Array): void {
  const { returnCode, sessionPresent } = decodeConnack(packet);
  if (sessionPresent && turn.client.options.cleanSession)
    throw malformed('3.2.2.2', 'session present after a CONNECT with clean session');
  if (returnCode === 0) return accepted(turn, framer, sessionPresent);
  refuse(turn, `CONNACK return code ${returnCode}: ${REFUSALS[returnCode]}`);
}

/** §3.2.2.3 */
const REFUSALS = [
  '',
  'protocol version not accepted',
  'client identifier not accepted',
  'server unavailable',
  'bad user name or password',
  'not authorized',
];

function takePublish(turn: Turn, packet: Uint8Array): void {
  const publish = decodePublish(packet);
  const { topicName: topic, payload, qos } = publish;
  if (qos === 2) throw malformed('3.8.4', 'PUBLISH at QoS 2: expected at most the QoS subscribed, 0 or 1');
  turn.effects.push({ do: 'tell', what: 'message', topic, payload, qos });
  if (qos === 1)
    turn.packets.push(encodeAcknowledgement({ type: 'PUBACK', packetIdentifier: publish.packetIdentifier }));
}

/** A PUBACK for nothing is the second one of a message that was sent twice. So is a SUBACK. */
function takePuback(turn: Turn, packetIdentifier: number): void {
  const found = acknowledge(turn.client.delivery, packetIdentifier);
  if (found === undefined) return;
  const [delivery, { key }] = found;
  turn.client = { ...turn.client, delivery };
  turn.effects.push({ do: 'tell', what: 'acknowledged', key });
  if (turn.client.connection.at === 'online') sendHeld(turn, false);
}

function takeSuback(turn: Turn, session: Session, packet: Uint8Array): void {
  const { packetIdentifier, returnCodes } = decodeSuback(packet);
  if (!session.subscribes.has(packetIdentifier)) return;
  const filters = filtersOf(turn.client.options, packetIdentifier);
  if (returnCodes.length !== filters.length)
    throw malformed('3.9.3', `SUBACK with ${returnCodes.length} return codes: expected ${filters.length}`);
  for (const [i, code] of returnCodes.entries()) {
    const { topicFilter, qos } = filters[i]!;
    if (code === 0x80) return refuse(turn, `SUBACK refuses ${topicFilter}`);
    if (code > qos) throw malformed('3.9.3', `SUBACK grants QoS ${code} for ${topicFilter}: expected at most ${qos}`);
  }
  const subscribes = new Map(session.subscribes);
  subscribes.delete(packetIdentifier);
  const next = { ...session, subscribes };
  if (subscribes.size === 0) online(turn, next);
  else become(turn, next);
}

function refuse(turn: Turn, reason: string): void {
  turn.effects.push({ do: 'tell', what: 'refused', reason });
  fail(turn, reason);
}

// What goes

function publish(turn: Turn, event: ClientEvent & { on: 'publish' }): void {
  const { client } = turn;
  const { topic, payload, qos, key } = event;
  const isOnline = client.connection.at === 'online';
  if (qos === 0) {
    const packet = encodePublish({ type: 'PUBLISH', topicName: topic, payload, retain: false, qos, dup: false });
    if (isOnline) turn.packets.push(packet);
    else turn.effects.push({ do: 'tell', what: 'dropped', key, reason: `not online, and QoS 0: ${topic}` });
    return;
  }
  const delivery = admit(client.delivery, topic, payload, key);
  if (delivery === undefined) {
    turn.effects.push({ do: 'tell', what: 'dropped', key, reason: `too much waits to be acknowledged: ${topic}` });
    return;
  }
  turn.client = { ...client, delivery };
  if (isOnline) sendHeld(turn, false);
}

function sendHeld(turn: Turn, newConnection: boolean): void {
  const [delivery, packets] = send(turn.client.delivery, turn.now, newConnection);
  turn.client = { ...turn.client, delivery };
  turn.packets.push(...packets);
}

function subscribeAgain(turn: Turn, session: Session): void {
  const subscribes = new Map(session.subscribes);
  for (const [packetIdentifier, resend] of session.subscribes) {
    if (turn.now < resend.atMillis) continue;
    turn.packets.push(turn.client.subscribePackets[packetIdentifier - 1]!);
    subscribes.set(packetIdentifier, nextResend(resend, turn.now));
  }
  become(turn, { ...session, subscribes });
}

/** The packets of this step leave as one write: with one each, every second one waits for a delayed ACK. */
function flush(turn: Turn): void {
  const { packets, client, now } = turn;
  if (packets.length === 0) return;
  turn.packets = [];
  turn.effects.push({ do: 'write', bytes: packets.length === 1 ? packets[0]! : joined(packets) });
  if (client.connection.at === 'online' || client.connection.at === 'subscribing')
    become(turn, { ...client.connection, sentAtMillis: now });
}

function joined(packets: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(packets.reduce((sum, packet) => sum + packet.length, 0));
  let at = 0;
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length;
  }
  return bytes;
}

// Small rules

function become(turn: Turn, connection: Connection): void {
  turn.client = { ...turn.client, connection };
}

type Connected = Session | (Connection & { at: 'connecting' });

function isConnected(connection: Connection): connection is Connected {
  return connection.at === 'connecting' || connection.at === 'subscribing' || connection.at === 'online';
}

/** The filters of the SUBSCRIBE with that packet identifier. */
function filtersOf({ filters }: ClientOptions, packetIdentifier: number): readonly Subscription[] {
  const from = (packetIdentifier - 1) * SUBSCRIPTIONS_PER_SUBSCRIBE_MAX;
  return filters.slice(from, from + SUBSCRIPTIONS_PER_SUBSCRIBE_MAX);
}

/** A keep-alive after the last packet sent, as the server demands; or received, so that a dead peer is noticed. */
function pingAt({ sentAtMillis, receivedAtMillis }: Session, { keepAliveSeconds }: ClientOptions): number {
  return keepAliveSeconds === 0 ? Infinity : Math.min(sentAtMillis, receivedAtMillis) + keepAliveSeconds * 1000;
}

/** With the keep-alive before it less than 1.5 times the keep-alive, when the server too would give up (§3.1.2.10). */
function pingrespMillis({ keepAliveSeconds }: ClientOptions): number {
  return Math.min(PINGRESP_MILLIS_MAX, keepAliveSeconds * 400);
}
