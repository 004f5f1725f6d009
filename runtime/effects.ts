import type { Step } from './jobs/document.ts';
import type { JsonObject } from './jobs/json.ts';
import type { RecordedJob } from './jobs/record.ts';
import type { StatusDetails } from './jobs/statusDetails.ts';

/** Milliseconds of a clock that only runs forward and starts anywhere; never the time of day. */
export type Millis = number;

/** All that a device may be told. Events of a program carry the number its `run` effect had. */
export type Event =
  /** First of all, once: `record` is the newest record that could be read; `seed` is fresh chance, 32 bits. */
  | { on: 'boot'; record: Uint8Array | undefined; seed: number }
  /** The connection that `open` asked for stands (over TLS: host verified). */
  | { on: 'opened' }
  | { on: 'bytes'; bytes: Uint8Array }
  /** The connection is gone, or could not be made. */
  | { on: 'closed'; reason?: string }
  /** The record of the last `persist` is on disk. */
  | { on: 'persisted' }
  /** It could not be written: the disk is full, read-only or broken. The record before it still stands. */
  | { on: 'unpersisted'; reason: string }
  /** What a program printed, decoded from UTF-8, in portions of any size. */
  | { on: 'output'; run: number; stream: 'stdout' | 'stderr'; text: string }
  /** A program ended: by itself (`code`), by a signal, or it could not be started (`error`, one sentence). Always after its last output.
   *  `details`: what a handler of the agent's own has to say of its end. */
  | { on: 'exited'; run: number; code?: number; signal?: string; error?: string; details?: StatusDetails | undefined }
  /** How far a step is, in the words of its handler; only the latest counts. */
  | { on: 'progressed'; run: number; details: StatusDetails }
  /** The step needs its document anew, where presigned URLs are fresh; answered by `refreshed`. */
  | { on: 'stale'; run: number }
  /** The time of the last `wake` has come. */
  | { on: 'wake' }
  /** End cleanly: the record is kept and the next boot goes on. A second one does not wait for a running step. */
  | { on: 'stop' };

/** All that a device may ask for, to be carried out in this order. */
export type Effect =
  | { do: 'open' }
  | { do: 'write'; bytes: Uint8Array }
  | { do: 'close' }
  /** Put this record on disk, durably, in the place of the one before; answered by `persisted` or `unpersisted`. Empty: nothing to remember. */
  | { do: 'persist'; record: Uint8Array }
  /** Start a program in a process group of its own, without a shell. `source`: the whole document, as it came; `job`: whose; both with facts. */
  | { do: 'run'; run: number; step: Step; source?: JsonObject | undefined; job?: RecordedJob | undefined }
  /** The step of a run as the document has it now. */
  | { do: 'refreshed'; run: number; step: Step }
  /** Send a signal to the whole process group of a run; nothing happens when it is gone. */
  | { do: 'signal'; run: number; signal: 'SIGTERM' | 'SIGKILL' }
  /** Send `wake` at this time, and forget any time asked for before; undefined: never. */
  | { do: 'wake'; at: Millis | undefined }
  /** `jobId`: the job that it is about. */
  | { do: 'log'; level: LogLevel; message: string; jobId?: string | undefined }
  /** Everything is written and told: the process may end. */
  | { do: 'exit' };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
