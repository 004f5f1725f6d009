import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import { FULL_AGENT } from '../../whole/house.ts';
import type { Bench } from '../bench.ts';
import { BUDGETS } from '../budgets.ts';
import { bundle } from '../bundle.ts';
import { traceDevice, traceJobs } from '../disk.ts';
import { openDoor } from '../door.ts';
import type { Figure, Report, Unit } from '../figure.ts';
import { BARE_ARGS, measureIdle } from '../idle.ts';
import { byLog, ownCount, type PerJob, startResponder } from '../jobCost.ts';
import { temporaryFolder } from '../processes.ts';
import { interleaved } from '../rounds.ts';
import { type Access, AGENT, agentArgs, prototypeArgs, type Site, startNode } from '../site.ts';
import { execToConnect } from '../start.ts';
import { countOutside } from '../wire.ts';
import { bundlePeers, FOR_EVER, sizeOf } from './bundles.ts';

const MEMORY = '/dev/shm';
/** A file of a file system: no pipe, no socket, no device. */
const IN_A_FILE = /^\d+ +\w+\(\d+<\/(?!dev\/|proc\/|sys\/)/;

type Name = 'mqttJs' | 'sdkV1' | 'sdkV2';
type Devices<Value> = Record<'agent' | Name, Value>;
/** A figure's name, unit and goal, then the agent and its peers; undefined where one has none. */
type Row = (
  name: string,
  unit: Unit,
  values: { agent: number } & Partial<Devices<number>>,
  budget?: Figure['budget'],
) => Figure;

/**
 * The agent beside job agents on mqtt.js and on AWS's two SDKs, which do the same work: mutual TLS, notify-next, a job taken, done and
 * reported as SUCCEEDED. What they lack, a record of what runs, programs and their output, cancelling, they do not pay for.
 */
export async function peers(bench: Bench): Promise<Omit<Report, 'family'>> {
  bench.progress('bundling');
  const bundled = await bundlePeers();
  const names = Object.keys(bundled) as Name[];
  const row: Row = (name, unit, values, budget) => ({
    name,
    unit,
    ours: values.agent,
    beside: names.map((one) => ({ name: bundled[one].name, value: values[one] })),
    ...(budget === undefined ? {} : { budget }),
  });
  const files = Object.fromEntries(names.map((name) => [name, bundled[name].file])) as Record<Name, string>;
  const site = await bench.site();
  const things = await register(site);
  const memory = await idling(bench, row, files, things);
  return {
    peers: names.map((name) => bundled[name].name),
    figures: [
      ...sizes(row, bundled),
      ...memory.figures,
      ...(await starting(bench, row, files)),
      ...(await working(bench, row, files)),
      ...(await onDisk(bench, row, files, things)),
      ...(await onWire(bench, row, files, things)),
    ],
    notes: [
      'mqtt.js: start-next and update by topic; version 1: its jobs class; version 2: IotJobsClientv2 on MQTT 5; each as it comes, and as its documentation has it, bundled and minified by esbuild',
      'version 1 sends at QoS 0 and asks for no answer: what is lost on the way, it never learns',
      memory.note,
      'no-op job: the agent without programs and without a record, as the peers are; against the production gateway with an endless queue behind it',
      'job that runs true: the agent as it is deployed, with record and output; the peers start the program and keep nothing',
    ],
  };
}

function sizes(row: Row, bundled: Record<Name, { files: readonly string[] }>): Figure[] {
  const of = (what: 'bytes' | 'gzipBytes', agent: number) => ({
    agent,
    mqttJs: sizeOf(bundled.mqttJs.files)[what],
    sdkV1: sizeOf(bundled.sdkV1.files)[what],
    sdkV2: sizeOf(bundled.sdkV2.files)[what],
  });
  const [lean, full] = [sizeOf([AGENT]), sizeOf([FULL_AGENT])];
  const { mqttJs, sdkV1, sdkV2 } = bundled;
  return [
    row('to install', 'bytes', of('bytes', lean.bytes), BUDGETS.agentBytes),
    row('gzipped', 'bytes', of('gzipBytes', lean.gzipBytes), BUDGETS.agentGzipBytes),
    row('with every part', 'bytes', { agent: full.bytes }, BUDGETS.fullAgentBytes),
    row('with every part, gzipped', 'bytes', { agent: full.gzipBytes }, BUDGETS.fullAgentGzipBytes),
    row('files beside Node', 'times', {
      agent: 1,
      mqttJs: mqttJs.files.length,
      sdkV1: sdkV1.files.length,
      sdkV2: sdkV2.files.length,
    }),
  ];
}

async function register(site: Site): Promise<Devices<Access>> {
  const [agent, mqttJs, sdkV1, sdkV2] = await Promise.all([
    site.thing('peers-agent'),
    site.thing('peers-mqttjs'),
    site.thing('peers-v1'),
    site.thing('peers-v2'),
  ]);
  return { agent, mqttJs, sdkV1, sdkV2 };
}

async function idling(
  bench: Bench,
  row: Row,
  files: Record<Name, string>,
  things: Devices<Access>,
): Promise<{ figures: Figure[]; note: string }> {
  const { bare, ...devices } = await measureIdle(bench, {
    agent: agentArgs(things.agent, temporaryFolder()),
    mqttJs: prototypeArgs(files.mqttJs, things.mqttJs, ...FOR_EVER),
    sdkV1: prototypeArgs(files.sdkV1, things.sdkV1, ...FOR_EVER),
    sdkV2: prototypeArgs(files.sdkV2, things.sdkV2, ...FOR_EVER),
    bare: BARE_ARGS,
  });
  const of = (what: 'private' | 'resident' | 'cpuMillis', less = 0): Devices<number> => ({
    agent: devices.agent[what] - less,
    mqttJs: devices.mqttJs[what] - less,
    sdkV1: devices.sdkV1[what] - less,
    sdkV2: devices.sdkV2[what] - less,
  });
  const most = ({ most }: { most: number }) => ({ most });
  const figures = [
    row('idle, private dirty', 'bytes', of('private'), most(BUDGETS.idlePrivateBytes)),
    row('idle, private dirty above bare Node', 'bytes', of('private', bare.private)),
    row('idle, resident', 'bytes', of('resident'), most(BUDGETS.idleResidentBytes)),
    row('idle, resident above bare Node', 'bytes', of('resident', bare.resident)),
  ];
  if (!Number.isNaN(devices.agent.cpuMillis))
    figures.push(row('idle, CPU a minute', 'ms', of('cpuMillis'), most(BUDGETS.idleCpuMillis)));
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  const note = `bare Node, with tls loaded and nothing else: ${megabytes(bare.private)} private dirty, ${megabytes(bare.resident)} resident`;
  return { figures, note };
}

async function starting(bench: Bench, row: Row, files: Record<Name, string>): Promise<Figure[]> {
  const door = await openDoor();
  const data = temporaryFolder();
  const peer = (name: Name) => () => execToConnect(door, prototypeArgs(files[name], door.access, ...FOR_EVER));
  const cases = {
    agent: () => execToConnect(door, agentArgs(door.access, data)),
    mqttJs: peer('mqttJs'),
    sdkV1: peer('sdkV1'),
    sdkV2: peer('sdkV2'),
  };
  for (const first of Object.values(cases)) await first(); // makes the record, and fills the cache of files
  const taken = await interleaved(bench.rounds(11, 3), cases, (line) => bench.progress(`start, ${line}`));
  door.close();
  return [
    row('exec to CONNECT at the server', 'ms', each(taken, 'millis')),
    row('CPU until then', 'ms', each(taken, 'cpuMillis')),
  ];
}

/** Of each device its figure of this name. */
function each<What extends string>(taken: Devices<Record<What, number>>, what: What): Devices<number> {
  const { agent, mqttJs, sdkV1, sdkV2 } = taken;
  return { agent: agent[what], mqttJs: mqttJs[what], sdkV1: sdkV1[what], sdkV2: sdkV2[what] };
}

/** Jobs per second and CPU of each, against the responder. */
async function working(bench: Bench, row: Row, files: Record<Name, string>): Promise<Figure[]> {
  const device = await bundle('device.ts');
  const { responder, access } = await startResponder();
  const many = ['1000', String(bench.rounds(2_500, 1_000))];
  // As they come, mqtt.js and version 2 wait 40 ms and more for each job: fewer will do.
  const few = [String(bench.rounds(200, 30)), String(bench.rounds(150, 30))];
  const run = [String(bench.rounds(200, 80)), String(bench.rounds(300, 120))];
  const agent = (folder: string) => byLog(startNode(...agentArgs(access, temporaryFolder(folder))), run);
  const core = (data: string) => ownCount(startNode(...prototypeArgs(device, access, data, ...many)));
  const peer = (name: Name, sizes: readonly string[], ...words: string[]) =>
    ownCount(startNode(...prototypeArgs(files[name], access, ...sizes, ...words)));
  const taken = await interleaved(
    bench.rounds(3, 1),
    {
      agent: () => core(''),
      agentOnDisk: () => core(temporaryFolder()),
      mqttJs: () => peer('mqttJs', few),
      mqttJsTuned: () => peer('mqttJs', many, 'nodelay'),
      sdkV1: () => peer('sdkV1', many),
      sdkV2: () => peer('sdkV2', few),
      agentRuns: () => agent(existsSync(MEMORY) ? MEMORY : os.tmpdir()),
      agentRunsOnDisk: () => agent(os.tmpdir()),
      mqttJsRuns: () => peer('mqttJs', few, 'program=true'),
      sdkV1Runs: () => peer('sdkV1', run, 'program=true'),
      sdkV2Runs: () => peer('sdkV2', few, 'program=true'),
    },
    (line) => bench.progress(`jobs, ${line}`),
  );
  await responder.kill();
  const both = (name: string, devices: { agent: PerJob } & Partial<Devices<PerJob>>, isNoop = false): Figure[] => {
    const figures = (value: (one: PerJob) => number) => {
      const { agent, ...others } = devices;
      const told = Object.entries(others).map(([peer, one]) => [peer, value(one)]);
      return { agent: value(agent), ...(Object.fromEntries(told) as Partial<Devices<number>>) };
    };
    const { most } = BUDGETS.noopJobMicros;
    const { least } = BUDGETS.noopJobsPerSecond;
    return [
      row(
        `${name}: device CPU`,
        'us',
        figures(({ cpuMicros }) => cpuMicros),
        isNoop ? { most } : undefined,
      ),
      row(
        `${name}: jobs`,
        'per second',
        figures(({ millis }) => 1000 / millis),
        isNoop ? { least } : undefined,
      ),
    ];
  };
  const { agent: noop, mqttJs, sdkV1, sdkV2, agentRuns, mqttJsRuns, sdkV1Runs, sdkV2Runs } = taken;
  return [
    ...both('no-op job', { agent: noop, mqttJs, sdkV1, sdkV2 }, true),
    ...both('the same, TCP_NODELAY set by hand', { agent: noop, mqttJs: taken.mqttJsTuned }),
    ...both('the same, record on disk', { agent: taken.agentOnDisk }),
    ...both('job that runs true', { agent: agentRuns, mqttJs: mqttJsRuns, sdkV1: sdkV1Runs, sdkV2: sdkV2Runs }),
    ...both('the same, record on disk', { agent: taken.agentRunsOnDisk }),
  ];
}

/** What each asks the disk for, under strace and through the service. */
async function onDisk(bench: Bench, row: Row, files: Record<Name, string>, things: Devices<Access>): Promise<Figure[]> {
  if (spawnSync('strace', ['-V']).error !== undefined) {
    bench.progress('disk writes are missing: apt-get install strace');
    return [];
  }
  const site = await bench.site();
  const jobs = bench.rounds(10, 5);
  const peer = (name: Name) => {
    bench.progress(`${jobs} jobs of ${name} under strace`);
    const args = prototypeArgs(files[name], things[name], ...FOR_EVER, 'tell');
    return traceDevice(site, things[name].thingName, args, jobs, (line) => IN_A_FILE.test(line));
  };
  bench.progress(`${jobs} jobs of the agent under strace`);
  const taken = {
    agent: await traceJobs(site, jobs, things.agent),
    mqttJs: await peer('mqttJs'),
    sdkV1: await peer('sdkV1'),
    sdkV2: await peer('sdkV2'),
  };
  const per = (what: 'syncs' | 'bytes'): Devices<number> => {
    const { agent, mqttJs, sdkV1, sdkV2 } = each(taken, what);
    return { agent: agent / jobs, mqttJs: mqttJs / jobs, sdkV1: sdkV1 / jobs, sdkV2: sdkV2 / jobs };
  };
  return [
    row('job of one step, syncs', 'times', per('syncs'), BUDGETS.syncsPerJob),
    row('job of one step, written to disk', 'bytes', per('bytes'), BUDGETS.recordBytesPerJob),
  ];
}

/** What a relay between device and service sees of a job. */
async function onWire(bench: Bench, row: Row, files: Record<Name, string>, things: Devices<Access>): Promise<Figure[]> {
  const site = await bench.site();
  const jobs = bench.rounds(20, 10);
  const peer = (name: Name) => {
    bench.progress(`${jobs} jobs of ${name} through a relay`);
    const args = (relayed: Access) => prototypeArgs(files[name], relayed, ...FOR_EVER, 'tell');
    return countOutside(site, things[name], args, jobs);
  };
  bench.progress(`${jobs} jobs of the agent through a relay`);
  const agent = (relayed: Access) => agentArgs(relayed, temporaryFolder());
  const values = {
    agent: (await countOutside(site, things.agent, agent, jobs)) / jobs,
    mqttJs: (await peer('mqttJs')) / jobs,
    sdkV1: (await peer('sdkV1')) / jobs,
    sdkV2: (await peer('sdkV2')) / jobs,
  };
  return [row('job of one step, on the wire with TLS', 'bytes', values)];
}
