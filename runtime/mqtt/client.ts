/**
 * The client's half of an MQTT 3.1.1 session: connect, subscribe, acknowledge, keep alive, back off. Events in,
 * effects out; the owner keeps the transport and one timer.
 */

import { ProtocolError } from '../errors.ts';
import {
  CONNACK_MILLIS_MAX,
  HELD_BYTES_MAX,
  HELD_MESSAGES_MAX,
  OPEN_MILLIS_MAX,
  PINGRESP_MILLIS_MAX,
  RETRY_MILLIS_BASE,
  RETRY_MILLIS_MIN,
  STABLE_MILLIS,
  SUBSCRIPTIONS_PER_SUBSCRIBE_MAX,
} from '../limits.ts';
import { randomUnit } from '../random.ts';
import { decodeAcknowledgement, decodeSignal, encodeAcknowledgement, encodeSignal } from './acknowledgement.ts';
import { joined } from './bytes.ts';
import { decodeConnack, encodeConnect } from './connect.ts';
import { createFramer, type Framer, nextPacket, offer } from './framer.ts';
import { malformed, PACKET_TYPE, type Will } from './packet.ts';
import { decodePublish, encodePublish } from './publish.ts';
import { decodeSuback, encodeSubscribe } from './subscribe.ts';
import { findInFlight, resendAt, sendDue, type Unacknowledged } from './unacknowledged.ts';

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

/** Read it, keep it, hand it back; only `stepClient` makes the next one. */
export interface Client {
  options: ClientOptions;
  /** CONNECT and SUBSCRIBE are the same for every connection. SUBSCRIBE i has packet identifier i + 1. */
  connectPacket: Uint8Array;
  subscribePackets: readonly Uint8Array[];
  connection: Connection;
  /** QoS 1 messages until they are acknowledged, at most HELD_MESSAGES_MAX and HELD_BYTES_MAX. */
  held: readonly Unacknowledged[];
  /** Given last to a message. */
  packetIdentifier: number;
  /** All filters were acknowledged to this process, and the server has not forgotten the session since. */
  subscribed: boolean;
  /** Attempts since the last stable connection. */
  attempts: number;
  chance: number;
}

/** `untilMillis`: when a pause ends, or what is awaited has not come; Infinity: never. */
type Connection =
  | { at: 'stopped' | 'waiting' | 'opening'; untilMillis: number }
  | { at: 'connecting'; untilMillis: number; framer: Framer }
  | Session;

/** CONNACK has accepted. */
interface Session {
  at: 'subscribing' | 'online';
  /** For PINGRESP. */
  untilMillis: number;
  framer: Framer;
  sessionPresent: boolean;
  subscribes: readonly Unacknowledged[];
  onlineSinceMillis: number;
  /** The last packet sent and the last bytes received; a PINGREQ is due a keep-alive after the earlier one. */
  sentAtMillis: number;
  receivedAtMillis: number;
}

type Connected = Session | (Connection & { at: 'connecting' });

const AWAITED = { opening: 'connection', connecting: 'CONNACK', subscribing: 'PINGRESP', online: 'PINGRESP' };

/** One step in the making: `client` is a copy that may be changed. */
interface Turn {
  client: Client;
  now: number;
  effects: ClientEffect[];
  packets: Uint8Array[];
}

/**
 * @param seed    any 32-bit integer, different on each device and boot: it spreads the pauses of a fleet
 * @throws ProtocolError when an option cannot be put into CONNECT or SUBSCRIBE
 */
export function createClient(options: ClientOptions, seed: number): Client {
  const subscribePackets: Uint8Array[] = [];
  for (;;) {
    const packetIdentifier = subscribePackets.length + 1;
    const subscriptions = filtersOf(options, packetIdentifier);
    if (subscriptions.length === 0) break;
    subscribePackets.push(encodeSubscribe({ type: 'SUBSCRIBE', packetIdentifier, subscriptions }));
  }
  return {
    options,
    connectPacket: encodeConnect({ type: 'CONNECT', ...options }),
    subscribePackets,
    connection: { at: 'stopped', untilMillis: Infinity },
    held: [],
    packetIdentifier: 65_535,
    subscribed: false,
    attempts: 0,
    chance: seed,
  };
}

/**
 * @param now  milliseconds of a clock that only runs forward
 * @returns    the next state (the one before is of no more use: they share the framer's buffer) and what to do
 * @throws     ProtocolError when a message to publish is itself wrong; what the server does wrong closes instead
 */
