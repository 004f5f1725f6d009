import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import mqtt from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { call } from '../../../../targets/errand/call.ts';
import { readEndpoints } from '../../../../targets/errand/endpoints.ts';
import { OPERATIONS, type OperationName } from '../../../../targets/service/operations/table.ts';
import { prepareOps } from '../../../../targets/service/ops/operate.ts';
import { startService } from '../../../../targets/service/service.ts';
import { readServiceSettings } from '../../../../targets/service/settings.ts';
import { openStore } from '../../../../targets/service/store/open.ts';

const test = suite<{ folder: string }>('ops');
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-ops-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

function settingsOf(...argv: string[]) {
  const settings = readServiceSettings(argv);
  if (settings === 'help' || 'faults' in settings) throw new Error(JSON.stringify(settings));
  return settings;
}

function get(port: number | undefined, path: string, method = 'GET') {
  return new Promise<{ status: number; type: string; text: string }>((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, method, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, type: String(answer.headers['content-type']), text }),
      );
    });
    asking.on('error', reject).end();
  });
}

/** The value of one series, its labels in the order they are printed. */
const sampleOf = (text: string, series: string) =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length),
  );

test('/healthz is ok and /metrics counts what was asked and answered, by words of the protocol only', async ({
  folder,
}) => {
  const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0', '--ops-port', '0'];
  const service = await startService(settingsOf('--data', folder, ...ports), () => {});
  try {
    const endpoints = readEndpoints(service.endpointsFile, {});
    const ask = (name: OperationName, input: Record<string, unknown>) =>
      call(OPERATIONS.find((row) => row.name === name)!, input, endpoints);
    assert.equal(await get(service.ops, '/healthz'), { status: 200, type: 'text/plain; charset=utf-8', text: 'ok\n' });

    const { thingArn } = await ask('CreateThing', { thingName: 'secret-pump' });
    const made = await ask('CreateKeysAndCertificate', { setAsActive: true });
    await ask('AttachThingPrincipal', { thingName: 'secret-pump', principal: made.certificateArn });
    await ask('CreateJob', { jobId: 'secret-job', targets: [thingArn], document: '{}' });
    await ask('DescribeJob', { jobId: 'none' }).catch(() => {});
    const [host = '', port] = service.mqtts.split(':');
    const client = await mqtt.connectAsync({
      ...{ protocol: 'mqtts', host, port: Number(port), ca: endpoints.caPem, clientId: 'secret-pump' },
      ...{ cert: made.certificatePem as string, key: (made.keyPair as { PrivateKey: string }).PrivateKey },
    });
    const heard: string[] = [];
    const answers = (count: number) =>
      new Promise<void>((resolve) => {
        client.on('message', (topic) => {
          if (/accepted|rejected/.test(topic)) heard.push(topic);
          if (heard.length === count) resolve();
        });
      });
    const both = answers(2);
    await client.subscribeAsync('$aws/things/secret-pump/jobs/#');
    const update = '$aws/things/secret-pump/jobs/secret-job/update';
    await client.publishAsync(update, JSON.stringify({ status: 'SUCCEEDED' }));
    await client.publishAsync(update, JSON.stringify({ status: 'FAILED' }));
    await both;

    const { status, type, text } = await get(service.ops, '/metrics');
    assert.equal([status, type], [200, 'text/plain; version=0.0.4; charset=utf-8']);
    const requests = (labels: string) => sampleOf(text, `errand_requests_total{${labels}}`);
    assert.is(requests('door="operators",operation="CreateThing",code="OK"'), 1);
    assert.is(requests('door="operators",operation="DescribeJob",code="ResourceNotFoundException"'), 1);
    assert.is(requests('door="mqtt",operation="UpdateJobExecution",code="OK"'), 1);
    assert.is(requests('door="mqtt",operation="UpdateJobExecution",code="InvalidStateTransition"'), 1);
    assert.is(sampleOf(text, 'errand_request_seconds_count{door="mqtt",operation="UpdateJobExecution"}'), 2);
    assert.is(sampleOf(text, 'errand_connections{door="mqtt"}'), 1);
    assert.is(sampleOf(text, 'errand_execution_changes_total{status="SUCCEEDED"}'), 1);
    assert.is(sampleOf(text, 'errand_executions{status="SUCCEEDED"}'), 1);
    assert.is(sampleOf(text, 'errand_executions{status="QUEUED"}'), 0);
    assert.is(sampleOf(text, 'errand_queue_length{queue="requests"}'), 0);
    assert.ok(sampleOf(text, 'errand_tick_seconds_count') >= 1);
    assert.ok(sampleOf(text, 'process_resident_memory_bytes') > 1e6);
    assert.not.match(text, 'secret');
    await client.endAsync();
    assert.equal(
      [(await get(service.ops, '/other')).status, (await get(service.ops, '/metrics', 'POST')).status],
      [404, 405],
    );
  } finally {
    await service.close();
  }
});

test('what keeps the service from its work makes /healthz 503 and is said', async () => {
  const store = await openStore(':memory:');
  const ops = await prepareOps(true);
  const up = { connections: () => 0, listening: () => true };
  let failure: string | undefined;
  let listening = true;
  const doors = { mqtt: { ...up, listening: () => listening }, devices: up, operators: up };
  const parts = { store, jobs: { waiting: () => 0 }, doors, held: () => 0, tickFailure: () => failure };
  const said: string[] = [];
  const listener = await ops!.listen('127.0.0.1', 0, parts, (_level, message) => void said.push(message));
  try {
    const health = async () => {
      const { status, text } = await get(listener.port, '/healthz');
      return [status, text];
    };
    assert.equal(await health(), [200, 'ok\n']);
    failure = 'Error: disk full';
    assert.equal(await health(), [503, 'the last tick failed: Error: disk full\n']);
    failure = undefined;
    listening = false;
    assert.equal(await health(), [503, 'mqtt: does not listen; the service ends\n']);
    listening = true;
    await store.close();
    const [status, text] = await health();
    assert.is(status, 503);
    assert.match(String(text), /^the store does not answer: [^\n]+\n$/);
    assert.is((await get(listener.port, '/metrics')).status, 500);
    assert.match(said.join(), '/metrics failed');
  } finally {
    await listener.close();
  }
});

test('without --ops-port nothing more listens; its address is this machine unless told otherwise', () => {
  assert.is(settingsOf().ops, undefined);
  assert.equal(settingsOf('--ops-port', '9464').ops, { host: '127.0.0.1', port: 9464 });
  assert.equal(settingsOf('--ops-port', '9464', '--ops-host', '0.0.0.0').ops, { host: '0.0.0.0', port: 9464 });
  assert.equal(readServiceSettings(['--ops-host', '0.0.0.0']), {
    faults: ['--ops-host is given without --ops-port: expected both'],
  });
});

test.run();
