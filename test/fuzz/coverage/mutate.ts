/** Changes inputs by chance: bytes and their order, words of the format, lengths, and pieces of other inputs. */
import { type Dice, oneOf } from './dice.ts';
import { mutateJson } from './mutateJson.ts';

export interface Material {
  inputs: 'bytes' | 'json';
  bytesMax: number;
  /** In bytes: as text, and numbers in each of their widths. */
  words: readonly Uint8Array[];
  /** As they are, for members and values of JSON. */
  values: readonly (string | number)[];
}

/** Most changes that are made to an input before it is tried. */
const CHANGES_MAX = 6;
const EDGES = [0, 1, 2, 4, 16, 31, 32, 64, 127, 128, 192, 224, 254, 255];

/** @param other  any other input of the corpus, to take pieces from */
export function mutate(dice: Dice, input: Uint8Array, other: Uint8Array, material: Material): Uint8Array {
  if (material.inputs === 'json' && dice(8) > 0) {
    const changed = mutateJson(dice, input, other, material.values);
    if (changed !== undefined) return changed.subarray(0, material.bytesMax);
  }
  let bytes = input;
  for (let changes = 1 + dice(CHANGES_MAX); changes > 0; changes--) bytes = changed(dice, bytes, other, material);
  return bytes.subarray(0, material.bytesMax);
}

function changed(dice: Dice, bytes: Uint8Array, other: Uint8Array, { words }: Material): Uint8Array {
  const at = dice(bytes.length + 1);
  const size = 1 + dice(dice(4) === 0 ? 64 : 6);
  switch (dice(11)) {
    case 0: {
      const copy = bytes.slice();
      if (at < copy.length) copy[at]! ^= 1 << dice(8);
      return copy;
    }
    case 1: {
      const copy = bytes.slice();
      if (at < copy.length) copy[at] = dice(2) === 0 ? oneOf(dice, EDGES) : dice(256);
      return copy;
    }
    case 2: {
      const copy = bytes.slice();
      if (at < copy.length) copy[at]! += dice(2) === 0 ? 1 + dice(8) : -1 - dice(8);
      return copy;
    }
    case 3:
      return spliced(
        bytes,
        at,
        0,
        Uint8Array.from({ length: size }, () => dice(256)),
      );
    case 4:
      return spliced(bytes, at, size, NOTHING);
    case 5: {
      const from = dice(bytes.length + 1);
      return spliced(bytes, at, dice(2) * size, bytes.subarray(from, from + size));
    }
    case 6: {
      const from = dice(other.length + 1);
      return spliced(bytes, at, dice(2) * size, other.subarray(from, from + 1 + dice(48)));
    }
    case 7:
      return spliced(bytes, at, 0, oneOf(dice, words));
    case 8: {
      const word = oneOf(dice, words);
      return spliced(bytes, at, word.length, word);
    }
    case 9: // a length, and as much behind it
      return withLength(dice, bytes, at, oneOf(dice, words));
    default: // everything behind, from another
      return spliced(bytes, at, bytes.length, other.subarray(dice(other.length + 1)));
  }
}

const NOTHING = new Uint8Array(0);

/** A field of one or two bytes of length; or a length that says how much there is behind it. */
function withLength(dice: Dice, bytes: Uint8Array, at: number, word: Uint8Array): Uint8Array {
  const field = dice(2) === 0 ? word : NOTHING;
  const length = field.length > 0 ? field.length : bytes.length - at + dice(3) - 1;
  const head = dice(2) === 0 ? [length >> 8, length] : [length];
  return spliced(bytes, at, dice(2) * head.length, Uint8Array.from([...head, ...field]));
}

/** `bytes` with `size` of them at `at` replaced. */
function spliced(bytes: Uint8Array, at: number, size: number, piece: Uint8Array): Uint8Array {
  const rest = bytes.subarray(at + size);
  const made = new Uint8Array(at + piece.length + rest.length);
  made.set(bytes.subarray(0, at));
  made.set(piece, at);
  made.set(rest, at + piece.length);
  return made;
}

/** What words of a target and of its code are in bytes. */
export function wordsInBytes(words: readonly (string | number | Uint8Array)[]): Uint8Array[] {
  return words.flatMap((word) => {
    if (word instanceof Uint8Array) return [word];
    if (typeof word === 'string') return [new TextEncoder().encode(word)];
    const wide = [word >>> 24, word >>> 16, word >>> 8, word].map((byte) => byte & 255);
    if (word < 256) return [Uint8Array.of(word)];
    return [word < 65_536 ? Uint8Array.from(wide.slice(2)) : Uint8Array.from(wide)];
  });
}
