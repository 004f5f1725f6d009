/** What an MQTT client is told, asks for and remembers; and what the steps of its connection share. */
import type { ConnectExtras } from './connect.ts';
import type { Framer } from './framer.ts';
import type { Unacknowledged } from './unacknowledged.ts';

export interface ClientOptions {
  clientId: string;
  /** 0..65_535; 0 turns the keep-alive off. AWS takes 30..1200. */
  keepAliveSeconds: number;
  /** false: the server keeps subscriptions and undelivered messages while the device is away (§3.1.2.4). */
  cleanSession: boolean;
  filters: readonly { topicFilter: string; qos: 0 | 1 }[];
  /** The longest pause before connecting again. */
  retryMaxMillis: number;
  /** Will, user name, password. */
  extras?: ConnectExtras;
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
  | { do: 'close' }
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
  subscribes: readonly Unacknowledged[];
  onlineSinceMillis: number;
  /** The last packet sent and the last bytes received; a PINGREQ is due a keep-alive after the earlier one. */
  sentAtMillis: number;
  receivedAtMillis: number;
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

/** One step in the making: `client` is a copy that may be changed. */
export interface Turn {
  client: Client;
  now: number;
  effects: ClientEffect[];
  packets: Uint8Array[];
}
