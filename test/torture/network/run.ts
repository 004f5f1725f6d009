/** `npm run torture:network`: see --help. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { OFFICES, type OfficeName } from './offices.ts';
import { runCourse } from './scenario.ts';

const HELP = `Runs jobs of five kinds over a bad line: behind the service, Mosquitto and aedes, at once, each over a line of its own.

  npm run torture:network -- [--loss PERCENT] [--delay MILLIS] [--rounds N] [--office NAME] [--seed N]

  --loss PERCENT  of packets, each way (30)
  --delay MILLIS  each way (2000)
  --rounds N      five jobs each: one works, one fails, one is wrong, one is cancelled, one prints (2)
  --office NAME   ${OFFICES.join(', ')}: that one alone
  --seed N        another draw of what is lost (random)

What is written to the line is written byte by byte without delay; in each round every connection is cut once. Needs root and /dev/net/tun for
lines that lose packets (by netem where the kernel has it); without, a relay is as late and stalls as TCP would.
Exit code 0: every job ended as it should, and no step ran twice; 1: not so; 2: wrong arguments.
`;

const { values } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const numberOf = (name: 'loss' | 'delay' | 'rounds' | 'seed', most: number): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0 || number > most)
    refuse(`--${name} ${values[name]}: expected a whole number, 0 to ${most}`);
  return number;
};
const offices = OFFICES.filter((name) => values.office === undefined || values.office === name);
if (offices.length === 0) refuse(`--office ${values.office}: expected ${OFFICES.join(', ')}`);
const badness = { loss: numberOf('loss', 90) / 100, delayMillis: numberOf('delay', 60_000) };
const [rounds, seed] = [numberOf('rounds', 1_000), numberOf('seed', 2 ** 31)];
console.log(`${values.loss} % lost, ${values.delay} ms late, each way, byte by byte; seed ${seed}`);

const failures = await Promise.all(offices.map(run));
process.exit(failures.some((failed) => failed) ? 1 : 0);

async function run(office: OfficeName): Promise<boolean> {
  try {
    const show = process.stderr.isTTY ? (line: string) => void process.stderr.write(`${line}\n`) : () => {};
    const found = await runCourse({ office, badness, rounds, cuts: true, seed, show });
    const lost = Object.entries(found.lost).map(([reason, times]) => `${times} x ${reason}`);
    console.log(`${office}: ${found.jobs} jobs ended as they should in ${found.seconds} s, no step ran twice`);
    console.log(`  line by ${found.by}; ${found.packets}`);
    console.log(`  ${found.connections} connections; lost: ${lost.join(', ') || 'none'}`);
    return false;
  } catch (error) {
    console.error(`\n${(error as Error).message}`);
    return true;
  }
}

function readArguments() {
  try {
    const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
    return parseArgs({
      options: {
        help: { type: 'boolean', default: false },
        loss: text('30'),
        delay: text('2000'),
        rounds: text('2'),
        seed: text(`${randomInt(2 ** 31)}`),
        office: { type: 'string' },
      },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(reason: string): never {
  process.stderr.write(`npm run torture:network: ${reason}\n`);
  process.exit(2);
}
