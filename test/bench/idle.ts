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
/** Node with TLS loaded, and nothing else. */
export const BARE_ARGS = [...NODE_FLAGS, path.join(here, 'bare.cjs')];

/** How long a device has been connected when its memory is read: what its start needed is then given back. */
const SETTLE_MILLIS = 5_000;
/** How long its CPU is counted: one sign of life is in it. */
const MINUTE_MILLIS = 60_000;

/** What a device takes, and of its CPU a minute; that is left out with --quick. */
export interface Idle {
  resident: number;
  private: number;
  cpuMillis: number;
}

/** Memory and CPU of the agent connected and idle over mutual TLS, beside the prototype and beside Node alone. */
export async function idle(bench: Bench): Promise<Omit<Report, 'family'>> {
  const site = await bench.site();
  const own = await site.thing('idle-agent');
  const other = await site.thing('idle-prototype');
  const { agent, prototype, bare } = await measureIdle(bench, {
    agent: agentArgs(own, temporaryFolder()),
    prototype: prototypeArgs(PROTOTYPE, other),
    bare: BARE_ARGS,
  });
  const figure = (what: keyof Idle, name: string, unit: Unit, budget: Budget): Figure => {
    const beside = [
      { name: 'prototype', value: prototype[what] },
      { name: 'Node with tls', value: bare[what] },
    ];
    return { name, unit, ours: agent[what], beside, budget };
  };
  return {
    figures: [
      figure('private', 'connected and idle, private dirty', 'bytes', BUDGETS.idlePrivateBytes),
      figure('resident', 'connected and idle, resident', 'bytes', BUDGETS.idleResidentBytes),
      ...(Number.isNaN(agent.cpuMillis)
        ? []
        : [figure('cpuMillis', 'connected and idle, CPU a minute', 'ms', BUDGETS.idleCpuMillis)]),
    ],
  };
}

/**
 * Medians over rounds in which all devices are there at the same time. In the last round they stay for a minute, and their CPU is counted;
 * not with --quick, where it is NaN.
 *
 * @param argsOf  how each is started; it says `connected`
 */
export async function measureIdle<Name extends string>(
  bench: Bench,
  argsOf: Record<Name, readonly string[]>,
): Promise<Record<Name, Idle>> {
  const names = Object.keys(argsOf) as Name[];
  const taken = new Map(names.map((name) => [name, { resident: [], private: [], cpuMillis: [] } as Taken]));
  const rounds = bench.rounds(5, 1);
  const minutes = bench.rounds(1, 0);
  for (let round = 1; round <= rounds; round++) {
    bench.progress(`idle, round ${round} of ${rounds}`);
    const devices = names.map((name): [Child, Taken] => [startNode(...argsOf[name]), taken.get(name)!]);
    await Promise.all(devices.map(([device]) => device.line(/connected/)));
    await passed(SETTLE_MILLIS);
    for (const [{ pid }, { resident, private: own }] of devices) {
      const memory = memoryOf(pid);
      resident.push(memory.resident);
      own.push(memory.private);
    }
    if (round > rounds - minutes) {
      bench.progress('CPU of one minute');
      const before = devices.map(([{ pid }]) => cpuMicrosOf(pid));
      await passed(MINUTE_MILLIS);
      for (const [i, [{ pid }, { cpuMillis }]] of devices.entries())
        cpuMillis.push((cpuMicrosOf(pid) - before[i]!) / 1000);
    }
    await Promise.all(devices.map(([device]) => device.kill()));
  }
  return Object.fromEntries(
    [...taken].map(([name, one]) => [
      name,
      { resident: median(one.resident), private: median(one.private), cpuMillis: median(one.cpuMillis) },
    ]),
  ) as Record<Name, Idle>;
}

type Taken = Record<keyof Idle, number[]>;

function passed(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
