import { parser as createParser, type IPublishPacket, type Packet, type Parser } from 'mqtt-packet';
import { ProtocolError } from '../../runtime/errors.ts';
import { decodePacket, encodePacket } from '../../runtime/mqtt/codec.ts';
import { createFramer, type Framer, nextPacket, offer } from '../../runtime/mqtt/framer.ts';
import type { Session } from '../../targets/service/gateway/state.ts';

/**
 * Listens to all connections of one client identifier, reads them with another library's eyes, and holds both sides to MQTT's
 * promise for QoS 1 (MQTT 3.1.1 §4.3.2, §4.4, §2.3.1): a packet identifier in use names one message, what is sent again
 * says so, and the sender keeps it until it was acknowledged.
 */
export interface Wiretap {
  fromCloud(connection: number, bytes: Uint8Array): void;
  /** What has arrived at the service. */
  heardByCloud(connection: number, bytes: Uint8Array): void;
  /** What has left the board. */
  fromBoard(wire: number, bytes: Uint8Array): void;
  heardByBoard(wire: number, bytes: Uint8Array): void;
  /** The service's memory of the session against what it has sent. */
  check(session: Session | undefined): void;
  /** The service forgot all sessions. */
  forget(): void;
  /** The board did. */
  forgetBoard(): void;
  /** Packet identifiers that the board has sent and not seen acknowledged. */
  ofBoard(): ReadonlySet<number>;
}

/** Connections listened to at a time, each way: one that is older is cut. */
const PARSERS_MAX = 64;

/** One direction: what was sent and is not acknowledged, by packet identifier. */
interface Outstanding {
  messages: Map<number, string>;
}

export function createWiretap(thingName: string, blame: (what: string) => void): Wiretap {
  const parsers = new Map<string, Parser>();
  const framers = new Map<string, Framer>();
  const toBoard: Outstanding = { messages: new Map() };
  const toCloud: Outstanding = { messages: new Map() };
  let session: Session | undefined;

  function listen(who: string, on: number, hear: (packet: Packet) => void, bytes: Uint8Array): void {
    const key = `${who} ${on}`;
    let parser = parsers.get(key);
    if (parser === undefined) {
      const [oldest] = parsers.keys();
      if (parsers.size >= PARSERS_MAX) {
        parsers.delete(oldest!);
        framers.delete(oldest!);
      }
      parsers.set(key, (parser = createParser({ protocolVersion: 4 })));
      parser.on('error', (error) =>
        blame(`${thingName}: ${who} sent what another library cannot read: ${error.message}`),
      );
    }
    parser.removeAllListeners('packet');
    parser.on('packet', hear);
    parser.parse(Buffer.from(bytes));
    rewrite(who, key, bytes);
  }

  /** Our own codec, which has every packet in every direction, writes what it has read as it was. */
  function rewrite(who: string, key: string, bytes: Uint8Array): void {
    const framer = framers.get(key) ?? createFramer();
    framers.set(key, framer);
    try {
      offer(framer, bytes);
      for (let packet = nextPacket(framer); packet; packet = nextPacket(framer))
        if (Buffer.compare(encodePacket(decodePacket(packet)), packet) !== 0)
          blame(
            `${thingName}: ${who} sent a packet that our codec writes otherwise: ${Buffer.from(packet).toString('hex')}`,
          );
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      blame(`${thingName}: ${who} sent what our codec cannot read: ${error.message}`);
    }
  }

  function sent({ messages }: Outstanding, who: string, packet: Packet): void {
    if (packet.cmd !== 'publish' || packet.qos !== 1) return;
    const { messageId = 0, dup, topic, payload } = packet as IPublishPacket;
    const text = `${topic} ${payload}`;
    const before = messages.get(messageId);
    if (before !== undefined && before !== text)
      blame(`${thingName}: ${who} gave packet identifier ${messageId} to a second message before PUBACK (§2.3.1)`);
    if (before === text && !dup) blame(`${thingName}: ${who} sent packet ${messageId} again without DUP (§3.3.1.1)`);
    messages.set(messageId, text);
  }

  const acknowledged = ({ messages }: Outstanding, packet: Packet) => {
    if (packet.cmd === 'puback') messages.delete(packet.messageId!);
  };

  return {
    fromCloud: (connection, bytes) => listen('the service', connection, (p) => sent(toBoard, 'the service', p), bytes),
    heardByCloud: (connection, bytes) => listen('the board', connection, (p) => acknowledged(toBoard, p), bytes),
    fromBoard: (wire, bytes) => listen('the board itself', wire, (p) => sent(toCloud, 'the board', p), bytes),
    heardByBoard: (wire, bytes) => listen('to the board', wire, (p) => acknowledged(toCloud, p), bytes),
    check(present) {
      if (session !== undefined && present !== session)
        blame(`${thingName}: the service forgot a session that outlives its connection (§3.1.2.4)`);
      session = present;
      for (const messageId of toBoard.messages.keys())
        if (!present?.inFlight.has(messageId))
          blame(`${thingName}: the service forgot packet ${messageId} before its PUBACK (§4.3.2)`);
    },
    forget() {
      session = undefined;
      toBoard.messages.clear();
    },
    forgetBoard: () => toCloud.messages.clear(),
    ofBoard: () => new Set(toCloud.messages.keys()),
  };
}
