import type { Chance } from '../chance.ts';

/** What goes wrong on a line. Chances are per byte and way; what is left out does not happen. */
export interface Noise {
  readonly name: string;
  readonly flip?: number;
  readonly drop?: number;
  readonly double?: number;
  readonly insert?: number;
  /** That a burst begins: random bytes in the place of the next ones. */
  readonly burst?: number;
  /** Bytes that nobody sent, as fast as the line goes: `garbage` of all kinds, `endless` without any 0x00, which all frames lose too. */
  readonly stream?: 'garbage' | 'endless';
  /** What a device prints when it boots, at a wrong rate too, and text between its frames. */
  readonly chatter?: boolean;
  /** Chance per frame that another one follows or takes its place, with a right checksum and wrong contents. */
  readonly lies?: number;
  /** How long a spell of noise lasts, and how long it is quiet before the next one; left out: one spell, until faults stop. */
  readonly spells?: { readonly noisy: Range; readonly quiet: Range };
  /** The most milliseconds from one to the next. */
  readonly resets?: number;
  readonly hosts?: number;
  readonly unplugs?: number;
}

type Range = readonly [low: number, high: number];

const SPELLS = { noisy: [1_000, 6_000], quiet: [100, 600] } as const;
/** A line that carries nothing but garbage: frames are sent in the quiet. */
const SHORT = { noisy: [50, 400], quiet: [500, 2_000] } as const;

/** The kinds of noise that the torture goes through, each by itself, then together. */
export const NOISES: readonly Noise[] = [
  { name: 'none', spells: SPELLS },
  { name: 'flipped bits, 1e-4', flip: 1e-4, spells: SPELLS },
  { name: 'flipped bits, 1e-3', flip: 1e-3, spells: SPELLS },
  { name: 'dropped bytes, 1e-3', drop: 1e-3, spells: SPELLS },
  { name: 'doubled bytes, 1e-3', double: 1e-3, spells: SPELLS },
  { name: 'inserted bytes, 1e-3', insert: 1e-3, spells: SPELLS },
  { name: 'bursts', burst: 5e-4, spells: SPELLS },
  { name: 'boot chatter', chatter: true, resets: 5_000, spells: SPELLS },
  { name: 'endless garbage', stream: 'garbage', spells: SHORT },
  { name: 'a frame that never ends', stream: 'endless', spells: SHORT },
  { name: 'a liar', lies: 0.05, spells: SPELLS },
  {
    name: 'all of it, and resets, restarts, cables',
    flip: 5e-4,
    drop: 2e-4,
    double: 2e-4,
    insert: 2e-4,
    burst: 1e-4,
    chatter: true,
    lies: 0.01,
    spells: SPELLS,
    resets: 15_000,
    hosts: 20_000,
    unplugs: 20_000,
  },
];

const BURST_BYTES_MAX = 300;
const INSERTED_BYTES_MAX = 30;

/**
 * What becomes of the bytes of one way while noise lasts; a burst goes on in the next ones.
 *
 * @param spoilt  is told how many
 */
export function createSpoiler(noise: Noise, chance: Chance, spoilt: (count: number) => void) {
  let burst = 0;
  const hit = (probability = 0) => probability > 0 && chance.is(probability);
  return (bytes: Uint8Array): number[] => {
    const after: number[] = [];
    for (const byte of bytes) {
      if (hit(noise.burst)) burst = chance.between(1, BURST_BYTES_MAX);
      if (burst > 0) {
        burst -= 1;
        spoilt(1);
        after.push(chance.between(0, 255));
        continue;
      }
      if (noise.stream === 'endless' && byte === 0) continue;
      const insert = hit(noise.insert);
      const drop = hit(noise.drop);
      const flip = hit(noise.flip);
      const double = hit(noise.double);
      spoilt(+insert + +drop + +flip + +double);
      if (insert) after.push(chance.between(0, 255));
      if (drop) continue;
      const sent = flip ? byte ^ (1 << chance.between(0, 7)) : byte;
      after.push(sent);
      if (double) after.push(sent);
    }
    if (noise.stream === 'garbage' && after.length > 0)
      after.splice(chance.between(0, after.length), 0, ...streamed('garbage', chance, INSERTED_BYTES_MAX));
    return after;
  };
}

/** The next bytes of a stream that nobody sent: garbage ends what looks like frames often. */
export function streamed(stream: 'garbage' | 'endless', chance: Chance, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => {
    if (stream === 'endless') return chance.between(1, 255);
    return chance.is(0.1) ? 0 : chance.between(0, 255);
  });
}

const BOOT_LINES = [
  'rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n',
  'ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\n\r\n',
  '\x1b[32m*** Booting ***\x1b[0m\r\n',
  '> ',
  "Guru Meditation Error: Core 0 panic'ed (LoadProhibited)\n",
];

/** What a device says before its program does: text, text at another rate, a line that floats, a frame cut off. */
export function bootChatter(chance: Chance): Uint8Array {
  const line = Uint8Array.from(chance.pick(BOOT_LINES), (letter) => letter.charCodeAt(0));
  switch (chance.between(0, 4)) {
    case 0:
      return line;
    case 1: // 74,880 baud heard at 115,200
      return Uint8Array.from({ length: chance.between(20, 200) }, () => chance.pick([0, 0x80, 0xe0, 0xf8, 0xfe, 0x1c]));
    case 2:
      return new Uint8Array(chance.between(1, 9));
    case 3:
      return Uint8Array.of(0, 1, chance.between(1, 255), ...line);
    default:
      return Uint8Array.of(...line.subarray(0, chance.between(1, line.length)), chance.between(0, 255));
  }
}

/** What a `printf` puts between two frames: mostly whole lines. */
export function printed(chance: Chance): Uint8Array {
  const text = `t=${chance.between(0, 99_999)} ok${chance.is(0.8) ? '\n' : ''}`;
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
