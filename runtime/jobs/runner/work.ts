import type { JobExecution } from '../answers.ts';
import { type DocumentFault, parseDocument, type StepDocument } from '../document.ts';
import type { JobRecord, Outcome } from '../record.ts';
import { addOutput, EMPTY_TAIL, nextStepTail } from '../tail.ts';
import { pause } from './ask.ts';
import { KILL_GRACE_MILLIS } from './limits.ts';
import {
  type Exited,
  nameStep,
  outcomeOf,
  plainOutcome,
  progressDetails,
  reasonOf,
  stepsOf,
  succeeded,
} from './outcome.ts';
import { type Job, log, logJob, type RunnerEvent, type Running, type Turn } from './state.ts';

/** Takes up what the record says was under way when the device last ran. */
export function resume(turn: Turn, record: JobRecord): void {
  const { runner } = turn;
  const job: Job = record.job;
  switch (record.phase) {
    case 'claimed':
      runner.work = { at: 'resuming', job, step: 0 };
      return;
    case 'between':
      runner.work = { at: 'resuming', job, step: record.step };
      return;
    case 'running': {
      const name = nameStep(record.step, record.steps, record.name);
      fail(turn, job, `${name} was interrupted by a power cut or a restart: it is not run again`);
      return;
    }
    case 'ended':
      runner.work = { at: 'reporting', job, outcome: record.outcome, withoutDetails: false };
  }
}

/** Takes an execution that the service named; its document is checked while it is still QUEUED. */
export function begin(turn: Turn, execution: JobExecution): void {
  const job = jobOf(execution);
  logJob(turn, 'info', job, 'received');
  if (execution.status !== 'QUEUED') {
    // Our record is written before IN_PROGRESS is reported, so somebody else started it, or the record was lost with its disk.
    fail(turn, job, 'it was IN_PROGRESS, but this device has no record of it');
    return;
  }
  const document = parseDocument(execution.jobDocument);
  if ('fault' in document) {
    reject(turn, job, invalid(document));
    return;
  }
  turn.runner.work = { at: 'remembering', job, document };
  persist(turn, { thingName: turn.runner.thingName, job, phase: 'claimed' });
}

/** Nothing has run, so nothing is remembered: whatever goes wrong, the execution is asked for and refused again. */
function reject(turn: Turn, job: Job, reason: string): void {
  const outcome = plainOutcome('REJECTED', reason);
  turn.runner.work = { at: 'reporting', job, outcome, withoutDetails: false };
  logJob(turn, 'warn', job, `REJECTED: ${reason}`);
}

/** Why a document is refused, with the place. */
export function invalid({ path, fault }: DocumentFault): string {
  return `invalid job document at ${path}: ${fault}`;
}

export function jobOf(execution: JobExecution): Job {
  const { jobId, executionNumber, versionNumber, queuedAt = 0 } = execution;
  return { jobId, executionNumber, versionNumber, queuedAt };
}

/** Remembers that a step is about to run; it is started when the record is on disk. */
export function start(turn: Turn, job: Job, document: StepDocument, step: number, before?: Running): void {
  const { runner } = turn;
  const steps = stepsOf(document);
  const running: Running = {
    run: ++runner.runs,
    step,
    stdout: nextStepTail(before?.stdout ?? EMPTY_TAIL),
    stderr: nextStepTail(before?.stderr ?? EMPTY_TAIL),
  };
  runner.work = { at: 'starting', job, document, running };
  const name = steps[step]?.name ?? '';
  persist(turn, { thingName: runner.thingName, job, phase: 'running', step, steps: steps.length, name });
}

/** The record is on disk (or, with `failure`, could not be written): what it was written for may happen now. */
export function afterPersist(turn: Turn, failure?: string): void {
  const { runner } = turn;
  runner.saving--;
  if (failure !== undefined) log(turn, 'error', `the record could not be written: ${failure}`);
  if (runner.saving > 0) return; // a later record is on its way: only that one counts
  const { work } = runner;
  switch (work.at) {
    case 'remembering':
      if (failure === undefined) runner.work = { ...work, at: 'claiming' };
      else giveBack(turn);
      return;
    case 'starting':
      if (failure === undefined) launch(turn, work);
      else fail(turn, work.job, `the step was not started: its record could not be written: ${failure}`);
      return;
    case 'ending': // reported even without a record: nothing of it is left to run
      runner.work = { ...work, at: 'reporting' };
      return;
    case 'forgetting': // an old outcome must not be told again at the next boot: repeated until it is gone
      if (failure !== undefined) return pause(turn);
      runner.work = { at: 'idle' };
      runner.askNext = true;
      return;
    case 'parking':
      runner.finished = true;
  }
}

