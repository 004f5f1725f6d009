/** `--mqtt-open`: clients as others wrote them, on a listener that lets anybody use any topic. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Service, startService } from '../../../../targets/service/service.ts';
import { readServiceSettings, type ServiceSettings } from '../../../../targets/service/settings.ts';
import { runChild, startChild } from '../../../child.ts';
import { hasTool } from '../../../tools.ts';

let data: string;
let service: Service;
let open: string;
let lines: string[];
const clients: MqttClient[] = [];

function settingsWith(...flags: string[]): ServiceSettings {
  const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0'];
  const settings = readServiceSettings(['--data', data, ...ports, ...flags]);
  if (settings === 'help' || 'faults' in settings) throw new Error('the flags are wrong');
  return settings;
}

test.before(async () => {
  data = mkdtempSync(path.join(tmpdir(), 'errand-open-'));
  lines = [];
  service = await startService(settingsWith('--mqtt-open', '0'), (level, message) => lines.push(`${level} ${message}`));
  open = JSON.parse(readFileSync(service.endpointsFile, 'utf8')).mqttOpen;
});

test.after.each(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
});

test.after(async () => {
  await service.close();
  rmSync(data, { recursive: true, force: true });
});

async function connected(protocolVersion: 4 | 5, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(`mqtt://${open}`, { protocolVersion, reconnectPeriod: 0, ...options });
  clients.push(client);
  return client;
}

/** Takes `count` messages as `topic payload qos retain`. */
function heard(client: MqttClient, count: number): Promise<string[]> {
  const messages: string[] = [];
  return new Promise((resolve) =>
    client.on('message', (topic, payload, { qos, retain }) => {
      messages.push(`${topic} ${payload} ${qos} ${retain}`);
      if (messages.length === count) resolve(messages);
    }),
  );
}

test('it is on loopback alone, told in endpoints.json, and its danger is told in the log', () => {
  assert.match(open, /^127\.0\.0\.1:\d+$/);
  assert.ok(lines.some((line) => line.startsWith('warn NOT PROTECTED') && line.includes(open)));
  assert.is((statSync(service.endpointsFile).mode & 0o777).toString(8), '600');
});

for (const version of [4, 5] as const) {
  const name = `MQTT ${version === 4 ? '3.1.1' : '5'}`;

  test(`${name}, mqtt.js: wildcards, both QoS, retained messages, and a request in any thing's name`, async () => {
    const listener = await connected(version);
    const all = heard(listener, 3);
    assert.equal(
      (await listener.subscribeAsync({ [`open${version}/+/a`]: { qos: 1 }, [`open${version}/x/#`]: { qos: 0 } })).map(
        ({ qos }) => qos,
      ),
      [1, 0],
    );
    const speaker = await connected(version);
    await speaker.publishAsync(`open${version}/x/a`, 'one', { qos: 1 });
    await speaker.publishAsync(`open${version}/x/b`, 'two', { qos: 1, retain: true });
    await speaker.publishAsync(`open${version}/y/a`, 'three', { qos: 0 });
    assert.equal(await all, [
      `open${version}/x/a one 1 false`,
      `open${version}/x/b two 0 false`,
      `open${version}/y/a three 0 false`,
    ]);
    const late = await connected(version);
    const retained = heard(late, 1);
    await late.subscribeAsync('#', { qos: 1 });
    assert.ok((await retained)[0]?.endsWith(' true'));
    const answer = heard(speaker, 1);
    await speaker.publishAsync('$aws/things/anyone/jobs/J/get', '{"clientToken":"t"}', { qos: 1 });
    assert.match((await answer)[0]!, /^\$aws\/things\/anyone\/jobs\/J\/get\/rejected .*"code":"ResourceNotFound"/);
    const cleared = await connected(version);
    await cleared.publishAsync(`open${version}/x/b`, '', { qos: 1, retain: true });
  });

  test(`${name}, mqtt.js: a will when the connection breaks, and a persistent session that kept its messages`, async () => {
    const keep = version === 4 ? {} : { properties: { sessionExpiryInterval: 600 } };
    const away = { clientId: `away${version}`, clean: false, ...keep };
    const first = await connected(version, away);
    await first.subscribeAsync(`will${version}`, { qos: 1 });
    await first.endAsync();
    const dying = await connected(version, {
      will: { topic: `will${version}`, payload: Buffer.from('gone'), qos: 1, retain: false },
    });
    const witness = await connected(version);
    const seen = heard(witness, 1);
    await witness.subscribeAsync(`will${version}`);
    dying.stream.destroy();
    await seen;
    const again = mqtt.connect(`mqtt://${open}`, { protocolVersion: version, reconnectPeriod: 0, ...away });
    clients.push(again);
    const connack = new Promise<{ sessionPresent: boolean }>((resolve) => again.once('connect', resolve));
    const [{ sessionPresent }, messages] = await Promise.all([connack, heard(again, 1)]);
    assert.ok(sessionPresent);
    assert.equal(messages, [`will${version} gone 1 false`]);
  });
}

const mosquitto = hasTool('mosquitto_sub', 'mosquitto-clients') ? test : test.skip;

mosquitto(
  'mosquitto_pub and mosquitto_sub: 3.1.1 and 5 hear each other, a retained message and the will included',
  async () => {
    const [host, port] = open.split(':') as [string, string];
    const at = (version: string) => ['-h', host, '-p', port, '-V', version];
    for (const [from, to] of [
      ['mqttv311', 'mqttv5'],
      ['mqttv5', 'mqttv311'],
    ] as const) {
      const topic = `tools/${from}`;
      const kept = await runChild('mosquitto_pub', [...at(from), '-t', topic, '-m', 'kept', '-r', '-q', '1']);
      assert.is(kept.code, 0, kept.stderr);
      const will = ['--will-topic', `${topic}/will`, '--will-payload', 'gone', '--will-qos', '1'];
      const dying = startChild('stdbuf', ['-oL', 'mosquitto_sub', ...at(from), '-t', 'nothing', '-d', ...will]);
      await dying.line(/Subscribed/);
      const sub = startChild('stdbuf', [
        '-oL',
        'mosquitto_sub',
        ...at(to),
        '-t',
        `${topic}/#`,
        '-q',
        '1',
        '-C',
        '3',
        '-d',
      ]);
      await sub.line(/^kept$/);
      await dying.kill();
      await sub.line(/^gone$/);
      const more = await runChild('mosquitto_pub', [...at(to), '-t', `${topic}/more`, '-m', 'live', '-q', '0']);
      assert.is(more.code, 0, more.stderr);
      await sub.line(/^live$/);
      assert.is(await sub.ended, 0);
    }
  },
);

test('a port that is taken is refused with its number, and nothing is left listening', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-open-'));
  try {
    await startService({ ...settingsWith('--mqtt-open', `${port}`), data: folder }, () => {});
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, `port ${port} for MQTT is in use: choose another, or 0 for any free one`);
  } finally {
    other.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
