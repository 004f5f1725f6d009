import { type AddressInfo, connect, createServer } from 'node:net';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import { countJobs } from './counted-job.ts';
import type { Report } from './figure.ts';
import { temporaryFolder, untilLines } from './processes.ts';
import { agentArgs, startNode } from './site.ts';

const JOBS = 20;

/** Bytes per job of one step: MQTT's by exact count, and TLS's, which a relay between agent and service sees. */
export async function wire(bench: Bench): Promise<Omit<Report, 'family'>> {
  const { sentBytes, receivedBytes, sends, receives, requests } = await countJobs(JOBS);
  bench.progress(`${JOBS} jobs through a relay`);
  const outside = await countOutside(bench);
  const notes = [
    `inside TLS per job: ${requests / JOBS} requests, ${sentBytes / JOBS} B in ${sends / JOBS} portions from the device, ${receivedBytes / JOBS} B in ${receives / JOBS} to it, counted exactly: device core, gateway and rules joined by bytes`,
  ];
  return {
    figures: [
      {
        name: 'job of one step, inside TLS',
        unit: 'bytes',
        ours: (sentBytes + receivedBytes) / JOBS,
        beside: [],
        budget: BUDGETS.wireBytesPerJob,
      },
      { name: 'the same with TLS around it', unit: 'bytes', ours: outside / JOBS, beside: [] },
    ],
    notes,
  };
}

/** Bytes of TCP payload of JOBS jobs, both ways, one job after another. */
async function countOutside(bench: Bench): Promise<number> {
  const site = await bench.site();
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
  const access = { ...(await site.thing('sensor-0002')), port: (relay.address() as AddressInfo).port };
  const device = startNode(...agentArgs(access, temporaryFolder()));
  await device.line(/connected/);
  const run = async (i: number) => {
    await site.createJobs(`wire-${i}`, 1, 'sensor-0002', 'true');
    await untilLines(device, /: SUCCEEDED/, i + 1);
  };
  await run(0); // what follows the connect is over, and the same point of a job is met at both ends
  const before = bytes;
  for (let i = 1; i <= JOBS; i++) await run(i);
  const counted = bytes - before;
  await device.kill();
  relay.close();
  return counted;
}
