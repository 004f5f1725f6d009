import { type Cbor, decodeBody, encodeBody } from '../../../runtime/serial/cbor.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../../runtime/serial/frame.ts';
import { decodeHostHello, encodeDeviceHello } from '../../../runtime/serial/hello.ts';
import { COMMANDS, encodeState, operationOf, type State } from '../../../runtime/serial/jobs.ts';
import { decodeBlock, encodePull } from '../../../runtime/serial/pull.ts';
import type { TaskOutcome } from '../../../runtime/serial/task.ts';
import { Broken } from '../broken.ts';
import { createChance } from '../chance.ts';
import { createTimeline } from '../timeline.ts';
import { createHost, type Work } from './host.ts';

/** A device of another make: what it says of itself, and how it answers each operation. */
interface Device {
  /** The body of its HELLO. */
  hello: Uint8Array;
  /** @param nth  how often it was asked this before */
  answers?: (operation: string, nth: number, body: Uint8Array) => Uint8Array | 'silence' | 'restart';
  /** Sent before its first HELLO: what a boot loader prints, or worse. */
  chatter?: Uint8Array;
}

interface Story {
  name: string;
  work: 'command' | 'flash';
  device: Device;
  /** How the work ends. */
  ends: RegExp;
  succeeds?: boolean;
  stopAfterMillis?: number;
}

const IMAGE = Uint8Array.from({ length: 600 }, (_, i) => i % 251);
const HASH = new Uint8Array(32).fill(7);
const text = (words: string) => new TextEncoder().encode(words);
const hello = (more: object = {}) =>
  encodeDeviceHello({
    ...{ version: 1, bootId: 1, hardwareId: 'strange', frameBytesMax: 128, window: 1 },
    ...{ firmwareVersion: '1.0', firmwareHash: new Uint8Array(8), more: new Map([[COMMANDS, ['work']]]) },
    ...more,
  });
const state = (name: State['state'], more: Partial<State> = {}) => encodeState({ state: name, ...more });
const always = (body: Uint8Array | 'silence' | 'restart') => () => body;
const raw = (...bytes: number[]) => Uint8Array.from(bytes);
const pull = (offset: number, length: number, count: number) => encodePull({ offset, length, count });

/** Bodies that are none in the subset, each by what is wrong with it. */
const BODIES: readonly [what: string, body: Uint8Array][] = [
  ['nothing', raw()],
  ['no map', raw(0x01)],
  ['bytes behind', raw(0xa0, 0x00)],
  ['null', raw(0xa1, 0x00, 0xf6)],
  ['nested too deep', raw(0xa1, 0x00, 0x81, 0x81, 0x81, 0x81, 0x00)],
  ['a text as a key', raw(0xa1, 0x61, 0x61, 0x00)],
  ['below -2^31', raw(0xa1, 0x00, 0x3a, 0xff, 0xff, 0xff, 0xff)],
  ['8 bytes', raw(0xa1, 0x00, 0x1b, 0, 0, 0, 0, 0, 0, 0, 0)],
  ['no UTF-8', raw(0xa1, 0x00, 0x61, 0xff)],
  ['a lie about its length', raw(0xa1, 0x00, 0x45, 0x00)],
  ['a state that is none', raw(0xa1, 0x00, 0x09)],
  ['no state', raw(0xa2, 0x01, 0xf5, 0x20, 0xf4)],
];

