/** `npm run torture:service`: see --help. */
import { parseArgs } from 'node:util';
import { torture } from './torture.ts';

const HELP = `Kills the service with SIGKILL at random moments under load, and checks that nothing acknowledged is lost or there twice.

  npm run torture:service -- [--count N]

  --count N  how many kills (200)

Exit code 0: all is as it was acknowledged; 1: something is not; 2: wrong arguments.
`;

const { values } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const count = Number(values.count);
if (!Number.isSafeInteger(count) || count < 1) refuse(`--count ${values.count}: expected a whole number from 1`);
const started = performance.now();
try {
  const show = process.stderr.isTTY
    ? (kill: number) => void process.stderr.write(`\rkill ${kill} of ${count}`)
    : undefined;
  const { jobs, things, executions, counts } = await torture(count, Math.random, show);
  if (show !== undefined) process.stderr.write('\n');
  const seconds = ((performance.now() - started) / 1_000).toFixed(0);
  console.log(
    `${count} kills in ${seconds} s: ${jobs} jobs, ${things} things, ${executions} executions, all as acknowledged`,
  );
  console.log(
    `updates: ${counts.acknowledged} acknowledged; of the lost ones ${counts.repeated} were sent again under their token,`,
  );
  console.log(
    `  ${counts.foundApplied} were found applied, ${counts.foundNotApplied} not; requests of all kinds without an answer: ${counts.lost}`,
  );
  console.log(`timers: ${counts.timers} became due while the service was dead, and fired once`);
} catch (error) {
  console.error(`\n${(error as Error).stack}`);
  process.exit(1);
}

function readArguments() {
  try {
    return parseArgs({
      options: { help: { type: 'boolean', default: false }, count: { type: 'string', default: '200' } },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(reason: string): never {
  process.stderr.write(`npm run torture:service: ${reason}\n`);
  process.exit(2);
}
