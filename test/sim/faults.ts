import type { Chance } from './chance.ts';

/** How late a portion of bytes may be, milliseconds. */
export const LATE_MILLIS_MAX = 5_000;
/** How far the service's clock is set back at the most, and forward, milliseconds. */
export const SET_BACK_MILLIS_MAX = 20_000;
export const SET_FORWARD_MILLIS_MAX = 300_000;

/**
 * What goes wrong in one world, and what the operator does there: each a probability, or milliseconds between two times (0:
 * never). Every seed draws its own mix, some of them none of one kind.
 */
export interface Faults {
  /** Off once the world only has to come to rest. */
  on: boolean;
  /** A write ends its connection soon after. */
  cutWire: number;
  /** Such an end is told to one side only: the other has to find out by itself. */
  halfOpen: number;
  splitBytes: number;
  late: number;
  /** The service's answer never reaches the wire. */
  loseAnswer: number;
  /** Power goes before an effect of a board, or in the middle of writing its record. */
  cutPower: number;
  /** Where it goes in a write, some bits of what was written are wrong. */
  garbleDisk: number;
  /** A record cannot be written. */
  failDisk: number;
  /** Between two acts of the operator, at the most; always above 0. */
  operatorMillis: number;
  /** An agent is ended cleanly and starts again. */
  stopMillis: number;
  /** The service dies and starts again. */
  crashMillis: number;
  /** It dies between a commit and what is told of it. */
  crashTelling: number;
  /** A second service works on the same store. */
  twoWorkers: number;
  /** The service's clock is set. */
  clockMillis: number;
  /** Jobs that are tried again, that end by a timer, that roll out slowly, that abort, that start later. */
  retries: number;
  timeouts: number;
  rates: number;
  aborts: number;
  schedules: number;
  /** Jobs for groups, which things join and leave; things that are deleted and registered anew. */
  groups: number;
  things: number;
  /** Another client of a thing sends requests of its own. */
  meddle: number;
  /** Boards that reach the service over HTTPS alone, and how often something in between answers them. */
  https: number;
  strangers: number;
  /** Documents with members of our own (runtime/jobs/guards.ts), which the boards of such a world read. */
  guards: number;
  /** Jobs that are created anew, under their name, soon after they were created. */
  anew: number;
  /** Jobs whose windows open every other minute. */
  windows: number;
  /** Where power goes, the service is not told that the connection has, and it does not come back for minutes. */
  vanish: number;
}

/** @param without  kinds that are left out, to see what a failure needs */
export function drawFaults(chance: Chance, without: readonly string[] = []): Faults {
  const sometimes = (most: number) => (chance.is(0.3) ? 0 : most * chance.unit());
  const seldom = (most: number) => (chance.is(0.6) ? 0 : most * chance.unit());
  const faults: Faults = {
    on: true,
    cutWire: sometimes(0.1),
    halfOpen: seldom(0.4),
    splitBytes: sometimes(1),
    late: sometimes(0.2),
    loseAnswer: sometimes(0.2),
    cutPower: sometimes(0.06),
    garbleDisk: sometimes(1),
    failDisk: sometimes(0.05),
    operatorMillis: chance.between(2_000, 40_000),
    stopMillis: chance.is(0.5) ? 0 : chance.between(10_000, 120_000),
    crashMillis: chance.is(0.5) ? 0 : chance.between(30_000, 300_000),
    crashTelling: seldom(0.02),
    twoWorkers: chance.is(0.75) ? 0 : 1,
    clockMillis: chance.is(0.8) ? 0 : chance.between(20_000, 120_000),
    retries: seldom(0.8),
    timeouts: sometimes(0.6),
    rates: seldom(0.6),
    aborts: seldom(0.5),
    schedules: chance.is(0.95) ? 0 : 0.3,
    groups: seldom(0.7),
    things: seldom(0.15),
    meddle: sometimes(0.4),
    https: seldom(0.6),
    strangers: seldom(0.2),
    guards: chance.is(0.5) ? 0 : 0.7,
    anew: chance.is(0.8) ? 0.1 : 0.8,
    windows: chance.is(0.9) ? 0 : 0.6,
    vanish: seldom(0.2),
  };
  for (const kind of without) {
    if (!(kind in faults)) throw new Error(`there is no fault ${kind}: expected one of ${KINDS.join(', ')}`);
    if (kind !== 'on' && kind !== 'operatorMillis') faults[kind as 'late'] = 0;
  }
  return faults;
}

/** What can be left out. */
export const KINDS = [
  ...['cutWire', 'halfOpen', 'splitBytes', 'late', 'loseAnswer', 'cutPower', 'garbleDisk', 'failDisk', 'stopMillis'],
  ...['crashMillis', 'crashTelling', 'twoWorkers', 'clockMillis', 'retries', 'timeouts', 'rates', 'aborts'],
  ...['schedules', 'groups', 'things', 'meddle', 'https', 'strangers', 'guards', 'anew', 'windows', 'vanish'],
] as const;
