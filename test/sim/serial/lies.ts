import { encodeBody } from '../../../runtime/serial/cbor.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../../runtime/serial/frame.ts';
import { encodeHostHello } from '../../../runtime/serial/hello.ts';
import { decodeBlock, encodeBlock } from '../../../runtime/serial/pull.ts';
import type { Chance } from '../chance.ts';

/**
 * A frame with a right checksum and wrong contents, made from an honest one. What no receiver can tell from the truth is left
 * out: a whole RUN, or the answer "succeeded", in the right place.
 *
 * @param wire  whole frames, as they were written
 * @returns     undefined when nothing comes to mind
 */
export function lieAbout(wire: Uint8Array, chance: Chance): Uint8Array | undefined {
  const end = wire.indexOf(0, 1);
  const frame = decodeFrame(wire.subarray(1, end));
  if (frame === undefined) return undefined;
  const lies = frame.from === 'host' ? TO_DEVICE[frame.type] : TO_HOST[frame.type];
  return encodeFrame({ ...frame, ...chance.pick([...ANY, ...lies])(frame, chance) });
}

type Lie = (frame: Frame, chance: Chance) => Partial<Frame>;

const bytes = (chance: Chance, most: number) =>
  Uint8Array.from({ length: chance.between(0, most) }, () => chance.between(0, 255));
const body = (
  entries: [number, Parameters<typeof encodeBody>[0] extends ReadonlyMap<number, infer One> ? One : never][],
) => ({
  body: encodeBody(new Map(entries)),
});

/** In the wrong place, or no body. */
const ANY: Lie[] = [
  ({ boot }, chance) => ({ boot: boot ^ chance.between(1, 255), type: 'REQUEST' }),
  ({ boot }, chance) => ({ boot: boot ^ chance.between(1, 255), type: 'DATA' }),
  (_, chance) => ({ addr: chance.between(1, 255), type: 'REQUEST' }),
  ({ from }) => ({ from: from === 'host' ? 'device' : 'host' }),
  (_, chance) => ({ body: bytes(chance, 20) }),
  ({ body }) => ({ body: body.subarray(0, -1) }),
  ({ body }) => ({ body: Uint8Array.of(...body.subarray(0, 40), 0) }),
];

const TO_DEVICE: Record<Frame['type'], Lie[]> = {
  HELLO: [
    () => ({ body: encodeHostHello({ version: 1, host: 0 }) }),
    () => body([[1, 'host']]),
    (_, chance) => ({ body: encodeHostHello({ version: 1, host: chance.between(2_000_000_000, 4_000_000_000) }) }),
    (_, chance) => ({ body: encodeHostHello({ version: chance.between(0, 9), host: 1 }) }),
  ],
  REQUEST: [
    (_, chance) => body([[0, chance.between(7, 100_000)]]),
    () => body([[0, 'run']]),
    () =>
      body([
        [0, 1],
        [1, 0],
        [2, 'work'],
      ]),
    () =>
      body([
        [0, 1],
        [1, 77],
      ]),
    () =>
      body([
        [0, 1],
        [1, 77],
        [2, new Uint8Array(4)],
      ]),
    (_, chance) =>
      body([
        [0, 3],
        [1, chance.between(0, 2 ** 32 - 1)],
      ]),
    (_, chance) =>
      body([
        [0, 4],
        [1, chance.between(0, 2 ** 32 - 1)],
      ]),
    (_, chance) =>
      body([
        [0, 5],
        [1, chance.between(0, 9_000)],
        [2, bytes(chance, 31)],
      ]),
    ({ seq }, chance) => ({
      seq: (seq + chance.between(1, 15)) & 15,
      ...body([
        [0, 3],
        [1, 1],
      ]),
    }),
  ],
  DATA: [
    ({ body }, chance) => {
      const block = decodeBlock(body);
      return { body: encodeBlock({ ...block, bytes: block.bytes.map((byte) => byte ^ chance.between(0, 255)) }) };
    },
    ({ body }, chance) => {
      const block = decodeBlock(body);
      return { body: encodeBlock({ ...block, offset: block.offset + chance.between(1, 64) }) };
    },
    ({ body }, chance) => {
      const block = decodeBlock(body);
      return { addr: 255, body: encodeBlock({ ...block, bytes: block.bytes.subarray(0, chance.between(0, 31)) }) };
    },
    (_, chance) =>
      body([
        [1, chance.between(0, 2 ** 32 - 1)],
        [2, bytes(chance, 40)],
      ]),
    () =>
      body([
        [1, -1],
        [2, 'text'],
      ]),
  ],
};

const TO_HOST: Record<Frame['type'], Lie[]> = {
  HELLO: [
    () =>
      body([
        [0, 2],
        [2, 1],
        [3, 'sim'],
      ]),
    () =>
      body([
        [0, 1],
        [2, 1],
        [3, ''],
      ]),
    () =>
      body([
        [0, 1],
        [2, 1],
        [3, 'sim'],
        [4, 1],
      ]),
    () =>
      body([
        [0, 1],
        [2, 1],
        [3, 'sim'],
        [5, 3],
      ]),
    (_, chance) => ({
      seq: 0,
      ...body([
        [0, 1],
        [2, chance.between(2_000_000, 3_000_000)],
        [3, 'sim'],
      ]),
    }),
    (_, chance) =>
      body([
        [0, 1],
        [2, chance.between(2_000_000, 3_000_000)],
        [3, 'other'],
      ]),
  ],
  REQUEST: [
    (_, chance) => body([[0, chance.pick([0, 2, 3, 4, 5, 6, 4_000_000_000, -1])]]),
    (_, chance) =>
      body([
        [0, 0],
        [1, chance.between(0, 1_000)],
        [2, 'so it says'],
      ]),
    () => body([[0, 'succeeded']]),
    (_, chance) =>
      body([
        [1, chance.between(0, 2 ** 32 - 1)],
        [2, 32],
        [3, 4],
      ]),
    (_, chance) =>
      body([
        [1, chance.between(0, 2_000)],
        [2, chance.between(0, 1_000)],
        [3, 2 ** 32 - 1],
      ]),
    () =>
      body([
        [1, 0],
        [2, 0],
        [3, 4],
      ]),
    () =>
      body([
        [1, -4],
        [2, 32],
        [3, 4],
      ]),
    ({ seq }, chance) => ({ seq: (seq + chance.between(1, 15)) & 15, ...body([[0, chance.pick([0, 2, 3])]]) }),
  ],
  DATA: [],
};
