import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Child } from '../child.ts';
import { diskBytesOf } from './accounting.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import { countJobs } from './counted-job.ts';
import type { Report } from './figure.ts';
import { descendantsOf, start, temporaryFolder, untilLines } from './processes.ts';
import { type Access, agentArgs, type Site, startNode } from './site.ts';

const JOBS = 10;

/** What the agent writes for a job of one step. */
export async function disk(bench: Bench): Promise<Omit<Report, 'family'>> {
  bench.progress(`${JOBS} jobs under strace`);
  const traced = await traceJobs(await bench.site(), JOBS);
  const counted = await countJobs(JOBS);
  const per = (total: number) => total / JOBS;
  const core = (value: number) => [{ name: 'asked for by the core', value: per(value) }];
  const figures: Report['figures'] = [
    {
      name: 'job of one step, syncs',
      unit: 'times',
      ours: per(traced.syncs),
      beside: core(counted.records),
      budget: BUDGETS.syncsPerJob,
    },
    {
      name: 'job of one step, bytes written',
      unit: 'bytes',
      ours: per(traced.bytes),
      beside: core(counted.recordBytes),
      budget: BUDGETS.recordBytesPerJob,
    },
    {
      name: 'the same, whole blocks of 4 KB',
      unit: 'bytes',
      ours: per(traced.blockBytes),
      beside: [],
      budget: BUDGETS.recordBytesPerJob,
    },
    { name: "the same by the kernel's account", unit: 'bytes', ours: per(traced.accountBytes), beside: [] },
  ];
  const note =
    "the kernel's account (/proc/PID/io) is of the cache: 0 for a temporary folder in memory, and on kernels with large folios the whole folio around each changed byte, though only its changed blocks are written";
  return { figures, notes: [note] };
}

/** What a file system writes at least for one changed byte. */
const BLOCK_BYTES = 4_096;

/** All are of all jobs: calls that sync, calls that write and the bytes given to them, the blocks these lie in, and the kernel's own account. */
export interface Traced {
  syncs: number;
  writes: number;
  bytes: number;
  blockBytes: number;
  accountBytes: number;
}

/** Runs jobs on the agent under strace, and counts the calls that write or sync a file of its data folder; those of its start are left out. */
export async function traceJobs(site: Site, jobs: number, access?: Access): Promise<Traced> {
  const data = temporaryFolder();
  const thing = access ?? (await site.thing('traced'));
  const args = agentArgs(thing, data);
  const first = startNode(...args); // makes the record
  await first.line(/connected/);
  await first.kill('SIGTERM');
  return traceDevice(site, thing.thingName, args, jobs, (line) => line.includes(`<${data}/`));
}

/**
 * The same for any device that says `connected`, and `: SUCCEEDED` at the end of each job.
 *
 * @param isCounted  whether a call, as strace prints it, is one of those
 */
export async function traceDevice(
  site: Site,
  thingName: string,
  device: readonly string[],
  jobs: number,
  isCounted: (line: string) => boolean,
): Promise<Traced> {
  const trace = path.join(temporaryFolder(), 'trace');
  const calls =
    'trace=write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,sync,syncfs,truncate,ftruncate';
  const args = ['-f', '-qq', '-y', '-e', 'signal=none', '-e', calls, '-o', trace, process.execPath];
  const strace = start('strace', ...args, ...device);
  await strace.line(/connected/);
  const run = async (i: number) => {
    await site.createJobs(`${thingName}-${100 + i}`, 1, thingName, 'true');
    await untilLines(strace, /: SUCCEEDED/, i + 1);
  };
  const pid = agentUnder(strace);
  await run(0);
  const accountBefore = diskBytesOf(pid); // the same point of a job at both ends
  for (let i = 1; i <= jobs; i++) await run(i);
  const accountBytes = diskBytesOf(pid) - accountBefore;
  process.kill(pid, 'SIGTERM');
  await strace.ended;
  return { ...countCalls(readFileSync(trace, 'utf8'), isCounted, jobs), accountBytes };
}

/** All but those of the first of `jobs` + 1 jobs, which are equal. */
function countCalls(trace: string, isCounted: (line: string) => boolean, jobs: number): Omit<Traced, 'accountBytes'> {
  const lines = wholeCalls(trace).filter(isCounted);
  const strange = lines.find((line) => line.includes('<unfinished') || /= -1 |= \?/.test(line));
  if (strange !== undefined) throw new Error(`a call that did not end well: ${strange}`);
  const total = { syncs: 0, writes: 0, bytes: 0, blockBytes: 0 };
  for (const line of lines) {
    if (/^\d+ +(fsync|fdatasync|sync|syncfs|sync_file_range)\(/.test(line)) total.syncs++;
    const [, offset, size] = /^\d+ +pwrite64\(.*, (\d+)\) += (\d+)$/.exec(line) ?? [];
    if (size === undefined && / p?write/.test(line)) throw new Error(`a write without a place: ${line}`);
    if (size === undefined) continue;
    const blocks = Math.ceil((Number(offset) + Number(size)) / BLOCK_BYTES) - Math.floor(Number(offset) / BLOCK_BYTES);
    total.writes++;
    total.bytes += Number(size);
    total.blockBytes += blocks * BLOCK_BYTES;
  }
  const share = (value: number) => (value * jobs) / (jobs + 1);
  const { syncs, writes, bytes, blockBytes } = total;
  return { syncs: share(syncs), writes: share(writes), bytes: share(bytes), blockBytes: share(blockBytes) };
}

/** A call during which another thread made one stands in two lines, `... <unfinished ...>` and `<... resumed>`: put together. */
function wholeCalls(trace: string): string[] {
  const begun = new Map<string, string>();
  return trace.split('\n').flatMap((line) => {
    const [, pid = '', head] = /^(\d+) +(.*?) *<unfinished \.\.\.>$/.exec(line) ?? [];
    if (head !== undefined) {
      begun.set(pid, head);
      return [];
    }
    const [, thread = '', rest] = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/.exec(line) ?? [];
    return [rest === undefined ? line : `${thread} ${begun.get(thread) ?? ''}${rest}`];
  });
}

/** The agent itself: strace's own child. */
function agentUnder(strace: Child): number {
  const [pid] = descendantsOf(strace.pid);
  if (pid === undefined) throw new Error('strace has no child');
  return pid;
}
