import { fileFault } from '../service/fileFault.ts';
import { hyphenated } from '../service/operations/operation.ts';
import { OPERATIONS } from '../service/operations/table.ts';
import { readArguments } from './arguments.ts';
import { call } from './call.ts';
import { didYouMean } from './closest.ts';
import { readEndpoints } from './endpoints.ts';
import { operationHelp, overview } from './help.ts';
import { CommandError, EXIT, usageError } from './outcome.ts';
import { writeOutfiles } from './outfiles.ts';
import { render } from './output.ts';
import { callAllPages } from './pages.ts';
import { PROGRAMS } from './programs.ts';
import { skeletonOf } from './skeleton.ts';

declare const ERRAND_VERSION: string;

/** How wide a table is where there is no terminal. */
const COLUMNS = 80;

/**
 * The workstation command: `errand COMMAND [options]`. A command is a program that runs here (`service`, `agent`), or an operation of a
 * running service.
 *
 * @returns the exit code (see EXIT)
 */
async function errand(argv: string[]): Promise<number> {
  const [command, ...rest] = argv;
  if (command === undefined) {
    process.stderr.write(overview());
    return EXIT.usage;
  }
  if (command === 'help' && rest.length > 0) return errand([rest[0]!, '--help']);
  if (command === '--help' || command === '-h' || command === 'help') return say(overview());
  if (command === '--version')
    return say(`errand ${typeof ERRAND_VERSION === 'string' ? ERRAND_VERSION : 'from source'}\n`);
  if (Object.hasOwn(PROGRAMS, command)) return (await PROGRAMS[command]!.load()).main(rest);

  const operation = OPERATIONS.find(({ name }) => hyphenated(name) === command);
  if (command.startsWith('-'))
    throw usageError(`found '${command}': expected a command before its options; errand --help lists them`);
  if (operation === undefined) {
    const commands = [...Object.keys(PROGRAMS), ...OPERATIONS.map(({ name }) => hyphenated(name))];
    throw usageError(`no command '${command}'${didYouMean(command, commands)}: errand --help lists them`);
  }
  const asked = await readArguments(operation, rest);
  const { input, endpointsFile, output, query, help, skeleton, paging, outfiles } = asked;
  if (help) return say(operationHelp(operation));
  if (skeleton) return say(skeletonOf(operation));
  const service = readEndpoints(endpointsFile, process.env);
  const pages = await callAllPages(operation, input, paging, (page) => call(operation, page, service));
  const columns = process.stdout.columns || COLUMNS;
  try {
    return say(render(output, operation, pages, columns, query));
  } catch (error) {
    say(render(output, operation, pages, columns)); // what was made is not lost with a query that does not fit it
    throw error;
  } finally {
    writeOutfiles(operation, outfiles, pages[0]!);
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

// Whoever reads our output may have seen enough (`errand list-jobs | head -1`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  process.stderr.write(`errand: the output cannot be written: ${fileFault(error)}; what was asked for has been done\n`);
  process.exit(EXIT.failed);
});
// A complaint that nobody takes leaves its exit code.
process.stderr.on('error', () => {});

try {
  process.exitCode = await errand(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  const { exitCode, message } = error;
  process.stderr.write(exitCode === EXIT.refused ? `\n${message}\n` : `errand: ${message}\n`);
  process.exitCode = exitCode;
}
