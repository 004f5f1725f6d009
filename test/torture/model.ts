/** What the clients of a tortured service know: all that was acknowledged, and what may have been applied unheard. */
import * as assert from 'uvu/assert';

/** An execution as its device has it. One worker alone changes it, one request at a time. */
export interface Known {
  jobId: string;
  thingName: string;
  executionNumber: number;
  status: string;
  versionNumber: number;
  /** `statusDetails.n` of the last update; 0: none yet. */
  n: number;
  /** A step timer of a minute runs, and nobody touches the execution any more. */
  armed: boolean;
  /** Its timer is due: it was moved there while the service was dead. */
  aged: boolean;
}

export interface Model {
  /** By `jobId thingName executionNumber`. */
  executions: Map<string, Known>;
  /** Acknowledged jobs and the things that they were created for. */
  jobs: Map<string, { things: string[]; document: string }>;
  /** Acknowledged things. */
  things: Set<string>;
  counts: {
    acknowledged: number;
    repeated: number;
    foundApplied: number;
    foundNotApplied: number;
    lost: number;
    timers: number;
  };
}

export function createModel(): Model {
  return {
    executions: new Map(),
    jobs: new Map(),
    things: new Set(),
    counts: { acknowledged: 0, repeated: 0, foundApplied: 0, foundNotApplied: 0, lost: 0, timers: 0 },
  };
}

export const keyOf = (jobId: string, thingName: string, executionNumber: number) =>
  `${jobId} ${thingName} ${executionNumber}`;

/** An execution that a worker sees for the first time: as it was created, and a second one only after a timer fired. */
export function meet(
  model: Model,
  jobId: string,
  thingName: string,
  executionNumber: number,
  versionNumber: number,
): Known {
  const key = keyOf(jobId, thingName, executionNumber);
  assert.is(versionNumber, 1, `${key} is new with version ${versionNumber}: who changed it?`);
  assert.ok(executionNumber <= 2, `${key}: one retry was allowed`);
  if (executionNumber === 2) {
    const before = model.executions.get(keyOf(jobId, thingName, 1));
    assert.ok(before?.armed, `${key} is a retry, and no timer of the first one ran`);
    assert.ok(before?.aged, `${key} is a retry, and the timer of the first one was not due`);
    fired(model, before!);
  }
  const known = { jobId, thingName, executionNumber, status: 'QUEUED', versionNumber, n: 0, armed: false, aged: false };
  model.executions.set(key, known);
  return known;
}

/** Its timer has fired, once. */
function fired(model: Model, known: Known): void {
  if (known.status === 'TIMED_OUT') return;
  known.status = 'TIMED_OUT';
  known.versionNumber += 1;
  model.counts.timers += 1;
}

/** An execution as the control plane shows it. */
export interface Seen {
  status: string;
  versionNumber: number;
  n: number;
}

/** Fails unless the execution is as it is known; an armed one whose timer is due may have fired meanwhile. */
export function check(model: Model, known: Known, seen: Seen): void {
  if (known.armed && known.aged && seen.status === 'TIMED_OUT') fired(model, known);
  const { status, versionNumber, n } = known;
  const key = keyOf(known.jobId, known.thingName, known.executionNumber);
  assert.equal(seen, { status, versionNumber, n }, `${key}: what is there is not what was acknowledged`);
}
