/** `npm run sim:scenarios`: see --help. */
import { playScenarios } from '../mistakes.mjs';
import { readOptions } from '../options.mjs';

const HELP = `Plays named scenarios of the simulated world, each told the same every time.

  npm run sim:scenarios -- [TEXT]

  TEXT  those whose name contains it (default: all of them)

Exit code 0: no promise was broken; 1: one was, and its story is told; 2: wrong arguments.
`;

const { words } = readOptions(HELP, { words: true });
const { code, stdout } = await playScenarios(words.join(' '));
process.stdout.write(stdout);
process.exitCode = code;
