import { isObject, type JsonObject, type JsonValue } from './json.ts';

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
    super(fault);
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
  const { steps } = document;
  if (!Array.isArray(steps)) throw new Fault('$.steps', `expected an array of steps, found ${kind(steps)}`);
  if (steps.length > STEPS_MAX)
    throw new Fault('$.steps', `found ${steps.length} steps: at most ${STEPS_MAX} are allowed`);
  const usable = steps.flatMap((step, i) =>
    isObject(step) && step.action !== undefined ? [readStep(step, `$.steps[${i}]`)] : [],
  );
  if (usable.length === 0) throw new Fault('$.steps', 'expected at least one step with an action');
  const checked: StepDocument = { includeStdOut: flag(document, 'includeStdOut', '$'), steps: usable };
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
  if (action.allowStdErr !== undefined) {
    if (!Number.isSafeInteger(action.allowStdErr) || (action.allowStdErr as number) < 0) {
      throw new Fault(`${path}.allowStdErr`, `expected a number of lines, found ${kind(action.allowStdErr)}`);
    }
    checked.allowStdErr = action.allowStdErr as number;
  }
  return checked;
}

function readRun(action: JsonObject, path: string): Step['run'] {
  const type = text(action, 'type', path);
  if (type !== 'runHandler' && type !== 'runCommand') {
    throw new Fault(`${path}.type`, `expected runHandler or runCommand, found '${type.slice(0, 40)}'`);
  }
  const input = object(action.input, `${path}.input`);
  return type === 'runHandler' ? readHandler(input, `${path}.input`) : readCommand(input, `${path}.input`);
}

function readHandler(input: JsonObject, at: string): Step['run'] {
  const handler = text(input, 'handler', at);
  if (handler.startsWith('/') || climbs(handler)) {
    throw new Fault(`${at}.handler`, 'expected a name inside the handler folder, found an absolute path or ".."');
  }
  const args = input.args ?? [];
  if (!Array.isArray(args)) throw new Fault(`${at}.args`, `expected an array of strings, found ${kind(args)}`);
  for (const [i, arg] of args.entries()) {
    if (typeof arg !== 'string') throw new Fault(`${at}.args[${i}]`, `expected a string, found ${kind(arg)}`);
    refuseNul(arg, `${at}.args[${i}]`);
  }
  const path = optionalText(input, 'path', at);
  if (path && climbs(path)) throw new Fault(`${at}.path`, 'expected a folder without ".."');
  return { type: 'runHandler', handler, args: args as string[], ...(path ? { path } : {}) };
}

function climbs(path: string): boolean {
  return path.split('/').includes('..');
}

function readCommand(input: JsonObject, at: string): Step['run'] {
  const [program, ...args] = splitCommand(text(input, 'command', at));
  if (program === undefined) throw new Fault(`${at}.command`, 'expected a program, found nothing between the commas');
  if (/\s/.test(program)) {
    throw new Fault(
      `${at}.command`,
      `the program '${program.slice(0, 40)}' has white space: separate arguments by commas`,
    );
  }
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

function checkConditions(conditions: JsonValue | undefined): void {
  if (conditions === undefined) return;
  if (!Array.isArray(conditions)) throw new Fault('$.conditions', `expected an array, found ${kind(conditions)}`);
  for (const [i, entry] of conditions.entries()) {
    const at = `$.conditions[${i}]`;
    const condition = object(entry, at);
    text(condition, 'key', at);
    const { value } = condition;
    if (!Array.isArray(value) || value.length === 0 || value.some((one) => typeof one !== 'string')) {
      throw new Fault(`${at}.value`, `expected a non-empty array of strings, found ${kind(value)}`);
    }
    optionalText(condition, 'type', at);
  }
}

function object(value: JsonValue | undefined, path: string): JsonObject {
  if (isObject(value)) return value;
  throw new Fault(path, `expected an object, found ${kind(value)}`);
}

function text(owner: JsonObject, member: string, at: string): string {
  const value = optionalText(owner, member, at);
  if (value) return value;
  throw new Fault(`${at}.${member}`, `expected a non-empty string, found ${kind(owner[member])}`);
}

function optionalText(owner: JsonObject, member: string, at: string): string | undefined {
  const value = owner[member];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new Fault(`${at}.${member}`, `expected a string, found ${kind(value)}`);
  refuseNul(value, `${at}.${member}`);
  return value;
}

/** A NUL ends a program's argument early: what would run is not what was written. */
function refuseNul(value: string, path: string): void {
  if (value.includes('\0')) throw new Fault(path, 'expected text without U+0000');
}

function flag(owner: JsonObject, member: string, at: string): boolean {
  const value = owner[member];
  if (value === undefined || value === false || value === 'false' || value === '') return false;
  if (value === true || value === 'true') return true;
  throw new Fault(`${at}.${member}`, `expected true or false, found ${kind(value)}`);
}

function kind(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (value === '') return 'an empty string';
  return Array.isArray(value) ? 'an array' : `${/^[aeiou]/.test(typeof value) ? 'an' : 'a'} ${typeof value}`;
}
