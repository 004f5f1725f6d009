import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openIdentity } from '../../targets/service/identity/identity.ts';
import { openStore } from '../../targets/service/store/open.ts';
import type { Child } from '../child.ts';
import { makeCertificate } from '../transports/certificates.ts';
import { cpuMicrosOf, memoryOf } from './accounting.ts';
import type { Bench } from './bench.ts';
import type { Report } from './figure.ts';
import { startWide, temporaryFolder } from './processes.ts';
import { ERRAND } from './site.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
/** How often memory is read, behind a collection each time, and how long the broker rests before. The median counts. */
const READINGS = 5;
const REST_MILLIS = 400;
const COLLECT = path.join(here, 'collect.cjs');
/** Requests that wait for their answer at the same time. */
const ASKING_AT_ONCE = 100;
/** Rows of one INSERT. */
const ROWS_AT_ONCE = 500;
/** Certificates that the devices with TLS share: each has so many things. */
const CERTIFICATES = 100;

interface Devices {
  plain: string[];
  tls: string[];
  certificates: { cert: string; key: string; things: string[] }[];
}

/** Many connected devices on one process: what each costs in memory, and how fast they are answered; beside aedes as it comes. */
export async function connections(bench: Bench): Promise<Omit<Report, 'family'>> {
  const [plainCount, tlsCount] = [bench.rounds(9_000, 900), bench.rounds(1_000, 100)];
  const folder = temporaryFolder();
  const name = (i: number) => `device-${String(i).padStart(5, '0')}`;
  const plain = Array.from({ length: plainCount }, (_, i) => name(i));
  const tls = Array.from({ length: tlsCount }, (_, i) => name(plainCount + i));
  bench.progress(`registering ${plainCount + tlsCount} things`);
  const { devices, ca, caKey } = await register(path.join(folder, 'data'), plain, tls);
  const own = makeCertificate(folder, 'localhost', { ...ca, ...caKey }, 'DNS:localhost');

  const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0', '--mqtt-open', '0'];
  const service = startWide(
    '--expose-gc',
    '--require',
    COLLECT,
    ERRAND,
    'service',
    '--data',
    path.join(folder, 'data'),
    ...ports,
  );
  await service.line(/ ready: /);
  const { mqtts, mqttOpen } = JSON.parse(readFileSync(path.join(folder, 'data', 'endpoints.json'), 'utf8'));
  const portOf = (address: string) => Number(address.split(':').at(-1));
  const ours = await measure(bench, 'service', service, folder, ca.pem, devices, {
    plain: portOf(mqttOpen),
    tls: portOf(mqtts),
  });
  await service.kill('SIGTERM');

  const aedes = startWide(
    '--expose-gc',
    '--require',
    COLLECT,
    path.join(here, 'aedes-broker.mjs'),
    ca.certFile,
    own.certFile,
    own.keyFile,
  );
  const theirs = await measure(bench, 'aedes', aedes, folder, ca.pem, devices, JSON.parse(await aedes.line(/^\{/)));
  await aedes.kill();

  const beside = (value: number) => [{ name: 'aedes', value }];
  const total = plainCount + tlsCount;
  return {
    figures: [
      {
        name: `${total} connected (${tlsCount} by mutual TLS), resident`,
        unit: 'bytes',
        ours: ours.resident,
        beside: beside(theirs.resident),
      },
      { name: 'a connection, plain', unit: 'bytes', ours: ours.plainBytes, beside: beside(theirs.plainBytes) },
      { name: 'a connection, mutual TLS', unit: 'bytes', ours: ours.tlsBytes, beside: beside(theirs.tlsBytes) },
      { name: 'requests answered', unit: 'per second', ours: ours.perSecond, beside: beside(theirs.perSecond) },
      { name: 'a request, p50', unit: 'ms', ours: ours.p50Millis, beside: beside(theirs.p50Millis) },
      { name: 'a request, p99', unit: 'ms', ours: ours.p99Millis, beside: beside(theirs.p99Millis) },
      { name: 'CPU of a request', unit: 'us', ours: ours.cpuMicros, beside: beside(theirs.cpuMicros) },
    ],
    notes: [
      `memory is resident after a collection, a connection with the three subscriptions of a device; ${ASKING_AT_ONCE} of the ${total} ask at once. The service answers from its store, aedes at the same QoS with an echo and without policy`,
    ],
  };
}

async function measure(
  bench: Bench,
  what: string,
  broker: Child,
  folder: string,
  ca: string,
  { plain, tls, certificates }: Devices,
  ports: { plain: number; tls: number },
) {
  const settings = path.join(folder, 'load.json');
  const byTls = {
    port: ports.tls,
    thingNames: tls,
    ca,
    certificates: tls.map((thing) => certificateOf(certificates, thing)),
  };
  const seconds = bench.rounds(10, 3);
  const wanted = { seconds, atOnce: ASKING_AT_ONCE };
  writeFileSync(settings, JSON.stringify({ plain: { port: ports.plain, thingNames: plain }, tls: byTls, ...wanted }));
  const alone = await residentOf(broker);
  const load = startWide(path.join(here, 'connections-load.mjs'), settings);
  bench.progress(`${what}: ${await load.line(/^plain/)} connected`);
  const withPlain = await residentOf(broker);
  load.process.kill('SIGUSR2');
  bench.progress(`${what}: ${await load.line(/^tls/)} connected`);
  const withTls = await residentOf(broker);
  const cpuBefore = cpuMicrosOf(broker.pid);
  load.process.kill('SIGUSR2');
  const asked = JSON.parse(await load.line(/^\{/)) as { perSecond: number; p50Millis: number; p99Millis: number };
  const cpuMicros = (cpuMicrosOf(broker.pid) - cpuBefore) / (asked.perSecond * seconds);
  bench.progress(`${what}: ${asked.perSecond.toFixed(0)} requests per second`);
  await load.kill();
  return {
    ...asked,
    cpuMicros,
    resident: withTls,
    plainBytes: (withPlain - alone) / plain.length,
    tlsBytes: (withTls - withPlain) / tls.length,
  };
}

/** Bytes of RAM that a broker needs, without what it has not collected yet. */
async function residentOf(broker: Child): Promise<number> {
  const readings: number[] = [];
  for (let i = 0; i < READINGS; i++) {
    await new Promise((resolve) => setTimeout(resolve, REST_MILLIS));
    const from = broker.lines.length;
    broker.process.kill('SIGUSR2');
    await broker.lineAfter(from, /^collected/);
    readings.push(memoryOf(broker.pid).resident);
  }
  return readings.sort((a, b) => a - b)[READINGS >> 1]!;
}

function certificateOf(certificates: Devices['certificates'], thing: string): { cert: string; key: string } {
  const { cert, key } = certificates.find(({ things }) => things.includes(thing))!;
  return { cert, key };
}

/** Things and certificates straight into the store of a service that does not run: by its operations it would take minutes. */
async function register(data: string, plain: string[], tls: string[]) {
  const nowMillis = Date.now;
  const identity = await openIdentity({ folder: data, nowMillis, names: [], hostName: 'localhost' });
  const store = await openStore(path.join(data, 'errand.db'));
  const all = [...plain, ...tls];
  for (let from = 0; from < all.length; from += ROWS_AT_ONCE) {
    const rows = all.slice(from, from + ROWS_AT_ONCE).map((thing_name) => ({
      thing_name,
      thing_id: randomUUID(),
      thing_type: null,
      attributes: '{}',
      version: 1,
      created_at: nowMillis(),
    }));
    await store.db.insertInto('thing').values(rows).execute();
  }
  const certificates: Devices['certificates'] = [];
  const each = Math.ceil(tls.length / CERTIFICATES);
  for (let from = 0; from < tls.length; from += each) {
    const things = tls.slice(from, from + each);
    const { certificateId, certificatePem, keyPair } = await identity.issueCertificate();
    const row = {
      certificate_id: certificateId,
      pem: certificatePem,
      status: 'ACTIVE' as const,
      created_at: nowMillis(),
    };
    await store.db.insertInto('certificate').values(row).execute();
    const found = await store.db.selectFrom('thing').select('thing_no').where('thing_name', 'in', things).execute();
    const principals = found.map(({ thing_no }) => ({ certificate_id: certificateId, thing_no }));
    await store.db.insertInto('principal').values(principals).execute();
    certificates.push({ cert: certificatePem, key: keyPair.PrivateKey, things });
  }
  await store.close();
  const file = path.join(data, 'identity', 'ca.pem');
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----\n/.exec(
    readFileSync(file, 'utf8'),
  )![0];
  const keyFile = path.join(data, '..', 'ca.key');
  writeFileSync(keyFile, key, { mode: 0o600 });
  const certFile = identity.caFile;
  return {
    devices: { plain, tls, certificates },
    ca: { pem: identity.caPem, cert: Buffer.from(identity.caPem), certFile },
    caKey: { key: Buffer.from(key), keyFile },
  };
}
