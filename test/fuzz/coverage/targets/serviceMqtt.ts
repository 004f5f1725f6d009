import { ProtocolError } from '../../../../runtime/errors.ts';
import { decodePacket as decodeByRuntime } from '../../../../runtime/mqtt/codec.ts';
import type { Packet } from '../../../../runtime/mqtt/packet.ts';
import type { GatewayEffect } from '../../../../targets/service/gateway/events.ts';
import { createFramer, takePackets } from '../../../../targets/service/gateway/framer.ts';
import { createGateway, stepGateway, wakeAt } from '../../../../targets/service/gateway/gateway.ts';
import { heldBytesMax, packetBytesMax } from '../../../../targets/service/gateway/limits.ts';
import {
  type ClientPacket,
  type ConnectPacket,
  createDecoder,
  decodeConnect,
  decodeConnectLevel,
  decodePacket,
} from '../../../../targets/service/gateway/packet.ts';
import { isMalformedFilter } from '../../../../targets/service/gateway/topicNames.ts';
import { bytes, field, packet } from '../bytes.ts';
import { holds, portionsOf, same, shown, type Target } from '../target.ts';

const CONNECT = packet(0x10, 0, 4, 'MQTT', 4, 2, 0, 60, field('T'));
const CONNECT5 = packet(0x10, 0, 4, 'MQTT', 5, 2, 0, 60, 0, field('T'));
const JOBS = '$aws/things/T/jobs';

export const target: Target = {
  name: 'service-mqtt',
  about: "the service's framer, decoders and gateway, MQTT 3.1.1 and 5",
  inputs: 'bytes',
  bytesMax: 600,
  seeds: [
    CONNECT,
    CONNECT5,
    packet(0x10, 0, 4, 'MQTT', 4, 0xee, 0, 60, field('T'), field('w/t'), field('m'), field('u'), field('p')),
    packet(0x10, 0, 6, 'MQIsdp', 3, 2, 0, 60, field('T')),
    bytes(
      CONNECT,
      packet(0x82, 0, 1, field('a/+'), 1, field(`${JOBS}/#`), 1),
      packet(0x31, field('a/b'), 'x'),
      packet(0x82, 0, 2, field('#'), 0),
    ),
    bytes(
      CONNECT,
      packet(0x82, 0, 1, field('a'), 1),
      packet(0x32, field('a'), 0, 9, '{}'),
      packet(0x40, 0, 1),
      packet(0xa2, 0, 2, field('a')),
      packet(0xc0),
      packet(0xe0),
    ),
    bytes(
      CONNECT,
      packet(0x30, field(`${JOBS}/start-next`), '{}'),
      packet(0x32, field(`${JOBS}/j/update`), 0, 1, '{"status":"FAILED"}'),
    ),
    bytes(
      packet(
        0x10,
        0,
        4,
        'MQTT',
        5,
        6,
        0,
        60,
        20,
        17,
        0,
        0,
        0,
        9,
        33,
        0,
        2,
        39,
        0,
        0,
        4,
        0,
        34,
        0,
        3,
        23,
        1,
        25,
        1,
        field('T'),
        5,
        24,
        0,
        0,
        0,
        1,
        field('w'),
        field('m'),
      ),
      packet(0x82, 0, 1, 2, 11, 5, field('a'), 0x19),
      packet(
        0x33,
        field('a'),
        0,
        1,
        29,
        1,
        1,
        2,
        0,
        0,
        0,
        9,
        3,
        field('t'),
        8,
        field('r'),
        9,
        field('c'),
        35,
        0,
        1,
        38,
        field('k'),
        field('v'),
        'x',
      ),
      packet(0x32, field(''), 0, 2, 3, 35, 0, 1, 'y'),
      packet(0x40, 0, 1, 0, 0),
      packet(0xa2, 0, 2, 0, field('a')),
      packet(0xe0, 4, 5, 17, 0, 0, 0, 7),
    ),
    bytes(
      CONNECT5,
      packet(0x30, field('$aws/certificates/create/json'), 0, '{}'),
      packet(0x30, field('$aws/provisioning-templates/p/provision/json'), 0, '{}'),
    ),
  ],
  words: [
    CONNECT,
    CONNECT5,
    field('a'),
    field('a/+'),
    field('#'),
    field(''),
    field(JOBS),
    field(`${JOBS}/j/get`),
    field(`${JOBS}/get/accepted`),
    field('$share/g/a'),
    bytes(0x80, 1),
    bytes(0xff, 0xff, 0xff, 0x7f),
    bytes(0xef, 0xbf, 0xbd),
  ],
  run(input) {
    const whole = packetsIn([input]);
    same('framed in portions', packetsIn(portionsOf(input)), whole);
    for (const one of whole.packets) checkPacket(one);
    same('the gateway told in portions', told(portionsOf(input)), told([input]));
  },
};

