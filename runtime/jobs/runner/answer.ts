import type { Accepted, ErrorResponse, JobExecution, JobExecutionState } from '../answers.ts';
import { parseDocument } from '../document.ts';
import { isRetryable } from '../errorCodes.ts';
import { isTerminal } from '../execution.ts';
import { lookAgain, pause } from './ask.ts';
import { type Asked, type Job, log, logJob, type Turn } from './state.ts';
import { begin, end, fail, forget, invalid, jobOf, lose, start } from './work.ts';

/** The service agreed. Answers to anything but the one request under way are old, or somebody else's. */
export function accepted(turn: Turn, clientToken: string, answer: Accepted): void {
  const asked = takeAsked(turn, clientToken);
  if (asked === undefined) return;
  const { work } = turn.runner;
  if (asked.about === 'next') {
    if (work.at === 'idle' && answer.execution !== undefined) begin(turn, answer.execution);
    return;
  }
  if (!('job' in work)) return;
  switch (asked.about) {
    case 'own':
      return described(turn, answer.execution);
    case 'claim':
      return claimed(turn);
    case 'progress':
      return setVersion(turn, work.job.versionNumber + 1);
    case 'final':
      turn.runner.setbacks = 0;
      logJob(turn, 'debug', work.job, 'report accepted');
      return forget(turn);
  }
}

/** The service refused; by code, what is refused is tried later, given up, or shows that the execution is no longer ours. */
export function rejected(turn: Turn, clientToken: string, error: ErrorResponse): void {
  const asked = takeAsked(turn, clientToken);
  if (asked === undefined) return;
  const { runner } = turn;
  const { code, message, executionState: state } = error;
  log(turn, isRetryable(code) ? 'warn' : 'info', `${asked.request.operation} refused: ${code}: ${message}`);
  if (isRetryable(code)) {
    wantAgain(turn, asked);
    return pause(turn);
  }
  if (asked.about === 'next') {
    runner.askNext = true;
    return pause(turn);
  }
  if (!('job' in runner.work)) return;
  if (code === 'ResourceNotFound' || code === 'TerminalStateReached')
    return lose(turn, `the service no longer holds it (${code})`);
  if (asked.about === 'own') {
    runner.doubt = true;
    return pause(turn);
  }
  if (code === 'VersionMismatch' || code === 'InvalidStateTransition') return contradicted(turn, asked, state);
  unexpected(turn, asked);
}

function takeAsked(turn: Turn, clientToken: string): Asked | undefined {
  const { asked } = turn.runner;
  if (asked?.request.clientToken !== clientToken) return undefined;
  turn.runner.asked = undefined;
  return asked;
}

function wantAgain(turn: Turn, asked: Asked): void {
  const { runner } = turn;
  lookAgain(turn);
  if (asked.about === 'next') runner.askNext = true;
  if (asked.about === 'own') runner.doubt = true;
  if (asked.about === 'progress' && 'statusDetails' in asked.request) runner.untold ??= asked.request.statusDetails;
}

function claimed(turn: Turn): void {
  const { work } = turn.runner;
  if (work.at !== 'claiming') return;
  turn.runner.setbacks = 0;
  start(turn, { ...work.job, versionNumber: work.job.versionNumber + 1 }, work.document, 0);
}

function setVersion(turn: Turn, versionNumber: number): void {
  const { runner } = turn;
  if ('job' in runner.work) runner.work = { ...runner.work, job: { ...runner.work.job, versionNumber } };
}

/** Our own execution was described: to take it up again after boot, or because it was in doubt. */
function described(turn: Turn, execution: JobExecution | undefined): void {
  const { work } = turn.runner;
  if (!('job' in work)) return;
  const { job } = work;
  const same = execution?.jobId === job.jobId && execution.executionNumber === job.executionNumber;
  const later = same && (execution.queuedAt ?? 0) !== job.queuedAt;
  if (!same || later || isTerminal(execution.status) || execution.versionNumber < job.versionNumber) {
    return lose(turn, 'the service holds another execution in its place');
  }
  if (work.at === 'resuming') return takeUp(turn, execution, work);
  if (execution.status === 'QUEUED' && !(work.at === 'reporting' && work.outcome.status === 'REJECTED')) {
    return lose(turn, 'the service holds it as QUEUED: it was made anew');
  }
  setVersion(turn, execution.versionNumber);
}

function takeUp(turn: Turn, execution: JobExecution, { job, step }: { job: Job; step: number }): void {
  if (execution.status === 'QUEUED') {
    // No step has run of an execution that is still QUEUED: begun from its start.
    turn.runner.work = { at: 'idle' };
    return begin(turn, execution);
  }
  const document = parseDocument(execution.jobDocument);
  if ('fault' in document) return fail(turn, jobOf(execution), invalid(document));
  logJob(turn, 'info', job, `taken up again at step ${step + 1}`);
  start(turn, jobOf(execution), document, step);
}

/**
 * An update met another version or another status than we knew.
 *
 * - Our own update, whose answer was lost: its effect is there.
 * - Terminal: the service has it already, or has decided otherwise (cancelled, timed out).
 * - QUEUED, where ours was not: an execution made later under the same name.
 */
function contradicted(turn: Turn, asked: Asked, state: JobExecutionState | undefined): void {
  const { work } = turn.runner;
  if (!('job' in work)) return;
  if (state === undefined) {
    turn.runner.doubt = true;
    return wantAgain(turn, asked);
  }
  if (isTerminal(state.status)) {
    const told = work.at === 'reporting' && work.outcome.status === state.status;
    return lose(turn, told ? 'the service has its report already' : `the service holds it as ${state.status}`);
  }
  const { versionNumber } = work.job;
  if (asked.about === 'claim') {
    if (state.status === 'QUEUED') return again(turn, state.versionNumber);
    return lose(turn, 'somebody else has started it');
  }
  if (work.at === 'reporting' && work.outcome.status === 'REJECTED') {
    if (state.status === 'QUEUED') return again(turn, state.versionNumber);
    // From IN_PROGRESS the service may refuse REJECTED for good: FAILED says the same.
    return end(turn, { ...work.job, versionNumber: state.versionNumber }, { ...work.outcome, status: 'FAILED' });
  }
  if (state.status === 'QUEUED' || state.versionNumber < versionNumber)
    return lose(turn, 'the service holds another execution in its place');
  if (asked.about === 'progress' && asked.sent === 1) wantAgain(turn, asked);
  again(turn, state.versionNumber);
}

/** The same once more, with the version that the service told us; paused when that keeps happening. */
function again(turn: Turn, versionNumber: number): void {
  const known = 'job' in turn.runner.work ? turn.runner.work.job.versionNumber : 0;
  setVersion(turn, versionNumber);
  if (versionNumber === known) pause(turn);
}

/** A refusal that our own request should never get: it is not repeated for ever, and the report gets through without details. */
function unexpected(turn: Turn, asked: Asked): void {
  const { runner } = turn;
  const { work } = runner;
  pause(turn);
  if (asked.about === 'claim') return forget(turn);
  if (asked.about !== 'final' || work.at !== 'reporting') return;
  if (work.withoutDetails) return lose(turn, 'the service refuses its report');
  runner.work = { ...work, withoutDetails: true };
}
