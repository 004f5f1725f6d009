import type { Accepted, ErrorResponse, JobExecution, JobExecutionState } from '../answers.ts';
import { parseDocument, type StepDocument } from '../document.ts';
import { isRetryable } from '../errorCodes.ts';
import { isTerminal } from '../execution.ts';
import { lookAgain, ofQueued, pause } from './ask.ts';
import { type Asked, jobAt, log, type Runner } from './state.ts';
import { begin, end, fail, forget, jobOf, lose, setVersion, start } from './work.ts';

/** The service agreed. Answers to anything but the one request under way are old, or somebody else's. */
export function accepted(runner: Runner, clientToken: string, { execution, jobDocument }: Accepted): void {
  const asked = takeAsked(runner, clientToken);
  const { work } = runner;
  if (asked?.about === 'next') {
    if (execution) begin(runner, execution);
  } else if (asked && 'job' in work) {
    runner.setbacks = 0;
    if (asked.about === 'own') return described(runner, execution);
    setVersion(runner, work.job.versionNumber + 1);
    if (work.at === 'claiming') claimed(runner, jobDocument === undefined ? work.document : parseDocument(jobDocument));
    if (asked.about === 'final') {
      log(runner, 'debug', 'report accepted', work.job);
      forget(runner);
    }
  }
}

/**
 * The execution is ours. What runs is the document that came with this answer: while the claim was on its way, the job may
 * have been deleted and made anew, and the claim have met the new one.
 */
function claimed(runner: Runner, document: StepDocument | string): void {
  if (typeof document === 'string') fail(runner, jobAt(runner), document);
  else start(runner, jobAt(runner), document, 0);
}

/** The service refused; by code, what is refused is tried later, given up, or shows that the execution is no longer ours. */
export function rejected(runner: Runner, clientToken: string, error: ErrorResponse): void {
  const asked = takeAsked(runner, clientToken);
  if (!asked) return;
  const { code, message, executionState } = error;
  const { about, request } = asked;
  log(runner, isRetryable(code) ? 'warn' : 'info', `${request.operation} refused: ${code}: ${message}`);
  if (about !== 'next' && 'job' in runner.work) {
    if (code === 'ResourceNotFound' || code === 'TerminalStateReached')
      return lose(runner, `the service no longer holds it (${code})`);
    if (about !== 'own') {
      if (code === 'VersionMismatch' || code === 'InvalidStateTransition')
        return contradicted(runner, asked, executionState);
      if (!isRetryable(code)) return unexpected(runner, asked);
    }
  }
  wantAgain(runner, asked);
  pause(runner);
}

function takeAsked(runner: Runner, clientToken: string): Asked | undefined {
  const { asked } = runner;
  if (asked?.request.clientToken !== clientToken) return undefined;
  runner.asked = undefined;
  return asked;
}

function wantAgain(runner: Runner, { about, request }: Asked): void {
  lookAgain(runner);
  runner.askNext ||= about === 'next';
  runner.doubt ||= about === 'own';
  if (about === 'progress' && 'statusDetails' in request) runner.untold ??= request.statusDetails;
}

/** Our own execution was described: to take it up again after boot, or because it was in doubt. */
function described(runner: Runner, execution: JobExecution | undefined): void {
  const { work } = runner;
  if (!('job' in work)) return;
  const { jobId, executionNumber, queuedAt } = work.job;
  const held = execution && jobOf(execution);
  if (held?.jobId !== jobId || held.executionNumber !== executionNumber || held.queuedAt !== queuedAt)
    return lose(runner, ANOTHER);
  if (!execution || !isOurs(runner, execution)) return;
  if (work.at !== 'resuming') return setVersion(runner, held.versionNumber);
  if (execution.status === 'QUEUED') return begin(runner, execution); // no step of it has run
  const document = parseDocument(execution.jobDocument);
  if (typeof document === 'string') return fail(runner, held, document);
  log(runner, 'info', `taken up again at step ${work.step + 1}`, held);
  start(runner, held, document, work.step);
}

const ANOTHER = 'the service holds another execution in its place';

/**
 * An update met another version or another status than we knew: our own update is there and its answer was lost, or the
 * service has decided otherwise.
 */
function contradicted(runner: Runner, asked: Asked, state: JobExecutionState | undefined): void {
  if (!state) {
    runner.doubt = true;
    wantAgain(runner, asked);
  } else if (isOurs(runner, state)) {
    if (asked.about === 'progress') wantAgain(runner, asked);
    if (state.versionNumber === jobAt(runner).versionNumber) pause(runner);
    setVersion(runner, state.versionNumber);
  }
}

/**
 * Whether we may go on with what the service holds under our execution's name; if not, it is let go.
 *
 * - Terminal: the service has it already, or has decided otherwise (cancelled, timed out).
 * - QUEUED, where ours was not, or with an older version: an execution made later under the same name.
 */
function isOurs(runner: Runner, { status, versionNumber }: JobExecutionState): boolean {
  const { work } = runner;
  const queued = status === 'QUEUED';
  if (isTerminal(status)) {
    const told = work.at === 'reporting' && work.outcome.status === status;
    lose(runner, told ? 'the service has its report already' : `the service holds it as ${status}`);
  } else if (versionNumber < jobAt(runner).versionNumber || (queued && work.at !== 'resuming' && !ofQueued(runner))) {
    lose(runner, ANOTHER);
  } else if (queued || !ofQueued(runner)) {
    return true;
  } else if (work.at === 'reporting') {
    // From IN_PROGRESS the service may refuse REJECTED for good: FAILED says the same.
    end(runner, { ...work.job, versionNumber }, { ...work.outcome, status: 'FAILED' });
  } else {
    lose(runner, 'somebody else has started it');
  }
  return false;
}

/** A refusal that our own request should never get: it is not repeated for ever, and the report gets through without details. */
function unexpected(runner: Runner, { about }: Asked): void {
  const { work } = runner;
  pause(runner);
  if (about === 'claim') forget(runner);
  if (about !== 'final' || work.at !== 'reporting') return;
  if (work.withoutDetails) lose(runner, 'the service refuses its report');
  else runner.work = { ...work, withoutDetails: true };
}
