import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { cancel } from './cancel.ts';
import { changes } from './changes.ts';
import { command } from './command.ts';
import { connections } from './connections.ts';
import { delivery } from './delivery.ts';
import { disk } from './disk.ts';
import { type Report, ratioOf, verdictOf } from './figure.ts';
import { framing } from './framing.ts';
import { growth } from './growth.ts';
import { idle } from './idle.ts';
import { instructions } from './instructions.ts';
import { jobs } from './jobs.ts';
import { describeMachine, showMachine } from './machine.ts';
import { mcu } from './mcu.ts';
import { peers } from './peers/family.ts';
import { temporaryFolder } from './processes.ts';
import { serial } from './serial.ts';
import { service } from './service.ts';
import { openSite, type Site } from './site.ts';
import { size } from './size.ts';
import { startUp } from './start.ts';
import { markdown, table } from './table.ts';
import { wire } from './wire.ts';

interface Family {
  about: string;
  measure: (bench: Bench) => Promise<Omit<Report, 'family'>>;
  /** Programs without which it is left out, with the Debian package. */
  tools?: Record<string, string>;
  /** Without what it needs of Linux it is left out. */
  linux?: boolean;
  /** With --quick it is measured only when it is named. */
  slow?: boolean;
}

const FAMILIES: Record<string, Family> = {
  size: { about: 'the single-file agent, plain and gzipped', measure: size },
  peers: {
    about: "the agent beside job agents on mqtt.js and AWS's two SDKs, in every figure",
    measure: peers,
    tools: { openssl: 'openssl' },
    linux: true,
  },
  idle: { about: 'memory and CPU of the agent, connected and idle', measure: idle, linux: true },
  growth: {
    about: 'memory of the agent after 1,000,000 messages',
    measure: growth,
    tools: { openssl: 'openssl' },
    linux: true,
  },
  start: { about: 'exec of the agent to CONNECT', measure: startUp, tools: { openssl: 'openssl' }, linux: true },
  instructions: {
    about: 'the same in instructions, interpreted',
    measure: instructions,
    tools: { valgrind: 'valgrind', openssl: 'openssl' },
    linux: true,
  },
  disk: { about: 'bytes and syncs written per job', measure: disk, tools: { strace: 'strace' }, linux: true },
  wire: { about: 'bytes on the wire per job', measure: wire },
  jobs: {
    about: 'no-op jobs: rate, and CPU of the device',
    measure: jobs,
    tools: { openssl: 'openssl' },
    linux: true,
    slow: true,
  },
  cancel: { about: 'cancel to process gone', measure: cancel, linux: true },
  framing: { about: 'MQTT encode and decode: CPU and bytes allocated', measure: framing },
  service: {
    about: 'start and memory of the service',
    measure: service,
    tools: { openssl: 'openssl' },
    linux: true,
  },
  connections: {
    about: '10,000 connected devices: memory of each, requests per second',
    measure: connections,
    tools: { openssl: 'openssl' },
    linux: true,
    slow: true,
  },
  changes: { about: 'durable changes per second, beside SQLite one by one', measure: changes, slow: true },
  delivery: {
    about: 'one job to 10,000 connected devices, beside Mosquitto',
    measure: delivery,
    tools: { mosquitto: 'mosquitto' },
    linux: true,
    slow: true,
  },
  mcu: {
    about: 'the C library: ROM part by part, RAM, stack',
    measure: mcu,
    tools: { 'avr-gcc': 'gcc-avr avr-libc', 'arm-none-eabi-gcc': 'gcc-arm-none-eabi libnewlib-arm-none-eabi' },
  },
  serial: {
    about: 'a serial line: firmware at its pace, 16 boards at once, a short question',
    measure: serial,
    tools: { gcc: 'build-essential' },
    linux: true,
    slow: true,
  },
  command: { about: 'cold start of the workstation command', measure: command },
};

const HELP = `npm run bench -- [OPTIONS]: measures the budgets, each figure beside its peer in the same run

  --only NAMES  these alone, with commas
${Object.entries(FAMILIES)
  .map(([name, { about }]) => `      ${name.padEnd(14)}${about}`)
  .join('\n')}
  --quick       fewer rounds, for a look: 50 s of CPU, without ${Object.keys(FAMILIES)
    .filter((name) => FAMILIES[name]!.slow)
    .join(', ')} unless they are named
  --markdown    the table as a README has it
  --help

The table goes to stdout and, with the machine's kind, to bench.json. Ctrl-C ends it and all that it started.
`;

const started = performance.now();
const { only, quick, asMarkdown } = readOptions();
const machine = describeMachine();
// What was started is ended by the exit handlers of processes.ts and child.ts.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

// What others make for the bench, the service's folder too, is then removed with it.
process.env.TMPDIR = temporaryFolder();
let site: Promise<Site> | undefined;
const reports: Report[] = [];
for (const family of only) reports.push(await run(family, FAMILIES[family]!));
await site?.then((one) => one.end()).catch(() => {}); // that it could not be had is told above

process.stdout.write(`\n${(asMarkdown ? markdown : table)(reports)}\n\n${showMachine(machine)}\n`);
writeFileSync(
  'bench.json',
  `${JSON.stringify({ measured: new Date().toISOString(), quick, machine, reports: withRatios() }, undefined, 2)}\n`,
);
process.stderr.write(`took ${((performance.now() - started) / 1000).toFixed(0)} s; figures also in bench.json\n`);
process.exit(reports.some(({ skipped }) => skipped?.startsWith('failed')) ? 1 : 0);

async function run(family: string, { measure, tools = {}, linux = false }: Family): Promise<Report> {
  const missing = Object.entries(tools).find(([tool]) => spawnSync(tool, ['--version']).error !== undefined);
  if (linux && process.platform !== 'linux') return { family, figures: [], skipped: 'it reads /proc of Linux' };
  if (missing !== undefined)
    return { family, figures: [], skipped: `${missing[0]} is not here: apt-get install ${missing[1]}` };
  const progress = (line: string) => void process.stderr.write(`${family}: ${line}\n`);
  try {
    return {
      family,
      ...(await measure({
        site: () => (site ??= openSite()),
        rounds: (usual, few) => (quick ? few : usual),
        progress,
      })),
    };
  } catch (error) {
    progress((error as Error).stack ?? String(error));
    return { family, figures: [], skipped: `failed: ${(error as Error).message.split('\n')[0]}` };
  }
}

function withRatios() {
  return reports.map((report) => ({
    ...report,
    figures: report.figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), within: verdictOf(figure) })),
  }));
}

function readOptions(): { only: string[]; quick: boolean; asMarkdown: boolean } {
  const known = Object.keys(FAMILIES);
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        quick: { type: 'boolean' },
        markdown: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const only = values.only?.split(',') ?? known.filter((name) => !(values.quick && FAMILIES[name]!.slow));
    const unknown = only.find((name) => !known.includes(name));
    if (unknown !== undefined) throw new Error(`--only has '${unknown}': expected ${known.join(', ')}`);
    return { only, quick: values.quick ?? false, asMarkdown: values.markdown ?? false };
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}; --help names all options\n`);
    process.exit(2);
  }
}
