import {
  type Fields,
  isAtEnd,
  malformed,
  protocolError,
  takeBinary,
  takeByte,
  takeBytes,
  takeFourByteInteger,
  takeString,
  takeTwoByteInteger,
  takeVariableByteInteger,
} from './fields.ts';
import { REASON, ReasonedError } from './reasons.ts';

/** What a client said in the properties of one packet (MQTT 5 §2.2.2), checked; intervals are seconds. */
export interface Properties {
  payloadFormatIndicator?: number;
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Uint8Array;
  subscriptionIdentifier?: number;
  sessionExpiryInterval?: number;
  authenticationMethod?: string;
  authenticationData?: Uint8Array;
  requestProblemInformation?: number;
  willDelayInterval?: number;
  requestResponseInformation?: number;
  reasonString?: string;
  receiveMaximum?: number;
  topicAliasMaximum?: number;
  topicAlias?: number;
  maximumPacketSize?: number;
  /**
   * Those that travel with a message unchanged and in their order, as they came: payload format, content type, response
   * topic, correlation data, user properties (MQTT 5 §3.3.2.3). Nobody in between needs them decoded.
   */
  forwarded: Uint8Array;
}

export type PropertiesOf = 'CONNECT' | 'WILL' | 'PUBLISH' | 'PUBACK' | 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'DISCONNECT';

type Name = Exclude<keyof Properties, 'forwarded'>;

interface Row {
  name: Name;
  take: (fields: Fields) => number | string | Uint8Array;
  of: readonly PropertiesOf[];
  forwarded?: true;
}

const MESSAGE = ['PUBLISH', 'WILL'] as const;

/** Every property that a client may send, but for User Property (MQTT 5 §2.2.2.2). */
const PROPERTIES: Partial<Record<number, Row>> = {
  1: { name: 'payloadFormatIndicator', take: takeFlag, of: MESSAGE, forwarded: true },
  2: { name: 'messageExpiryInterval', take: takeFourByteInteger, of: MESSAGE },
  3: { name: 'contentType', take: takeString, of: MESSAGE, forwarded: true },
  8: { name: 'responseTopic', take: takeResponseTopic, of: MESSAGE, forwarded: true },
  9: { name: 'correlationData', take: takeBinary, of: MESSAGE, forwarded: true },
  11: { name: 'subscriptionIdentifier', take: positive(takeVariableByteInteger), of: ['SUBSCRIBE'] },
  17: { name: 'sessionExpiryInterval', take: takeFourByteInteger, of: ['CONNECT', 'DISCONNECT'] },
  21: { name: 'authenticationMethod', take: takeString, of: ['CONNECT'] },
  22: { name: 'authenticationData', take: takeBinary, of: ['CONNECT'] },
  23: { name: 'requestProblemInformation', take: takeFlag, of: ['CONNECT'] },
  24: { name: 'willDelayInterval', take: takeFourByteInteger, of: ['WILL'] },
  25: { name: 'requestResponseInformation', take: takeFlag, of: ['CONNECT'] },
  31: { name: 'reasonString', take: takeString, of: ['PUBACK', 'DISCONNECT'] },
  33: { name: 'receiveMaximum', take: positive(takeTwoByteInteger), of: ['CONNECT'] },
  34: { name: 'topicAliasMaximum', take: takeTwoByteInteger, of: ['CONNECT'] },
  35: { name: 'topicAlias', take: takeTopicAlias, of: ['PUBLISH'] },
  39: { name: 'maximumPacketSize', take: positive(takeFourByteInteger), of: ['CONNECT'] },
};

const USER_PROPERTY = 38;
const CORRELATION_DATA = 9;
const NOTHING = new Uint8Array(0);

/**
 * Takes the properties of a packet:
 *
 *     +------------------+----+-------+----+-------+----
 *     | length, 1..4     | id | value | id | value | ...   as many bytes, to the byte
 *     +------------------+----+-------+----+-------+----
 *
 * One that is unknown or not of this packet is malformed; one that comes twice, User Property apart, breaks the protocol.
 *
 * @throws ReasonedError
 *
 * MQTT 5 §2.2.2
 */
export function takeProperties(fields: Fields, of: PropertiesOf): Properties {
  const length = takeVariableByteInteger(fields);
  const start = fields.at;
  takeBytes(fields, length);
  const section: Fields = { bytes: fields.bytes, at: start, end: fields.at };
  const properties: Properties = { forwarded: NOTHING };
  const forwarded: Uint8Array[] = [];
  while (!isAtEnd(section)) {
    const from = section.at;
    if (takeProperty(section, of, properties)) forwarded.push(section.bytes.subarray(from, section.at));
  }
  if (forwarded.length > 0) properties.forwarded = joined(forwarded);
  return properties;
}

/** Not by `Buffer.concat`: a message that is kept would keep the 8 KiB that small buffers are cut from. */
function joined(parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @returns whether it travels with the message */
function takeProperty(section: Fields, of: PropertiesOf, properties: Properties): boolean {
  const identifier = takeVariableByteInteger(section);
  if (identifier === USER_PROPERTY) {
    takeString(section);
    takeString(section);
    return true;
  }
  const row = PROPERTIES[identifier];
  if (row === undefined || !row.of.includes(of))
    throw malformed('§2.2.2.2', `a property ${identifier} in ${of}: not one that a client may put there`);
  if (properties[row.name] !== undefined) throw protocolError('§2.2.2.2', `${row.name} twice`);
  Object.assign(properties, { [row.name]: row.take(section) });
  return row.forwarded === true;
}

/** The one property that the service gives back with an answer (MQTT 5 §3.3.2.3.6). */
export function encodeCorrelationData(correlationData: Uint8Array): Uint8Array {
  const { length } = correlationData;
  return Uint8Array.of(CORRELATION_DATA, length >> 8, length & 0xff, ...correlationData);
}

function takeFlag(fields: Fields): number {
  const byte = takeByte(fields);
  if (byte > 1) throw protocolError('§2.2.2.2', `a property of 0 or 1 with the value ${byte}`);
  return byte;
}

function takeResponseTopic(fields: Fields): string {
  const topic = takeString(fields);
  if (topic === '' || /[+#]/.test(topic))
    throw protocolError('§3.3.2.3.5', `response topic ${JSON.stringify(topic)}: expected a topic name`);
  return topic;
}

function takeTopicAlias(fields: Fields): number {
  const alias = takeTwoByteInteger(fields);
  if (alias === 0) throw new ReasonedError(REASON.topicAliasInvalid, 'MQTT 5 §3.3.2.3.4', 'topic alias 0');
  return alias;
}

function positive(take: (fields: Fields) => number): (fields: Fields) => number {
  return (fields) => {
    const value = take(fields);
    if (value === 0) throw protocolError('§2.2.2.2', 'a property with the value 0: expected 1 or more');
    return value;
  };
}
