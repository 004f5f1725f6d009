/** `npm run bench:service`: one job for a whole group, at the rate that was asked, on both engines. Started by main.mjs. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { hasPostgres, startPostgres } from '../../postgres.ts';
import { describeMachine, showMachine } from '../machine.ts';
import { temporaryFolder } from '../processes.ts';
import { type Measured, measure } from './measure.ts';

const ENGINES = ['sqlite', 'postgres'] as const;
const THINGS = '10000,100000,1000000';
const PER_MINUTE = '60000';
/** How far the rate may be from what was asked, and the memory that the service may need: issue's own. */
const RATE_WITHIN = 0.02;
const PEAK_BYTES_MAX = 400 * 1024 * 1024;

const HELP = `npm run bench:service -- [OPTIONS]: rolls a job out to a group of things, and measures beside a device that asks

  --things N,N,...   sizes of the group (${THINGS}: at 60,000 a minute the last takes 17 minutes on each engine)
  --rate N           maximumPerMinute of the job (${PER_MINUTE})
  --engines NAMES    ${ENGINES.join(',')}
  --help

The table goes to stdout and, with the machine's kind, to bench-service.json. Ctrl-C ends it and all that it started.
`;

const { things, rate, engines } = readOptions();
const machine = describeMachine();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
// As Debian sets it up, syncing each commit; tests turn that off. It does not run as root, so its folder is its own.
const server = engines.includes('postgres') && hasPostgres() ? await startPostgres(['fsync=on']) : undefined;
process.env.TMPDIR = temporaryFolder();

const measured: Measured[] = [];
for (const engine of engines) {
  for (const count of things) {
    if (engine === 'postgres' && server === undefined) continue;
    const progress = (line: string) => void process.stderr.write(`${engine} ${count}: ${line}\n`);
    if (engine === 'postgres') server?.createDatabase(`things${count}`);
    measured.push(
      await measure(engine === 'postgres' ? server?.url(`things${count}`) : undefined, count, rate, progress),
    );
    write();
  }
}
await server?.end();
process.stdout.write(`\n${table(measured)}\n\n${showMachine(machine)}\n`);
process.stderr.write('figures also in bench-service.json\n');
process.exit(measured.every(isWithin) ? 0 : 1);

function write(): void {
  const text = JSON.stringify({ measured: new Date().toISOString(), machine, rollouts: measured }, undefined, 2);
  writeFileSync('bench-service.json', `${text}\n`);
}

function isWithin({ perMinute, asked, peakBytes, executions, things: count }: Measured): boolean {
  return executions === count && Math.abs(perMinute / asked - 1) <= RATE_WITHIN && peakBytes <= PEAK_BYTES_MAX;
}

/** A table for a README: what grows with the fleet, side by side. */
function table(all: readonly Measured[]): string {
  const number = (value: number, digits = 0) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const pair = ({ p50, p99 }: { p50: number; p99: number }) => `${number(p50, 1)} / ${number(p99, 1)}`;
  const cells = all.map((one) => [
    one.engine,
    number(one.things),
    `${number(one.registerSeconds, 1)} s`,
    `${number(one.createJobMillis)} ms`,
    `${number(one.perMinute)} (${number((100 * one.perMinute) / one.asked, 1)} %)`,
    `${number(one.peakBytes / 1024 / 1024)} MB`,
    `${number(one.cpuMicrosPerExecution)} us`,
    pair(one.readMillis),
    pair(one.writeMillis),
    `${number(one.bytesPerExecution)} B`,
    isWithin(one) ? 'yes' : 'NO',
  ]);
  const heads = [
    'store',
    'Things',
    'registered in',
    'CreateJob',
    'created a minute',
    'peak memory',
    'CPU each',
    'read p50 / p99 ms',
    'write p50 / p99 ms',
    'disk each',
    'within',
  ];
  return [heads, heads.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function readOptions() {
  try {
    const string = { type: 'string' } as const;
    const { values } = parseArgs({
      options: { things: string, rate: string, engines: string, help: { type: 'boolean' } },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const count = (option: string, text: string) => {
      if (!/^[1-9]\d{0,7}$/.test(text)) throw new Error(`--${option} has '${text}': expected numbers above 0`);
      return Number(text);
    };
    const named = (values.engines ?? ENGINES.join(',')).split(',');
    const unknown = named.find((name) => !(ENGINES as readonly string[]).includes(name));
    if (unknown !== undefined) throw new Error(`--engines has '${unknown}': expected ${ENGINES.join(', ')}`);
    return {
      things: (values.things ?? THINGS).split(',').map((text) => count('things', text)),
      rate: count('rate', values.rate ?? PER_MINUTE),
      engines: named as (typeof ENGINES)[number][],
    };
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}; --help names all options\n`);
    process.exit(2);
  }
}
