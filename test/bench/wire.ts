import { type AddressInfo, connect, createServer } from 'node:net';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import { countJobs } from './counted-job.ts';
import type { Report } from './figure.ts';
import { temporaryFolder, untilLines } from './processes.ts';
import { type Access, agentArgs, type Site, startNode } from './site.ts';

/** Few enough that every clientToken, which counts on, is of the same length. */
const COUNTED_JOBS = 5;
const RELAYED_JOBS = 20;

/** Bytes per job of one step: MQTT's by exact count, and TLS's, which a relay between agent and service sees. */
export async function wire(bench: Bench): Promise<Omit<Report, 'family'>> {
  const { sentBytes, receivedBytes, sends, receives, requests } = await countJobs(COUNTED_JOBS);
  bench.progress(`${RELAYED_JOBS} jobs through a relay`);
  const site = await bench.site();
  const access = await site.thing('sensor-0002');
  const agent = (relayed: Access) => agentArgs(relayed, temporaryFolder());
  const outside = await countOutside(site, access, agent, RELAYED_JOBS);
  const notes = [
    `inside TLS per job: ${requests / COUNTED_JOBS} requests, ${sentBytes / COUNTED_JOBS} B in ${sends / COUNTED_JOBS} portions from the device, ${receivedBytes / COUNTED_JOBS} B in ${receives / COUNTED_JOBS} to it, counted exactly: device core, gateway and rules joined by bytes`,
  ];
  return {
    figures: [
      {
        name: 'job of one step, inside TLS',
        unit: 'bytes',
        ours: (sentBytes + receivedBytes) / COUNTED_JOBS,
        beside: [],
        budget: BUDGETS.wireBytesPerJob,
      },
      { name: 'the same with TLS around it', unit: 'bytes', ours: outside / RELAYED_JOBS, beside: [] },
    ],
    notes,
  };
}

/**
 * Bytes of TCP payload of jobs that a device does one after another, both ways.
 *
 * @param argsOf  how it is started; it says `connected`, and `: SUCCEEDED` at the end of each job
 */
export async function countOutside(
  site: Site,
  access: Access,
  argsOf: (relayed: Access) => string[],
  jobs: number,
): Promise<number> {
  const { host, port } = site.endpoint;
  let bytes = 0;
  const relay = createServer({ noDelay: true }, (device) => {
    const service = connect({ host, port, noDelay: true });
    for (const [from, to] of [
      [device, service],
      [service, device],
    ] as const) {
      from.on('data', (chunk) => {
        bytes += chunk.length;
        to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('end', () => to.end());
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const device = startNode(...argsOf({ ...access, port: (relay.address() as AddressInfo).port }));
  await device.line(/connected/);
  const run = async (i: number) => {
    await site.createJobs(`wire-${access.thingName}-${i}`, 1, access.thingName, 'true');
    await untilLines(device, /: SUCCEEDED/, i + 1);
  };
  await run(0); // what follows the connect is over, and the same point of a job is met at both ends
  const before = bytes;
  for (let i = 1; i <= jobs; i++) await run(i);
  const counted = bytes - before;
  await device.kill();
  relay.close();
  return counted;
}
