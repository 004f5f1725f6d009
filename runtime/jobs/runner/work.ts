import { WITH_CUSTOM, WITH_GUARDS } from '../../parts.ts';
import type { JobExecution } from '../answers.ts';
import { parseDocument, type StepDocument } from '../document.ts';
import type { JobRecord, Outcome, Phase } from '../record.ts';
import type { StatusDetails } from '../statusDetails.ts';
import { addOutput, linesBegun } from '../tail.ts';
import { idle, pause } from './ask.ts';
import {
  addResults,
  awaitsRestart,
  cleaned,
  cleanUpFirst,
  guardedPhase,
  kept,
  lostMeanwhile,
  mayStart,
  presentStep,
  resetGuards,
  resumeCleaning,
  resumeRunning,
  startTimer,
  unlessLate,
} from './guards.ts';
import { KILL_GRACE_MILLIS } from './limits.ts';
import { details, type Exited, finalDetails, judge, nameStep, progressDetails } from './outcome.ts';
import { type Job, log, type Runner, type RunnerEffect, type RunnerEvent } from './state.ts';

/** Takes up what the record says was under way when the device last ran. */
export function resume(runner: Runner, record: JobRecord): void {
  runner.job = record.job;
  if (WITH_GUARDS && runner.facts) {
    if (record.phase === 'cleaning') return resumeCleaning(runner, record);
    if (record.phase !== 'ended') runner.cleanUp = record.cleanUp;
    if (WITH_CUSTOM && record.phase !== 'ended') runner.results = record.results;
    if (record.phase === 'running' && resumeRunning(runner, record)) return;
  }
  switch (record.phase) {
    case 'claimed':
      runner.at = 'resuming';
      runner.step = record.step;
      return;
    case 'running':
      return fail(runner, `${record.name} was interrupted by a power cut or a restart: it is not run again`);
    case 'ended':
      runner.at = 'reporting';
      runner.outcome = record.outcome;
  }
}

/** Takes an execution that the service named; its document is checked while it is still QUEUED. */
export function begin(runner: Runner, execution: JobExecution): void {
  runner.job = jobOf(execution);
  log(runner, 'info', 'received');
  // Our record is written before IN_PROGRESS is reported, so somebody else started it, or the record was lost with its disk.
  if (execution.status !== 'QUEUED') return fail(runner, 'it was IN_PROGRESS, but this device has no record of it');
  const document = parseDocument(execution.jobDocument, runner.facts);
  if (typeof document === 'string') return end(runner, 'REJECTED', { reason: document });
  runner.at = 'remembering';
  runner.document = document;
  runner.step = 0;
  persist(runner, { phase: 'claimed', step: 0 });
}

export function jobOf({ jobId, executionNumber, versionNumber, queuedAt = 0 }: JobExecution): Job {
  return { jobId, executionNumber, versionNumber, queuedAt };
}

export function setVersion(runner: Runner, versionNumber: number): void {
  if (runner.job) runner.job = { ...runner.job, versionNumber };
}

/**
 * Remembers that a step is about to run; it is started when the record is on disk.
 *
 * @param document  or why it cannot be read: then the job fails
 */
export function start(runner: Runner, document: StepDocument | string, step: number): void {
  if (typeof document === 'string') return fail(runner, document);
  runner.document = document;
  runner.step = step;
  runner.stderrLines = 0;
  if (WITH_GUARDS && !mayStart(runner)) return;
  runner.at = 'starting';
  const phase: Phase = { phase: 'running', step, name: nameStep(document, step) };
  persist(runner, WITH_GUARDS ? { ...phase, ...guardedPhase(runner) } : phase);
}

/** The record is on disk (or, with `failure`, could not be written): what it was written for may happen now. */
export function afterPersist(runner: Runner, failure?: string): void {
  if (failure) log(runner, 'error', `the record could not be written: ${failure}`);
  if (--runner.saving > 0) return; // a later record is on its way: only that one counts
  switch (runner.at) {
    case 'remembering':
      // Without a record it is not claimed: it stays QUEUED, and is asked for again after a pause, and after the record of an
      // earlier claim is gone: the job may end meanwhile, and then nobody would remove it.
      runner.at = failure ? 'forgetting' : 'claiming';
      if (failure) pause(runner);
      return;
    case 'starting':
      // A clean-up that is asked to end before it began waits for the next boot.
      if (WITH_GUARDS && runner.cleaning && runner.stopBy) runner.finished = true;
      else if (failure && !(WITH_GUARDS && runner.cleaning))
        fail(runner, `the step was not started: its record could not be written: ${failure}`);
      else launch(runner);
      return;
    case 'ending': // reported even without a record: nothing of it is left to run
      runner.at = 'reporting';
      return;
    case 'forgetting': // an old outcome must not be told again at the next boot: repeated until it is gone
      if (failure) pause(runner);
      else idle(runner);
  }
}

