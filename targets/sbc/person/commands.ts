import { createLog } from '../log.ts';
import { readSettings } from '../settings.ts';
import { diagnose } from './doctor.ts';
import { install } from './install.ts';
import { runLocally } from './localRun.ts';
import { printStatus } from './status.ts';

/** A line behind the settings in `--help`. */
export const COMMANDS = `
Commands, before the settings:
  doctor                  looks at settings, files, clock, network and policy; says what to do
  status                  what the agent is doing
  run FILE                runs a document here, without a service; --dry-run only checks it
  install                 sets the agent up to start with this machine; --dry-run shows how
`;

/** @returns the exit code; undefined when no command is named */
export async function runCommand(argv: readonly string[]): Promise<number | undefined> {
  const [command, ...rest] = argv;
  const dry = rest.includes('--dry-run');
  const others = rest.filter((arg) => arg !== '--dry-run');
  switch (command) {
    case 'doctor':
      return diagnose(readSettings(others, process.env));
    case 'status':
      return printStatus(readSettings(others, process.env));
    case 'run':
      return runLocally(others, dry, createLog({ level: 'info', json: false }));
    case 'install':
      return install(others, dry);
    default:
      return undefined;
  }
}

/** One line for people. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
