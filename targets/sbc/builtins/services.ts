import { existsSync } from 'node:fs';
import type { Handler } from '../handlers/handler.ts';
import { readNames } from './names.ts';
import { hasProgram, isExecutable } from './tools.ts';

type Verb = 'start' | 'stop' | 'restart';
type Argv = [program: string, ...args: string[]];

/** A system that keeps services running: how it is known, and what it is told. */
interface Manager {
  isHere(): boolean;
  /** Only there while it is the one that runs. */
  running?: string;
  commands(verb: Verb, names: readonly string[]): Argv[];
}

const INIT_FOLDER = '/etc/init.d';

const initScripts = (verb: Verb, names: readonly string[]) =>
  names.map((name): Argv => [`${INIT_FOLDER}/${name}`, verb]);

/** In the order they are looked for. */
const MANAGERS: readonly Manager[] = [
  {
    isHere: () => hasProgram('systemctl'),
    running: '/run/systemd/system',
    commands: (verb, names) => [['systemctl', verb, '--', ...names]],
  },
  {
    isHere: () => hasProgram('rc-service'),
    running: '/run/openrc',
    commands: (verb, names) => names.map((name) => ['rc-service', name, verb]),
  },
  { isHere: () => hasProgram('procd'), commands: initScripts },
  {
    isHere: () => hasProgram('service'),
    commands: (verb, names) => names.map((name) => ['service', name, verb]),
  },
  { isHere: () => isExecutable(INIT_FOLDER), commands: initScripts },
];

/** What is running is taken before what is only installed: some systems have the programs of another. */
function findManager(): Manager {
  const here = MANAGERS.filter(({ isHere }) => isHere());
  const found = here.find(({ running }) => running !== undefined && existsSync(running)) ?? here[0];
  if (!found) throw new Error('found no systemd, OpenRC, procd or init scripts');
  return found;
}

/** `start-services.sh` and its like: one service after the other; what fails does not keep the rest from being tried. */
export function serviceHandler(verb: Verb): Handler {
  return {
    name: `${verb}-services.sh`,
    async run({ args, execute }) {
      const names = readNames('services', args);
      let worst = 0;
      for (const argv of findManager().commands(verb, names)) worst = (await execute(...argv)) || worst;
      return worst;
    },
  };
}
