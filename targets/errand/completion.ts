import { hyphenated, type Operation } from '../service/operations/operation.ts';
import type { Shape } from '../service/operations/shape.ts';
import { OPERATIONS } from '../service/operations/table.ts';
import { SERVICE_HELP } from '../service/settings.ts';
import { EXIT, usageError } from './outcome.ts';
import { outfileOptions } from './outfiles.ts';
import { OUTPUTS } from './output.ts';
import { pagingOptions } from './pages.ts';
import { PROGRAMS } from './programs.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const HELP = `errand completion: commands, options and values for the completion of a shell

  bash   eval "$(errand completion bash)"                                  in ~/.bashrc
  zsh    eval "$(errand completion zsh)"                                   in ~/.zshrc, after compinit
  fish   errand completion fish > ~/.config/fish/completions/errand.fish
`;

interface Command {
  name: string;
  about: string;
  options: readonly Option[];
  /** What may stand behind the command itself. */
  words?: readonly string[];
}

interface Option {
  name: string;
  about: string;
  /** A boolean has none. */
  takesValue: boolean;
  values: readonly string[];
}

/** `errand completion SHELL`. @returns the exit code */
export async function main(argv: string[]): Promise<number> {
  const [shell, ...more] = argv;
  if (shell === '--help' || shell === '-h') {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const write = { bash, zsh, fish }[shell as (typeof SHELLS)[number]];
  if (write === undefined || more.length > 0)
    throw usageError(`found '${argv.join(' ')}': expected one of ${SHELLS.join(', ')}`);
  process.stdout.write(write(commands()));
  return EXIT.ok;
}

/** Everything from the tables that the commands themselves are read from. */
function commands(): Command[] {
  const valued = (name: string, about: string, values: readonly string[] = []): Option => ({
    ...{ name, about, values },
    takesValue: true,
  });
  const help: Option = { name: '--help', about: 'options of this command', takesValue: false, values: [] };
  const endpoints = valued('--endpoints', 'endpoints.json of the service');
  const globals = [
    endpoints,
    valued('--output', 'form of the answer', OUTPUTS),
    valued('--query', 'what is wanted of the answer'),
    valued('--cli-input-json', 'members as JSON'),
    valued('--cli-input-yaml', 'members as YAML'),
    { name: '--generate-cli-skeleton', about: 'a JSON object to fill in', takesValue: false, values: [] },
    help,
  ];
  const own: Record<string, Partial<Command>> = {
    service: {
      options: [
        ...[...SERVICE_HELP.matchAll(/^ {2}(--[a-z0-9-]+) [A-Z]+ +(.*)$/gm)].map(([, name = '', about = '']) =>
          valued(
            name,
            about,
            name === '--log' ? ['debug', 'info', 'warn', 'error', 'json', 'json,debug', 'json,warn'] : [],
          ),
        ),
        help,
      ],
    },
    watch: { options: [valued('--every', 'seconds between two looks'), endpoints, help] },
    backup: { options: [valued('--data', 'data folder of the service'), help] },
    completion: { words: SHELLS },
  };
  return [
    ...Object.entries(PROGRAMS).map(([name, { about }]) => ({ name, about, options: [help], ...own[name] })),
    ...OPERATIONS.map((operation) => ({
      name: hyphenated(operation.name),
      about: operation.about,
      options: [
        ...optionsOf(operation),
        ...pagingOptions(operation).map(
          ([name, value, about]): Option => ({ name, about, takesValue: value !== '', values: [] }),
        ),
        ...outfileOptions(operation).map((name) => valued(name, 'a file for it')),
        ...globals,
      ],
    })),
  ];
}

function optionsOf({ input }: Operation): Option[] {
  return Object.entries(input).flatMap(([member, { shape, about }]) => {
    const takesValue = shape.type !== 'boolean';
    const option = (name: string): Option => ({ name, about, takesValue, values: valuesOf(shape) });
    const name = hyphenated(member);
    return takesValue ? [option(`--${name}`)] : [option(`--${name}`), option(`--no-${name}`)];
  });
}

function valuesOf(shape: Shape): readonly string[] {
  if (shape.type === 'list') return valuesOf(shape.of);
  return shape.type === 'string' ? (shape.oneOf ?? []) : [];
}

/** Which words come next, as the `case` that bash and zsh share; needs $command, $previous and $current, sets $words. */
function cases(all: readonly Command[]): string {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (const { name, options } of all)
    for (const option of options) {
      if (!option.takesValue) flags.add(option.name);
      else if (option.values.length > 0) values.set(`${name} ${option.name}`, option.values.join(' '));
    }
  return `  case "$command $previous" in
${[...values].map(([key, words]) => `    '${key}') words='${words}' ;;`).join('\n')}
    ${[...flags].map((flag) => `*' ${flag}'`).join('|')}|*' '[!-]*) more=1 ;;
    *) case "$current" in -*) more=1 ;; esac ;;
  esac
  if [ -n "$more" ]; then
    case "$command" in
${all.map(({ name, options, words = [] }) => `      ${name}) words='${[...words, ...options.map((option) => option.name)].join(' ')}' ;;`).join('\n')}
    esac
  fi`;
}

function bash(all: readonly Command[]): string {
  return `# completion of errand for bash
_errand() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" words='' more=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${namesOf(all)}' -- "$current"))
    return
  fi
${cases(all)}
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _errand errand
`;
}

function zsh(all: readonly Command[]): string {
  return `#compdef errand
# completion of errand for zsh
_errand() {
  local current="\${words[CURRENT]}" previous="\${words[CURRENT-1]}" command="\${words[2]}" more=''
  if [ "$CURRENT" -eq 2 ]; then
    compadd -- ${namesOf(all)}
    return
  fi
  local words=''
${cases(all)}
  if [ -n "$words" ]; then compadd -- \${=words}; else _files; fi
}
compdef _errand errand
`;
}

function fish(all: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = all.flatMap(({ name, about, options, words = [] }) => {
    const behind = `complete -c errand -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c errand -f -n __fish_use_subcommand -a ${name} -d ${quoted(about)}`,
      ...(words.length > 0 ? [`${behind} -f -a ${quoted(words.join(' '))}`] : []),
      ...options.map(({ name: option, about: what, takesValue, values }) => {
        const value = values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : takesValue ? ' -r' : '';
        return `${behind} -l ${option.slice(2)}${value} -d ${quoted(what)}`;
      }),
    ];
  });
  return `# completion of errand for fish\n${lines.join('\n')}\n`;
}

function namesOf(all: readonly Command[]): string {
  return all.map(({ name }) => name).join(' ');
}
