/** Jobs of every kind over a bad line, and what has to be true of them at the end. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import type { Status } from '../../../runtime/jobs/execution.ts';
import { type Child, startChild } from '../../child.ts';
import { createChance } from '../../sim/chance.ts';
import { AGENT } from '../../whole/house.ts';
import { type Badness, openLink } from './link.ts';
import { type OfficeName, openOffice } from './offices.ts';
import { openRelay } from './relay.ts';

export interface Course {
  office: OfficeName;
  badness: Badness;
  /** How often the five kinds of jobs are made. */
  rounds: number;
  /** Breaks every connection once a round. */
  cuts: boolean;
  seed: number;
  /** Is told each job that has ended. */
  show?: (line: string) => void;
}

export interface Findings {
  /** What was between the two. */
  by: string;
  jobs: number;
  connections: number;
  seconds: number;
  /** What became of the packets. */
  packets: string;
  /** What the agent said when a connection was lost, and how often. */
  lost: Record<string, number>;
}

/** Each kind of job and how it is to end. `cancelled` is cancelled while its step runs. */
const KINDS = {
  works: 'SUCCEEDED',
  fails: 'FAILED',
  wrong: 'REJECTED',
  cancelled: 'CANCELED',
  prints: 'SUCCEEDED',
} as const;
type Kind = keyof typeof KINDS;

function documentOf(kind: Kind, jobId: string, marks: string): object {
  const step = (n: number, then = 'true') => ({
    action: {
      name: `step-${n}`,
      type: kind === 'wrong' ? 'runShell' : 'runCommand',
      input: { command: `sh,-c,echo ${jobId} ${n} >> ${marks}; ${then}` },
    },
  });
  const ends = { works: 'true', wrong: 'true', fails: 'exit 3', cancelled: 'exec sleep 600', prints: 'seq 2000 >&2' };
  return { version: '1.0', includeStdOut: true, steps: [step(1), step(2, ends[kind])] };
}

/** @throws Error, with the seed and the agent's log, when a job ends otherwise than it should or a step ran twice */
export async function runCourse({ office: name, badness, rounds, cuts, seed, show }: Course): Promise<Findings> {
  const chance = createChance(seed);
  const began = performance.now();
  const link = await openLink(badness, seed);
  const office = await openOffice(name, link.near);
  const relay = await openRelay(link.near, office.port, chance.unit, link.real ? undefined : badness);
  const { cert, key } = office.identity;
  const identity = ['--thing', 'board', '--ca', office.ca, '--cert', cert, '--key', key];
  const more = [
    '--data',
    path.join(office.folder, 'data'),
    '--handlers',
    '/nowhere',
    '--retry-max',
    '5',
    '--log',
    'debug',
  ];
  const [program = '', ...args] = [...link.words, process.execPath, AGENT];
  const agent = startChild(program, [...args, '--endpoint', `${link.near}:${relay.port}`, ...identity, ...more]);
  const marks = path.join(office.folder, 'marks');
  const expected: string[] = [];
  let packets = '';
  let jobs = 0;
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const made = (Object.keys(KINDS) as Kind[]).map((kind) => ({ kind, jobId: `${kind}-${round}` }));
      for (const { kind, jobId } of made) await office.create(jobId, documentOf(kind, jobId, marks));
      if (cuts) void agent.line(new RegExp(`${made[chance.between(0, 1)]!.jobId}: step 2`)).then(relay.cut);
      for (const { kind, jobId } of made) {
        const told = (what: string) => agent.line(new RegExp(`job ${jobId}: ${what}`));
        if (kind === 'cancelled') {
          await told('step 2 of 2');
          while (!(existsSync(marks) && readFileSync(marks, 'utf8').includes(`${jobId} 2\n`)))
            await new Promise((resolve) => setImmediate(resolve));
          await office.cancel(jobId);
          await told('the service (no longer holds|holds it as)');
        } else await told(KINDS[kind]); // asking meanwhile would take its processor
        assert.is(await ended(office.ended(jobId), agent), KINDS[kind] satisfies Status, jobId);
        if (kind !== 'wrong') expected.push(`${jobId} 1`, `${jobId} 2`);
        jobs += 1;
        show?.(
          `${name}: ${jobId} ${KINDS[kind]} after ${Math.round((performance.now() - began) / 1000)} s, ${relay.count()} connections`,
        );
      }
    }
    assert.equal(readFileSync(marks, 'utf8').trim().split('\n'), expected);
    assert.is(await agent.kill('SIGTERM'), 0);
  } catch (error) {
    throw new Error(`${name}, seed ${seed}: ${(error as Error).message}\n${agent.lines.join('\n')}`);
  } finally {
    await agent.kill();
    await relay.close();
    await office.end();
    packets = await link.end();
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  return { by: link.by, jobs, connections: relay.count(), seconds, packets, lost: lossesIn(agent.lines) };
}

/** Rejects when the agent ends before. */
function ended<T>(what: Promise<T>, agent: Child): Promise<T> {
  return Promise.race([what, agent.ended.then((how) => Promise.reject(new Error(`the agent ended: ${how}`)))]);
}

function lossesIn(lines: readonly string[]): Record<string, number> {
  const lost: Record<string, number> = {};
  for (const line of lines) {
    const [, reason] = /not connected: (.*?)(;|, | \(|$)/.exec(line) ?? [];
    if (reason) lost[reason] = (lost[reason] ?? 0) + 1;
  }
  return lost;
}
