/** Several services on one PostgreSQL database are one service. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import mqtt from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { call } from '../../../../targets/errand/call.ts';
import { readEndpoints } from '../../../../targets/errand/endpoints.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { type Service, startService } from '../../../../targets/service/service.ts';
import { readServiceSettings } from '../../../../targets/service/settings.ts';
import { hasPostgres, type PostgresServer, startPostgres } from '../../../postgres.ts';
import { arnOf } from '../../../whole/house.ts';

type Answer = Record<string, unknown>;

interface Worker extends Service {
  folder: string;
  control(operation: string, input: Record<string, unknown>): Promise<Answer>;
}

const test = suite<{ server: PostgresServer; folder: string; start(name: string): Promise<Worker>; logged: string[] }>(
  'workers',
);

test.before(async (context) => {
  const server = await startPostgres();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-workers-'));
  server.createDatabase('one');
  const logged: string[] = [];
  const start = async (name: string): Promise<Worker> => {
    const data = path.join(folder, name);
    const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0', '--files-port', '0'];
    const settings = readServiceSettings(['--data', data, '--store', server.url('one'), ...ports]);
    if (settings === 'help' || 'faults' in settings) throw new Error(JSON.stringify(settings));
    const service = await startService(settings, (level, message) => void (level === 'error' && logged.push(message)));
    const endpoints = readEndpoints(service.endpointsFile, {});
    const control: Worker['control'] = (operation, input) =>
      call(OPERATIONS.find((row) => row.name === operation)!, input, endpoints);
    return { ...service, folder: data, control };
  };
  Object.assign(context, { server, folder, start, logged });
});
test.after(async ({ server, folder }) => {
  await server.end();
  rmSync(folder, { recursive: true });
});

/** Registers a thing at one worker; gives what a device of it connects with anywhere. */
async function identityOf(worker: Worker, thingName: string) {
  await worker.control('CreateThing', { thingName });
  const made = await worker.control('CreateKeysAndCertificate', { setAsActive: true });
  await worker.control('AttachThingPrincipal', { thingName, principal: made.certificateArn });
  const { PrivateKey: key } = made.keyPair as { PrivateKey: string };
  return { certificateId: made.certificateId as string, cert: made.certificatePem as string, key };
}

async function connect(worker: Worker, thingName: string, identity: { cert: string; key: string }) {
  const [host, port] = worker.mqtts.split(':') as [string, string];
  const ca = readFileSync(path.join(worker.folder, 'ca.pem'));
  const { cert, key } = identity;
  const url = `mqtts://${host}:${port}`;
  const client = await mqtt.connectAsync(url, { clientId: thingName, ca, cert, key, reconnectPeriod: 0 });
  client.on('error', () => {});
  return client;
}

test('two that start together on an empty database take one CA; a device of one is known at the other, told there, and cut off there', async ({
  start,
  logged,
}) => {
  const [one, other] = await Promise.all([start('one'), start('other')]);
  const caOf = ({ folder }: Worker) => readFileSync(path.join(folder, 'identity', 'ca.pem'), 'utf8');
  assert.is(caOf(one), caOf(other));
  assert.is(statSync(path.join(other.folder, 'identity', 'ca.pem')).mode & 0o777, 0o600);

  // At the worker that it connects to: from another one the word that its certificate was changed may come behind it.
  const identity = await identityOf(other, 'board');
  const device = await connect(other, 'board', identity);
  const messages: [topic: string, body: Answer][] = [];
  let arrived: () => void = () => {};
  device.on('message', (topic, payload) => {
    messages.push([topic, JSON.parse(String(payload))]);
    arrived();
  });
  const message = async (fits: (topic: string, body: Answer) => boolean): Promise<Answer> => {
    for (;;) {
      const found = messages.find(([topic, body]) => fits(topic, body));
      if (found !== undefined) return found[1];
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  await device.subscribeAsync('$aws/things/board/jobs/notify-next', { qos: 1 });
  await one.control('CreateJob', { jobId: 'j', targets: [arnOf('board')], document: '{"do":"it"}' });
  const told = await message((topic) => topic.endsWith('/notify-next'));
  assert.equal((told.execution as Answer).jobDocument, { do: 'it' });

  await device.publishAsync('$aws/things/board/jobs/j/update', '{"status":"SUCCEEDED","clientToken":"c"}', { qos: 1 });
  assert.is((await message((topic) => topic.endsWith('/update/accepted'))).clientToken, 'c');
  const { execution } = (await one.control('DescribeJobExecution', { jobId: 'j', thingName: 'board' })) as {
    execution: Answer;
  };
  assert.is(execution.status, 'SUCCEEDED');
  // Told by the worker that took the update, once: the queue is empty now.
  await message((topic, body) => topic.endsWith('/notify-next') && body.execution === undefined);

  const closed = new Promise<void>((resolve) => device.once('close', () => resolve()));
  await one.control('UpdateCertificate', { certificateId: identity.certificateId, newStatus: 'INACTIVE' });
  await closed;
  await device.endAsync(true);
  await Promise.all([one.close(), other.close()]);
  assert.equal(logged, []);
});

test('a client identifier that connects to another worker is connected there alone; one of another thing displaces nobody', async ({
  start,
}) => {
  const [one, other] = await Promise.all([start('one'), start('other')]);
  const [pump, valve] = [await identityOf(one, 'pump'), await identityOf(one, 'valve')];
  const gone = (client: mqtt.MqttClient) => new Promise<void>((resolve) => client.once('close', () => resolve()));
  // The other worker hears of the two, and cuts off who has come with them; it hears in order, so when this one is cut off
  // it has heard that.
  const herald = await identityOf(other, 'herald');
  const heraldGone = gone(await connect(other, 'herald', herald));
  await one.control('UpdateCertificate', { certificateId: herald.certificateId, newStatus: 'INACTIVE' });
  await heraldGone;
  const first = await connect(one, 'pump', pump);
  const firstGone = gone(first);
  const second = await connect(other, 'pump', pump);
  await firstGone;
  // There and back: what the first connection was told is older than the third.
  const secondGone = gone(second);
  const third = await connect(one, 'pump', pump);
  await secondGone;
  const stranger = await connect(other, 'pump', valve);
  const strangerGone = gone(stranger);
  const fourth = await connect(one, 'pump', pump); // whose name it is: heard by the other worker
  await strangerGone;
  assert.is(fourth.connected, true);
  for (const client of [first, second, third, stranger, fourth]) await client.endAsync(true);
  await Promise.all([one.close(), other.close()]);
});

test('a data folder with another CA is refused in one sentence; an empty one takes over the one of the store', async ({
  start,
  folder,
}) => {
  const third = await start('third');
  await third.close();
  const strange = path.join(folder, 'strange');
  const alone = readServiceSettings([
    '--data',
    strange,
    '--mqtt-port',
    '0',
    '--https-port',
    '0',
    '--data-port',
    '0',
    '--files-port',
    '0',
  ]);
  if (alone === 'help' || 'faults' in alone) throw new Error(JSON.stringify(alone));
  await (await startService(alone, () => {})).close();
  const refused = await start('strange').then(
    () => 'none',
    (error: Error) => error.message,
  );
  assert.is(
    refused,
    `${strange}/identity/ca.pem is another CA than the one of the services on this store: begin with an empty data folder, or with another database`,
  );
});

if (hasPostgres()) test.run();
