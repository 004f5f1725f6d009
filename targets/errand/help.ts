import { hyphenated, type Operation } from '../service/operations/operation.ts';
import type { Shape } from '../service/operations/shape.ts';
import { OPERATIONS } from '../service/operations/table.ts';
import { optionOf } from './arguments.ts';
import { DEFAULT_ENDPOINTS_FILE } from './endpoints.ts';
import { outfileOptions } from './outfiles.ts';
import { pagingOptions } from './pages.ts';
import { PROGRAMS } from './programs.ts';

const GLOBALS = `  --endpoints FILE       endpoints.json of the service; else $ERRAND_ENDPOINTS, else ./${DEFAULT_ENDPOINTS_FILE}
  --output FORM          json, table or text; json if not given
  --query EXPRESSION     what is wanted of the answer, in JMESPath: 'jobs[].jobId'
  --cli-input-json TEXT  members as one JSON object; options win
  --cli-input-yaml TEXT  the same in YAML
  --generate-cli-skeleton  a JSON object for --cli-input-json, to be filled in
  --help                 this text

A value may be file://PATH: the text of that file. Structures, maps and lists are JSON or shorthand.
Exit codes, as of the AWS CLI: 0 done, 252 wrong arguments, 253 endpoints.json missing or wrong, 254 refused by the
service, 255 service not reached.
`;

/** What `errand --help` prints. */
export function overview(): string {
  const rows = (entries: readonly (readonly [string, string])[]) =>
    entries.map(([name, about]) => `  ${name.padEnd(40)}${about}\n`).join('');
  const programs = rows(Object.entries(PROGRAMS).map(([name, { about }]) => [name, about]));
  const operations = rows(OPERATIONS.map(({ name, about }) => [hyphenated(name), about]));
  return `errand: remote jobs for small devices, compatible with AWS IoT Jobs

usage: errand COMMAND [options]      errand COMMAND --help      errand --version

run something here:
${programs}
talk to a running service (options as of 'aws iot COMMAND'):
${operations}
every command that talks to a service takes:
${GLOBALS}`;
}

/** What `errand create-job --help` prints. */
export function operationHelp(operation: Operation): string {
  const { name, about, input, output, errors, file } = operation;
  const options = Object.entries(input).map(([member, { shape, required, about: what }]) => {
    const option = shape.type === 'boolean' ? `${optionOf(member)} | --no-${hyphenated(member)}` : optionOf(member);
    const range = shape.type === 'boolean' ? '' : ` ${rangeOf(shape)}`;
    return `  ${option}${range}${required ? '   (required)' : ''}\n      ${what}\n${syntax(shape)}`;
  });
  const pages = pagingOptions(operation).map(
    ([option, value, what]) => `  ${`${option} ${value}`.trimEnd()}\n      ${what}\n`,
  );
  const files = outfileOptions(operation).map(
    (option) => `  ${option} FILE\n      the same as in the answer, for its owner alone\n`,
  );
  const members = Object.keys(output?.members ?? {});
  const lone = file === undefined ? '' : `  FILE   instead of ${optionOf(file)} file://FILE\n`;
  const own = [lone, ...options, ...pages, ...files].join('');
  return `errand ${hyphenated(name)}: ${about}

${own}${own === '' ? '' : '\n'}${GLOBALS}
prints: ${members.length === 0 ? 'nothing' : members.join(', ')}
errors: ${errors.join(', ')}
`;
}

function syntax(shape: Shape): string {
  const inner = shape.type === 'list' ? shape.of : shape;
  if (inner.type !== 'structure') return '';
  return `      ${shorthandOf(inner)}${shape.type === 'list' ? ' ...' : ''}\n`;
}

function shorthandOf(shape: Shape): string {
  if (shape.type === 'structure')
    return Object.entries(shape.members)
      .map(([name, { shape: inner }]) => `${name}=${nested(inner)}`)
      .join(',');
  return rangeOf(shape);
}

function nested(shape: Shape): string {
  if (shape.type === 'structure') return `{${shorthandOf(shape)}}`;
  return shape.type === 'list' ? `[${nested(shape.of)},...]` : rangeOf(shape);
}

/** A shape in a few words: `text of 1 to 64: [a-zA-Z0-9_-]+`, `1 to 250`. */
function rangeOf(shape: Shape): string {
  switch (shape.type) {
    case 'string':
      if (shape.oneOf !== undefined) return shape.oneOf.join('|');
      return `TEXT${shape.charsMax === undefined ? '' : `(${shape.charsMin ?? 0}..${shape.charsMax})`}`;
    case 'integer':
    case 'number': {
      const { min = '', max = '' } = shape;
      return `NUMBER${min === '' && max === '' ? '' : `(${min}..${max})`}`;
    }
    case 'boolean':
      return 'true|false';
    case 'timestamp':
      return 'SECONDS';
    case 'list':
      return shape.of.type === 'structure' ? '...' : `${rangeOf(shape.of)} ...`;
    case 'map':
      return 'KEY=VALUE,...';
    case 'structure':
      return '...';
  }
}