function packetsIn(portions: readonly Uint8Array[]): { packets: Uint8Array[]; error: string | undefined } {
  const framer = createFramer();
  const packets: Uint8Array[] = [];
  try {
    for (const portion of portions) {
      for (const one of takePackets(framer, portion)) packets.push(Uint8Array.from(one));
      holds('more is held than a packet may be', framer.held.length <= packetBytesMax);
    }
  } catch (error) {
    return { packets, error: messageOf(error) };
  }
  return { packets, error: undefined };
}

/** Both of our decoders of MQTT 3.1.1 take the same packets, and read the same in them. */
function checkPacket(one: Uint8Array): void {
  const type = one[0]! >> 4;
  const level = type === 1 ? refusedOr(() => decodeConnectLevel(one)) : 4;
  if (type === 1 && level === 5) refusedOr(() => decodeConnect(one, 5));
  else refusedOr(() => decodePacket(createDecoder(), one, 5));
  if (![1, 3, 4, 8, 10, 12, 14].includes(type) || level !== 4) return;
  const byService = refusedOr((): ClientPacket | ConnectPacket => {
    if (type !== 1) return decodePacket(createDecoder(), one, 4);
    const { clientId, clean, keepalive, will } = decodeConnect(one, 4);
    return { clientId, clean, keepalive, will };
  });
  const byRuntime = refusedOr(() => decodeByRuntime(one));
  if (typeof byService === 'string' || typeof byRuntime === 'string') {
    if (typeof byService === typeof byRuntime) return;
    if (typeof byRuntime === 'string' && typeof byService !== 'string' && isForTheGateway(byService)) return;
    if (typeof byService === 'string' && /U\+0000 or bytes that/.test(byService) && Buffer.from(one).includes('\uFFFD'))
      return;
    throw new Error(`decoders differ: the service ${saidOf(byService)}, the runtime ${saidOf(byRuntime)}`);
  }
  same(`type ${type}: the service's decoder beside the runtime's`, commonOf(byService), commonOfRuntime(byRuntime));
}

const saidOf = (read: unknown) => (typeof read === 'string' ? `refuses, ${read}` : `reads ${shown(read)}`);

/** Topics are refused by the gateway, not by its decoder. */
function isForTheGateway(read: ClientPacket | ConnectPacket): boolean {
  if (!('cmd' in read)) return read.will !== undefined && isNoTopic(read.will.topic);
  if (read.cmd === 'publish') return isNoTopic(read.topic);
  if (read.cmd === 'subscribe') return read.subscriptions.some(({ topic }) => isMalformedFilter(topic));
  return read.cmd === 'unsubscribe' && read.unsubscriptions.some(isMalformedFilter);
}

