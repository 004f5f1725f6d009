import type { JobExecution } from '../answers.ts';
import { parseDocument, type StepDocument } from '../document.ts';
import type { JobRecord, Outcome, Phase } from '../record.ts';
import { addOutput, EMPTY_TAIL, nextStepTail } from '../tail.ts';
import { pause } from './ask.ts';
import { KILL_GRACE_MILLIS } from './limits.ts';
import { type Exited, judge, nameStep, outcomeOf, plainOutcome, progressDetails } from './outcome.ts';
import { type Job, jobAt, type Launched, log, type Runner, type RunnerEvent, type Running } from './state.ts';

/** Takes up what the record says was under way when the device last ran. */
export function resume(runner: Runner, record: JobRecord): void {
  const { job } = record;
  switch (record.phase) {
    case 'claimed':
      runner.work = { at: 'resuming', job, step: record.step };
      return;
    case 'running':
      return fail(runner, job, `${record.name} was interrupted by a power cut or a restart: it is not run again`);
    case 'ended':
      runner.work = { at: 'reporting', job, outcome: record.outcome, withoutDetails: false };
  }
}

/** Takes an execution that the service named; its document is checked while it is still QUEUED. */
export function begin(runner: Runner, execution: JobExecution): void {
  const job = jobOf(execution);
  log(runner, 'info', 'received', job);
  // Our record is written before IN_PROGRESS is reported, so somebody else started it, or the record was lost with its disk.
  if (execution.status !== 'QUEUED')
    return fail(runner, job, 'it was IN_PROGRESS, but this device has no record of it');
  const document = parseDocument(execution.jobDocument);
  if (typeof document === 'string') {
    // Nothing has run, so nothing is remembered: whatever goes wrong, the execution is asked for and refused again.
    runner.work = { at: 'reporting', job, outcome: plainOutcome('REJECTED', document), withoutDetails: false };
    return log(runner, 'warn', `REJECTED: ${document}`, job);
  }
  runner.work = { at: 'remembering', job, document };
  persist(runner, job, { phase: 'claimed', step: 0 });
}

export function jobOf({ jobId, executionNumber, versionNumber, queuedAt = 0 }: JobExecution): Job {
  return { jobId, executionNumber, versionNumber, queuedAt };
}

export function setVersion(runner: Runner, versionNumber: number): void {
  const { work } = runner;
  if ('job' in work) runner.work = { ...work, job: { ...work.job, versionNumber } };
}

/** Remembers that a step is about to run; it is started when the record is on disk. */
export function start(runner: Runner, job: Job, document: StepDocument, step: number, before = NOTHING): void {
  const running: Running = {
    run: ++runner.runs,
    step,
    stdout: nextStepTail(before.stdout),
    stderr: nextStepTail(before.stderr),
  };
  runner.work = { at: 'starting', job, document, running };
  persist(runner, job, { phase: 'running', step, name: nameStep(document, step) });
}

const NOTHING: Pick<Running, 'stdout' | 'stderr'> = { stdout: EMPTY_TAIL, stderr: EMPTY_TAIL };

/** The record is on disk (or, with `failure`, could not be written): what it was written for may happen now. */
export function afterPersist(runner: Runner, failure?: string): void {
  if (failure) log(runner, 'error', `the record could not be written: ${failure}`);
  if (--runner.saving > 0) return; // a later record is on its way: only that one counts
  const { work } = runner;
  switch (work.at) {
    case 'remembering': // without a record it is not claimed: it stays QUEUED, and is asked for again after a pause
      if (failure) {
        idle(runner);
        pause(runner);
      } else runner.work = { ...work, at: 'claiming' };
      return;
    case 'starting':
      if (failure) fail(runner, work.job, `the step was not started: its record could not be written: ${failure}`);
      else launch(runner, work);
      return;
    case 'ending': // reported even without a record: nothing of it is left to run
      runner.work = { ...work, at: 'reporting' };
      return;
    case 'forgetting': // an old outcome must not be told again at the next boot: repeated until it is gone
      if (failure) pause(runner);
      else idle(runner);
      return;
    case 'parking':
      runner.finished = true;
  }
}

