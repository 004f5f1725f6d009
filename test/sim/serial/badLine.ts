import type { Chance } from '../chance.ts';
import type { Timeline } from '../timeline.ts';
import { lieAbout } from './lies.ts';
import { createSpoiler, type Noise, streamed } from './noise.ts';

export type Way = 'host' | 'mcu';

/** One serial line, both ways: bytes take their time, come in portions and in order, and not always as they were. */
export interface BadLine {
  /** Whole frames. */
  carry(to: Way, frames: Uint8Array): void;
  /** One portion as it is, behind all that is under way; `arrive` in the place of who hears it otherwise. */
  bring(to: Way, bytes: Uint8Array, arrive?: () => void | Promise<void>): void;
  /** Noise begins, or begins anew. */
  start(): void;
  end(to: Way): void;
  isNoisy(to: Way): boolean;
  /** Bytes under way are gone, and none come until it is plugged in. */
  unplug(): void;
  plug(): void;
}

const BYTE_MILLIS = 10_000 / 115_200;
/** How often a stream of bytes that nobody sent goes on. */
const STREAM_MILLIS = 20;

export function createBadLine(
  of: { noise: Noise; timeline: Timeline; chance: Chance; count(what: string, by?: number): void },
  hear: Record<Way, (portion: Uint8Array) => void | Promise<void>>,
): BadLine {
  const { noise, timeline, chance, count } = of;
  const freeAt = { host: 0, mcu: 0 };
  const noisy = { host: false, mcu: false };
  const spoil = {
    host: createSpoiler(noise, chance, (by) => count('bytes of noise', by)),
    mcu: createSpoiler(noise, chance, (by) => count('bytes of noise', by)),
  };
  let cable = 0;
  let plugged = true;
  let spell = 0;

  function send(to: Way, portion: Uint8Array, arrive: () => void | Promise<void> = () => hear[to](portion)): void {
    freeAt[to] = Math.max(freeAt[to], timeline.now() + chance.between(1, 12)) + portion.length * BYTE_MILLIS;
    const mine = cable;
    timeline.plan(freeAt[to] - timeline.now(), () => (mine === cable ? arrive() : undefined));
  }

  function sendInPortions(to: Way, bytes: ArrayLike<number>): void {
    const all = Uint8Array.from(bytes);
    for (let at = 0; at < all.length; ) {
      const size = Math.min(chance.between(1, 40), all.length - at);
      send(to, all.subarray(at, at + size));
      at += size;
    }
  }

  function stream(mine: number): void {
    if (mine !== spell || noise.stream === undefined) return;
    for (const to of ['host', 'mcu'] as const) {
      if (!noisy[to] || !plugged) continue;
      const bytes = streamed(noise.stream, chance, STREAM_MILLIS / BYTE_MILLIS);
      count('bytes of noise', bytes.length);
      send(to, bytes);
    }
    if (noisy.host || noisy.mcu) timeline.plan(STREAM_MILLIS, () => stream(mine));
  }

  return {
    carry(to, frames) {
      if (!plugged) return;
      count('frames', frames.reduce((zeros, byte) => zeros + +(byte === 0), 0) >> 1);
      if (!noisy[to]) return sendInPortions(to, frames);
      const lie = noise.lies && chance.is(noise.lies) ? lieAbout(frames, chance) : undefined;
      if (lie === undefined) return sendInPortions(to, spoil[to](frames));
      count('frames');
      count('lies');
      const order = chance.between(0, 2); // before it, behind it, in its place
      if (order === 1) sendInPortions(to, spoil[to](frames));
      sendInPortions(to, spoil[to](lie));
      if (order === 0) sendInPortions(to, spoil[to](frames));
    },
    bring(to, bytes, arrive) {
      if (plugged) send(to, bytes, arrive);
    },
    start() {
      noisy.host = noisy.mcu = true;
      spell += 1;
      stream(spell);
    },
    end(to) {
      noisy[to] = false;
    },
    isNoisy: (to) => noisy[to],
    unplug() {
      cable += 1;
      plugged = false;
    },
    plug() {
      plugged = true;
    },
  };
}
