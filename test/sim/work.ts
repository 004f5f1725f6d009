import type { Step } from '../../runtime/jobs/document.ts';
import type { JsonObject } from '../../runtime/jobs/json.ts';

/** One step as an operator wants it; what a program does is in its own words: `work,MILLIS,CODE,MANNER`. */
export interface Work {
  name: string;
  millis: number;
  code: number;
  /**
   * `stubborn` ignores TERM; `tells` reports progress and asks for its document anew; `missing` cannot be started; `shows` ends with
   * details for the outcome.
   */
  manner?: 'stubborn' | 'tells' | 'missing' | 'shows' | undefined;
  handler?: boolean;
  /** For microcontrollers: what they say when it runs. */
  id?: number;
  /** For microcontrollers: the image that is theirs then, in the place of a program. */
  image?: { source: string; sha256: string };
  ignoreStepFailure?: boolean;
  allowStdErr?: number | undefined;
  idempotent?: boolean;
  restarts?: boolean;
  timeoutSeconds?: number | undefined;
}

/** What a document says beside its steps. */
export interface Around {
  onFailure?: Work | undefined;
  finalStep?: Work | undefined;
  includeStdOut?: boolean;
  conditions?: { key: string; value: string[]; type?: string }[];
}

/** Names tell the checks which steps may start twice: the clean-up, and `+` one that may be repeated. */
export const CLEAN_UP = 'clean';
export const REPEATABLE = '+';

export function documentOf(works: readonly Work[], { onFailure, finalStep, ...around }: Around = {}): string {
  return JSON.stringify({
    version: '1.0',
    ...around,
    steps: works.map(stepOf),
    ...(finalStep && { finalStep: stepOf(finalStep) }),
    ...(onFailure && { onFailure: stepOf(onFailure) }),
  });
}

function stepOf({ name, millis, code, manner, handler, id, image, ...guards }: Work): JsonObject {
  if (image) {
    const input = { command: `flash,${image.source},sha256=${image.sha256}` };
    return { action: { name, type: 'runCommand', input } };
  }
  const said = id === undefined ? manner : (manner ?? 'plain');
  const args = [`${millis}`, `${code}`, ...(said ? [said] : []), ...(id === undefined ? [] : [`${id}`])];
  const run = handler
    ? { type: 'runHandler', input: { handler: 'work', args, path: '' } }
    : { type: 'runCommand', input: { command: ['work', ...args].join() } };
  return { action: { name, ...run, ...guards } } as unknown as JsonObject;
}

/** What a program that a board starts is to do. */
export function readWork({ run }: Step): { millis: number; code: number; manner: string | undefined } {
  const [millis = '10', code = '0', manner] = run.type === 'runCommand' ? run.argv.slice(1) : run.args;
  // Arguments of an operation may be anything.
  return { millis: Number(millis) || 10, code: Number(code) || 0, manner };
}

/**
 * Whether a step is over as it should be.
 *
 * @param end           how its program ended when it ran last; undefined: it never did
 * @param isRead        members of our own are read (runtime/jobs/guards.ts)
 * @param hasRestarted  the device came up anew after the record of this step was written. That is the success of a step that
 *   restarts it, by whatever power it came, also before its program had begun.
 */
export function endedWell(
  work: Work,
  end: { code: number | undefined } | undefined,
  isRead: boolean,
  hasRestarted: boolean,
): boolean {
  if (isRead && work.restarts) return hasRestarted && (end?.code ?? 0) === 0;
  const isInTime = !isRead || !isTooSlow(work);
  const isWell = end?.code === 0 && work.allowStdErr !== 0 && isInTime;
  return isWell || (work.ignoreStepFailure === true && end !== undefined);
}

/** The device itself ends it, whatever it would have come to. */
export function isTooSlow({ millis, timeoutSeconds = Infinity }: Work): boolean {
  return millis > timeoutSeconds * 1_000;
}
