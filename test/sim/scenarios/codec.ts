import { crc32 } from '../../../runtime/crc32.ts';
import { ProtocolError } from '../../../runtime/errors.ts';
import { decodePacket, encodePacket } from '../../../runtime/mqtt/codec.ts';
import type { Packet } from '../../../runtime/mqtt/packet.ts';
import { type Cbor, encodeBody } from '../../../runtime/serial/cbor.ts';
import { decodeCobs, encodeCobs } from '../../../runtime/serial/cobs.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../../runtime/serial/frame.ts';
import { layWire } from '../wire.ts';
import type { Scenario, Stage } from './stage.ts';

const text = (words: string) => new TextEncoder().encode(words);
const connect = (more: object = {}): Packet =>
  ({ type: 'CONNECT', clientId: 'other', keepAliveSeconds: 30, cleanSession: true, ...more }) as Packet;
const will = { topicName: 'T0/gone', message: text('gone'), qos: 1, retain: false };

/** What a client of another make says, in order. */
const SPEECHES: readonly (readonly Packet[])[] = [
  [
    connect({ will, username: 'user', password: text('password') }),
    { type: 'SUBSCRIBE', packetIdentifier: 1, subscriptions: [{ topicFilter: 'T0/é', qos: 0 }] },
    { type: 'UNSUBSCRIBE', packetIdentifier: 2, topicFilters: ['T0/é'] },
    { type: 'PUBLISH', topicName: 'T0/up', payload: text('1'), qos: 0, dup: false, retain: true },
    { type: 'PINGREQ' },
    { type: 'DISCONNECT' },
  ],
  [connect({ cleanSession: false, will: { ...will, retain: true, qos: 0 }, username: 'user' })],
];

const FRAME: Omit<Frame, 'body'> = { addr: 0, from: 'host', type: 'HELLO', seq: 1, boot: 0 };

/** What our codec does not write. */
const UNWRITABLE: readonly Packet[] = [
  connect({ keepAliveSeconds: 70_000 }),
  connect({ password: text('alone') }),
  connect({ clientId: '\ud800' }),
  connect({ clientId: 'x'.repeat(70_000) }),
  { type: 'UNSUBSCRIBE', packetIdentifier: 2, topicFilters: ['T0/#/x'] },
];

/** What it does not read: CONNECTs of others, and ends of packets. */
const UNREADABLE: readonly string[] = [
  ...['', '10', '1000'],
  '100c00044d51545404030000 0000', // a reserved flag
  '100c00044d51545404420000 0000', // a password alone
  '100c00044d51545403020000 0000', // another level
  '100c00044d515454040a0000 0000', // the QoS of no will
  '100c00044d515454041e0000 0000', // a will at QoS 3
  '8206000100016103', // QoS 3 asked for
].map((hex) => hex.replaceAll(' ', ''));

async function speak({ world, cloud }: Stage, packets: readonly Packet[]): Promise<number> {
  let heard = 0;
  const wire = cloud.accept('T0', (cloudEnd) => {
    const mine = { bytes: (bytes: Uint8Array) => void (heard += bytes.length), closed: () => {} };
    return layWire(world, mine, cloudEnd);
  });
  for (const packet of packets) wire!.fromBoard(encodePacket(packet));
  world.timeline.plan(5_000, () => wire!.cut());
  return heard;
}

