/** What an MQTT client is told, asks for and remembers; and what the steps of its connection share. */
import type { Framer } from './framer.ts';
import type { QoS } from './packet.ts';

export interface ClientOptions {
  clientId: string;
  /** A whole number, 0..65_535; 0 turns the keep-alive off. AWS takes 30..1200. */
  keepAliveSeconds: number;
  /** Made by subscribeTo, for this client alone; what the server is asked for all of before the client is online. */
  subscribes: Unacknowledged[];
  /** The longest pause before connecting again. */
  retryMaxMillis: number;
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

/** In the order in which they are to be carried out; all that a step writes is to leave as one. A `close` comes after it. */
export type ClientEffect =
  | { do: 'open' }
  | { do: 'write'; bytes: Uint8Array }
  /** End the connection once what was written has left, and say nothing more of it. */
  | { do: 'close' }
  /** CONNACK has accepted, and every filter is subscribed. */
  | { do: 'online'; sessionPresent: boolean }
  /** The connection is gone, refused, or did not come about. `retryAtMillis` Infinity: stopped. */
  | { do: 'offline'; reason: string; retryAtMillis: number }
  /** `payload` is a view into the bytes that came: whoever keeps it copies it. Its PUBACK is in the write behind. */
  | { do: 'message'; topic: string; payload: Uint8Array; qos: QoS }
  | { do: 'log'; level: 'warn'; message: string };

/** A packet that the server has yet to acknowledge: PUBLISH at QoS 1, or SUBSCRIBE. */
export interface Unacknowledged {
  packetIdentifier: number;
  packet: Uint8Array;
  /** Of a SUBSCRIBE. */
  filters?: readonly string[];
  /** The caller's own name for a message. */
  key?: string | undefined;
  /** When it is sent again; 0: not sent yet. */
  resendAtMillis: number;
  /** The pause that ends then. */
  pauseMillis: number;
}

/** Read it, keep it, hand it back; only `stepClient` makes the next one, and the one before is of no more use. */
export interface Client {
  options: ClientOptions;
  /** The same for every connection. */
  connectPacket: Uint8Array;
  /**
   *     stopped -> opening -> connecting -> subscribing -> online
   *                   ^------ waiting <--------'-----------'
   */
  at: 'stopped' | 'waiting' | 'opening' | 'connecting' | 'subscribing' | 'online';
  /** When a pause ends, or what is awaited has not come (online: PINGRESP); Infinity: never. */
  untilMillis: number;
  /** Of the present connection, as all up to `receivedAtMillis`. */
  framer: Framer;
  sessionPresent: boolean;
  onlineSinceMillis: number;
  /** The last packet sent and the last bytes received; a PINGREQ is due a keep-alive after the earlier one. */
  sentAtMillis: number;
  receivedAtMillis: number;
  /** Those that were not acknowledged to this process, or whose session the server has forgotten since. */
  subscribes: Unacknowledged[];
  /**
   * QoS 1 messages until they are acknowledged, in the order in which they are first sent (§4.4, §4.6), at most
   * HELD_MESSAGES_MAX and HELD_BYTES_MAX. The first IN_FLIGHT_MAX are in flight.
   */
  held: Unacknowledged[];
  /** Given last to a message. */
  packetIdentifier: number;
  /** Attempts since the last stable connection. */
  attempts: number;
  chance: number;
  /** The time of this step, and its effects so far. */
  now: number;
  effects: ClientEffect[];
}
