import type { Step } from './document.ts';
import { decodeObject, encodeObject } from './json.ts';
import type { StatusDetails } from './statusDetails.ts';

/** Which execution a record is about. */
export interface RecordedJob {
  jobId: string;
  executionNumber: number;
  /** Seconds since the epoch, 0: not told. Tells one that had begun from one made later under the same jobId and executionNumber. */
  queuedAt: number;
  /** As of the last answer that came before the record was written. */
  versionNumber: number;
}

export interface Outcome {
  status: 'SUCCEEDED' | 'FAILED' | 'REJECTED';
  /** Absent: the service refuses them. */
  statusDetails?: StatusDetails;
}

/**
 * What a device remembers across a power cut: at most one job, and how far it has come.
 *
 * - `claimed`: every step before this one (counted from 0) has finished, this one has not started. Before the first,
 *   IN_PROGRESS is about to be reported, or was.
 * - `running`: this step was started, or is about to be; `name` says which, in words.
 * - `cleaning`: nothing of the job is left to run but its clean-up; then the outcome is reported, when there is one to be.
 * - `ended`: nothing is left to run; the outcome is to be reported until the service has answered.
 */
export type Phase =
  | ({ phase: 'claimed'; step: number } & CleanUp)
  | ({
      phase: 'running';
      step: number;
      name: string;
      /** The step may be repeated. */
      idempotent?: boolean | undefined;
      /** The step restarts the device, which had this boot id. */
      bootId?: string | undefined;
    } & CleanUp)
  | { phase: 'cleaning'; cleanUp: Step; outcome?: Outcome | undefined }
  | { phase: 'ended'; outcome: Outcome };
/** What is to run when the job does not succeed (guards.ts), and what finished steps want to be shown with its outcome. */
interface CleanUp {
  cleanUp?: Step | undefined;
  results?: StatusDetails | undefined;
}
export type JobRecord = { thingName: string; job: RecordedJob } & Phase;

/** The bytes of a record: JSON, at most some 13 KB (an outcome with ten full details); none at all when there is nothing to remember. */
export function encodeRecord(record: JobRecord | undefined): Uint8Array {
  return encodeObject(record);
}

/** Reads what `encodeRecord` made; its slot vouches for it (checksum, and a magic number that changes with the shape). */
export function decodeRecord(bytes: Uint8Array): JobRecord | undefined {
  return decodeObject(bytes) as JobRecord | undefined;
}
