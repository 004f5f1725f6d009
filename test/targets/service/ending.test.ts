import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import mqtt from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { call } from '../../../targets/errand/call.ts';
import { type Service as Endpoints, readEndpoints } from '../../../targets/errand/endpoints.ts';
import { OPERATIONS, type OperationName } from '../../../targets/service/operations/table.ts';
import { startService } from '../../../targets/service/service.ts';
import { readServiceSettings } from '../../../targets/service/settings.ts';
import { startChild } from '../../child.ts';

const test = suite<{ folder: string }>('ending');
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-ending-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const flagsFor = (folder: string) => [
  ...['--data', folder, '--mqtt-port', '0', '--https-port', '0', '--data-port', '0'],
];

/** Calls an operation of the service as an operator does. */
function operator(endpoints: Endpoints) {
  return (name: OperationName, input: Record<string, unknown>) =>
    call(OPERATIONS.find((row) => row.name === name)!, input, endpoints);
}

test('asked to end under load, the service answers every request that it acknowledged, by MQTT and by HTTPS, then closes', async ({
  folder,
}) => {
  const settings = readServiceSettings(flagsFor(folder));
  assert.ok(typeof settings === 'object' && 'data' in settings);
  const service = await startService(settings, () => {});
  const endpoints = readEndpoints(service.endpointsFile, {});
  const ask = operator(endpoints);
  const [host, port] = service.mqtts.split(':');
  const acknowledged = new Set<string>();
  const answered = new Set<string>();
  let ending: Promise<void> | undefined;

  const device = async (thingName: string) => {
    await ask('CreateThing', { thingName });
    const made = await ask('CreateKeysAndCertificate', { setAsActive: true });
    await ask('AttachThingPrincipal', { thingName, principal: made.certificateArn });
    const client = await mqtt.connectAsync({
      ...{ protocol: 'mqtts', host: host!, port: Number(port), ca: endpoints.caPem, clientId: thingName },
      ...{ cert: made.certificatePem as string, key: (made.keyPair as { PrivateKey: string }).PrivateKey },
      reconnectPeriod: 0,
    });
    client.on('error', () => {}); // it is cut while it sends
    client.on('message', (_topic, payload) => void answered.add(JSON.parse(payload.toString()).clientToken));
    await client.subscribeAsync(`$aws/things/${thingName}/jobs/get/#`, { qos: 0 });
    const closed = new Promise<void>((resolve) => client.on('close', () => resolve()));
    let serial = 0;
    const send = () => {
      const clientToken = `${thingName}-${serial++}`;
      client.publish(`$aws/things/${thingName}/jobs/get`, JSON.stringify({ clientToken }), { qos: 1 }, (error) => {
        if (error) return;
        acknowledged.add(clientToken);
        if (acknowledged.size === 200) ending = service.close();
        send();
      });
    };
    return { closed, send: () => Array.from({ length: 20 }, send) };
  };
  const devices = await Promise.all(['a', 'b', 'c', 'd'].map(device));
  for (const { send } of devices) send();
  let refused = 0;
  const operating = async () => {
    for (;;) {
      const done = await ask('ListThings', {}).then(
        (answer) => assert.is((answer.things as unknown[]).length, 4),
        (error: Error) => error,
      );
      if (done !== undefined) {
        assert.match(done.message, 'ECONNREFUSED'); // never cut in the middle
        refused++;
        return;
      }
    }
  };
  await Promise.all([operating(), operating(), ...devices.map(({ closed }) => closed)]);
  await ending;
  assert.ok(acknowledged.size >= 200);
  assert.equal(
    [...acknowledged].filter((token) => !answered.has(token)),
    [],
  );
  assert.is(refused, 2);
});

test('a second signal ends the service at once, where the first waits for a request that does not arrive whole', async ({
  folder,
}) => {
  const main = fileURLToPath(new URL('../../../targets/errand/main.ts', import.meta.url));
  const tsx = fileURLToPath(import.meta.resolve('tsx'));
  const flags = [...flagsFor(folder), '--log', 'json,debug'];
  const child = startChild(process.execPath, ['--import', tsx, main, 'service', ...flags], { cwd: folder });
  try {
    await child.line(/ready/);
    const endpoints = readEndpoints(path.join(folder, 'endpoints.json'), {});
    const socket = connectTls({ host: '127.0.0.1', port: Number(new URL(endpoints.https).port), ca: endpoints.caPem });
    await once(socket, 'secureConnect');
    socket.on('error', () => {});
    socket.write('POST /things/a HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n');
    child.process.kill('SIGTERM');
    await child.line(/ending \(SIGTERM\)/);
    child.process.kill('SIGINT');
    assert.is(await child.ended, 130, child.lines.join('\n'));
    for (const line of child.lines) {
      const { time, level, message } = JSON.parse(line);
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.ok(['debug', 'info', 'warn', 'error'].includes(level) && typeof message === 'string', line);
    }
  } finally {
    await child.kill();
  }
});

test('a service that cannot open its last port closes what it had opened: the folder is free for the next', async ({
  folder,
}) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const settingsWith = (...flags: string[]) => {
    const settings = readServiceSettings([...flagsFor(folder), ...flags]);
    assert.ok(typeof settings === 'object' && 'data' in settings);
    return settings;
  };
  const refused = await startService(settingsWith('--ops-port', `${port}`), () => {}).catch((error: Error) => error);
  taken.close();
  assert.instance(refused, Error);
  assert.match((refused as Error).message, `port ${port} for /healthz and /metrics is in use`);
  const service = await startService(settingsWith(), () => {});
  await service.close();
});

test.run();
