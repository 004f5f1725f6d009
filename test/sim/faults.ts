import type { Chance } from './chance.ts';

/** How late a portion of bytes may be, milliseconds. */
export const LATE_MILLIS_MAX = 5_000;

/** What goes wrong in one world, and how often: each a probability. Every seed draws its own mix, some of them none of one kind. */
export interface Faults {
  /** Off once the world only has to come to rest. */
  on: boolean;
  /** A write ends its connection soon after. */
  cutWire: number;
  splitBytes: number;
  late: number;
  /** The service's answer never reaches the wire. */
  loseAnswer: number;
  /** Power goes before an effect of a board, or in the middle of writing its record. */
  cutPower: number;
  /** A record cannot be written. */
  failDisk: number;
  /** Between two acts of the operator, milliseconds at the most. */
  operatorMillis: number;
  /** An agent is ended cleanly and starts again, milliseconds between two times; 0: never. */
  stopMillis: number;
  /** The service dies and starts again, milliseconds between two times; 0: never. */
  crashMillis: number;
}

export function drawFaults(chance: Chance): Faults {
  const sometimes = (most: number) => (chance.is(0.3) ? 0 : most * chance.unit());
  return {
    on: true,
    cutWire: sometimes(0.1),
    splitBytes: sometimes(1),
    late: sometimes(0.2),
    loseAnswer: sometimes(0.2),
    cutPower: sometimes(0.06),
    failDisk: sometimes(0.05),
    operatorMillis: chance.between(2_000, 60_000),
    stopMillis: chance.is(0.5) ? 0 : chance.between(10_000, 120_000),
    crashMillis: chance.is(0.5) ? 0 : chance.between(30_000, 300_000),
  };
}
