import type { JobRecord } from '../../runtime/jobs/record.ts';
import { Broken } from './broken.ts';
import { CLEAN_UP, endedWell, REPEATABLE, type Work } from './work.ts';

/** A run of a board: one attempt of one job. */
export interface Attempt {
  thingName: string;
  jobId: string;
  executionNumber: number;
  /** Seconds: a thing that was deleted and registered anew begins to count anew. */
  queuedAt: number;
}

/** What a boot finds on its disk, and what the world knows of how it came there. */
export interface Found {
  at: Attempt;
  phase: JobRecord['phase'];
  /** The step that it is about, or the clean-up, by name. */
  step: string | undefined;
  /** The whole device was started anew since it was written, not the agent alone. */
  hasRestarted: boolean;
  /** The disk refused a later one. */
  isOld: boolean;
}

/** Something that a step did not survive, by no fault of its own. */
interface Cut {
  step: string | undefined;
  queuedAt: number;
  /** Also a step that may be repeated, or restarts the device. */
  isFinal: boolean;
  hasRestarted: boolean;
}

/**
 * What boards have done with their jobs: which steps began, in which life of the board, how they ended, and what each boot found.
 *
 * @param boardsKnow  boards read members of our own in documents
 */
export function createAttempts(boardsKnow: boolean) {
  /** Boots, by thing: a life begins with each. */
  const lives = new Map<string, number>();
  const found = new Map<string, Found | undefined>();
  /** In which life a step began last. */
  const begun = new Map<string, number>();
  /** By queuedAt and without, then the latest: a claim may have met a job made anew, whose queuedAt the board was not told. */
  const ends = new Map<string, { code: number | undefined }>();
  const cuts = new Map<string, Cut[]>();
  /** Attempts of which a boot found an old record, and in which life: what was done before it, no later record knows either. */
  const outdated = new Map<string, number>();
  /** Steps that may be repeated, and were cut off: due to begin once more, by whatever boot comes that far. */
  const due = new Set<string>();
  /** Attempts that a clean-up has begun for, by the word of its job's steps: one of the same name may be made in the same second. */
  const cleaned = new Set<string>();

  function cut(at: Attempt, one: Omit<Cut, 'queuedAt'>): void {
    const key = nameOfAttempt(at);
    cuts.set(key, [...(cuts.get(key) ?? []), { ...one, queuedAt: at.queuedAt }]);
  }

  /** Only what the record at the last boot says was under way: the clean-up, or a step that may be repeated. */
  function mayRepeat(at: Attempt, step: string, last: number): boolean {
    const record = found.get(at.thingName);
    if (record === undefined || nameOfAttempt(record.at) !== nameOfAttempt(at)) return false;
    // Without room for its record a clean-up is run all the same.
    if (step.endsWith(CLEAN_UP)) return record.phase === 'cleaning' || last < (outdated.get(nameOfAttempt(at)) ?? 0);
    return due.has(`${nameOfAttempt(at)} ${step}`) && (record.phase === 'claimed' || record.step === step);
  }

  return {
    booted(thingName: string, record: Found | undefined): void {
      const life = (lives.get(thingName) ?? 0) + 1;
      lives.set(thingName, life);
      found.set(thingName, record);
      if (record?.isOld) outdated.set(nameOfAttempt(record.at), life);
      if (record?.phase === 'running' && boardsKnow && record.step?.endsWith(REPEATABLE))
        due.add(`${nameOfAttempt(record.at)} ${record.step}`);
      if (record?.phase === 'running')
        cut(record.at, { step: record.step, isFinal: false, hasRestarted: record.hasRestarted });
    },
    started(at: Attempt, step: string): void {
      const key = `${nameOfAttempt(at)} ${at.queuedAt} ${step}`;
      const life = lives.get(at.thingName) ?? 0;
      const last = begun.get(key);
      begun.set(key, life);
      if (step.endsWith(CLEAN_UP)) cleaned.add(exactKey(at, step.split('.')[0]!));
      if (last !== undefined && (last === life || !mayRepeat(at, step, last)))
        throw new Broken(`step ${step} was started again on ${at.thingName}${last === life ? ', in one life' : ''}`);
      due.delete(`${nameOfAttempt(at)} ${step}`);
    },
    ended(at: Attempt, step: string, code: number | undefined): void {
      for (const key of [endKey(at, step), exactKey(at, step)]) ends.set(key, { code });
    },
    /** A step was not begun, or was ended, whatever it would have come to: no room for its record, or its agent has to end. */
    forbidden(at: Attempt, step: string | undefined): void {
      cut(at, { step, isFinal: true, hasRestarted: false });
    },
    /**
     * Which of its steps ended as they should; undefined: it never ended.
     *
     * @param isOnly  no other execution of its thing has its name and number
     */
    ranWell(at: Attempt, works: readonly Work[], isOnly: boolean): (boolean | undefined)[] {
      const isTold = ({ name }: Work) => ends.has(exactKey(at, name));
      const hasRestarted = (work: Work) =>
        (cuts.get(nameOfAttempt(at)) ?? []).some(
          (one) => one.step === work.name && one.hasRestarted && (one.queuedAt === at.queuedAt || !isTold(work)),
        );
      const endOf = ({ name }: Work) =>
        ends.get(exactKey(at, name)) ?? (isOnly ? ends.get(endKey(at, name)) : undefined);
      return works.map((work) => {
        const end = endOf(work);
        const isWell = endedWell(work, end, boardsKnow, hasRestarted(work));
        return isWell || end !== undefined ? isWell : undefined;
      });
    },
    /** Whether something came between one of these steps and its end that a job may fail for. */
    mayFail(at: Omit<Attempt, 'queuedAt'>, works: readonly Work[]): boolean {
      return (cuts.get(nameOfAttempt(at)) ?? []).some(({ step, isFinal, hasRestarted }) => {
        const work = works.find(({ name }) => name === step);
        if (work === undefined || isFinal || !boardsKnow) return work !== undefined;
        return !work.idempotent && !(work.restarts && hasRestarted);
      });
    },
    /** Where its end could not be written down, the next boot knows of no success, and cleans up. */
    wasCleaned: (at: Attempt, serial: string) => cleaned.has(exactKey(at, serial)) && !outdated.has(nameOfAttempt(at)),
    /** A board: each end of a step is seen, and what cut it off; of a microcontroller not all is. */
    isSeen: (thingName: string) => lives.has(thingName),
    starts: () => begun.size,
  };
}

const endKey = ({ thingName, executionNumber }: Omit<Attempt, 'queuedAt'>, step: string) =>
  `${thingName} ${step} #${executionNumber}`;

const exactKey = (at: Attempt, step: string) => `${endKey(at, step)} ${at.queuedAt}`;

export function nameOfAttempt({ thingName, jobId, executionNumber }: Omit<Attempt, 'queuedAt'>): string {
  return `${thingName} ${jobId} #${executionNumber}`;
}