export const CODEC_SCENARIOS: readonly Scenario[] = [
  {
    name: 'clients of another make say all that MQTT 3.1.1 has',
    why: 'The codec that tests and bridges share with the device has every packet in every direction, and refuses what cannot be one.',
    async play(stage) {
      for (const packets of SPEECHES) {
        for (const packet of packets)
          stage.expect(
            JSON.stringify(decodePacket(encodePacket(packet))).includes(packet.type),
            `${packet.type} is read as it was written`,
          );
        await speak(stage, packets);
        await stage.pass(10);
      }
      const refuses = (what: string, call: () => unknown) => {
        try {
          call();
        } catch (error) {
          return stage.expect(error instanceof ProtocolError, `${what} is refused by the standard: ${error}`);
        }
        stage.expect(false, `${what} is refused`);
      };
      for (const packet of UNWRITABLE) refuses(JSON.stringify(packet).slice(0, 80), () => encodePacket(packet));
      for (const hex of UNREADABLE) refuses(hex, () => decodePacket(Uint8Array.from(Buffer.from(hex, 'hex'))));
      await stage.job('after', [{}]);
      await stage.until('the board is none the worse', async () => (await stage.status('after')) === 'SUCCEEDED');
    },
  },
  {
    name: 'whoever shares a serial line puts what it says into the frames of our library',
    why: 'Bodies of any bytes come out as they went in, and what was never stuffed, or is of another version, is no frame.',
    async play(stage) {
      const same = (one: Uint8Array | undefined, other: Uint8Array) =>
        one !== undefined && Buffer.compare(one, other) === 0;
      for (const size of [0, 1, 253, 254, 255, 508, 509])
        for (const every of [2, 255, 1_000]) {
          const bytes = Uint8Array.from({ length: size }, (_, i) => (i % every === every - 1 ? 0 : 1 + (i % 255)));
          const stuffed = encodeCobs(bytes);
          stage.expect(!stuffed.includes(0) && same(decodeCobs(stuffed), bytes), `${size} bytes are stuffed`);
        }
      const full = Uint8Array.from({ length: 255 }, (_, i) => (i === 0 ? 255 : 1));
      for (const stuffed of [full, Uint8Array.of(), Uint8Array.of(2, 0), Uint8Array.of(3, 1)])
        stage.expect(decodeCobs(stuffed) === undefined, `${stuffed.length} bytes were never stuffed like this`);
      const unstuffed = decodeCobs(encodeFrame({ ...FRAME, body: text('body') }).slice(1, -1))!;
      unstuffed[1]! |= 0x70; // the type of another version
      new DataView(unstuffed.buffer, unstuffed.byteOffset).setUint32(
        unstuffed.length - 4,
        crc32(unstuffed.subarray(0, -4)),
        true,
      );
      stage.expect(decodeFrame(encodeCobs(unstuffed)) === undefined, 'a frame of another version is none');
      let deep: Cbor = 1;
      for (let n = 0; n < 9; n++) deep = [deep];
      for (const value of [deep, 0.5, 2 ** 40]) {
        let isRefused = false;
        try {
          encodeBody(new Map([[0, value]]));
        } catch {
          isRefused = true;
        }
        stage.expect(isRefused, `${JSON.stringify(value)} is not written`);
      }
    },
  },
  {
    name: 'documents that are for other devices, or none at all',
    why: 'A condition that nobody can meet must refuse the job while it is QUEUED, and say which.',
    catches: ['run a document for other devices'],
    boards: [{ way: 'mqtt', knows: true }],
    async play(stage) {
      const step = { action: { name: 's', type: 'runCommand', input: { command: 'work' } } };
      const documents: [what: string, document: object][] = [
        ['a fact that it has not', { conditions: [{ key: 'colour', value: ['red'] }], steps: [step] }],
        ['a fact of everybody', { conditions: [{ key: 'toString', value: ['x'] }], steps: [step] }],
        ['both', { steps: [{ action: { ...step.action, idempotent: true, restarts: true } }] }],
        ['no whole seconds', { steps: [{ action: { ...step.action, timeoutSeconds: 0.5 } }] }],
        ['lines below none', { steps: [{ action: { ...step.action, allowStdErr: -1 } }] }],
      ];
      for (const [i, [what, document]] of documents.entries()) {
        const jobId = `wrong${i}`;
        const targets = ['arn:aws:iot:us-east-1:123456789012:thing/T0'];
        await stage.control.createJob({ jobId, targets, document: JSON.stringify({ version: '1.0', ...document }) });
        await stage.until(`${what} is refused`, async () => (await stage.status(jobId)) === 'REJECTED', 60);
      }
      await stage.job('restarts by its name', [{ restarts: true, millis: 500 }], { input: { jobId: 'named' } });
      stage.made.pop();
      await stage.until(
        'it has ended',
        async () => ['SUCCEEDED', 'FAILED'].includes((await stage.status('named')) ?? ''),
        1_500,
      );
    },
  },
];
