import { ProtocolError } from '../errors.ts';
import { isObject, isWhole, type JsonValue } from './json.ts';

/**
 * A job document of steps, checked: what AWS's managed templates and the AWS IoT Device Client use.
 * Source: AWS IoT Device Client, source/jobs/README.md; AWS managed templates 1.0.
 */
export interface StepDocument {
  /** Report what the programs printed on stdout. */
  includeStdOut: boolean;
  /** In the order they run: `finalStep` is the last, so it runs only when every other succeeded. */
  steps: Step[];
}

/** One program to run, without a shell. */
export interface Step {
  name: string;
  run:
    | { type: 'runHandler'; handler: string; args: string[]; path?: string | undefined }
    | { type: 'runCommand'; argv: [program: string, ...args: string[]] };
  /** The user to run as; absent: the agent's own. */
  runAsUser?: string | undefined;
  /** Most lines on stderr with which the step still succeeds; absent: stderr does not matter. */
  allowStdErr?: number | undefined;
  /** The job goes on when this step fails. */
  ignoreStepFailure: boolean;
}

/** Most steps of a document. Our choice: 32 KiB hold about 400. */
export const STEPS_MAX = 512;

/** A value of the document, and where it is, as in `$.steps[0].action.name`. */
interface Place {
  value: JsonValue | undefined;
  path: string;
}

/**
 * Checks a whole document before any of it runs.
 *
 * `includeStdOut` and `ignoreStepFailure` are taken as a boolean or as text, elements of `steps` without `action` are
 * passed over, as AWS's client does.
 *
 * @returns one sentence when it is wrong: where, what was expected, what was found
 */
export function parseDocument(value: JsonValue | undefined): StepDocument | string {
  try {
    return readDocument({ value, path: '$' });
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

function readDocument(document: Place): StepDocument {
  readText(document, 'version');
  const conditions = member(document, 'conditions');
  if (conditions.value !== undefined) for (const condition of items(conditions)) checkCondition(condition);
  const list = member(document, 'steps');
  const steps = items(list)
    .filter(({ value }) => isObject(value) && value.action !== undefined)
    .map(readStep);
  expect(steps.length > 0 && steps.length <= STEPS_MAX, list, `1 to ${STEPS_MAX} with an action`);
  const finalStep = member(document, 'finalStep');
  if (finalStep.value !== undefined) steps.push(readStep(finalStep));
  return { includeStdOut: readFlag(document, 'includeStdOut'), steps };
}

function readStep(step: Place): Step {
  const action = member(step, 'action');
  const name = readText(action, 'name');
  const isHandler = readText(action, 'type', /^run(Handler|Command)$/, 'runHandler or runCommand') === 'runHandler';
  const input = member(action, 'input');
  const allowed = member(action, 'allowStdErr');
  const allowStdErr = allowed.value as number | undefined;
  expect(allowStdErr === undefined || (isWhole(allowStdErr) && allowStdErr >= 0), allowed, 'a number of lines');
  return {
    name,
    run: isHandler ? readHandler(input) : readCommand(input),
    runAsUser: readOptional(action, 'runAsUser', TEXT, 'a user'),
    allowStdErr,
    ignoreStepFailure: readFlag(action, 'ignoreStepFailure'),
  };
}

function readHandler(input: Place): Step['run'] {
  const args = member(input, 'args');
  return {
    type: 'runHandler',
    handler: readText(input, 'handler', /^(?!\/|(.*\/)?\.\.(\/|$))[^\0]+$/s, 'a name inside the handler folder'),
    args: args.value === undefined ? [] : items(args).map((arg) => textOf(arg, /^[^\0]*$/)),
    path: readOptional(input, 'path', /^(?!(.*\/)?\.\.(\/|$))[^\0]+$/s, 'a folder without ".."'),
  };
}

function readCommand(input: Place): Step['run'] {
  const [program = '', ...args] = splitCommand(readText(input, 'command'));
  const expected = 'a program without white space, then arguments behind commas';
  expect(/^\S+$/.test(program), member(input, 'command'), expected);
  return { type: 'runCommand', argv: [program, ...args] };
}

/**
 * Splits a command at its commas; `\,` stands for a comma. Tokens are trimmed and empty ones dropped, as AWS IoT Device Client does.
 * No shell ever sees it: `echo,Hello\, world` becomes `["echo", "Hello, world"]`.
 */
export function splitCommand(command: string): string[] {
  return command
    .split(/(?<!\\),/)
    .map((token) => token.replaceAll('\\,', ',').trim())
    .filter((token) => token);
}

function checkCondition(condition: Place): void {
  readText(condition, 'key');
  readOptional(condition, 'type');
  const value = member(condition, 'value');
  expect(items(value).map((one) => textOf(one)).length > 0, value, 'a value');
}

function member({ value, path }: Place, name: string): Place {
  expect(isObject(value), { value, path }, 'an object');
  return { value: (value as Record<string, JsonValue>)[name], path: `${path}.${name}` };
}

function items({ value, path }: Place): Place[] {
  expect(Array.isArray(value), { value, path }, 'an array');
  return (value as JsonValue[]).map((value, i) => ({ value, path: `${path}[${i}]` }));
}

/** A NUL ends a program's argument early: what would run is not what was written. */
const TEXT = /^[^\0]+$/;

function readText(owner: Place, name: string, pattern = TEXT, expected = 'text'): string {
  return textOf(member(owner, name), pattern, expected);
}

/** Undefined also for an empty text. */
function readOptional(owner: Place, name: string, pattern = TEXT, expected = 'text'): string | undefined {
  const { value } = member(owner, name);
  return value === undefined || value === '' ? undefined : readText(owner, name, pattern, expected);
}

function textOf(place: Place, pattern = TEXT, expected = 'text'): string {
  expect(typeof place.value === 'string' && pattern.test(place.value), place, expected);
  return place.value as string;
}

function readFlag(owner: Place, name: string): boolean {
  const place = member(owner, name);
  expect([undefined, true, false, 'true', 'false', ''].includes(place.value as never), place, 'true or false');
  return `${place.value}` === 'true';
}

function expect(holds: boolean, { value, path }: Place, expected: string): void {
  if (holds) return;
  const found = JSON.stringify(value)?.slice(0, FOUND_CHARS_MAX) ?? 'nothing';
  throw new ProtocolError(`invalid job document at ${path}`, `expected ${expected}, found ${found}`);
}

/** As much of a wrong value is shown. */
const FOUND_CHARS_MAX = 40;
