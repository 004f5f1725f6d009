import type { LogLevel, Millis } from '../../effects.ts';
import type { Accepted, ErrorResponse, JobExecution } from '../answers.ts';
import type { Step, StepDocument } from '../document.ts';
import type { Facts } from '../guards.ts';
import type { JsonObject } from '../json.ts';
import type { JobRecord, Outcome, RecordedJob } from '../record.ts';
import type { DescribeRequest, UpdateRequest } from '../requests.ts';
import type { StatusDetails } from '../statusDetails.ts';

/** What the part that runs jobs is told; it knows no MQTT, no HTTPS and no serial line. */
export type RunnerEvent =
  | { on: 'boot'; record: JobRecord | undefined; seed: number }
  /** Requests can be sent from now on: whatever was asked before may be lost. */
  | { on: 'online' }
  | { on: 'offline' }
  | { on: 'accepted'; answer: Accepted }
  | { on: 'rejected'; error: ErrorResponse }
  /** NextJobExecutionChanged: a hint, never the truth. */
  | { on: 'nextChanged'; execution: JobExecution | undefined }
  | { on: 'persisted' }
  | { on: 'unpersisted'; reason: string }
  | { on: 'output'; run: number; stream: 'stdout' | 'stderr'; text: string }
  | { on: 'exited'; run: number; code?: number; signal?: string; error?: string; details?: StatusDetails | undefined }
  | { on: 'progressed'; run: number; details: StatusDetails }
  | { on: 'stale'; run: number }
  | { on: 'wake' }
  | { on: 'stop' };

/** What the runner asks of its service: `$next`, its own execution, or to set a status. Each carries a clientToken. */
export type Ask = (DescribeRequest | UpdateRequest) & { clientToken: string };

export type RunnerEffect =
  /**
   * Send this request; the same one again (same clientToken) when no answer came, unless the first is still on its way.
   * `once`: on this connection or never.
   */
  | { do: 'ask'; request: Ask; once: boolean }
  | { do: 'persist'; record: JobRecord | undefined }
  | { do: 'run'; run: number; step: Step; source?: JsonObject | undefined; job?: Job | undefined }
  | { do: 'refreshed'; run: number; step: Step }
  | { do: 'signal'; run: number; signal: 'SIGTERM' | 'SIGKILL' }
  | { do: 'log'; level: LogLevel; message: string; jobId?: string | undefined };

/** The execution a device works on; versionNumber follows the service's. */
export type Job = RecordedJob;

/**
 * What the runner is doing. Those that write the record go on when it is on disk: remember, then act, then report, then forget.
 *
 *     idle -> remembering -> claiming -> starting -> running -> ending -> reporting -> forgetting -> idle
 *                                           ^----------'
 */
export type At =
  | 'idle'
  /** After boot: asks for its own execution, to go on with `step`. */
  | 'resuming'
  | 'remembering'
  | 'claiming'
  | 'starting'
  | 'running'
  /** The service no longer holds the job (`lost`), or the agent has to end now: the program is being ended. */
  | 'stopping'
  /** On `stop`, between two steps. */
  | 'parking'
  | 'ending'
  | 'reporting'
  | 'forgetting';

/** The one request under way. */
export interface Asked {
  about: 'next' | 'own' | 'claim' | 'progress' | 'final';
  request: Ask;
  /** When it is sent again. */
  repeatAt: Millis;
  sent: number;
}

/**
 * The state of the part that runs jobs. A step works on a copy of its own and writes to it; what is to be done is in
 * `out`.
 */
export interface Runner {
  thingName: string;
  at: At;
  /** The job at work; none while idle, parking and forgetting. */
  job?: Job | undefined;
  /** From remembering to stopping. */
  document?: StepDocument;
  /** The step that runs, or is the next to run. */
  step: number;
  /** Number of the `run` effect of the program that runs; 0: none. */
  run: number;
  /** The end of what the programs of the job printed. */
  stdout: string;
  stderr: string;
  /** Lines that the present step has begun on stderr. */
  stderrLines: number;
  /** When a program that is being ended is killed; Infinity: not, or it was. */
  killAt: Millis;
  /** Stopping: because the service no longer holds the job. */
  lost: boolean;
  /** Ending and reporting. */
  outcome?: Outcome;
  online: boolean;
  asked?: Asked | undefined;
  /** `$next` has to be asked. */
  askNext: boolean;
  /** The service may no longer hold our execution: it has to be described. */
  doubt: boolean;
  /** Progress that the service has not been told; only the latest counts. */
  untold?: StatusDetails | undefined;
  /** Nothing is asked before; set by refusals that may pass, and by our own failures. 0: no pause. */
  pauseUntil: Millis;
  /** Refusals and failures since something last went well. */
  setbacks: number;
  /** Records handed out to be written and not yet answered. */
  saving: number;
  /** When a stopping agent stops waiting; 0: not stopping. */
  stopBy: Millis;
  /** Nothing is left to run, to write or to tell after `stop`. */
  finished: boolean;
  runs: number;
  tokens: number;
  chance: number;
  /** The time of this step, and its effects so far. */
  now: Millis;
  out: RunnerEffect[];
  /** With these the runner reads members of our own in documents (guards.ts) and has the fields below. */
  facts?: Facts | undefined;
  /** When the present step is ended for taking too long. */
  timeoutAt?: Millis | undefined;
  timedOut?: boolean;
  /** The service's step timer was set, and has to be cancelled when the next step has none. */
  timerSet?: boolean;
  /** The step has done its work: the device is about to restart. */
  restarting?: boolean;
  /** Resuming a step that ran when power failed, if its document still says that it may be repeated. */
  repeating?: boolean;
  /** What runs when the job does not succeed, once a step of it has begun. */
  cleanUp?: Step | undefined;
  /** The clean-up runs; what is to be reported after it, unless the service no longer wants to know. */
  cleaning?: { step: Step; outcome: Outcome | undefined } | undefined;
  /** The step that runs needs its document anew. */
  stale?: boolean;
  /** What the handlers of finished steps want to be shown with the outcome. */
  results?: StatusDetails | undefined;
}

/** What happens to the job at work has its id in the sentence, and beside it for machines. */
export function log({ out, job }: Runner, level: LogLevel, what: string): void {
  out.push({ do: 'log', level, message: job ? `job ${job.jobId}: ${what}` : what, jobId: job?.jobId });
}
