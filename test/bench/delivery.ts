import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import mqttPacket from 'mqtt-packet';
import { call } from '../../targets/errand/call.ts';
import { readEndpoints } from '../../targets/errand/endpoints.ts';
import { OPERATIONS } from '../../targets/service/operations/table.ts';
import type { Child } from '../child.ts';
import { arnOf } from '../whole/house.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import type { Report } from './figure.ts';
import { freePort, start, startWide, temporaryFolder } from './processes.ts';
import { GROUP, registerFleet } from './rollout/fleet.ts';
import { interleaved } from './rounds.ts';
import { ERRAND } from './site.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
/** The most that --rollout-max takes: 10,000 executions in the first second, at once. */
const PER_MINUTE = '600000';
/** As long as the notification of this job. */
const MESSAGE = Buffer.alloc(230, 'x');

/** One durable job to many connected devices, created to all notified, beside as many bare messages through Mosquitto. */
export async function delivery(bench: Bench): Promise<Omit<Report, 'family'>> {
  const count = bench.rounds(10_000, 1_000);
  const things = Array.from({ length: count }, (_, i) => `T${i + 1}`);
  const { job, bare } = await interleaved(
    bench.rounds(3, 1),
    { job: () => durable(things), bare: () => throughMosquitto(things) },
    bench.progress,
  );
  return {
    figures: [
      {
        name: `one durable job to ${count} connected devices, all notified`,
        unit: 'ms',
        ours: job.millis,
        beside: [{ name: 'Mosquitto, bare messages', value: bare.millis }],
        budget: BUDGETS.jobToAllMillis,
      },
    ],
    notes: [
      'by plain MQTT at QoS 1; from CreateJob sent, or the first message written, until the last device has its own',
    ],
  };
}

async function durable(things: readonly string[]): Promise<{ millis: number }> {
  const folder = temporaryFolder();
  await registerFleet(path.join(folder, 'errand.db'), things.length);
  const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0', '--mqtt-open', '0'];
  const service = startWide(ERRAND, 'service', '--data', folder, ...ports, '--rollout-max', PER_MINUTE);
  await service.line(/ ready: /);
  const file = path.join(folder, 'endpoints.json');
  const { mqttOpen } = JSON.parse(readFileSync(file, 'utf8')) as { mqttOpen: string };
  const devices = things.map((name) => ({ clientId: name, filter: `$aws/things/${name}/jobs/notify-next` }));
  const load = await connectAll(folder, Number(mqttOpen.split(':').at(-1)), devices);
  const began = performance.timeOrigin + performance.now();
  const input = {
    jobId: 'all',
    targets: [arnOf(GROUP).replace(':thing/', ':thinggroup/')],
    document: '{"version":"1.0","steps":[]}',
    jobExecutionsRolloutConfig: { maximumPerMinute: Number(PER_MINUTE) },
  };
  await call(OPERATIONS.find(({ name }) => name === 'CreateJob')!, input, readEndpoints(file, {}));
  const millis = (await lastOf(load)) - began;
  await service.kill('SIGTERM');
  return { millis };
}

async function throughMosquitto(names: readonly string[]): Promise<{ millis: number }> {
  const folder = temporaryFolder();
  const port = await freePort();
  const settings = path.join(folder, 'mosquitto.conf');
  writeFileSync(settings, `listener ${port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n`);
  const program = ['/usr/sbin/mosquitto', 'mosquitto'].find((one) => spawnSync(one, ['-h']).error === undefined)!;
  const broker = start('sh', '-c', 'ulimit -n "$(ulimit -Hn)" && exec "$0" "$@"', program, '-c', settings);
  await broker.line(/running/);
  const load = await connectAll(
    folder,
    port,
    names.map((name) => ({ clientId: name, filter: `bench/${name}` })),
  );
  const publisher = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(publisher, 'connect');
  const { generate } = mqttPacket;
  const protocol = { protocolId: 'MQTT', protocolVersion: 4 } as const;
  publisher.write(generate({ cmd: 'connect', clientId: 'publisher', clean: true, keepalive: 60, ...protocol }));
  await once(publisher, 'data'); // CONNACK
  publisher.resume();
  const messages = names.map((name, i) =>
    generate({
      cmd: 'publish',
      topic: `bench/${name}`,
      payload: MESSAGE,
      qos: 1,
      messageId: i + 1,
      dup: false,
      retain: false,
    }),
  );
  const began = performance.timeOrigin + performance.now();
  publisher.write(Buffer.concat(messages));
  const millis = (await lastOf(load)) - began;
  publisher.destroy();
  await broker.kill('SIGTERM');
  return { millis };
}

async function connectAll(folder: string, port: number, devices: readonly object[]): Promise<Child> {
  const settings = path.join(folder, 'load.json');
  writeFileSync(settings, JSON.stringify({ port, devices }));
  const load = startWide(path.join(here, 'delivery-load.mjs'), settings);
  await load.line(/^subscribed/);
  return load;
}

async function lastOf(load: Child): Promise<number> {
  const { lastAt } = JSON.parse(await load.line(/^\{/)) as { lastAt: number };
  await load.kill();
  return lastAt;
}