/** The job was not claimed and cannot be now: it stays QUEUED, and is asked for again after a pause. */
function giveBack(turn: Turn): void {
  turn.runner.work = { at: 'idle' };
  turn.runner.askNext = true;
  pause(turn);
}

function launch(turn: Turn, { job, document, running }: { job: Job; document: StepDocument; running: Running }): void {
  const steps = stepsOf(document);
  const step = steps[running.step]!;
  turn.runner.work = { at: 'running', job, document, running };
  logJob(turn, 'info', job, `${nameStep(running.step, steps.length, step.name)} started`);
  turn.out.push({ do: 'run', run: running.run, step });
}

export function output(turn: Turn, event: Extract<RunnerEvent, { on: 'output' }>): void {
  const { work } = turn.runner;
  if ((work.at !== 'running' && work.at !== 'stopping') || event.run !== work.running.run) return;
  const running = { ...work.running, [event.stream]: addOutput(work.running[event.stream], event.text) };
  turn.runner.work = { ...work, running };
}

/** A program ended: the next step, the end of the job, or the end of one that was stopped. */
export function exited(turn: Turn, event: Exited): void {
  const { work } = turn.runner;
  if ((work.at !== 'running' && work.at !== 'stopping') || event.run !== work.running.run) return;
  const { job, document, running } = work;
  const steps = stepsOf(document);
  const step = steps[running.step]!;
  const name = nameStep(running.step, steps.length, step.name);
  const reason = reasonOf(step, event, running.stderr.lines);
  logJob(turn, 'info', job, `${name} ended: ${reason}`);
  if (work.at === 'stopping') {
    turn.out.push({ do: 'signal', run: running.run, signal: 'SIGKILL' }); // what the program left behind in its group
    if (work.because === 'lost') forget(turn);
    else end(turn, job, outcomeOf(document, running, 'FAILED', `${name} was ended because the agent was asked to end`));
    return;
  }
  if (!succeeded(step, event, running.stderr.lines) && !step.ignoreStepFailure) {
    end(turn, job, outcomeOf(document, running, 'FAILED', reason));
  } else if (running.step === steps.length - 1) {
    end(turn, job, outcomeOf(document, running, 'SUCCEEDED', reason));
  } else if (turn.runner.stopBy !== undefined) {
    park(turn, job, running.step + 1);
  } else {
    turn.runner.untold = progressDetails(document, running.step + 1);
    start(turn, job, document, running.step + 1, running);
  }
}

/** Remembers that the next boot goes on with `step`. */
export function park(turn: Turn, job: Job, step: number): void {
  turn.runner.work = { at: 'parking' };
  persist(turn, { thingName: turn.runner.thingName, job, phase: 'between', step });
}

/** Nothing of the job is left to run: its outcome is remembered, then reported. */
export function end(turn: Turn, job: Job, outcome: Outcome): void {
  turn.runner.untold = undefined;
  turn.runner.work = { at: 'ending', job, outcome, withoutDetails: false };
  logJob(turn, 'info', job, outcome.status, { reason: outcome.statusDetails.reason ?? '' });
  persist(turn, { thingName: turn.runner.thingName, job, phase: 'ended', outcome });
}

/** The job fails without output of a program. */
export function fail(turn: Turn, job: Job, reason: string): void {
  end(turn, job, plainOutcome('FAILED', reason));
}

/** The service no longer holds the execution, or has decided otherwise: end what runs, then forget it. */
export function lose(turn: Turn, why: string): void {
  const { runner, now } = turn;
  const { work } = runner;
  if (!('job' in work) || work.at === 'stopping') return;
  logJob(turn, 'warn', work.job, why);
  if (work.at === 'running') {
    turn.out.push({ do: 'signal', run: work.running.run, signal: 'SIGTERM' });
    runner.work = { ...work, at: 'stopping', killAt: now + KILL_GRACE_MILLIS, because: 'lost' };
    return;
  }
  forget(turn);
}

export function forget(turn: Turn): void {
  turn.runner.untold = undefined;
  turn.runner.doubt = false;
  turn.runner.work = { at: 'forgetting' };
  persist(turn, undefined);
}

function persist(turn: Turn, record: JobRecord | undefined): void {
  turn.runner.saving++;
  turn.out.push({ do: 'persist', record });
}