function idle(runner: Runner): void {
  runner.work = { at: 'idle' };
  runner.askNext = true;
}

function launch(runner: Runner, work: Launched): void {
  const { job, document, running } = work;
  runner.work = { at: 'running', job, document, running };
  log(runner, 'info', `${nameStep(document, running.step)} started`, job);
  runner.out.push({ do: 'run', run: running.run, step: document.steps[running.step]! });
}

export function output(runner: Runner, { run, stream, text }: Extract<RunnerEvent, { on: 'output' }>): void {
  const { work } = runner;
  if (!('running' in work) || work.running.run !== run) return;
  runner.work = { ...work, running: { ...work.running, [stream]: addOutput(work.running[stream], text) } };
}

/** A program ended: the next step, the end of the job, or the end of one that was stopped. */
export function exited(runner: Runner, event: Exited): void {
  const { work } = runner;
  if (!('running' in work) || work.running.run !== event.run) return;
  const { job, document, running } = work;
  const step = document.steps[running.step]!;
  const name = nameStep(document, running.step);
  const { succeeded, reason } = judge(step, event, running.stderr.lines);
  const next = running.step + 1;
  const finish = (status: Outcome['status'], why = reason) =>
    end(runner, job, outcomeOf(document, running, status, why));
  log(runner, 'info', `${name} ended: ${reason}`, job);
  if (work.at === 'stopping') {
    signal(runner, running, 'SIGKILL'); // what the program left behind in its group
    if (work.lost) forget(runner);
    else finish('FAILED', `${name} was ended because the agent was asked to end`);
  } else if (!succeeded && !step.ignoreStepFailure) {
    finish('FAILED');
  } else if (next === document.steps.length) {
    finish('SUCCEEDED');
  } else if (runner.stopBy) {
    park(runner, job, next);
  } else {
    runner.untold = progressDetails(document, next);
    start(runner, job, document, next, running);
  }
}

/** Remembers that the next boot goes on with `step`. */
export function park(runner: Runner, job: Job, step: number): void {
  runner.work = { at: 'parking' };
  persist(runner, job, { phase: 'claimed', step });
}

/** Nothing of the job is left to run: its outcome is remembered, then reported. */
export function end(runner: Runner, job: Job, outcome: Outcome): void {
  runner.untold = undefined;
  runner.work = { at: 'ending', job, outcome, withoutDetails: false };
  log(runner, 'info', `${outcome.status}: ${outcome.statusDetails.reason}`, job);
  persist(runner, job, { phase: 'ended', outcome });
}

/** The job fails without output of a program. */
export function fail(runner: Runner, job: Job, reason: string): void {
  end(runner, job, plainOutcome('FAILED', reason));
}

/** The service no longer holds the execution, or has decided otherwise: end what runs, then forget it. */
export function lose(runner: Runner, why: string): void {
  const { work } = runner;
  if (work.at === 'stopping') return;
  log(runner, 'warn', why, jobAt(runner));
  if (work.at === 'running') terminate(runner, work, true);
  else forget(runner);
}

/** Asks the running program to end, and gives it a while. */
export function terminate(runner: Runner, work: Launched, lost: boolean): void {
  signal(runner, work.running, 'SIGTERM');
  const { job, document, running } = work;
  runner.work = { at: 'stopping', job, document, running, killAt: runner.now + KILL_GRACE_MILLIS, lost };
}

export function signal({ out }: Runner, { run }: Running, signal: 'SIGTERM' | 'SIGKILL'): void {
  out.push({ do: 'signal', run, signal });
}

export function forget(runner: Runner): void {
  runner.untold = undefined;
  runner.doubt = false;
  runner.work = { at: 'forgetting' };
  persist(runner);
}

function persist(runner: Runner, job?: Job, phase?: Phase): void {
  const { thingName, out } = runner;
  runner.saving++;
  out.push({ do: 'persist', record: job && ({ thingName, job, ...phase } as JobRecord) });
}
