import { WITH_GUARDS } from '../../parts.ts';
import { draw } from '../../random.ts';
import { NEXT_JOB } from '../names.ts';
import type { Outcome } from '../record.ts';
import type { StatusDetails } from '../statusDetails.ts';
import { stepTimer } from './guards.ts';
import { ANSWER_MILLIS_MAX, ANSWER_MILLIS_MIN, SETBACK_MILLIS_MAX, SETBACK_MILLIS_MIN } from './limits.ts';
import { details, progressDetails } from './outcome.ts';
import type { Ask, Asked, Job, Runner } from './state.ts';

type Unsigned = Ask extends infer A ? (A extends Ask ? Omit<A, 'clientToken'> : never) : never;

/** Sends what the state calls for, when nothing else is under way; the order is the urgency. */
export function askIfWanted(runner: Runner): void {
  const { at, job, outcome, untold } = runner;
  if (!mayAsk(runner)) return;
  if (at === 'idle') {
    if (!runner.askNext || runner.stopBy) return;
    runner.askNext = false;
    ask(runner, 'next', { operation: 'DescribeJobExecution', jobId: NEXT_JOB });
  } else if (job) {
    const { jobId, executionNumber } = job;
    const includeJobDocument = (WITH_GUARDS && at === 'running' && runner.stale === true) || at === 'resuming';
    if (includeJobDocument || runner.doubt) {
      runner.doubt = false;
      ask(runner, 'own', { operation: 'DescribeJobExecution', jobId, executionNumber, includeJobDocument });
    } else if (at === 'claiming') {
      const claim = update(job, 'IN_PROGRESS', progressDetails(runner.document!, 0));
      ask(runner, 'claim', { ...claim, includeJobDocument: true });
    } else if (at === 'reporting') {
      ask(runner, 'final', update(job, outcome!.status, outcome!.statusDetails));
    } else if (untold) {
      runner.untold = undefined;
      ask(runner, 'progress', update(job, 'IN_PROGRESS', untold));
    }
  }
}

/** Nothing is under way, and nothing keeps from asking. */
export function mayAsk({ online, finished, asked, pauseUntil }: Runner): boolean {
  return online && !finished && !asked && !pauseUntil;
}

/** The version we know is always expected: an execution made later under the same name is never touched. */
function update(
  { jobId, executionNumber, versionNumber }: Job,
  status: 'IN_PROGRESS' | Outcome['status'],
  values: StatusDetails | undefined,
): Unsigned {
  const expectedVersion = versionNumber;
  const statusDetails = values && details(values);
  return { operation: 'UpdateJobExecution', jobId, status, executionNumber, expectedVersion, statusDetails };
}

/** Each request has a token unlike any other of this boot and, by chance, of others; what begins a step, the service's timer for it. */
function ask(runner: Runner, about: Asked['about'], request: Unsigned): void {
  const clientToken = `${(++runner.tokens).toString(36)}-${draw(runner).toString(36).slice(2, 9)}`;
  const timer = WITH_GUARDS && runner.facts && (about === 'claim' || about === 'progress') ? stepTimer(runner) : {};
  runner.asked = { about, request: { ...request, ...timer, clientToken } as Ask, sent: 0, repeatAt: 0 };
  send(runner, runner.asked);
}

/** No answer came: the request is sent again, with its own token, so that the service applies it no second time. */
export function askAgain(runner: Runner): void {
  const { asked, online } = runner;
  if (online && asked && !lookAgain(runner)) send(runner, asked);
}

function send(runner: Runner, asked: Asked): void {
  asked.repeatAt = runner.now + Math.min(ANSWER_MILLIS_MAX, ANSWER_MILLIS_MIN * 2 ** asked.sent++);
  runner.out.push({ do: 'ask', request: asked.request, once: ofQueued(runner) });
}

/**
 * What is asked of an execution that was QUEUED is never repeated: meanwhile it may have been deleted and made anew, with
 * the same jobId, executionNumber and versionNumber. It is looked at first, by its queuedAt.
 *
 * @returns false when something else is asked
 */
export function lookAgain(runner: Runner): boolean {
  if (!ofQueued(runner)) return false;
  runner.asked = undefined;
  if (runner.at === 'claiming') runner.at = 'resuming';
  else idle(runner);
  return true;
}

/** A claim, or a REJECTED: nothing else moves an execution out of QUEUED. */
export function ofQueued({ at, outcome }: Runner): boolean {
  return at === 'claiming' || (at === 'reporting' && outcome?.status === 'REJECTED');
}

/** No job is at work: the next one is asked for. */
export function idle(runner: Runner): void {
  runner.at = 'idle';
  runner.job = undefined;
  runner.stdout = runner.stderr = '';
  runner.askNext = true;
}

/** Asks nothing for a while: a refusal may pass. Half of the pause is chance, so that a fleet does not come back at once. */
export function pause(runner: Runner): void {
  const longest = Math.min(SETBACK_MILLIS_MAX, SETBACK_MILLIS_MIN * 2 ** runner.setbacks++);
  runner.pauseUntil = runner.now + longest * (0.5 + draw(runner) / 2);
}