const isNoTopic = (topic: string) => topic === '' || /[+#]/.test(topic);

function commonOf(read: ClientPacket | ConnectPacket): unknown {
  const own = (payload: Uint8Array | string) => Buffer.from(payload as string).toString('hex');
  if (!('cmd' in read)) {
    const { will } = read;
    const kept = will && [will.topic, own(will.payload ?? ''), will.qos, will.retain];
    return ['CONNECT', read.clientId, read.clean, read.keepalive, kept];
  }
  switch (read.cmd) {
    case 'publish':
      return ['PUBLISH', read.topic, own(read.payload), read.qos, read.retain, read.messageId];
    case 'puback':
      return ['PUBACK', read.messageId];
    case 'subscribe':
      return ['SUBSCRIBE', read.messageId, read.subscriptions.map(({ topic, qos }) => [topic, qos])];
    case 'unsubscribe':
      return ['UNSUBSCRIBE', read.messageId, read.unsubscriptions];
    default:
      return [read.cmd.toUpperCase()];
  }
}

function commonOfRuntime(read: Packet): unknown {
  const hex = (payload: Uint8Array) => Buffer.from(payload).toString('hex');
  switch (read.type) {
    case 'CONNECT': {
      const { will } = read;
      const kept = will && [will.topicName, hex(will.message), will.qos, will.retain];
      return ['CONNECT', read.clientId, read.cleanSession, read.keepAliveSeconds, kept];
    }
    case 'PUBLISH': {
      const { topicName, payload, qos, retain } = read;
      return [
        'PUBLISH',
        topicName,
        hex(payload),
        qos,
        retain,
        read.qos > 0 ? (read as { packetIdentifier: number }).packetIdentifier : undefined,
      ];
    }
    case 'PUBACK':
      return ['PUBACK', read.packetIdentifier];
    case 'SUBSCRIBE':
      return ['SUBSCRIBE', read.packetIdentifier, read.subscriptions.map(({ topicFilter, qos }) => [topicFilter, qos])];
    case 'UNSUBSCRIBE':
      return ['UNSUBSCRIBE', read.packetIdentifier, read.topicFilters];
    default:
      return [read.type];
  }
}

/** What a gateway does with the bytes of a client, and afterwards with the time that passes: by connection what is written to it. */
function told(portions: readonly Uint8Array[]): Record<string, string> {
  const gateway = createGateway();
  const said: Record<string, string> = {};
  const tell = (effects: readonly GatewayEffect[]) => {
    for (const effect of effects) {
      const { do: what, ...rest } = effect;
      const key = 'connection' in effect ? `${what} ${effect.connection}` : what;
      const text = effect.do === 'write' ? Buffer.from(effect.bytes).toString('hex') : shown(rest);
      said[key] = (said[key] ?? '') + text;
    }
  };
  const principal = { certificateId: 'c', thingNames: ['T', 'U'] };
  let now = 1_000;
  tell(stepGateway(gateway, { on: 'connected', connection: 1, principal }, now));
  tell(stepGateway(gateway, { on: 'bytes', connection: 1, bytes: LISTENER }, now));
  tell(stepGateway(gateway, { on: 'connected', connection: 2, principal }, now));
  for (const portion of portions) {
    tell(stepGateway(gateway, { on: 'bytes', connection: 2, bytes: portion }, now));
    holds('more is kept for a session than may be', gateway.heldBytes <= 2 * heldBytesMax);
  }
  for (let wakes = 0; wakes < 4; wakes++) {
    const at = wakeAt(gateway);
    if (at === undefined) break;
    holds('woken in the past', at >= now);
    now = at;
    tell(stepGateway(gateway, { on: 'wake' }, now));
  }
  tell(stepGateway(gateway, { on: 'closed', connection: 2 }, now));
  return said;
}

/** Hears what the other one publishes: MQTT 5, so that properties reach it. */
const LISTENER = bytes(
  packet(0x10, 0, 4, 'MQTT', 5, 2, 0, 0, 0, field('L')),
  packet(0x82, 0, 1, 0, field('a/#'), 1, field('w/#'), 0),
);

function refusedOr<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ProtocolError) return error.message;
  throw error;
}
