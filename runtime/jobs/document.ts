import { ProtocolError } from '../errors.ts';
import { WITH_GUARDS, WITH_LEGACY } from '../parts.ts';
import { type Facts, readGuards } from './guards.ts';
import { isObject, isWhole, type JsonObject, type JsonValue } from './json.ts';
import { isOperation, type Operation, readOperation } from './operations.ts';

/**
 * A job document of steps, checked: what AWS's managed templates and the AWS IoT Device Client use.
 * Source: AWS IoT Device Client, source/jobs/README.md; AWS managed templates 1.0.
 */
export interface StepDocument {
  /** Report what the programs printed on stdout. */
  includeStdOut: boolean;
  /** In the order they run: `finalStep` is the last, so it runs only when every other succeeded. */
  steps: Step[];
  /** What runs when the job does not succeed; only read with facts (guards.ts), like the last members of a step. */
  onFailure?: Step | undefined;
  /** All of it, as it came. */
  source?: JsonObject;
  /** Of a jobs-agent's document: what is reported has that agent's words (operations.ts). */
  operation?: Operation;
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
  idempotent?: boolean;
  restarts?: boolean;
  timeoutSeconds?: number | undefined;
}

/** Most steps of a document. Our choice: 32 KiB hold about 400. */
export const STEPS_MAX = 512;

/**
 * Checks a whole document before any of it runs.
 *
 * `includeStdOut` and `ignoreStepFailure` are taken as a boolean or as text, elements of `steps` without `action` are
 * passed over, as AWS's client does.
 *
 * @param facts  what this device knows of itself: then members of our own are read too
 * @returns      one sentence when it is wrong: where, what was expected, what was found
 */
export function parseDocument(value: JsonValue | undefined, facts?: Facts): StepDocument | string {
  try {
    const place = placeOf(value, '$');
    if (WITH_LEGACY && facts && isOperation(value)) return readOperation(place, facts);
    const document = readDocument(place);
    return WITH_GUARDS && facts ? readGuards(place, document, facts) : document;
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

function readDocument(document: Place): StepDocument {
  document.member('version').text();
  for (const condition of document.member('conditions').items([])) checkCondition(condition);
  const list = document.member('steps');
  const steps = list
    .items()
    .filter(({ found }) => isObject(found) && found.action !== undefined)
    .map(readStep);
  list.expect(steps.length > 0 && steps.length <= STEPS_MAX, `1 to ${STEPS_MAX} with an action`);
  const finalStep = document.member('finalStep');
  if (finalStep.found !== undefined) steps.push(readStep(finalStep));
  return { includeStdOut: document.member('includeStdOut').flag(), steps };
}

export function readStep(step: Place): Step {
  const action = step.member('action');
  const name = action.member('name').text();
  const type = action.member('type').text(/^run(Handler|Command)$/, 'runHandler or runCommand');
  const input = action.member('input');
  return {
    name,
    run: type === 'runHandler' ? readHandler(input) : readCommand(input),
    runAsUser: action.member('runAsUser').optional(TEXT, 'a user'),
    allowStdErr: readAllowed(action.member('allowStdErr')),
    ignoreStepFailure: action.member('ignoreStepFailure').flag(),
  };
}

export function readAllowed({ found, expect }: Place): number | undefined {
  expect(found === undefined || (isWhole(found) && found >= 0), 'a number of lines');
  return found as number | undefined;
}

export function readHandler(input: Place): Step['run'] {
  return {
    type: 'runHandler',
    handler: input.member('handler').text(/^(?!\/|(.*\/)?\.\.(\/|$))[^\0]+$/s, 'a name inside the handler folder'),
    args: input
      .member('args')
      .items([])
      .map((arg) => arg.text(/^[^\0]*$/)),
    path: input.member('path').optional(/^(?!(.*\/)?\.\.(\/|$))[^\0]+$/s, 'a folder without ".."'),
  };
}

function readCommand(input: Place): Step['run'] {
  const command = input.member('command');
  const [program = '', ...args] = splitCommand(command.text());
  command.expect(/^\S+$/.test(program), 'a program, its arguments behind commas');
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
  condition.member('key').text();
  condition.member('type').optional();
  const value = condition.member('value');
  const values = value.items().map((one) => one.text());
  value.expect(values.length > 0, 'a value');
}

/** A value of the document together with where it is, such as `$.steps[0].action.name`. What is not as expected is thrown. */
export interface Place {
  found: JsonValue | undefined;
  expect(holds: boolean, expected: string): void;
  member(name: string): Place;
  /** @param absent  what stands for nothing, where it may be left out */
  items(absent?: JsonValue[]): Place[];
  text(pattern?: RegExp, expected?: string): string;
  /** Undefined also for an empty text. */
  optional(pattern?: RegExp, expected?: string): string | undefined;
  /** As a boolean or in words; false when absent. */
  flag(): boolean;
}

/** A NUL ends a program's argument early: what would run is not what was written. */
const TEXT = /^[^\0]+$/;

/** As much of a wrong value is shown. */
const FOUND_CHARS_MAX = 40;

function placeOf(found: JsonValue | undefined, path: string): Place {
  function expect(holds: boolean, expected: string): void {
    if (holds) return;
    const shown = JSON.stringify(found)?.slice(0, FOUND_CHARS_MAX) ?? 'nothing';
    throw new ProtocolError(`invalid job document at ${path}`, `expected ${expected}, found ${shown}`);
  }
  function text(pattern = TEXT, expected = 'text'): string {
    expect(typeof found === 'string' && pattern.test(found), expected);
    return found as string;
  }
  return {
    found,
    expect,
    text,
    member(name) {
      expect(isObject(found), 'an object');
      return placeOf((found as JsonObject)[name], `${path}.${name}`);
    },
    items(absent) {
      const list = found === undefined ? absent : found;
      expect(Array.isArray(list), 'an array');
      return (list as JsonValue[]).map((item, i) => placeOf(item, `${path}[${i}]`));
    },
    optional: (...how) => (found === undefined || found === '' ? undefined : text(...how)),
    flag() {
      expect([undefined, true, false, 'true', 'false', ''].includes(found as never), 'true or false');
      return `${found}` === 'true';
    },
  };
}
