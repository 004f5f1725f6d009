import type { Child } from '../child.ts';
import { makeCa, makeCertificate } from '../transports/certificates.ts';
import { cpuMicrosOf } from './accounting.ts';
import { bundle } from './bundle.ts';
import { temporaryFolder, untilLines } from './processes.ts';
import { type Access, documentOf, startNode } from './site.ts';

/** What one job took: CPU of the device, and time. */
export type PerJob = Record<'cpuMicros' | 'millis', number>;

/** A Jobs service that bounds a device as little as possible: responder.ts. */
export async function startResponder(): Promise<{ responder: Child; access: Access }> {
  const folder = temporaryFolder();
  const ca = makeCa(folder, 'ca');
  const own = makeCertificate(folder, 'localhost', ca, 'DNS:localhost');
  const device = makeCertificate(folder, 'device', ca);
  const file = await bundle('responder.ts');
  const responder = startNode(file, ca.certFile, own.certFile, own.keyFile, documentOf('true'));
  const { port } = JSON.parse(await responder.line(/^\{/)) as { port: number };
  const files = { ca: ca.certFile, cert: device.certFile, key: device.keyFile };
  return { responder, access: { host: 'localhost', port, ...files, thingName: 'device' } };
}

/** A device that counts by itself. */
export async function ownCount(device: Child): Promise<PerJob> {
  const told = JSON.parse(await device.line(/^\{/)) as PerJob;
  await device.kill();
  return told;
}

/** The agent, from outside, by its log. */
export async function byLog(device: Child, [warmup, count]: string[]): Promise<PerJob> {
  await untilLines(device, /: SUCCEEDED/, Number(warmup));
  const [cpu, since] = [cpuMicrosOf(device.pid), performance.now()];
  await untilLines(device, /: SUCCEEDED/, Number(warmup) + Number(count));
  const millis = performance.now() - since;
  const cpuMicros = cpuMicrosOf(device.pid) - cpu;
  await device.kill();
  return { cpuMicros: cpuMicros / Number(count), millis: millis / Number(count) };
}
