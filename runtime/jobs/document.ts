import { isObject, isWhole, type JsonObject, type JsonValue } from './json.ts';

/**
 * A job document of steps, checked: what AWS's managed templates and the AWS IoT Device Client use.
 * Source: AWS IoT Device Client, source/jobs/README.md; AWS managed templates 1.0.
 */
export interface StepDocument {
  /** Report what the programs printed on stdout. */
  includeStdOut: boolean;
  steps: Step[];
  /** Runs after every step succeeded; its failure fails the job. */
  finalStep?: Step;
}

/** One program to run, without a shell. */
export interface Step {
  name: string;
  run:
    | { type: 'runHandler'; handler: string; args: string[]; path?: string }
    | { type: 'runCommand'; argv: [program: string, ...args: string[]] };
  /** The user to run as; absent: the agent's own. */
  runAsUser?: string;
  /** Most lines on stderr with which the step still succeeds; absent: stderr does not matter. */
  allowStdErr?: number;
  /** The job goes on when this step fails. */
  ignoreStepFailure: boolean;
}

/** Where a document is wrong: `path` as in `$.steps[0].action.name`. */
export interface DocumentFault {
  path: string;
  fault: string;
}

/** Most steps of a document. Our choice: 32 KiB hold about 400. */
export const STEPS_MAX = 512;

class Fault extends Error {
  constructor(
    readonly path: string,
    readonly fault: string,
  ) {
    super();
  }
}

/**
 * Checks a whole document before any of it runs.
 *
 * `includeStdOut` and `ignoreStepFailure` are taken as a boolean or as text, elements of `steps` without `action` are
 * passed over, as AWS's client does.
 */
export function parseDocument(value: JsonValue | undefined): StepDocument | DocumentFault {
  try {
    return readDocument(value);
  } catch (error) {
    if (error instanceof Fault) return { path: error.path, fault: error.fault };
    throw error;
  }
}

function readDocument(value: JsonValue | undefined): StepDocument {
  const document = object(value, '$');
  text(document, 'version', '$');
  checkConditions(document.conditions);
  const steps = array(document.steps, '$.steps').flatMap((step, i) =>
    isObject(step) && step.action !== undefined ? readStep(step, `$.steps[${i}]`) : [],
  );
  expect(steps.length > 0 && steps.length <= STEPS_MAX, '$.steps', `1 to ${STEPS_MAX} with an action`, steps.length);
  const checked: StepDocument = { includeStdOut: flag(document, 'includeStdOut', '$'), steps };
  if (document.finalStep !== undefined)
    checked.finalStep = readStep(object(document.finalStep, '$.finalStep'), '$.finalStep');
  return checked;
}

function readStep(step: JsonObject, at: string): Step {
  const path = `${at}.action`;
  const action = object(step.action, path);
  const checked: Step = {
    name: text(action, 'name', path),
    run: readRun(action, path),
    ignoreStepFailure: flag(action, 'ignoreStepFailure', path),
  };
  const runAsUser = optionalText(action, 'runAsUser', path);
  if (runAsUser) checked.runAsUser = runAsUser;
  const { allowStdErr } = action;
  if (allowStdErr !== undefined) {
    expect(isWhole(allowStdErr) && allowStdErr >= 0, `${path}.allowStdErr`, 'a number of lines', allowStdErr);
    checked.allowStdErr = allowStdErr as number;
  }
  return checked;
}

function readRun(action: JsonObject, path: string): Step['run'] {
  const type = text(action, 'type', path);
  expect(type === 'runHandler' || type === 'runCommand', `${path}.type`, 'runHandler or runCommand', type);
  const at = `${path}.input`;
  const input = object(action.input, at);
  return type === 'runHandler' ? readHandler(input, at) : readCommand(input, at);
}

function readHandler(input: JsonObject, at: string): Step['run'] {
  const handler = text(input, 'handler', at);
  const path = optionalText(input, 'path', at);
  const args = array(input.args ?? [], `${at}.args`).map((arg, i) => string(arg, `${at}.args[${i}]`));
  expect(!/^\/|(^|\/)\.\.(\/|$)/.test(handler), `${at}.handler`, 'a name inside the handler folder', handler);
  expect(!path?.split('/').includes('..'), `${at}.path`, 'a folder without ".."', path);
  return { type: 'runHandler', handler, args, ...(path ? { path } : {}) };
}

function readCommand(input: JsonObject, at: string): Step['run'] {
  const command = text(input, 'command', at);
  const [program = '', ...args] = splitCommand(command);
  expect(
    /^\S+$/.test(program),
    `${at}.command`,
    'a program without white space, then arguments behind commas',
    command,
  );
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
    .filter((token) => token !== '');
}

function checkConditions(conditions: JsonValue = []): void {
  for (const [i, entry] of array(conditions, '$.conditions').entries()) {
    const at = `$.conditions[${i}]`;
    const condition = object(entry, at);
    text(condition, 'key', at);
    optionalText(condition, 'type', at);
    const values = array(condition.value, `${at}.value`);
    expect(values.length > 0, `${at}.value`, 'a value', values);
    for (const value of values) string(value, `${at}.value`);
  }
}

function object(value: JsonValue | undefined, path: string): JsonObject {
  expect(isObject(value), path, 'an object', value);
  return value as JsonObject;
}

function array(value: JsonValue | undefined, path: string): JsonValue[] {
  expect(Array.isArray(value), path, 'an array', value);
  return value as JsonValue[];
}

/** A NUL ends a program's argument early: what would run is not what was written. */
function string(value: JsonValue | undefined, path: string): string {
  expect(typeof value === 'string' && !value.includes('\0'), path, 'a string without U+0000', value);
  return value as string;
}

function text(owner: JsonObject, member: string, at: string): string {
  expect(owner[member] !== '', `${at}.${member}`, 'text', '');
  return string(owner[member], `${at}.${member}`);
}

function optionalText(owner: JsonObject, member: string, at: string): string | undefined {
  return owner[member] === undefined ? undefined : string(owner[member], `${at}.${member}`);
}

function flag(owner: JsonObject, member: string, at: string): boolean {
  const value = owner[member];
  expect(
    [undefined, true, false, 'true', 'false', ''].includes(value as never),
    `${at}.${member}`,
    'true or false',
    value,
  );
  return value === true || value === 'true';
}

function expect(holds: boolean, path: string, expected: string, found: JsonValue | undefined): void {
  if (!holds)
    throw new Fault(
      path,
      `expected ${expected}, found ${JSON.stringify(found)?.slice(0, FOUND_CHARS_MAX) ?? 'nothing'}`,
    );
}

/** As much of a wrong value is shown. */
const FOUND_CHARS_MAX = 40;