export function stepClient(client: Client, event: ClientEvent, now: number): [Client, ClientEffect[]] {
  const connection = { ...client.connection };
  const turn: Turn = { client: { ...client, connection }, now, effects: [], packets: [] };
  switch (event.on) {
    case 'start':
      if (connection.at === 'stopped') open(turn);
      break;
    case 'opened':
      if (connection.at === 'opening') connect(turn);
      break;
    case 'bytes':
      if (isConnected(connection)) take(turn, connection, event.bytes); // or the last of one that we gave up
      break;
    case 'closed':
      if (connection.at === 'opening' || isConnected(connection)) retryLater(turn, event.reason ?? 'connection closed');
      break;
    case 'publish':
      publish(turn, event);
      break;
    case 'stop':
      if (connection.at !== 'stopped') stop(turn);
      break;
    case 'wake':
      wake(turn);
  }
  flush(turn);
  return [turn.client, turn.effects];
}

/** @returns the earliest time at which a `wake` is needed; undefined: not before another event */
export function wakeAt({ connection, held, options }: Client): number | undefined {
  let at = connection.untilMillis;
  if (isSession(connection)) {
    if (at === Infinity) at = pingAt(connection, options);
    at = Math.min(at, resendAt(connection.at === 'online' ? held : connection.subscribes));
  }
  return at === Infinity ? undefined : at;
}

/** True from `publish` until it was told `acknowledged` (or was not held in the first place). */
export function isInFlight({ held }: Client, key: string): boolean {
  return held.some((message) => message.key === key);
}

// The life of a connection

function open({ client, now, effects }: Turn): void {
  client.connection = { at: 'opening', untilMillis: now + OPEN_MILLIS_MAX };
  effects.push({ do: 'open' });
}

function connect({ client, now, packets }: Turn): void {
  client.connection = { at: 'connecting', untilMillis: now + CONNACK_MILLIS_MAX, framer: createFramer() };
  packets.push(client.connectPacket);
}

/** Accepted by CONNACK: subscribes where that is needed, or is online at once. */
function accepted(turn: Turn, framer: Framer, sessionPresent: boolean): void {
  const { client, now } = turn;
  client.subscribed &&= sessionPresent;
  const session: Session = {
    at: 'subscribing',
    untilMillis: Infinity,
    framer,
    sessionPresent,
    subscribes: client.subscribed
      ? []
      : client.subscribePackets.map((packet, index) => ({ packetIdentifier: index + 1, packet })),
    onlineSinceMillis: Infinity,
    sentAtMillis: now,
    receivedAtMillis: now,
  };
  client.connection = session;
  onlineIfSubscribed(turn, session);
}

/** Every filter is subscribed: answers will come back, so what waits may go. */
function onlineIfSubscribed(turn: Turn, session: Session): void {
  const isOnline = session.subscribes.length === 0;
  if (isOnline) {
    session.at = 'online';
    session.onlineSinceMillis = turn.now;
    turn.client.subscribed = true;
    tell(turn, { what: 'online', sessionPresent: session.sessionPresent });
  }
  sendUnacknowledged(turn, session, isOnline);
}

function stop(turn: Turn): void {
  const { client, packets, effects } = turn;
  const { connection } = client;
  if (isConnected(connection)) packets.push(encodeSignal({ type: 'DISCONNECT' }));
  flush(turn);
  if (connection.at !== 'waiting') effects.push({ do: 'close' });
  client.connection = { at: 'stopped', untilMillis: Infinity };
  tell(turn, { what: 'offline', reason: 'stopped', retryAtMillis: undefined });
}

/** Ends the connection from this side, and tries again later. */
function fail(turn: Turn, reason: string): void {
  flush(turn);
  turn.effects.push({ do: 'close', reason });
  retryLater(turn, reason);
}

function refuse(turn: Turn, reason: string): void {
  tell(turn, { what: 'refused', reason });
  fail(turn, reason);
}

/**
 * Full jitter: a pause uniform between 0 and an end that doubles with each attempt, so that a fleet that lost its
 * server together does not come back together. A connection that did not last counts as a failed attempt.
 */
