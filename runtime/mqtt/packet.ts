/** The control packets of MQTT 3.1.1, named as in the standard, and the error for one that breaks it. */
import { ProtocolError } from '../errors.ts';

export type QoS = 0 | 1 | 2;

/** The number of a packet's type: the high half of its first byte (§2.2.1). 0 and 15 are reserved. */
export const PACKET_TYPE = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
} as const;

export interface Connect {
  type: 'CONNECT';
  clientId: string;
  cleanSession: boolean;
  /** 0..65_535; 0 turns the keep-alive off. */
  keepAliveSeconds: number;
  will?: Will | undefined;
  username?: string | undefined;
  /** Only together with a user name (§3.1.2.9). */
  password?: Uint8Array | undefined;
}

/** What the server publishes when the connection ends without DISCONNECT (§3.1.2.5). */
export interface Will {
  topicName: string;
  message: Uint8Array;
  qos: QoS;
  retain: boolean;
}

export interface Connack {
  type: 'CONNACK';
  sessionPresent: boolean;
  returnCode: ConnectReturnCode;
}

/** 0 accepted; 1 protocol version, 2 identifier, 3 server unavailable, 4 user name or password, 5 not authorized. */
export type ConnectReturnCode = 0 | 1 | 2 | 3 | 4 | 5;

export type Publish = {
  type: 'PUBLISH';
  topicName: string;
  /** After decoding a view into the packet: whoever keeps it longer than the packet copies it. */
  payload: Uint8Array;
  retain: boolean;
} & ({ qos: 0; dup: false } | { qos: 1 | 2; dup: boolean; packetIdentifier: number });

/** The packets that are a packet identifier (1..65_535) and nothing else. */
export interface Acknowledgement {
  type: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP' | 'UNSUBACK';
  packetIdentifier: number;
}

export interface Subscription {
  topicFilter: string;
  qos: QoS;
}

export interface Subscribe {
  type: 'SUBSCRIBE';
  packetIdentifier: number;
  /** At least one. */
  subscriptions: readonly Subscription[];
}

export interface Suback {
  type: 'SUBACK';
  packetIdentifier: number;
  /** One for each subscription, in order: the QoS granted, or 0x80 for a refusal. */
  returnCodes: readonly (QoS | 0x80)[];
}

export interface Unsubscribe {
  type: 'UNSUBSCRIBE';
  packetIdentifier: number;
  /** At least one. */
  topicFilters: readonly string[];
}

/** The packets without a body. */
export interface Signal {
  type: 'PINGREQ' | 'PINGRESP' | 'DISCONNECT';
}

export type Packet = Connect | Connack | Publish | Acknowledgement | Subscribe | Suback | Unsubscribe | Signal;

/** @returns the error of a packet that breaks the given section of the standard, such as `3.2.2.3` */
export function malformed(section: string, found: string): ProtocolError {
  return new ProtocolError(`MQTT 3.1.1 §${section}`, found);
}