function launch(runner: Runner): void {
  const { document, step, out } = runner;
  runner.at = 'running';
  runner.run = ++runner.runs;
  const name = WITH_GUARDS && runner.cleaning ? 'clean-up' : nameStep(document!, step);
  log(runner, 'info', `${name} started`);
  if (WITH_GUARDS) startTimer(runner);
  const present = WITH_GUARDS ? presentStep(runner)! : document!.steps[step]!;
  const effect: RunnerEffect = { do: 'run', run: runner.run, step: present };
  out.push(WITH_GUARDS ? { ...effect, source: document?.source, job: runner.job } : effect);
}

export function output(runner: Runner, { run, stream, text }: Extract<RunnerEvent, { on: 'output' }>): void {
  if (run !== runner.run) return;
  if (stream === 'stderr') runner.stderrLines += linesBegun(runner.stderrLines ? runner.stderr : '', text);
  runner[stream] = addOutput(runner[stream], text);
}

/** A program ended: the next step, the end of the job, or the end of one that was stopped. */
export function exited(runner: Runner, event: Exited): void {
  if (event.run !== runner.run) return;
  if (WITH_GUARDS) {
    if (awaitsRestart(runner, event)) return;
    runner.timeoutAt = undefined;
    if (runner.cleaning) return cleaned(runner, event);
  }
  const { at, step } = runner;
  const document = runner.document!;
  const { ignoreStepFailure, allowStdErr } = document.steps[step]!;
  const name = nameStep(document, step);
  const how = WITH_GUARDS ? unlessLate(runner, event) : event;
  const { succeeded, reason } = judge(how, runner.stderrLines, allowStdErr);
  const next = step + 1;
  if (WITH_CUSTOM && succeeded) addResults(runner, how);
  const finish = (status: Outcome['status'], why = reason) =>
    end(runner, status, finalDetails(runner, step, status, why, how.details));
  log(runner, 'info', `${name} ended: ${reason}`);
  if (at === 'stopping') signal(runner, 'SIGKILL'); // what the program left behind in its group
  runner.run = 0;
  runner.killAt = Infinity;
  if (at === 'stopping') {
    if (runner.lost) forget(runner);
    else finish('FAILED', `${name} was ended because the agent was asked to end`);
  } else if (!succeeded && !ignoreStepFailure) {
    finish('FAILED');
  } else if (next === document.steps.length) {
    finish('SUCCEEDED');
  } else if (runner.stopBy) {
    park(runner, next);
  } else {
    runner.untold = progressDetails(document, next);
    start(runner, document, next);
  }
}

/** Remembers that the next boot goes on with `step`. */
export function park(runner: Runner, step: number): void {
  runner.at = 'parking';
  const phase: Phase = { phase: 'claimed', step };
  persist(runner, WITH_GUARDS ? { ...phase, ...kept(runner) } : phase);
  runner.job = undefined;
}

/**
 * Nothing of the job is left to run: its outcome is remembered, then reported. Of a REJECTED one nothing has run, so nothing
 * is remembered: whatever goes wrong, the execution is asked for and refused again.
 */
export function end(runner: Runner, status: Outcome['status'], values: StatusDetails): void {
  const outcome = { status, statusDetails: details(values) };
  if (WITH_GUARDS && cleanUpFirst(runner, outcome)) return;
  runner.untold = undefined;
  runner.outcome = outcome;
  runner.at = status === 'REJECTED' ? 'reporting' : 'ending';
  log(runner, status === 'SUCCEEDED' ? 'info' : 'warn', `${status}: ${values.reason}`);
  if (runner.at === 'ending') persist(runner, { phase: 'ended', outcome });
}

/** The job fails without output of a program. */
export function fail(runner: Runner, reason: string): void {
  end(runner, 'FAILED', { reason });
}

/** The service no longer holds the execution, or has decided otherwise: end what runs, then forget it. */
export function lose(runner: Runner, why: string): void {
  if (runner.at === 'stopping') return;
  log(runner, 'warn', why);
  if (WITH_GUARDS && lostMeanwhile(runner)) return;
  if (runner.at === 'running') terminate(runner, true);
  else forget(runner);
}

/** Asks the running program to end, and gives it a while. */
export function terminate(runner: Runner, lost: boolean): void {
  signal(runner, 'SIGTERM');
  runner.at = 'stopping';
  runner.lost = lost;
  // One that was asked before, by its timeoutSeconds, gets no second grace.
  runner.killAt = Math.min(runner.killAt, runner.now + KILL_GRACE_MILLIS);
}

export function signal({ out, run }: Runner, signal: 'SIGTERM' | 'SIGKILL'): void {
  out.push({ do: 'signal', run, signal });
}

export function forget(runner: Runner): void {
  if (WITH_GUARDS) {
    if (cleanUpFirst(runner, undefined)) return;
    resetGuards(runner);
  }
  runner.untold = undefined;
  runner.doubt = false;
  runner.at = 'forgetting';
  runner.job = undefined;
  persist(runner);
}

export function persist(runner: Runner, phase?: Phase): void {
  const { thingName, job, out } = runner;
  runner.saving++;
  out.push({ do: 'persist', record: phase && ({ thingName, job, ...phase } as JobRecord) });
}