function retryLater(turn: Turn, reason: string): void {
  const { client, now } = turn;
  const { connection, options } = client;
  if (connection.at === 'online' && now - connection.onlineSinceMillis >= STABLE_MILLIS) client.attempts = 0;
  const [unit, chance] = randomUnit(client.chance);
  client.chance = chance;
  const pauseMillis = unit * Math.min(options.retryMaxMillis, RETRY_MILLIS_BASE * 2 ** client.attempts++);
  const retryAtMillis = now + Math.max(RETRY_MILLIS_MIN, pauseMillis);
  client.connection = { at: 'waiting', untilMillis: retryAtMillis };
  tell(turn, { what: 'offline', reason, retryAtMillis });
}

/** Does what is due, each by its own deadline. */
function wake(turn: Turn): void {
  const { client, now, packets } = turn;
  const { connection, options } = client;
  if (now >= connection.untilMillis) {
    if (connection.at === 'waiting') open(turn);
    else if (connection.at !== 'stopped') fail(turn, `no ${AWAITED[connection.at]} in time`);
  } else if (isSession(connection)) {
    sendUnacknowledged(turn, connection, false);
    if (connection.untilMillis === Infinity && now >= pingAt(connection, options)) {
      packets.push(encodeSignal({ type: 'PINGREQ' }));
      // With the keep-alive before it less than 1.5 times the keep-alive, when the server gives up too (§3.1.2.10).
      connection.untilMillis = now + Math.min(PINGRESP_MILLIS_MAX, options.keepAliveSeconds * 400);
    }
  }
}

// What comes

