/** `npm run torture`: see --help. */
import { parseArgs } from 'node:util';
import { type Figures, tortureAgents } from './torture.ts';

const HELP = `Kills agents with SIGKILL at random moments while they run jobs of several steps, and checks that no step ran twice,
that every job ended, and that it ended as it must. The shipped files against a service of its own, over mutual TLS.

  npm run torture -- [--count N] [--boards N] [--seed N]

  --count N   how many kills (1000)
  --boards N  how many agents at once (6); every second one is the lean agent, the others have every part
  --seed N    of jobs and moments (by chance); where in the agent's work a moment falls is up to the machine

Ctrl-C ends it early: what has happened so far is checked all the same.
Exit code 0: all is as it must be; 1: something is not; 2: wrong arguments; 130: ended early.
`;

const { values } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const kills = whole('count');
const boards = whole('boards');
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : whole('seed');
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1_000).toFixed(0);
const STEP = 50;
console.log(`${kills} kills of ${boards} agents, --seed ${seed}`);
try {
  const figures = await tortureAgents({ kills, boards, seed, stop: stop.signal, tell });
  if (process.stderr.isTTY) process.stderr.write('\n');
  report(figures);
  process.exit(stop.signal.aborted ? 130 : 0);
} catch (error) {
  console.error(`\n--seed ${seed}: ${(error as Error).stack}`);
  process.exit(1);
}

function tell({ kills: done }: Figures): void {
  if (process.stderr.isTTY) process.stderr.write(`\rkill ${done} of ${kills}, ${seconds()} s`);
  else if (done % STEP === 0) console.log(`kill ${done} of ${kills}, ${seconds()} s`);
}

function report(figures: Figures): void {
  const { places, outcomes } = figures;
  const row = (what: string, n: number) => console.log(`${`${n}`.padStart(8)} ${what}`);
  console.log(`${stop.signal.aborted ? 'ended early' : 'done'} after ${seconds()} s, and all is as it must be`);
  row('kills, of which', figures.kills);
  for (const [place, n] of Object.entries(places)) row(`  ${place}`, n);
  row('of the kills took the running program along, as a power cut does', figures.killsOfAll);
  row('ends by SIGTERM between them', figures.endedWell);
  row('restarts of the device between them', figures.restarts);
  row('jobs, of which', figures.jobs);
  for (const [outcome, n] of Object.entries(outcomes).sort()) row(`  ${outcome}`, n);
  row('jobs deleted and made anew under their old name', figures.madeAnew);
  row('steps begun', figures.steps);
  row('kills in steps that may be repeated', figures.repeated);
  row('clean-ups', figures.cleanUps);
}

function whole(name: 'count' | 'boards' | 'seed'): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= (name === 'seed' ? 0 : 1)) return value;
  return refuse(`--${name} ${values[name]}: expected a whole number${name === 'seed' ? '' : ' from 1'}`);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', default: false },
        count: { type: 'string', default: '1000' },
        boards: { type: 'string', default: '6' },
        seed: { type: 'string' },
      },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(reason: string): never {
  process.stderr.write(`npm run torture: ${reason}\n`);
  process.exit(2);
}
