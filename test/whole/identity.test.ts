/** What a device may not do (issue: identity), against the shipped service with clients as others wrote them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../tools.ts';
import { type Door, listen, run } from './clients.ts';
import { type House, openHouse } from './house.ts';

let house: House;

const doorOf = (address: string, ca: string, { cert, key }: { cert: string; key: string }): Door => ({
  address,
  ca,
  cert,
  key,
});

const mosquitto = hasTool('mosquitto_sub', 'mosquitto-clients') ? test : test.skip;

mosquitto('the whole of identity: refused, logged, disconnected, and no secret in the log of the run', async () => {
  house = await openHouse('--log', 'debug,info', '--mqtt-open', '0');
  try {
    const { endpoints, service } = house;
    const board = await house.thing('board');
    await house.thing('other');
    const own = doorOf(endpoints.mqtts, endpoints.ca, board);

    await publishIsRefused(own, '$aws/things/other/jobs/get', /other\/jobs\/get: the topic is not of a thing/);
    await publishIsRefused(own, '$SYS/broker/x', /\$SYS\/broker\/x: the topic is not of a thing/);
    await publishIsRefused(own, '$aws/events/job/J/completed', /only the service publishes events/);
    await publishIsRefused(own, '$aws/things/board/jobs/get', /RETAIN is not taken on \$aws\//, '-r');
    for (const filter of ['#', '$SYS/#', '$aws/#', '$aws/things/+/jobs/notify', '$aws/things/other/jobs/notify'])
      await subscribeIsRefused(own, filter);

    // The same client identifier twice: the first goes.
    const first = await listen(own, ['$aws/things/board/jobs/notify'], { clientId: 'board' });
    const second = await listen(own, ['$aws/things/board/jobs/notify'], { clientId: 'board' });
    await service.line(/connection closed.*clientId=board.*its client identifier connected again/);
    await first.kill();

    // An agent of the same certificate works, until the certificate is deactivated.
    await house.job('J', 'board', 'true');
    const agent = house.agent(board);
    await house.until('J', 'board', 'SUCCEEDED');
    const { principals } = await house.errand('list-thing-principals', '--thing-name', 'board');
    const certificateId = (principals as unknown as string[])[0]!.split('/').at(-1)!;
    const before = service.lines.length;
    await house.errand('update-certificate', '--certificate-id', certificateId, '--new-status', 'INACTIVE');
    await service.lineAfter(before, /connection closed.*its certificate was revoked/);
    await service.lineAfter(before, /connection refused: the certificate is not known or not active/);
    const again = await run('mosquitto_pub', own, 'late', '-t', '$aws/things/board/jobs/get', '-m', '{}');
    assert.is.not(again.code, 0);
    await agent.kill();
    await second.kill();

    const made = (await house.errand('create-access-key')) as unknown as {
      AccessKey: { AccessKeyId: string; SecretAccessKey: string };
    };
    await house.errand('delete-access-key', '--access-key-id', made.AccessKey.AccessKeyId);
    await house.service.kill('SIGTERM');
    await house.restartService();
    await house.service.kill('SIGTERM');

    const log = [...service.lines, ...house.service.lines].join('\n');
    assert.ok(log.includes('client connected'), 'it is the log of the run');
    for (const secret of secretsOf(path.join(house.folder, 'service'), board.key))
      assert.not(log.includes(secret), `${secret.slice(0, 6)}...`);
    assert.not(log.includes(made.AccessKey.SecretAccessKey));
    assert.not.match(log, /PRIVATE KEY/);
    keyFilesArePrivate(path.join(house.folder, 'service'));
  } finally {
    await house.end();
  }
});

/** The client is disconnected, and a line of the log names the topic and the client. */
async function publishIsRefused(door: Door, topic: string, logged: RegExp, ...more: string[]): Promise<void> {
  const before = house.service.lines.length;
  const { stdout, stderr, code } = await run('mosquitto_pub', door, 'intruder', '-t', topic, '-m', 'x', ...more);
  assert.is.not(code, 0, `${topic}: ${stdout}${stderr}`);
  const line = await house.service.lineAfter(before, /connection closed.*PUBLISH/);
  assert.match(line, logged);
  assert.match(line, /clientId=intruder/);
}

async function subscribeIsRefused(door: Door, filter: string): Promise<void> {
  const before = house.service.lines.length;
  const { stdout, stderr } = await run('mosquitto_sub', door, 'intruder', '-t', filter, '-E');
  assert.match(`${stdout}${stderr}`, /Subscribed \(mid: 1\): 128/, filter);
  const line = await house.service.lineAfter(before, /subscription refused/);
  assert.ok(line.includes(`filter=${filter} `) && line.includes('clientId=intruder'), line);
}

/** The bodies of all private keys, and the operator's secret. */
function secretsOf(data: string, deviceKey: string): string[] {
  const files = [
    deviceKey,
    ...readdirSync(path.join(data, 'identity')).map((name) => path.join(data, 'identity', name)),
  ];
  const keys = files.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n([^-]+)\n/g),
  ]);
  assert.ok(keys.length >= 3, 'the device, the CA and the server have keys');
  const { secretAccessKey } = JSON.parse(readFileSync(path.join(data, 'endpoints.json'), 'utf8'));
  return [secretAccessKey, ...keys.flatMap(([, body]) => body!.split('\n'))];
}

function keyFilesArePrivate(data: string): void {
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' }).map((name) => path.join(data, name));
  const secret = files.filter((file) => /identity\/|endpoints\.json|errand\.db/.test(file) && statSync(file).isFile());
  assert.ok(secret.length >= 4, secret.join(' '));
  for (const file of secret) assert.is((statSync(file).mode & 0o077).toString(8), '0', file);
  assert.is((statSync(data).mode & 0o777).toString(8), '700');
}

test.run();
