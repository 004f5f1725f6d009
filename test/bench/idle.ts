import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child } from '../child.ts';
import { cpuMicrosOf, memoryOf } from './accounting.ts';
import type { Bench } from './bench.ts';
import { BUDGETS, type Budget } from './budgets.ts';
import type { Figure, Report, Unit } from './figure.ts';
import { temporaryFolder } from './processes.ts';
import { median } from './rounds.ts';
import { agentArgs, NODE_FLAGS, prototypeArgs, startNode } from './site.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
export const PROTOTYPE = path.join(here, 'prototype.cjs');
const BARE = path.join(here, 'bare.cjs');

/** How long a device has been connected when its memory is read: what its start needed is then given back. */
const SETTLE_MILLIS = 5_000;
/** How long its CPU is counted: one sign of life is in it. */
const MINUTE_MILLIS = 60_000;

interface Taken {
  resident: number[];
  private: number[];
  cpuMillis: number[];
}

/**
 * Memory of the agent connected and idle over mutual TLS, beside the prototype and beside Node alone: all three at the same time. In the last
 * round they stay for a minute, and their CPU is counted; not with --quick.
 */
export async function idle(bench: Bench): Promise<Omit<Report, 'family'>> {
  const site = await bench.site();
  const own = await site.thing('idle-agent');
  const other = await site.thing('idle-prototype');
  const data = temporaryFolder();
  const [agent, prototype, bare] = [nothing(), nothing(), nothing()];
  const rounds = bench.rounds(5, 3);
  const minutes = bench.rounds(1, 0);
  for (let round = 1; round <= rounds; round++) {
    bench.progress(`round ${round} of ${rounds}`);
    const devices: [Child, Taken][] = [
      [startNode(...agentArgs(own, data)), agent],
      [startNode(...prototypeArgs(PROTOTYPE, other)), prototype],
      [startNode(...NODE_FLAGS, BARE), bare],
    ];
    await Promise.all(devices.map(([device]) => device.line(/connected/)));
    await passed(SETTLE_MILLIS);
    for (const [{ pid }, taken] of devices) {
      const memory = memoryOf(pid);
      taken.resident.push(memory.resident);
      taken.private.push(memory.private);
    }
    if (round > rounds - minutes) {
      bench.progress('CPU of one minute');
      const before = devices.map(([{ pid }]) => cpuMicrosOf(pid));
      await passed(MINUTE_MILLIS);
      for (const [i, [{ pid }, taken]] of devices.entries())
        taken.cpuMillis.push((cpuMicrosOf(pid) - before[i]!) / 1000);
    }
    await Promise.all(devices.map(([device]) => device.kill()));
  }
  const figure = (what: keyof Taken, name: string, unit: Unit, budget: Budget): Figure => {
    const beside = [
      { name: 'prototype', value: median(prototype[what]) },
      { name: 'Node with tls', value: median(bare[what]) },
    ];
    return { name, unit, ours: median(agent[what]), beside, budget };
  };
  return {
    figures: [
      figure('private', 'connected and idle, private dirty', 'bytes', BUDGETS.idlePrivateBytes),
      figure('resident', 'connected and idle, resident', 'bytes', BUDGETS.idleResidentBytes),
      ...(minutes > 0 ? [figure('cpuMillis', 'connected and idle, CPU a minute', 'ms', BUDGETS.idleCpuMillis)] : []),
    ],
  };
}

function nothing(): Taken {
  return { resident: [], private: [], cpuMillis: [] };
}

function passed(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