const STORIES: readonly Story[] = [
  ...BODIES.map(
    ([what, body]): Story => ({
      name: `answers with ${what}`,
      work: 'command',
      device: { hello: hello(), answers: always(body) },
      ends: /cannot be read/,
    }),
  ),
  ...BODIES.slice(0, 3).map(
    ([what, body]): Story => ({
      name: `answers FLASH with ${what}`,
      work: 'flash',
      device: { hello: hello(), answers: always(body) },
      ends: /cannot be read/,
    }),
  ),
  {
    name: 'a key twice, and one below 0',
    work: 'command',
    device: { hello: hello(), answers: always(raw(0xa3, 0x00, 0x01, 0x00, 0x02, 0x20, 0x20)) },
    ends: /succeeded/,
    succeeds: true,
  },
  {
    name: 'fails with words',
    work: 'command',
    device: {
      hello: hello(),
      answers: (operation) =>
        operation === 'RUN'
          ? state('running', { progress: 5, words: 'half' })
          : state('failed', { words: 'no water', result: -7 }),
    },
    ends: /failed: no water/,
  },
  {
    name: 'refuses with words',
    work: 'command',
    device: { hello: hello(), answers: always(state('refused', { words: 'no' })) },
    ends: /refuses 'work': no/,
  },
  {
    name: 'refuses',
    work: 'command',
    device: { hello: hello(), answers: always(state('refused')) },
    ends: /refuses 'work'$/,
  },
  {
    name: 'is busy for ever',
    work: 'command',
    device: { hello: hello(), answers: always(state('busy')) },
    ends: /is busy with another command/,
  },
  {
    name: 'is busy for a while',
    work: 'command',
    device: { hello: hello(), answers: (_, nth) => state(nth < 3 ? 'busy' : 'succeeded') },
    ends: /succeeded/,
    succeeds: true,
  },
  {
    name: 'has seen nothing of it',
    work: 'command',
    device: {
      hello: hello(),
      answers: (operation, nth) => (operation === 'RUN' && nth > 0 ? state('succeeded') : state('unknown')),
    },
    ends: /./,
    succeeds: true,
  },
  {
    name: 'forgets it',
    work: 'command',
    device: { hello: hello(), answers: (operation) => (operation === 'RUN' ? state('running') : state('unknown')) },
    ends: /interrupted/,
  },
  {
    name: 'announces no command',
    work: 'command',
    device: { hello: hello({ more: new Map() }) },
    ends: /announces none/,
  },
  {
    name: 'announces others',
    work: 'command',
    device: { hello: hello({ more: new Map([[COMMANDS, ['blink']]]) }) },
    ends: /announces blink/,
  },
  {
    name: 'takes small frames',
    work: 'command',
    device: {
      hello: hello({
        frameBytesMax: 64,
        more: new Map<number, Cbor>([
          [COMMANDS, ['work', 'x']],
          [40, true],
          [41, false],
        ]),
      }),
      answers: always(state('succeeded')),
    },
    ends: /./,
    succeeds: true,
  },
  { name: 'never answers HELLO', work: 'command', device: { hello: raw(0xa0) }, ends: /did not answer/ },
  ...[
    ['another version', hello({ version: 9 })],
    [
      'a hardware id that is none',
      encodeBody(
        new Map<number, number>([
          [0, 1],
          [2, 1],
          [3, 4],
        ]),
      ),
    ],
    [
      'no hardware id',
      encodeBody(
        new Map<number, number>([
          [0, 1],
          [2, 1],
        ]),
      ),
    ],
    [
      'a boot id that is a list',
      encodeBody(
        new Map<number, number | string | number[]>([
          [0, 1],
          [2, [1]],
          [3, 'x'],
        ]),
      ),
    ],
    [
      'a boot id that is a text',
      encodeBody(
        new Map<number, number | string>([
          [0, 1],
          [2, 'one'],
          [3, 'x'],
        ]),
      ),
    ],
  ].map(
    ([what, body]): Story => ({
      name: `says HELLO with ${what}`,
      work: 'command',
      device: { hello: body as Uint8Array },
      ends: /did not answer/,
    }),
  ),
  {
    name: 'prints while it boots',
    work: 'command',
    device: {
      hello: hello(),
      answers: always(state('succeeded')),
      chatter: text(`boot 1.0\r\n\u001b[1m${'x'.repeat(3_000)}\nlast`),
    },
    ends: /succeeded/,
    succeeds: true,
  },
  {
    name: 'prints what is no text',
    work: 'command',
    device: {
      hello: hello(),
      answers: always(state('succeeded')),
      chatter: raw(0, 1, 2, 0, 1, ...new Array(2_500).fill(1), 10, 65, 7, 10, 66, 0, 1, 65, 66, 0),
    },
    ends: /succeeded/,
    succeeds: true,
  },
  {
    name: 'is stopped while it answers nothing',
    work: 'command',
    device: { hello: hello(), answers: (operation) => (operation === 'STOP' ? state('failed') : state('running')) },
    ends: /failed/,
    stopAfterMillis: 5_000,
  },
  {
    name: 'takes no firmware',
    work: 'flash',
    device: { hello: hello(), answers: always(state('refused')) },
    ends: /takes no firmware$/,
  },
  {
    name: 'takes no firmware, with words',
    work: 'flash',
    device: { hello: hello(), answers: always(state('refused', { words: 'read only' })) },
    ends: /takes no firmware: read only/,
  },
  {
    name: 'refuses the image',
    work: 'flash',
    device: { hello: hello(), answers: always(state('failed')) },
    ends: /refuses the image$/,
  },
  {
    name: 'refuses the image on the way',
    work: 'flash',
    device: {
      hello: hello(),
      answers: (operation) => (operation === 'FLASH' ? pull(0, 32, 2) : state('failed', { words: 'flash worn' })),
    },
    ends: /refuses the image: flash worn/,
  },
  {
    name: 'pulls blocks of nothing',
    work: 'flash',
    device: { hello: hello(), answers: always(pull(0, 0, 3)) },
    ends: /cannot be read/,
  },
  {
    name: 'pulls from before the image',
    work: 'flash',
    device: {
      hello: hello(),
      answers: always(
        encodeBody(
          new Map([
            [1, -1],
            [2, 32],
            [3, 1],
          ]),
        ),
      ),
    },
    ends: /cannot be read/,
  },
  {
    name: 'pulls without an offset',
    work: 'flash',
    device: {
      hello: hello(),
      answers: always(
        encodeBody(
          new Map([
            [2, 32],
            [3, 1],
          ]),
        ),
      ),
    },
    ends: /cannot be read/,
  },
  {
    name: 'pulls blocks that it does not take',
    work: 'flash',
    device: { hello: hello(), answers: always(pull(0, 500, 1)) },
    ends: /asks for blocks of 500/,
  },
  {
    name: 'pulls nothing for ever',
    work: 'flash',
    device: { hello: hello(), answers: always(pull(0, 32, 0)) },
    ends: /no progress/,
  },
  {
    name: 'does not accept the image',
    work: 'flash',
    device: { hello: hello(), answers: (operation) => (operation === 'SWITCH' ? state('failed') : pull(600, 32, 1)) },
    ends: /does not accept the image: it is not the one/,
  },
  {
    name: 'does not accept the image, with words',
    work: 'flash',
    device: {
      hello: hello(),
      answers: (operation) => (operation === 'SWITCH' ? state('failed', { words: 'unsigned' }) : pull(600, 32, 1)),
    },
    ends: /unsigned/,
  },
  {
    name: 'never restarts with it',
    work: 'flash',
    device: {
      hello: hello(),
      answers: (operation) =>
        operation === 'SWITCH' ? state('succeeded') : operation === 'PING' ? state('succeeded') : pull(600, 32, 1),
    },
    ends: /did not restart with the image/,
  },
  {
    name: 'restarts with another',
    work: 'flash',
    device: { hello: hello(), answers: (operation) => (operation === 'SWITCH' ? 'restart' : pull(600, 32, 1)) },
    ends: /no progress|restarted/,
  },
  {
    name: 'restarts and tells no hash',
    work: 'flash',
    device: {
      hello: hello({ firmwareHash: undefined }),
      answers: (operation) =>
        operation === 'SWITCH' ? state('succeeded') : operation === 'PING' ? 'restart' : pull(600, 32, 1),
    },
    ends: /hash it does not tell/,
  },
  {
    name: 'runs it already',
    work: 'flash',
    device: { hello: hello({ firmwareHash: HASH.slice(0, 8) }) },
    ends: /already runs/,
    succeeds: true,
  },
  {
    name: 'is told to stop',
    work: 'flash',
    device: { hello: hello(), answers: always(pull(0, 32, 0)) },
    ends: /it was stopped/,
    stopAfterMillis: 5_000,
  },
];

