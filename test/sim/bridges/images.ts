import { createHash } from 'node:crypto';
import type { Chance } from '../chance.ts';

/** What the steps `flash` of a world may name. */
export interface Images {
  all: { source: string; sha256: string; bytes: Uint8Array }[];
  /** How likely one cannot be fetched. */
  lost: number;
}

const COUNT = 3;
const BYTES_MAX = 1_500;

export function drawImages(chance: Chance, lost: number): Images {
  const all = Array.from({ length: COUNT }, (_, i) => {
    const bytes = Uint8Array.from({ length: chance.between(1, BYTES_MAX) }, () => chance.between(0, 255));
    return { source: `/images/${i}`, sha256: createHash('sha256').update(bytes).digest('hex'), bytes };
  });
  return { all, lost };
}
