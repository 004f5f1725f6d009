import { random32, randomUnit } from '../../random.ts';
import { NEXT_JOB } from '../names.ts';
import type { StatusDetails } from '../statusDetails.ts';
import { ANSWER_MILLIS_MAX, ANSWER_MILLIS_MIN, SETBACK_MILLIS_MAX, SETBACK_MILLIS_MIN } from './limits.ts';
import { progressDetails } from './outcome.ts';
import type { Ask, Asked, Job, Runner, Turn } from './state.ts';

type Unsigned = Ask extends infer A ? (A extends Ask ? Omit<A, 'clientToken'> : never) : never;
interface Wanted {
  about: Asked['about'];
  request: Unsigned;
}

/** Sends what the state calls for, when nothing else is under way. */
export function askIfWanted(turn: Turn): void {
  const { runner } = turn;
  if (!runner.online || runner.finished || runner.asked !== undefined || runner.pauseUntil !== undefined) return;
  const wanted = wantedOf(runner);
  if (wanted === undefined) return;
  const request = { ...wanted.request, clientToken: freshToken(runner) } as Ask;
  if (wanted.about === 'next') runner.askNext = false;
  if (wanted.about === 'own') runner.doubt = false;
  if (wanted.about === 'progress') runner.untold = undefined;
  runner.asked = { about: wanted.about, request, sent: 0, repeatAt: 0 };
  send(turn, runner.asked);
}

/** No answer came: the request is sent again, with its own token, so that the service applies it no second time. */
export function askAgain(turn: Turn): void {
  const { asked, online } = turn.runner;
  if (online && asked !== undefined && !lookAgain(turn)) send(turn, asked);
}

/**
 * What is asked of an execution that was QUEUED is never repeated: meanwhile it may have been deleted and made anew, with
 * the same jobId, executionNumber and versionNumber. It is looked at first, by its queuedAt.
 *
 * @returns false when something else is asked
 */
export function lookAgain({ runner }: Turn): boolean {
  const { work } = runner;
  if (!ofQueued(runner)) return false;
  runner.asked = undefined;
  runner.work = work.at === 'claiming' ? { at: 'resuming', job: work.job, step: 0 } : { at: 'idle' };
  runner.askNext = true;
  return true;
}

/** A claim, or a REJECTED: nothing else moves an execution out of QUEUED. */
function ofQueued({ work }: Runner): boolean {
  return work.at === 'claiming' || (work.at === 'reporting' && work.outcome.status === 'REJECTED');
}

function send(turn: Turn, asked: Asked): void {
  const wait = Math.min(ANSWER_MILLIS_MAX, ANSWER_MILLIS_MIN * 2 ** asked.sent);
  turn.runner.asked = { ...asked, sent: asked.sent + 1, repeatAt: turn.now + wait };
  turn.out.push({ do: 'ask', request: asked.request, once: ofQueued(turn.runner) });
}

/** What the state calls for next; the order is the urgency. */
function wantedOf(runner: Runner): Wanted | undefined {
  const { work, doubt } = runner;
  switch (work.at) {
    case 'resuming':
      return { about: 'own', request: describe(work.job, true) };
    case 'claiming':
      return { about: 'claim', request: update(work.job, 'IN_PROGRESS', progressDetails(work.document, 0)) };
    case 'running':
    case 'starting':
      if (doubt) return { about: 'own', request: describe(work.job, false) };
      return runner.untold && { about: 'progress', request: update(work.job, 'IN_PROGRESS', runner.untold) };
    case 'reporting': {
      if (doubt) return { about: 'own', request: describe(work.job, false) };
      const { status, statusDetails } = work.outcome;
      return { about: 'final', request: update(work.job, status, work.withoutDetails ? undefined : statusDetails) };
    }
    case 'idle':
      if (!runner.askNext || runner.stopBy !== undefined) return undefined;
      return { about: 'next', request: { operation: 'DescribeJobExecution', jobId: NEXT_JOB } };
    default:
      return undefined;
  }
}

function describe({ jobId, executionNumber }: Job, includeJobDocument: boolean): Unsigned {
  return { operation: 'DescribeJobExecution', jobId, executionNumber, includeJobDocument };
}

/** The version we know is always expected: an execution made later under the same name is never touched. */
function update(
  job: Job,
  status: 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'REJECTED',
  statusDetails?: StatusDetails,
): Unsigned {
  const { jobId, executionNumber, versionNumber: expectedVersion } = job;
  return {
    operation: 'UpdateJobExecution',
    jobId,
    status,
    executionNumber,
    expectedVersion,
    ...(statusDetails && { statusDetails }),
  };
}

/** Unlike any other of this boot and, by its seed, of others: 7 characters of chance and a count. */
function freshToken(runner: Runner): string {
  const [bits, next] = random32(runner.chance);
  runner.chance = next;
  return `${bits.toString(36).padStart(7, '0')}${(++runner.tokens).toString(36)}`;
}

/** Asks nothing for a while: a refusal may pass. Half of the pause is chance, so that a fleet does not come back at once. */
export function pause(turn: Turn): void {
  const { runner, now } = turn;
  const longest = Math.min(SETBACK_MILLIS_MAX, SETBACK_MILLIS_MIN * 2 ** Math.min(runner.setbacks++, 30));
  const [unit, next] = randomUnit(runner.chance);
  runner.chance = next;
  runner.pauseUntil = now + longest * (0.5 + unit / 2);
}