/** How long a story may take: what is missing is waited for, what is busy too. */
const STORY_MILLIS_MAX = 3_600_000;

/**
 * Devices of other makes, one after another, on a clean line with the production host: whatever they answer, the work ends, and as
 * the host says. Throws Broken with the names of those that were not.
 *
 * @returns how many there were
 */
export async function playStrangeDevices(): Promise<number> {
  const faults: string[] = [];
  for (const story of STORIES)
    await play(story).catch((error: Error) => {
      faults.push(error instanceof Broken ? error.message : `a device that ${story.name}: ${error.stack}`);
    });
  if (faults.length > 0) throw new Broken(faults.join('\n'));
  return STORIES.length;
}

async function play({ name, work, device, ends, succeeds = false, stopAfterMillis }: Story): Promise<void> {
  const timeline = createTimeline();
  const works: Work[] =
    work === 'flash'
      ? [{ kind: 'flash', image: IMAGE, sha256: HASH }]
      : [{ kind: 'command', run: 1, id: 7, millis: 10, fails: false }];
  let outcome: TaskOutcome | undefined;
  const times = new Map<string, number>();
  let bootId = 1;
  const send = (frame: Omit<Frame, 'from' | 'addr'>) => {
    const bytes = encodeFrame({ addr: 0, from: 'device', ...frame });
    timeline.plan(5, () => host.bytes(bytes));
  };
  const greet = (seq: number) => {
    const members = new Map(decodeBodyOr(device.hello));
    if (bootId > 1) members.set(2, bootId);
    const body = bootId > 1 ? encodeBody(members) : device.hello;
    send({ type: 'HELLO', seq, boot: bootId & 255, body });
  };
  const hear = (stuffed: Uint8Array) => {
    const frame = decodeFrame(stuffed);
    if (frame === undefined || frame.from !== 'host') throw new Broken(`${name}: the host sent what is no frame of it`);
    if (frame.type === 'HELLO') {
      decodeHostHello(frame.body);
      return greet(frame.seq);
    }
    if (frame.type === 'DATA') return void decodeBlock(frame.body);
    const operation = operationOf(decodeBody(frame.body)) ?? 'none';
    const nth = times.get(operation) ?? 0;
    times.set(operation, nth + 1);
    const body = device.answers?.(operation, nth, frame.body) ?? 'silence';
    if (body === 'restart') {
      bootId++;
      return greet(0);
    }
    if (body !== 'silence') send({ type: 'REQUEST', seq: frame.seq, boot: frame.boot, body });
  };
  const host = createHost(
    { timeline, chance: createChance(1), trace: () => {}, pauseMillis: 500, countedAnew: () => {} },
    works,
    (bytes) => {
      for (const stuffed of pieces(bytes)) timeline.plan(5, () => hear(stuffed));
    },
    (_, how) => {
      outcome = how;
    },
  );
  host.opened();
  if (device.chatter) {
    host.bytes(device.chatter);
    host.closed(); // what has no end yet comes out, and the line is opened again
    host.opened();
    host.bytes(Uint8Array.of(0, ...device.chatter.subarray(0, 9), 0));
  }
  if (stopAfterMillis) timeline.plan(stopAfterMillis, () => host.stop());
  while (outcome === undefined) {
    if (timeline.now() > STORY_MILLIS_MAX) throw new Broken(`a device that ${name}: the work never ends`);
    await timeline.next(timeline.now() + 1_000);
  }
  host.closed();
  if (!ends.test(outcome.reason) || outcome.succeeded !== succeeds)
    throw new Broken(`a device that ${name}: ${outcome.succeeded} ${outcome.reason}, expected ${ends}`);
}

/** What lies between delimiters. */
function pieces(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at <= bytes.length; at++)
    if (at === bytes.length || bytes[at] === 0) {
      if (at > from) found.push(bytes.slice(from, at));
      from = at + 1;
    }
  return found;
}

function decodeBodyOr(body: Uint8Array) {
  try {
    return decodeBody(body);
  } catch {
    return new Map();
  }
}
