import type { IConnectPacket } from 'mqtt-packet';
import { ProtocolError } from '../../../runtime/errors.ts';
import { PAYLOAD_BYTES_MAX } from '../../../runtime/jobs/limits.ts';
import { authorisePublish, maySucceed } from './authorise.ts';
import { setDeadline } from './deadlines.ts';
import type { Principal } from './events.ts';
import { clientIdBytesMax, keepAliveGrace, keepAliveSecondsMax } from './limits.ts';
import type { Message } from './message.ts';
import { decodeConnect, decodeConnectLevel, encodeConnack, encodeConnackUnsupported } from './packet.ts';
import { endSession, openSession, resend, resumeSession } from './session.ts';
import { type Connection, type Gateway, identity, log, type Session, write } from './state.ts';
import { faultOfTopic } from './topicNames.ts';

/** Why a CONNECT was not accepted; its CONNACK, if it gets one, is written. */
export interface Refusal {
  reason: string;
}

/**
 * Takes the first packet of a connection (MQTT 3.1.1 §3.1).
 *
 * @param displace  closes the connection that holds the client identifier now
 * @throws ProtocolError
 */
export function connect(
  gateway: Gateway,
  connection: Connection,
  bytes: Uint8Array,
  displace: (holder: Connection) => void,
): Refusal | undefined {
  const level = decodeConnectLevel(bytes);
  if (level !== 4) {
    write(gateway, connection, level === 5 ? encodeConnackUnsupported() : encodeConnack(1));
    return { reason: `protocol level ${level}: expected 4, MQTT 3.1.1` };
  }
  const packet = decodeConnect(bytes);
  const refuse = (returnCode: 2 | 5, reason: string): Refusal => {
    write(gateway, connection, encodeConnack(returnCode));
    return { reason };
  };
  const persistent = packet.clean === false;
  const faultOfId = faultOfClientId(packet.clientId, persistent);
  if (faultOfId !== undefined) return refuse(2, faultOfId);
  const will = readWill(packet);
  const faultOfWill = will && faultOf(will, connection.principal);
  if (faultOfWill !== undefined) return refuse(5, faultOfWill);

  const clientId = packet.clientId || generateClientId(gateway);
  const holder = gateway.sessions.get(clientId);
  const related = holder !== undefined && maySucceed(connection.principal, holder.principal);
  // A client identifier that is the newcomer's thing is the newcomer's, whoever sits on it.
  if (holder !== undefined && !related && !connection.principal.thingNames.includes(clientId))
    return refuse(5, `client identifier ${clientId} is in use by another thing`);
  if (holder?.connection !== undefined) displace(holder.connection);
  const old = gateway.sessions.get(clientId); // one that was not persistent has ended with its connection
  const sessionPresent = persistent && related && old !== undefined;
  if (old !== undefined && !sessionPresent) endSession(gateway, old);
  const session = sessionPresent ? old : openSession(gateway, clientId, persistent, connection.principal);
  if (sessionPresent) resumeSession(gateway, session, connection.principal);
  session.connection = connection;
  begin(gateway, connection, session, packet, will, sessionPresent);
  return undefined;
}

function begin(
  gateway: Gateway,
  connection: Connection,
  session: Session,
  packet: IConnectPacket,
  will: Message | undefined,
  sessionPresent: boolean,
): void {
  const keepAliveSeconds = effectiveKeepAliveSeconds(packet.keepalive ?? 0);
  connection.online = { protocolVersion: 4, session, patienceMillis: keepAliveSeconds * keepAliveGrace * 1_000, will };
  write(gateway, connection, encodeConnack(0, sessionPresent));
  resend(gateway, session);
  const fields = { ...identity(connection), sessionPresent: sessionPresent ? 1 : 0, keepAliveSeconds };
  log(gateway, 'info', 'client connected', fields);
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

function faultOfClientId(clientId: string, persistent: boolean): string | undefined {
  if (clientId === '') return persistent ? 'CleanSession 0 without a client identifier' : undefined;
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

function readWill({ will }: IConnectPacket): Message | undefined {
  if (will === undefined) return undefined;
  const { topic, qos = 0, retain = false } = will;
  if (qos === 2) throw new ProtocolError('AWS IoT Core quotas', 'a will of QoS 2: expected 0 or 1');
  return { topic, payload: new Uint8Array(will.payload as Buffer), qos, retain };
}

/** A will is published long after, so all that can be wrong with it is said now. */
function faultOf(will: Message, principal: Principal): string | undefined {
  if (will.payload.length > PAYLOAD_BYTES_MAX) return `a will of ${will.payload.length} bytes`;
  const fault = faultOfTopic(will.topic);
  if (fault !== undefined) return `will: ${fault}`;
  const verdict = authorisePublish(principal, will.topic, will.retain);
  return verdict.to === 'refused' ? `will on ${will.topic}: ${verdict.reason}` : undefined;
}
