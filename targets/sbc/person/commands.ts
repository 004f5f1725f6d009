import { createLog, print } from '../log.ts';
import { readSettings } from '../settings.ts';
import { diagnose } from './doctor.ts';
import { install } from './install.ts';
import { runLocally } from './localRun.ts';
import { printStatus } from './status.ts';

/** A line behind the settings in `--help`. */
export const COMMANDS = `
Commands, before the settings:
  doctor                      looks at settings, files, clock, network and policy; says what to do
  status                      what the agent is doing
  run FILE                    runs a document here, without a service; --dry-run only checks it
  install                     sets the agent up to start with this machine; --dry-run shows how
`;

/** @returns the exit code; undefined when no command is named */
export async function runCommand(argv: readonly string[]): Promise<number | undefined> {
  const [command, ...rest] = argv;
  try {
    switch (command) {
      case 'doctor':
        return await diagnose(readSettings(rest, process.env));
      case 'status':
        return await printStatus(readSettings(rest, process.env));
      case 'run':
        return await runLocally(rest, createLog({ level: 'info', json: false }));
      case 'install':
        return install(rest);
      default:
        return undefined;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    print(`errand-agent: ${command}: ${error.message}\n`, 2);
    return error.code;
  }
}

/** Ends a command with one sentence. */
export class Refusal extends Error {
  constructor(
    message: string,
    /** 1: it failed; 2: its words are wrong. */
    readonly code: 1 | 2 = 2,
  ) {
    super(message);
  }
}

/**
 * The words behind a command. One that it does not know is never passed over: `--dry-run` mistyped would run the job.
 *
 * @param options  names with spaces between them, of those with a value behind them
 * @param switches likewise, of those without
 * @throws Refusal with `usage`
 */
export function readWords(args: readonly string[], options: string, switches: string, usage: string) {
  const given: Record<string, string | undefined> = {};
  const lone: string[] = [];
  for (let i = 0; i < args.length; i += 1) {
    const [word, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(args[i]!) ?? [];
    if (!word) lone.push(args[i]!);
    else if (switches.split(' ').includes(word.slice(2))) given[name] = word;
    else {
      if (!options.split(' ').includes(name)) throw new Refusal(`unknown ${word}: ${usage}`);
      given[name] = inline ?? args[++i];
      if (!given[name]) throw new Refusal(`--${name} has nothing behind it: ${usage}`);
    }
  }
  return { given, lone };
}

/** One line for people. */
export function say(line: string): void {
  print(`${line}\n`);
}
