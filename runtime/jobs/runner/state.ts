import type { LogLevel, Millis } from '../../effects.ts';
import type { Accepted, ErrorResponse, JobExecution } from '../answers.ts';
import type { Step, StepDocument } from '../document.ts';
import type { JobRecord, Outcome, RecordedJob } from '../record.ts';
import type { DescribeRequest, UpdateRequest } from '../requests.ts';
import type { StatusDetails } from '../statusDetails.ts';
import type { Tail } from '../tail.ts';

/** What the part that runs jobs is told; it knows no MQTT, no HTTPS and no serial line. */
export type RunnerEvent =
  | { on: 'boot'; record: JobRecord | undefined; seed: number }
  /** Requests can be sent from now on: whatever was asked before may be lost. */
  | { on: 'online' }
  | { on: 'offline' }
  | { on: 'accepted'; clientToken: string; answer: Accepted }
  | { on: 'rejected'; clientToken: string; error: ErrorResponse }
  /** NextJobExecutionChanged: a hint, never the truth. */
  | { on: 'nextChanged'; execution: JobExecution | undefined }
  | { on: 'persisted' }
  | { on: 'unpersisted'; reason: string }
  | { on: 'output'; run: number; stream: 'stdout' | 'stderr'; text: string }
  | { on: 'exited'; run: number; code?: number; signal?: string; error?: string }
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
  | { do: 'run'; run: number; step: Step }
  | { do: 'signal'; run: number; signal: 'SIGTERM' | 'SIGKILL' }
  | { do: 'log'; level: LogLevel; message: string; jobId?: string | undefined };

/** The execution a device works on; versionNumber follows the service's. */
export type Job = RecordedJob;

/** A step that was started, and what it printed so far. */
export interface Running {
  /** Number of its `run` effect. */
  run: number;
  step: number;
  stdout: Tail;
  stderr: Tail;
}

/**
 * What the runner is doing. Those that write the record go on when it is on disk: remember, then act, then report, then forget.
 *
 *     idle -> remembering -> claiming -> starting -> running -> ending -> reporting -> forgetting -> idle
 *                                           ^----------'
 */
export type Work =
  | { at: 'idle' }
  /** After boot: asks for its own execution, to go on with step `step`. */
  | { at: 'resuming'; job: Job; step: number }
  | { at: 'remembering' | 'claiming'; job: Job; document: StepDocument }
  | { at: 'starting' | 'running'; job: Job; document: StepDocument; running: Running }
  /** The service no longer holds the job (`lost`), or the agent has to end now: the program is being ended. */
  | { at: 'stopping'; job: Job; document: StepDocument; running: Running; killAt: Millis; lost: boolean }
  /** On `stop`, between two steps. */
  | { at: 'parking' }
  | { at: 'ending' | 'reporting'; job: Job; outcome: Outcome; withoutDetails: boolean }
  | { at: 'forgetting' };

/** With a program that was started, or is about to be. */
export type Launched = Extract<Work, { running: Running }>;

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
 * `out`. Times are undefined where nothing is waited for.
 */
export interface Runner {
  thingName: string;
  work: Work;
  online: boolean;
  asked: Asked | undefined;
  /** `$next` has to be asked. */
  askNext: boolean;
  /** The service may no longer hold our execution: it has to be described. */
  doubt: boolean;
  /** Progress that the service has not been told; only the latest counts. */
  untold: StatusDetails | undefined;
  /** Nothing is asked before; set by refusals that may pass, and by our own failures. */
  pauseUntil: Millis | undefined;
  /** Refusals and failures since something last went well. */
  setbacks: number;
  /** Records handed out to be written and not yet answered. */
  saving: number;
  /** When a stopping agent stops waiting; undefined: not stopping. */
  stopBy: Millis | undefined;
  /** Nothing is left to run, to write or to tell after `stop`. */
  finished: boolean;
  runs: number;
  tokens: number;
  chance: number;
  /** The time of this step, and its effects so far. */
  now: Millis;
  out: RunnerEffect[];
}

/** What happens to a job has its id in the sentence, and beside it for machines. */
export function log({ out }: Runner, level: LogLevel, what: string, job?: Job): void {
  out.push({ do: 'log', level, message: job ? `job ${job.jobId}: ${what}` : what, jobId: job?.jobId });
}

/** The job at work, where there is one. */
export function jobAt({ work }: Runner): Job {
  return (work as Extract<Work, { job: Job }>).job;
}
