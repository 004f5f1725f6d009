import type { Millis } from '../../../runtime/effects.ts';
import { ProtocolError } from '../../../runtime/errors.ts';
import { PAYLOAD_BYTES_MAX } from '../../../runtime/jobs/limits.ts';
import { authorisePublish, maySucceed } from './authorise.ts';
import { setDeadline } from './deadlines.ts';
import { type ConnackProperties, encodeConnack, encodeConnack5, encodeConnackRefusal5 } from './encode.ts';
import type { Principal } from './events.ts';
import {
  clientIdBytesMax,
  inFlightMax,
  keepAliveGrace,
  keepAliveSecondsMax,
  packetBytesMax,
  receiveMaximum,
  sessionExpiryMillis,
  topicAliasMaximum,
} from './limits.ts';
import { type ConnectPacket, decodeConnect, decodeConnectLevel, type ProtocolVersion } from './packet.ts';
import { REASON, type ReasonCode, type Refusal, reasonOf } from './reasons.ts';
import { endSession, openSession, resend, resumeSession } from './session.ts';
import { type Connection, type Gateway, identity, log, type Session, write } from './state.ts';
import { faultOfTopic } from './topicNames.ts';
import type { Will } from './will.ts';

/**
 * Takes the first packet of a connection (MQTT 3.1.1 §3.1, MQTT 5 §3.1).
 *
 * @param displace  closes the connection that holds the client identifier now
 * @returns why the CONNECT was not accepted; its CONNACK, if it gets one, is written
 * @throws ProtocolError
 */
export function connect(
  gateway: Gateway,
  connection: Connection,
  bytes: Uint8Array,
  displace: (holder: Connection) => void,
): string | undefined {
  const level = decodeConnectLevel(bytes);
  if (level !== 4 && level !== 5) {
    write(gateway, connection, encodeConnack(1));
    return `protocol level ${level}: expected 4, MQTT 3.1.1, or 5`;
  }
  let packet: ConnectPacket | undefined;
  const refuse = (refusal: Refusal): string => {
    const bytesMax = packet?.properties?.maximumPacketSize ?? packetBytesMax;
    const connack = level === 4 ? encodeConnack(returnCodeOf(refusal)) : encodeConnackRefusal5(refusal, bytesMax);
    if (connack.length <= bytesMax) write(gateway, connection, connack);
    return refusal.reason;
  };
  try {
    packet = decodeConnect(bytes, level);
  } catch (error) {
    if (level === 4 || !(error instanceof ProtocolError)) throw error;
    return refuse({ reasonCode: reasonOf(error), reason: error.message }); // MQTT 5 §4.13.1
  }
  const will = readWill(packet);
  const refusal = refusalOf(packet, level, will, connection.principal);
  if (refusal !== undefined) return refuse(refusal);

  const clientId = packet.clientId || generateClientId(gateway);
  const holder = gateway.sessions.get(clientId);
  const related = holder !== undefined && maySucceed(connection.principal, holder.principal);
  if (holder !== undefined && !mayDisplace(connection.principal, holder))
    return refuse({
      reasonCode: REASON.notAuthorized,
      reason: `client identifier ${clientId} is in use by another thing`,
    });
  if (holder?.connection !== undefined) displace(holder.connection);
  const old = gateway.sessions.get(clientId); // one that was not persistent has ended with its connection
  const sessionPresent = !packet.clean && related && old !== undefined;
  if (old !== undefined && !sessionPresent) endSession(gateway, old);
  // Many boards share a claim certificate: what one of them was answered must not wait for another one.
  const expiryMillis = connection.principal.claims ? 0 : effectiveExpiryMillis(packet, level);
  const session = sessionPresent ? old : openSession(gateway, clientId, expiryMillis, connection.principal);
  if (sessionPresent) resumeSession(gateway, session, expiryMillis, connection.principal);
  session.connection = connection;
  session.connectedAt = gateway.now;
  begin(gateway, connection, session, packet, level, will, sessionPresent);
  if (packet.clientId !== '') gateway.effects.push({ do: 'welcome', clientId, principal: connection.principal });
  return undefined;
}

/** A client identifier that is the newcomer's thing is the newcomer's, whoever sits on it. */
export function mayDisplace(newcomer: Principal, { clientId, principal }: Session): boolean {
  return maySucceed(newcomer, principal) || newcomer.thingNames.includes(clientId);
}

function begin(
  gateway: Gateway,
  connection: Connection,
  session: Session,
  packet: ConnectPacket,
  protocolVersion: ProtocolVersion,
  will: Will | undefined,
  sessionPresent: boolean,
): void {
  const keepAliveSeconds = effectiveKeepAliveSeconds(packet.keepalive);
  const { properties } = packet;
  connection.online = {
    protocolVersion,
    session,
    patienceMillis: keepAliveSeconds * keepAliveGrace * 1_000,
    will,
    inFlightMax: Math.min(inFlightMax, properties?.receiveMaximum ?? inFlightMax),
    packetBytesMax: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    topicAliases: undefined,
    unacknowledged: 0,
  };
  const connack =
    protocolVersion === 4
      ? encodeConnack(0, sessionPresent)
      : encodeConnack5(sessionPresent, connackProperties(packet, session, keepAliveSeconds));
  write(gateway, connection, connack);
  resend(gateway, session);
  const fields = { ...identity(connection), protocolVersion, sessionPresent: sessionPresent ? 1 : 0, keepAliveSeconds };
  log(gateway, 'info', 'client connected', fields);
}

