import { WITH_GUARDS } from '../../parts.ts';
import type { Accepted, ErrorResponse, JobExecution, JobExecutionState } from '../answers.ts';
import { parseDocument } from '../document.ts';
import { isRetryable } from '../errorCodes.ts';
import { isTerminal } from '../execution.ts';
import type { UpdateRequest } from '../requests.ts';
import { lookAgain, ofQueued, pause } from './ask.ts';
import { refreshed } from './guards.ts';
import { type Asked, log, type Runner } from './state.ts';
import { begin, end, forget, jobOf, lose, setVersion, start } from './work.ts';

/** The service agreed. Answers to anything but the one request under way are old, or somebody else's. */
export function accepted(runner: Runner, answer: Accepted): void {
  const { execution, jobDocument } = answer;
  const asked = takeAsked(runner, answer);
  const { at, job, document } = runner;
  if (asked?.about === 'next') {
    if (execution) begin(runner, execution);
  } else if (asked && job) {
    runner.setbacks = 0;
    if (asked.about === 'own') return described(runner, execution);
    setVersion(runner, job.versionNumber + 1);
    // The execution is ours. What runs is the document that came with this answer: while the claim was on its way, the job
    // may have been deleted and made anew, and the claim have met the new one, whose queuedAt nobody has told.
    if (at === 'claiming') {
      const claimed = jobDocument === undefined ? document! : parseDocument(jobDocument, runner.facts);
      // `never`: compared alone, so that names which are private in the agent's file stay in it.
      if (JSON.stringify(claimed as never) !== JSON.stringify(document as never)) runner.job!.queuedAt = 0;
      start(runner, claimed, 0);
    }
    if (asked.about === 'final') {
      log(runner, 'debug', 'report accepted');
      forget(runner);
    }
  }
}

/** The service refused; by code, what is refused is tried later, given up, or shows that the execution is no longer ours. */
export function rejected(runner: Runner, error: ErrorResponse): void {
  const asked = takeAsked(runner, error);
  if (!asked) return;
  const { code, message, executionState } = error;
  const { about, request } = asked;
  log(runner, isRetryable(code) ? 'warn' : 'info', `${request.operation} refused: ${code}: ${message}`);
  if (about !== 'next' && runner.job) {
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

/** What comes before the device is online was kept for it, and tells how things were then: it is asked again. */
function takeAsked(runner: Runner, { clientToken }: { clientToken?: string }): Asked | undefined {
  const { asked, online } = runner;
  if (!online || asked?.request.clientToken !== clientToken) return undefined;
  runner.asked = undefined;
  return asked;
}

function wantAgain(runner: Runner, { about, request }: Asked): void {
  lookAgain(runner);
  runner.askNext ||= about === 'next';
  runner.doubt ||= about === 'own';
  // Of a job that is gone, nothing is told as the next one's.
  if (runner.job && about === 'progress') runner.untold ??= (request as UpdateRequest).statusDetails;
}

/** Our own execution was described: to take it up again after boot, or because it was in doubt. */
function described(runner: Runner, execution: JobExecution | undefined): void {
  const { at, step, job } = runner;
  // Before its first step it is our claim that met what is IN_PROGRESS: nobody has told us its queuedAt.
  const isAnother = at === 'resuming' && step && job!.queuedAt && job!.queuedAt !== execution?.queuedAt;
  if (!execution || isAnother) return lose(runner, ANOTHER);
  if (!isOurs(runner, execution)) return;
  // No step of it has run. It is asked for anew when the record of the claim is gone: its document may be another, and wrong.
  if (at === 'resuming' && execution.status === 'QUEUED') return forget(runner);
  runner.job = jobOf(execution);
  if (WITH_GUARDS) refreshed(runner, execution);
  if (at !== 'resuming') return;
  log(runner, 'info', `taken up again at step ${step + 1}`);
  start(runner, parseDocument(execution.jobDocument, runner.facts), step);
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
    if (state.versionNumber === runner.job?.versionNumber) pause(runner);
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
  const { at, job, outcome } = runner;
  const queued = status === 'QUEUED';
  if (isTerminal(status)) {
    const told = at === 'reporting' && outcome!.status === status;
    lose(runner, told ? 'the service has its report already' : `the service holds it as ${status}`);
  } else if (versionNumber < job!.versionNumber || (queued && at !== 'resuming' && !ofQueued(runner))) {
    lose(runner, ANOTHER);
  } else if (queued || !ofQueued(runner)) {
    return true;
  } else if (at === 'reporting') {
    // From IN_PROGRESS the service may refuse REJECTED for good: FAILED says the same.
    setVersion(runner, versionNumber);
    end(runner, 'FAILED', outcome!.statusDetails ?? {});
  } else {
    lose(runner, 'somebody else has started it');
  }
  return false;
}

/** A refusal that our own request should never get: it is not repeated for ever, and the report gets through without details. */
function unexpected(runner: Runner, { about }: Asked): void {
  const { outcome } = runner;
  pause(runner);
  if (about === 'claim') forget(runner);
  if (about !== 'final') return;
  if (outcome?.statusDetails) runner.outcome = { status: outcome.status };
  else lose(runner, 'the service refuses its report');
}
