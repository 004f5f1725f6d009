/** `npm test`: see HELP. */
import { launch } from './launch.mjs';

const HELP = `npm test: installs and builds what is missing, then runs the tests

  npm test             all of them
  npm test PATTERN...  those whose path below test/ contains one of the patterns

ERRAND_TESTS=all in the environment: a test whose tool is missing fails instead of being skipped.
Exit code 0: all passed; 1: one failed; 2: no test has such a path; 130: ended by Ctrl-C.
`;

const patterns = process.argv.slice(2);
const option = patterns.find((pattern) => pattern.startsWith('-'));
if (option === undefined) await launch('run.ts', patterns);
else if (option === '--help' || option === '-h') process.stdout.write(HELP);
else {
  process.stderr.write(`npm test: unknown ${option}\n\n${HELP}`);
  process.exitCode = 2;
}