/** What the server can do, and what it made of the client's wishes where that differs (MQTT 5 §3.2.2.3). */
function connackProperties(
  { clientId, keepalive, properties }: ConnectPacket,
  session: Session,
  keepAliveSeconds: number,
): ConnackProperties {
  const sessionExpiryInterval = session.expiryMillis / 1_000;
  return {
    ...(sessionExpiryInterval !== (properties?.sessionExpiryInterval ?? 0) && { sessionExpiryInterval }),
    receiveMaximum,
    maximumQoS: 1,
    retainAvailable: true,
    maximumPacketSize: packetBytesMax,
    ...(clientId === '' && { assignedClientIdentifier: session.clientId }),
    topicAliasMaximum,
    wildcardSubscriptionAvailable: true,
    subscriptionIdentifiersAvailable: true,
    sharedSubscriptionAvailable: false,
    ...(keepAliveSeconds !== keepalive && { serverKeepAlive: keepAliveSeconds }),
  };
}

/** How long the session is to outlive the connection: no longer than `sessionExpiryMillis`, 0xFFFFFFFF included (MQTT 5 §3.1.2.11.2). */
function effectiveExpiryMillis({ clean, properties }: ConnectPacket, protocolVersion: ProtocolVersion): Millis {
  if (protocolVersion === 4) return clean ? 0 : sessionExpiryMillis;
  return Math.min((properties?.sessionExpiryInterval ?? 0) * 1_000, sessionExpiryMillis);
}

/** Puts off the end of a connection that has just sent a packet. */
export function renewKeepAlive(gateway: Gateway, connection: Connection, now: number): void {
  if (connection.online !== undefined)
    setDeadline(gateway.connectionDeadlines, connection, now + connection.online.patienceMillis);
}

/** 0 does not switch it off, and no client may ask for more: AWS takes 1,200 s for both. */
function effectiveKeepAliveSeconds(asked: number): number {
  return asked === 0 ? keepAliveSecondsMax : Math.min(asked, keepAliveSecondsMax);
}

/** What is wrong with a CONNECT in itself. */
function refusalOf(
  { clientId, clean, will: asked, properties }: ConnectPacket,
  protocolVersion: ProtocolVersion,
  will: Will | undefined,
  principal: Principal,
): Refusal | undefined {
  if (properties?.authenticationMethod !== undefined)
    return {
      reasonCode: REASON.badAuthenticationMethod,
      reason: 'an authentication method: the certificate is the only one',
    };
  const faultOfId = faultOfClientId(clientId, clean || protocolVersion === 5);
  if (faultOfId !== undefined) return { reasonCode: REASON.clientIdentifierNotValid, reason: faultOfId };
  if (asked?.qos === 2) {
    const found = 'a will of QoS 2: expected 0 or 1';
    if (protocolVersion === 4) throw new ProtocolError('AWS IoT Core quotas', found);
    return { reasonCode: REASON.qosNotSupported, reason: found };
  }
  return will && refusalOfWill(will, principal);
}

function faultOfClientId(clientId: string, mayBeEmpty: boolean): string | undefined {
  if (clientId === '') return mayBeEmpty ? undefined : 'CleanSession 0 without a client identifier';
  const bytes = Buffer.byteLength(clientId);
  return bytes > clientIdBytesMax ? `a client identifier of ${bytes} bytes: at most ${clientIdBytesMax}` : undefined;
}

/** For a client that has none and needs none. A counter, for the same events must give the same answers. */
function generateClientId(gateway: Gateway): string {
  let clientId: string;
  do clientId = `generated-${++gateway.generatedIds}`;
  while (gateway.sessions.has(clientId));
  return clientId;
}

function readWill({ will }: ConnectPacket): Will | undefined {
  if (will === undefined) return undefined;
  const { topic, qos, retain, properties } = will;
  const { messageExpiryInterval, correlationData, willDelayInterval = 0, forwarded } = properties ?? {};
  return {
    message: { topic, payload: new Uint8Array(will.payload), qos: qos === 0 ? 0 : 1, retain, properties: forwarded },
    correlationData: correlationData && new Uint8Array(correlationData),
    delayMillis: willDelayInterval * 1_000,
    expiryIntervalSeconds: messageExpiryInterval,
  };
}

/** A will is published long after, so all that can be wrong with it is said now. */
function refusalOfWill({ message }: Will, principal: Principal): Refusal | undefined {
  const { topic, payload, retain } = message;
  if (payload.length > PAYLOAD_BYTES_MAX)
    return { reasonCode: REASON.quotaExceeded, reason: `a will of ${payload.length} bytes` };
  const fault = faultOfTopic(topic);
  if (fault !== undefined) return { reasonCode: REASON.topicNameInvalid, reason: `will: ${fault}` };
  const verdict = authorisePublish(principal, topic, retain);
  if (verdict.to !== 'refused') return undefined;
  return { reasonCode: REASON.notAuthorized, reason: `will on ${topic}: ${verdict.reason}` };
}

/** What MQTT 3.1.1 says instead (§3.2.2.3). */
function returnCodeOf({ reasonCode }: { reasonCode: ReasonCode }): 2 | 5 {
  return reasonCode === REASON.clientIdentifierNotValid ? 2 : 5;
}
