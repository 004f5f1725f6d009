import { performance } from 'node:perf_hooks';
import { cpuMicrosOf } from './accounting.ts';
import type { Bench } from './bench.ts';
import { type Door, openDoor } from './door.ts';
import type { Report } from './figure.ts';
import { PROTOTYPE } from './idle.ts';
import { temporaryFolder } from './processes.ts';
import { interleaved } from './rounds.ts';
import { agentArgs, prototypeArgs, startNode } from './site.ts';

/** From exec until the first byte of CONNECT is at the server, over mutual TLS. */
export async function startUp(bench: Bench): Promise<Omit<Report, 'family'>> {
  const door = await openDoor();
  const data = temporaryFolder();
  const cases = {
    agent: () => execToConnect(door, agentArgs(door.access, data)),
    prototype: () => execToConnect(door, prototypeArgs(PROTOTYPE, door.access)),
  };
  await cases.agent(); // makes the record, and fills the cache of files
  const { agent, prototype } = await interleaved(bench.rounds(11, 3), cases, bench.progress);
  door.close();
  const figure = (name: string, what: 'millis' | 'cpuMillis') => ({
    name,
    unit: 'ms' as const,
    ours: agent[what],
    beside: [{ name: 'prototype', value: prototype[what] }],
  });
  return { figures: [figure('exec to CONNECT at the server', 'millis'), figure('CPU until then', 'cpuMillis')] };
}

/** Starts Node, ends it when its CONNECT is here, and says what that took. */
export async function execToConnect(door: Door, args: string[]): Promise<Record<'millis' | 'cpuMillis', number>> {
  const connected = door.nextConnect();
  const began = performance.now();
  const device = startNode(...args);
  const millis = (await connected).atMillis - began;
  const cpuMillis = cpuMicrosOf(device.pid) / 1000;
  await device.kill();
  return { millis, cpuMillis };
}
