import { existsSync } from 'node:fs';
import os from 'node:os';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import { bundle } from './bundle.ts';
import type { Figure, Report } from './figure.ts';
import { byLog, ownCount, type PerJob, startResponder } from './jobCost.ts';
import { temporaryFolder } from './processes.ts';
import { interleaved } from './rounds.ts';
import { type Access, agentArgs, prototypeArgs, startNode } from './site.ts';

const MEMORY = '/dev/shm';
/** Jobs before those that are measured, while the engine still compiles. */
const WARMUP = 1_000;
const SERVICE_WARMUP = 50;

/**
 * One device works through jobs, connected over mutual TLS: the protocol alone against the responder, and the agent as it is
 * deployed, which starts `true` for each, against the responder and against the service.
 */
export async function jobs(bench: Bench): Promise<Omit<Report, 'family'>> {
  const memory = existsSync(MEMORY) ? MEMORY : os.tmpdir();
  const disk = os.tmpdir();
  const files = { device: await bundle('device.ts'), prototype: await bundle('prototype-jobs.ts') };
  const { responder, access } = await startResponder();
  const many = [String(WARMUP), String(bench.rounds(2_500, 1_500))];
  const few = [String(WARMUP / 5), String(bench.rounds(400, 300))];
  const prototype = (sizes: string[], ...more: string[]) =>
    ownCount(startNode(...prototypeArgs(files.prototype, access, ...sizes, ...more)));
  const core = (data: string) => ownCount(startNode(...prototypeArgs(files.device, access, data, ...many)));
  const agent = (folder: string) => byLog(startNode(...agentArgs(access, temporaryFolder(folder))), few);
  const responded = await interleaved(
    bench.rounds(5, 2),
    {
      core: () => core(''),
      coreOnDisk: () => core(temporaryFolder(disk)),
      prototype: () => prototype(many),
      agent: () => agent(memory),
      agentOnDisk: () => agent(disk),
      prototypeRuns: () => prototype(few, 'true'),
    },
    (line) => bench.progress(`responder, ${line}`),
  );
  await responder.kill();
  const served = await throughService(bench, files.prototype);
  const { core: withoutRecord, coreOnDisk, prototype: bare, agent: runs, agentOnDisk, prototypeRuns } = responded;
  const { noopJobMicros, noopJobsPerSecond } = BUDGETS;
  return {
    figures: [
      { ...cpu('no-op, without record', withoutRecord, bare), budget: noopJobMicros },
      { ...rate('no-op, without record', withoutRecord, bare), budget: noopJobsPerSecond },
      cpu('no-op, record on disk', coreOnDisk, bare),
      rate('no-op, record on disk', coreOnDisk, bare),
      cpu('agent runs true, in memory', runs, prototypeRuns),
      rate('agent runs true, in memory', runs, prototypeRuns),
      cpu('agent runs true, on disk', agentOnDisk, prototypeRuns),
      rate('agent runs true, on disk', agentOnDisk, prototypeRuns),
      rate('the same, our service', served.agent, served.prototypeRuns),
    ],
    notes: [
      'no-op: core, loop, TLS and record of the agent, a step counts as run at once; against the gateway with an endless queue behind it',
      'our service syncs to its disk before it answers and works on the same machine: it bounds agent and prototype alike',
    ],
  };
}

/** The same against the service, with jobs that were created before. */
async function throughService(bench: Bench, prototype: string): Promise<Record<'agent' | 'prototypeRuns', PerJob>> {
  const site = await bench.site();
  const count = bench.rounds(200, 100);
  const sizes = [String(SERVICE_WARMUP), String(count)];
  let batch = 0;
  const inTurn = async (name: string, run: (access: Access) => Promise<PerJob>) => {
    const access = await site.thing(name);
    return async () => {
      await site.createJobs(`${name}-${++batch}`, SERVICE_WARMUP + count, name, 'true');
      return run(access);
    };
  };
  const cases = {
    agent: await inTurn('agent', (access) => byLog(startNode(...agentArgs(access, temporaryFolder())), sizes)),
    prototypeRuns: await inTurn('prototype', (access) =>
      ownCount(startNode(...prototypeArgs(prototype, access, ...sizes, 'true'))),
    ),
  };
  return interleaved(bench.rounds(3, 1), cases, (line) => bench.progress(`service, ${line}`));
}

function cpu(name: string, ours: PerJob, other: PerJob): Figure {
  const beside = [{ name: 'prototype', value: other.cpuMicros }];
  return { name: `${name}: device CPU`, unit: 'us', ours: ours.cpuMicros, beside };
}

function rate(name: string, ours: PerJob, other: PerJob): Figure {
  const beside = [{ name: 'prototype', value: 1000 / other.millis }];
  return { name: `${name}: jobs`, unit: 'per second', ours: 1000 / ours.millis, beside };
}