function take(turn: Turn, connection: Connected, bytes: Uint8Array): void {
  if (isSession(connection)) connection.receivedAtMillis = turn.now;
  try {
    offer(connection.framer, bytes);
    for (let current: Connection = connection; isConnected(current); current = turn.client.connection) {
      const packet = nextPacket(current.framer);
      if (packet === undefined) return;
      if (isSession(current)) takePacket(turn, current, packet);
      else takeConnack(turn, current.framer, packet);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    fail(turn, error.message);
  }
}

function takePacket(turn: Turn, session: Session, packet: Uint8Array): void {
  const type = packet[0]! >> 4;
  switch (type) {
    case PACKET_TYPE.PUBLISH:
      return takePublish(turn, packet);
    case PACKET_TYPE.PUBACK:
      return takePuback(turn, session, packet);
    case PACKET_TYPE.SUBACK:
      return takeSuback(turn, session, packet);
    case PACKET_TYPE.PINGRESP:
      decodeSignal(packet, 'PINGRESP');
      session.untilMillis = Infinity;
      return;
  }
  throw malformed('2.2.1', `packet type ${type}: expected PUBLISH, PUBACK, SUBACK or PINGRESP`);
}

function takeConnack(turn: Turn, framer: Framer, packet: Uint8Array): void {
  const { returnCode, sessionPresent } = decodeConnack(packet);
  if (sessionPresent && turn.client.options.cleanSession)
    throw malformed('3.2.2.2', 'session present: expected none after clean session');
  if (returnCode === 0) accepted(turn, framer, sessionPresent);
  else refuse(turn, `CONNACK return code ${returnCode}: ${REFUSALS[returnCode - 1]}`);
}

/** Return codes 1 to 5 (§3.2.2.3). */
const REFUSALS = [
  'protocol version not accepted',
  'client identifier not accepted',
  'server unavailable',
  'bad user name or password',
  'not authorized',
];

function takePublish(turn: Turn, packet: Uint8Array): void {
  const publish = decodePublish(packet);
  const { topicName: topic, payload, qos } = publish;
  if (qos === 2) throw malformed('3.8.4', 'PUBLISH at QoS 2: expected the QoS subscribed, 0 or 1');
  tell(turn, { what: 'message', topic, payload, qos });
  if (qos === 1)
    turn.packets.push(encodeAcknowledgement({ type: 'PUBACK', packetIdentifier: publish.packetIdentifier }));
}

/** A PUBACK for nothing is the second one of a message that was sent twice. So is a SUBACK. */
function takePuback(turn: Turn, session: Session, packet: Uint8Array): void {
  const { client } = turn;
  const found = findInFlight(client.held, decodeAcknowledgement(packet, 'PUBACK').packetIdentifier);
  if (found === undefined) return;
  client.held = client.held.filter((message) => message !== found);
  tell(turn, { what: 'acknowledged', key: found.key });
  sendUnacknowledged(turn, session, false);
}

function takeSuback(turn: Turn, session: Session, packet: Uint8Array): void {
  const { packetIdentifier, returnCodes } = decodeSuback(packet);
  const found = findInFlight(session.subscribes, packetIdentifier);
  if (found === undefined) return;
  const filters = filtersOf(turn.client.options, packetIdentifier);
  if (returnCodes.length !== filters.length)
    throw malformed('3.9.3', `SUBACK with ${returnCodes.length} return codes: expected ${filters.length}`);
  for (const [index, { topicFilter, qos }] of filters.entries()) {
    const code = returnCodes[index]!;
    if (code === 0x80) return refuse(turn, `SUBACK refuses ${topicFilter}`);
    if (code > qos) throw malformed('3.9.3', `SUBACK return code ${code}: expected at most ${qos}`);
  }
  session.subscribes = session.subscribes.filter((one) => one !== found);
  onlineIfSubscribed(turn, session);
}

// What goes

function publish(turn: Turn, { topic: topicName, payload, qos, key }: ClientEvent & { on: 'publish' }): void {
  const { client, packets } = turn;
  const { connection, held } = client;
  if (qos === 0) {
    const packet = encodePublish({ type: 'PUBLISH', topicName, payload, retain: false, qos, dup: false });
    if (connection.at === 'online') packets.push(packet);
    else tell(turn, { what: 'dropped', key, reason: 'QoS 0 while not online' });
    return;
  }
  const packetIdentifier = nextPacketIdentifier(client);
  const packet = encodePublish({
    type: 'PUBLISH',
    topicName,
    payload,
    retain: false,
    qos,
    dup: false,
    packetIdentifier,
  });
  const heldBytes = held.reduce((sum, message) => sum + message.packet.length, packet.length);
  if (held.length >= HELD_MESSAGES_MAX || heldBytes > HELD_BYTES_MAX)
    return tell(turn, { what: 'dropped', key, reason: `${held.length} messages wait to be acknowledged` });
  client.held = [...held, { packetIdentifier, packet, key }];
  client.packetIdentifier = packetIdentifier;
  if (connection.at === 'online') sendUnacknowledged(turn, connection, false);
}

/** Messages only when online: before, their answers would find nobody subscribed. */
function sendUnacknowledged({ client, now, packets }: Turn, session: Session, newConnection: boolean): void {
  const isOnline = session.at === 'online';
  const [list, due] = sendDue(isOnline ? client.held : session.subscribes, now, newConnection);
  if (isOnline) client.held = list;
  else session.subscribes = list;
  packets.push(...due);
}

/** The packets of this step leave as one write: with one each, every second one waits for a delayed ACK. */
function flush({ client, now, packets, effects }: Turn): void {
  if (packets.length === 0) return;
  effects.push({ do: 'write', bytes: joined(packets.splice(0)) });
  if (isSession(client.connection)) client.connection.sentAtMillis = now;
}

function tell({ effects }: Turn, told: Untold<ClientEffect>): void {
  effects.push({ do: 'tell', ...told });
}

type Untold<E> = E extends { do: 'tell' } ? Omit<E, 'do'> : never;

// Small rules

function isSession(connection: Connection): connection is Session {
  return connection.at === 'subscribing' || connection.at === 'online';
}

function isConnected(connection: Connection): connection is Connected {
  return connection.at === 'connecting' || isSession(connection);
}

/** The filters of the SUBSCRIBE with that packet identifier. */
function filtersOf({ filters }: ClientOptions, packetIdentifier: number): ClientOptions['filters'] {
  const end = packetIdentifier * SUBSCRIPTIONS_PER_SUBSCRIBE_MAX;
  return filters.slice(end - SUBSCRIPTIONS_PER_SUBSCRIBE_MAX, end);
}

/** The next one that no SUBSCRIBE and no message held has (§2.3.1). */
function nextPacketIdentifier({ held, packetIdentifier, subscribePackets }: Client): number {
  let next = packetIdentifier;
  do next = next === 65_535 ? subscribePackets.length + 1 : next + 1;
  while (held.some((message) => message.packetIdentifier === next));
  return next;
}

/** A keep-alive after the last packet sent, as the server demands; or received, so that a dead peer is noticed. */
function pingAt({ sentAtMillis, receivedAtMillis }: Session, { keepAliveSeconds }: ClientOptions): number {
  return keepAliveSeconds === 0 ? Infinity : Math.min(sentAtMillis, receivedAtMillis) + keepAliveSeconds * 1000;
}
