import { hyphenated, type Operation } from '../service/operations/operation.ts';
import { didYouMean } from './closest.ts';
import { inputJson, inputYaml, known, optionValue } from './optionValue.ts';
import { usageError } from './outcome.ts';
import { checkOutfiles, type Outfiles, outfileOptions } from './outfiles.ts';
import { OUTPUTS, type Output } from './output.ts';
import { checkPaging, type Paging, pagingOptions, readPaging } from './pages.ts';
import { type Query, readQuery } from './query.ts';

/** What every operation's command takes beside the operation's own members. */
export interface Globals {
  /** --endpoints */
  endpointsFile: string | undefined;
  output: Output;
  query: Query | undefined;
  help: boolean;
  /** --generate-cli-skeleton */
  skeleton: boolean;
  /** Of a list. */
  paging: Paging;
  /** Where members of the answer are to be written too. */
  outfiles: Outfiles;
}

export interface Command extends Globals {
  /** Members by name, typed; ranges are not checked. */
  input: Record<string, unknown>;
}

/**
 * Reads the arguments behind an operation's name: `--job-id x --targets a b --force`, `--force=...` is not one of them.
 *
 * @throws CommandError (usage) with the option and what was expected
 */
export async function readArguments(operation: Operation, args: readonly string[]): Promise<Command> {
  const command: Command = {
    endpointsFile: undefined,
    output: 'json',
    query: undefined,
    help: false,
    skeleton: false,
    paging: {},
    outfiles: {},
    input: {},
  };
  let defaults: Record<string, unknown> | undefined;
  for (const { option, values } of splitOptions(withFile(operation, args))) {
    if (option === '--help') command.help = true;
    else if (option === '--generate-cli-skeleton') {
      if (values.length > 0 && values.join() !== 'input')
        throw usageError(`${option}: found '${values.join(' ')}' behind it: expected nothing, or input`);
      command.skeleton = true;
    } else if (option === '--endpoints') command.endpointsFile = single(option, values);
    else if (option === '--output') command.output = outputOf(single(option, values));
    else if (option === '--query') command.query = await readQuery(single(option, values));
    else if (isDefaults(option)) {
      if (defaults !== undefined)
        throw usageError('--cli-input-json and --cli-input-yaml are both given: expected one');
      defaults = await readDefaults(operation, option, single(option, values));
    } else if (pagingOptions(operation).some(([name]) => name === option)) readPaging(command.paging, option, values);
    else if (outfileOptions(operation).includes(option)) command.outfiles[option] = single(option, values);
    else readMember(operation, option, values, command.input);
  }
  command.input = { ...defaults, ...command.input };
  if (!command.help && !command.skeleton) {
    checkRequired(operation, command.input);
    checkPaging(operation, command.input, command.paging);
    checkOutfiles(command.outfiles);
  }
  return command;
}

/** What every operation has beside its members. */
const GLOBAL_OPTIONS = [
  '--endpoints',
  '--output',
  '--query',
  '--cli-input-json',
  '--cli-input-yaml',
  '--generate-cli-skeleton',
  '--help',
];

/** A lone FILE, where the operation takes one, as the option that it stands for. */
function withFile({ file }: Operation, [first, ...rest]: readonly string[]): string[] {
  if (first === undefined) return [];
  return file === undefined || first.startsWith('-') ? [first, ...rest] : [optionOf(file), `file://${first}`, ...rest];
}

/** `--job-id` for the member jobId. */
export function optionOf(member: string): string {
  return `--${hyphenated(member)}`;
}

function splitOptions(args: readonly string[]): { option: string; values: string[] }[] {
  const options: { option: string; values: string[] }[] = [];
  for (const arg of args) {
    if (/^--[a-z]/.test(arg)) {
      const equals = arg.indexOf('=');
      if (equals === -1) options.push({ option: arg, values: [] });
      else options.push({ option: arg.slice(0, equals), values: [arg.slice(equals + 1)] });
    } else if (arg === '-h') options.push({ option: '--help', values: [] });
    else if (options.length > 0) options.at(-1)!.values.push(arg);
    else throw usageError(`found '${arg}': expected an option such as --help`);
  }
  const names = options.map(({ option }) => option);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw usageError(`${twice} is given twice`);
  return options;
}

function readMember(operation: Operation, option: string, values: string[], input: Record<string, unknown>): void {
  const members = Object.entries(operation.input);
  const found =
    members.find(([name]) => optionOf(name) === option) ??
    members.find(([name, { shape }]) => shape.type === 'boolean' && option === `--no-${hyphenated(name)}`);
  if (found === undefined) {
    const own = members.map(([name]) => optionOf(name));
    const all = [
      ...own,
      ...GLOBAL_OPTIONS,
      ...pagingOptions(operation).map(([name]) => name),
      ...outfileOptions(operation),
    ];
    const help = `errand ${hyphenated(operation.name)} --help lists them`;
    throw usageError(`no option ${option}${didYouMean(option, all) || `: expected one of ${own.join(', ')}`}: ${help}`);
  }
  const [name, { shape }] = found;
  if (shape.type !== 'boolean') {
    input[name] = optionValue(shape, option, values);
    return;
  }
  if (values.length > 0)
    throw usageError(
      `${option}: found '${values[0]}' behind it: expected nothing, or ${optionOf(name).replace('--', '--no-')}`,
    );
  if (Object.hasOwn(input, name)) throw usageError(`${optionOf(name)} and its opposite are both given`);
  input[name] = option === optionOf(name);
}

function isDefaults(option: string): option is '--cli-input-json' | '--cli-input-yaml' {
  return option === '--cli-input-json' || option === '--cli-input-yaml';
}

async function readDefaults(
  operation: Operation,
  option: '--cli-input-json' | '--cli-input-yaml',
  text: string,
): Promise<Record<string, unknown>> {
  const [form, members] =
    option === '--cli-input-json'
      ? ['a JSON object', inputJson(option, text)]
      : ['a map in YAML', await inputYaml(option, text)];
  if (members === undefined)
    throw usageError(`${option}: expected ${form} with members such as ${Object.keys(operation.input)[0]}`);
  return known({ type: 'structure', members: operation.input }, members, option) as Record<string, unknown>;
}

function checkRequired({ input: members }: Operation, input: Record<string, unknown>): void {
  const missing = Object.entries(members)
    .filter(([name, { required }]) => required && (input[name] ?? undefined) === undefined)
    .map(([name]) => optionOf(name));
  if (missing.length > 0) throw usageError(`the following arguments are required: ${missing.join(', ')}`);
}

function single(option: string, values: string[]): string {
  if (values.length !== 1) throw usageError(`${option}: expected one value, found ${values.length}`);
  return values[0]!;
}

function outputOf(text: string): Output {
  const output = OUTPUTS.find((one) => one === text);
  if (output === undefined) throw usageError(`--output is '${text}': expected ${OUTPUTS.join(', ')}`);
  return output;
}
