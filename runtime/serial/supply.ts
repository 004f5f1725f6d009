/**
 * Sends an image to a device that pulls it, so that the line never rests: asks for the next PULL while half of the
 * blocks are still to go.
 */
import { type Block, blocksOf, type Pull } from './pull.ts';

export interface Supply {
  readonly image: Uint8Array;
  /** Where the next block to send begins. */
  readonly sent: number;
  /** What was sent when the question went out whose answer is due: all of it has arrived before the question, or is lost. */
  readonly sentBefore: number;
}

/** @param image  as announced to the device, whole */
export function createSupply(image: Uint8Array): Supply {
  return { image, sent: 0, sentBefore: 0 };
}

/**
 * Takes the answer to the question that was sent last (the first one is the caller's).
 *
 * @returns what to send now, in this order: blocks as DATA, and once the next question, a REQUEST that is answered with
 *          PULL; nothing when the device asks for nothing more
 */
export function supply(before: Supply, pull: Pull): [Supply, ('ask' | Block)[]] {
  if (pull.count === 0) return [before, []];
  // A line keeps its order: what went out before the question and is not there by its answer will not come any more.
  const lost = pull.offset < before.sentBefore || pull.offset > before.sent;
  const from = lost ? pull.offset : before.sent;
  const room = Math.max(0, Math.ceil((pull.offset + pull.count * pull.length - from) / pull.length));
  const blocks = blocksOf(before.image, { offset: from, length: pull.length, count: room });
  const first = blocks.slice(0, Math.ceil(blocks.length / 2));
  const rest = blocks.slice(first.length);
  const sentBefore = endOf(first, from);
  return [{ ...before, sent: endOf(rest, sentBefore), sentBefore }, [...first, 'ask', ...rest]];
}

function endOf(blocks: readonly Block[], otherwise: number): number {
  const last = blocks.at(-1);
  return last ? last.offset + last.bytes.length : otherwise;
}
