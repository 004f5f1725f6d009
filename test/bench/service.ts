import { request } from 'node:https';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child } from '../child.ts';
import { makeCa, makeCertificate } from '../transports/certificates.ts';
import { memoryOf } from './accounting.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import type { Report } from './figure.ts';
import { freePort, temporaryFolder } from './processes.ts';
import { interleaved } from './rounds.ts';
import { ERRAND, startNode } from './site.ts';

const BARE = path.join(path.dirname(fileURLToPath(import.meta.url)), 'bare-https.cjs');
/** How long the service has been there when its memory is read. */
const SETTLE_MILLIS = 3_000;

/** From exec until HTTPS has answered, on a data folder that exists; then the memory of the service with nothing to do. */
export async function service(bench: Bench): Promise<Omit<Report, 'family'>> {
  const folder = temporaryFolder();
  const own = makeCertificate(folder, 'localhost', makeCa(folder, 'ca'), 'DNS:localhost');
  const [httpsPort, mqttPort] = [String(await freePort()), String(await freePort())];
  const flags = [
    '--host',
    '127.0.0.1',
    '--https-port',
    httpsPort,
    '--mqtt-port',
    mqttPort,
    '--data-port',
    '0',
    '--files-port',
    '0',
  ];
  const measure = async (end: NodeJS.Signals, ...args: string[]) => {
    const began = performance.now();
    const server = startNode(...args);
    await firstAnswer(server, Number(httpsPort));
    const millis = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MILLIS));
    const { resident, private: own } = memoryOf(server.pid);
    await server.kill(end);
    return { millis, resident, own };
  };
  const again = path.join(folder, 'again');
  let serial = 0;
  const cases = {
    service: () => measure('SIGTERM', ERRAND, 'service', '--data', again, ...flags),
    firstStart: () => measure('SIGTERM', ERRAND, 'service', '--data', path.join(folder, `first-${++serial}`), ...flags),
    bare: () => measure('SIGKILL', BARE, httpsPort, own.certFile, own.keyFile),
  };
  await cases.service(); // makes its CA, certificate and store
  const { service: ours, firstStart, bare } = await interleaved(bench.rounds(7, 2), cases, bench.progress);
  const name = 'bare Node HTTPS server';
  return {
    figures: [
      {
        name: 'start to first answer',
        unit: 'ms',
        ours: ours.millis,
        beside: [{ name, value: bare.millis }],
        budget: BUDGETS.serviceStartMillis,
      },
      {
        name: 'very first start, makes its CA',
        unit: 'ms',
        ours: firstStart.millis,
        beside: [{ name, value: bare.millis }],
      },
      {
        name: 'idle, resident',
        unit: 'bytes',
        ours: ours.resident,
        beside: [{ name, value: bare.resident }],
        budget: BUDGETS.serviceResidentBytes,
      },
      { name: 'idle, private dirty', unit: 'bytes', ours: ours.own, beside: [{ name, value: bare.own }] },
    ],
  };
}

/** Asks until somebody answers; a refusal is an answer too. */
async function firstAnswer(server: Child, port: number): Promise<void> {
  let over = false;
  void server.ended.then(() => (over = true));
  while (!(await asked(port))) {
    if (over) throw new Error(`it ended before it answered:\n${server.lines.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function asked(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/endpoint', agent: false, rejectUnauthorized: false };
    const asking = request(options, (response) => response.resume().on('end', () => resolve(true)));
    asking.on('error', () => resolve(false)).end();
  });
}
