import { decodeObject, encodeObject, isObject, isWhole, type JsonObject, type JsonValue } from './json.ts';
import type { StatusDetails } from './statusDetails.ts';

/** Which execution a record is about: all of it must be equal before anything is taken up again. */
export interface RecordedJob {
  jobId: string;
  executionNumber: number;
  /** Seconds since the epoch: tells an execution from one made later under the same jobId and executionNumber. */
  queuedAt: number;
  /** As of the last answer that came before the record was written. */
  versionNumber: number;
}

export interface Outcome {
  status: 'SUCCEEDED' | 'FAILED' | 'REJECTED';
  statusDetails: StatusDetails;
}

/**
 * What a device remembers across a power cut: at most one job, and how far it has come.
 *
 * - `claimed`: IN_PROGRESS is about to be reported, or was; no step has started.
 * - `running`: this step (counted from 0, with the document's count of steps) was started, or is about to be.
 * - `between`: every step before this one has finished; this one has not started.
 * - `ended`: nothing is left to run; the outcome is to be reported until the service has answered.
 */
export type JobRecord = { thingName: string; job: RecordedJob } & (
  | { phase: 'claimed' }
  | { phase: 'running'; step: number; steps: number; name: string }
  | { phase: 'between'; step: number }
  | { phase: 'ended'; outcome: Outcome }
);

/** The bytes of a record: JSON, at most some 13 KB (an outcome with ten full details); none at all when there is nothing to remember. */
export function encodeRecord(record: JobRecord | undefined): Uint8Array {
  return record === undefined ? new Uint8Array(0) : encodeObject(record);
}

/** Reads a record; undefined for none, `'unreadable'` for one that this version cannot read. */
export function decodeRecord(bytes: Uint8Array | undefined): JobRecord | undefined | 'unreadable' {
  if (bytes === undefined || bytes.length === 0) return undefined;
  const record = decodeObject(bytes);
  if (record === undefined || typeof record.thingName !== 'string' || !isJob(record.job) || !isPhase(record))
    return 'unreadable';
  return record as unknown as JobRecord;
}

function isJob(job: JsonValue | undefined): boolean {
  if (!isObject(job) || typeof job.jobId !== 'string') return false;
  return [job.executionNumber, job.queuedAt, job.versionNumber].every(isWhole);
}

function isPhase(record: JsonObject): boolean {
  switch (record.phase) {
    case 'claimed':
      return true;
    case 'running':
      return isWhole(record.step) && isWhole(record.steps) && typeof record.name === 'string';
    case 'between':
      return isWhole(record.step);
    case 'ended': {
      const { outcome } = record;
      return isObject(outcome) && OUTCOMES.has(outcome.status) && isObject(outcome.statusDetails);
    }
    default:
      return false;
  }
}

const OUTCOMES: ReadonlySet<unknown> = new Set(['SUCCEEDED', 'FAILED', 'REJECTED']);
