import type { Child } from '../child.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import { type Door, openDoor } from './door.ts';
import type { Report } from './figure.ts';
import { PROTOTYPE } from './idle.ts';
import { bundlePeers, FOR_EVER } from './peers/bundles.ts';
import { start, temporaryFolder } from './processes.ts';
import { agentArgs, prototypeArgs } from './site.ts';

const VALGRIND = ['--tool=callgrind', '--callgrind-out-file=/dev/null'];
/** One thread and no chance, so that a start repeats to a millionth whatever else runs. */
const STEADY = ['--jitless', '--single-threaded', '--predictable', '--hash-seed=1', '--random-seed=1'];

/** Instructions from exec until CONNACK was acted upon, everything interpreted: the agent as a board sees it the first time. */
export async function instructions(bench: Bench): Promise<Omit<Report, 'family'>> {
  const data = temporaryFolder();
  const count = async (what: string, argsOf: (door: Door) => string[]) => {
    const door = await openDoor();
    const connected = door.nextConnect();
    const device = start('valgrind', ...VALGRIND, process.execPath, ...STEADY, ...argsOf(door));
    bench.progress(`${what} under callgrind`);
    await (await Promise.race([connected, endedEarly(device)])).answered;
    // Node has no handler for it: valgrind ends the program where it waits, and prints what it counted.
    device.process.kill('SIGHUP');
    await device.ended;
    door.close();
    return collected(device);
  };
  const bareNode = async () => {
    const node = start('valgrind', ...VALGRIND, process.execPath, ...STEADY, '-e', '0');
    await node.ended;
    return collected(node);
  };
  const agent = (door: Door) => agentArgs(door.access, data);
  const [ours, prototype, bare] = await Promise.all([
    count('agent', agent),
    count('prototype', (door) => prototypeArgs(PROTOTYPE, door.access)),
    bareNode(),
  ]);
  const beside = [
    { name: 'prototype', value: prototype },
    { name: 'node -e 0, to its end', value: bare },
  ];
  // Minutes of machine time each.
  if (bench.rounds(1, 0) > 0)
    for (const { name, file } of Object.values(await bundlePeers())) {
      const value = await count(name, (door) => prototypeArgs(file, door.access, ...FOR_EVER));
      beside.push({ name, value });
    }
  return {
    figures: [
      {
        name: 'start to CONNACK, interpreted',
        unit: 'instructions',
        ours,
        beside,
        budget: BUDGETS.instructionsToConnack,
      },
    ],
  };
}

async function endedEarly(device: Child): Promise<never> {
  await device.ended;
  throw new Error(`it ended before CONNECT:\n${device.lines.slice(-20).join('\n')}`);
}

function collected(device: Child): number {
  const [, found] = /Collected : (\d+)/.exec(device.lines.join('\n')) ?? [];
  if (found === undefined) throw new Error(`callgrind printed no count:\n${device.lines.slice(-20).join('\n')}`);
  return Number(found);
}
