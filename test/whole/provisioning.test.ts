/** From a claim to a job, and from one certificate to the next: the built agent and the real service over mutual TLS. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, runChild, startChild } from '../child.ts';
import { arnOf, FULL_AGENT, type House, openHouse } from './house.ts';

const TEMPLATE = JSON.stringify({
  Parameters: { SerialNumber: { Type: 'String' }, Site: { Type: 'String', Default: 'berlin' } },
  Resources: {
    thing: {
      Type: 'AWS::IoT::Thing',
      Properties: {
        ThingName: { 'Fn::Join': ['', ['pump-', { Ref: 'SerialNumber' }]] },
        AttributePayload: { site: { Ref: 'Site' } },
        ThingGroups: ['pumps'],
      },
    },
    certificate: {
      Type: 'AWS::IoT::Certificate',
      Properties: { CertificateId: { Ref: 'AWS::IoT::Certificate::Id' }, Status: 'Active' },
    },
    policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyName: 'devices' } },
  },
});

const whole = suite<{ house: House; claim: { cert: string; key: string } }>('identity by claim');
whole.before(async (context) => {
  const house = await openHouse();
  context.house = house;
  await house.errand('create-thing-group', '--thing-group-name', 'pumps');
  const role = ['--provisioning-role-arn', 'arn:aws:iam::123456789012:role/fleet'];
  await house.errand(
    'create-provisioning-template',
    '--template-name',
    'fleet',
    '--template-body',
    TEMPLATE,
    ...role,
    '--enabled',
  );
  const made = await house.errand('create-keys-and-certificate', '--set-as-active');
  await house.errand(
    'attach-provisioning-claim',
    '--template-name',
    'fleet',
    '--principal',
    String(made.certificateArn),
  );
  context.claim = writePair(house, 'claim', made as unknown as Made);
});
whole.after(async ({ house }) => house?.end());

interface Made {
  certificatePem: string;
  keyPair: { PrivateKey: string };
}

function writePair({ folder }: House, name: string, { certificatePem, keyPair }: Made) {
  const [cert, key] = [path.join(folder, `${name}.cert.pem`), path.join(folder, `${name}.key.pem`)];
  writeFileSync(cert, certificatePem);
  writeFileSync(key, keyPair.PrivateKey, { mode: 0o600 });
  return { cert, key };
}

/** A board as it leaves the factory. */
function board(house: House, claim: { cert: string; key: string }, serial: string, ...more: string[]): Child {
  const { endpoints, folder } = house;
  const own = ['--ca', endpoints.ca, '--claim-cert', claim.cert, '--claim-key', claim.key, '--retry-max', '1'];
  const places = ['--data', path.join(folder, `${serial}.data`), '--handlers', path.join(folder, 'handlers')];
  const rest = Object.entries({ endpoint: endpoints.mqtts, template: 'fleet', parameters: `SerialNumber=${serial}` })
    .filter(([name]) => !more.includes(`--${name}`))
    .flatMap(([name, value]) => [`--${name}`, value]);
  return house.startBoard([...own, ...places, ...rest, ...more]);
}

const identityOf = ({ folder }: House, serial: string) => {
  const file = path.join(folder, `${serial}.data`, 'identity.json');
  return { mode: statSync(file).mode & 0o777, ...JSON.parse(readFileSync(file, 'utf8')) };
};

const idOf = (cert: string) => new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();

async function principalsOf(house: House, thingName: string): Promise<string[]> {
  return (await house.errand('list-thing-principals', '--thing-name', thingName)).principals as unknown as string[];
}

whole(
  'a board with nothing but a claim gets its thing, then runs its first job; the next start is an ordinary one',
  async ({ house, claim }) => {
    const first = board(house, claim, '1');
    await first.line(/this device is thing pump-1 now/);
    await first.line(/ connected$/);
    await house.job('first', 'pump-1', 'true');
    await house.until('first', 'pump-1', 'SUCCEEDED');
    assert.is(await first.kill('SIGTERM'), 0);
    const { mode, thingName, pair } = identityOf(house, '1');
    assert.equal([mode, thingName], [0o600, 'pump-1']);
    assert.match(pair.key, /^-----BEGIN PRIVATE KEY-----/);
    const thing = await house.errand('describe-thing', '--thing-name', 'pump-1');
    assert.equal(thing.attributes, { site: 'berlin' });
    assert.is((await principalsOf(house, 'pump-1')).length, 1);

    const again = board(house, { cert: '/gone.pem', key: '/gone.pem' }, '1');
    await again.line(/thing pump-1, .*\n?/);
    await again.line(/ connected/);
    assert.is(await again.kill('SIGTERM'), 0);
    assert.is((await principalsOf(house, 'pump-1')).length, 1);
  },
);

/** Passes bytes on between boards and the service, and calls `cut` before so many portions have passed. */
async function countingProxy(
  target: string,
  portions: number,
  cut: () => void,
): Promise<{ address: string; close(): void }> {
  const [host, port] = target.split(':') as [string, string];
  let passed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((board) => {
    const service = connect(Number(port), host);
    for (const [from, to] of [
      [board, service],
      [service, board],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => to.destroy());
      from.on('data', (bytes) => {
        if (++passed > portions) cut();
        else to.write(bytes);
      });
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    address: `localhost:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function sixAtATime(cuts: readonly number[], run: (portions: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < cuts.length; i += 6) await Promise.all(cuts.slice(i, i + 6).map(run));
}

/** Where boards are cut off, in portions of bytes; ERRAND_ROUNDS=all takes every one of a provisioning, the suite some. */
const PORTIONS = process.env.ERRAND_ROUNDS === 'all' ? Array.from({ length: 24 }, (_, n) => n) : [6, 9, 11];

whole('kill -9 anywhere on the way: no half identity, and never two things of one board', async ({ house, claim }) => {
  await sixAtATime(PORTIONS, async (portions) => {
    const serial = `k${portions}`;
    let killed: Child | undefined;
    const proxy = await countingProxy(house.endpoints.mqtts, portions, () => killed?.process.kill('SIGKILL'));
    killed = board(house, claim, serial, '--endpoint', proxy.address);
    const how = await Promise.race([killed.ended, killed.line(/ connected$/).catch(() => 'SIGKILL')]);
    await killed.kill();
    proxy.close();
    assert.match(String(how), /SIGKILL|connected/, killed.lines.join('\n'));
    const next = board(house, claim, serial);
    await next.line(/ connected/);
    await next.kill();
    assert.equal([identityOf(house, serial).mode, identityOf(house, serial).thingName], [0o600, `pump-${serial}`]);
  });
  const { things } = (await house.errand('list-things')) as unknown as { things: { thingName: string }[] };
  const mine = things.map(({ thingName }) => thingName).filter((name) => name.startsWith('pump-k'));
  assert.equal(mine.sort(), PORTIONS.map((portions) => `pump-k${portions}`).sort());
});

whole('a service that says no is told of with what to do, and asked again', async ({ house, claim }) => {
  const wrong = board(house, claim, '2', '--parameters', 'Serial=2');
  const line = await wrong.line(/no identity yet/);
  assert.match(
    line,
    /InvalidParameters: the template has no parameter 'Serial': compare the setting 'parameters'.*; next try in/,
  );
  await wrong.lineAfter(wrong.lines.length, /no identity yet/);
  assert.is(await wrong.kill('SIGTERM'), 0);
  const other = board(house, claim, '2', '--template', 'other');
  assert.match(await other.line(/no identity yet/), /if the policy is the reason: allow|filter|refus/);
  await other.kill();
  assert.not.ok(existsSync(path.join(house.folder, '2.data', 'identity.json')) && identityOf(house, '2').pair);
});

/** The same for a rotation, which begins behind the connection of the agent itself. */
const CUTS = process.env.ERRAND_ROUNDS === 'all' ? Array.from({ length: 60 }, (_, n) => n + 5) : [24, 30];

const ROTATE = JSON.stringify({
  version: '1.0',
  includeStdOut: true,
  steps: [{ action: { name: 'rotate', type: 'runHandler', input: { handler: 'rotate-certificate', args: [] } } }],
});

const rotateBy = (...args: string[]) => ROTATE.replace('"args":[]', `"args":${JSON.stringify(args)}`);

async function rotation(house: House, jobId: string, thingName: string, document = ROTATE) {
  await house.errand('create-job', '--job-id', jobId, '--targets', arnOf(thingName), '--document', document);
  return house.until(jobId, thingName, 'SUCCEEDED', 'FAILED', 'REJECTED');
}

whole(
  'the identity clients of aws-iot-device-sdk-v2 get certificates and things with the same claim',
  async ({ house, claim }) => {
    const [host, port] = house.endpoints.mqtts.split(':');
    const door = JSON.stringify({ host, port: Number(port), ca: house.endpoints.ca, ...claim });
    const program = new URL('sdk/identity.ts', import.meta.url).pathname;
    const { code, stdout, stderr } = await runChild(process.execPath, ['--import', 'tsx', program, door]);
    assert.is(code, 0, stdout + stderr);
    assert.match(stdout, /^done$/m);
    for (const thingName of ['pump-v1', 'pump-v2']) assert.is((await principalsOf(house, thingName)).length, 1);
  },
);

whole('kill -9 anywhere in a rotation: one identity that works, and the job has its end', async ({ house, claim }) => {
  await sixAtATime(CUTS, async (portions) => {
    const serial = `r${portions}`;
    const thingName = `pump-${serial}`;
    const first = board(house, claim, serial);
    await first.line(/ connected$/);
    await first.kill('SIGTERM');
    let killed: Child | undefined;
    const proxy = await countingProxy(house.endpoints.mqtts, portions, () => killed?.process.kill('SIGKILL'));
    killed = board(house, claim, serial, '--endpoint', proxy.address);
    await house.errand('create-job', '--job-id', serial, '--targets', arnOf(thingName), '--document', ROTATE);
    const how = await Promise.race([killed.ended, killed.line(/SUCCEEDED/).catch(() => 'SIGKILL')]);
    await killed.kill();
    proxy.close();
    const next = board(house, claim, serial);
    const { status, statusDetails } = await house.until(serial, thingName, 'SUCCEEDED', 'FAILED');
    assert.is(status, 'SUCCEEDED', `${portions}, ${how}: ${JSON.stringify(statusDetails)} ${next.lines.join('\n')}`);
    const { pair, previous, mode } = identityOf(house, serial);
    assert.equal([previous, mode], [undefined, 0o600]);
    const named = (await principalsOf(house, thingName)).map((arn) => arn.split('/')[1]);
    assert.ok(named.includes(idOf(pair.cert)), 'what is in use is of the thing');
    if (process.env.ERRAND_ROUNDS) console.log(`${portions}: ${how}, ${named.length} certificates`);
    assert.ok(named.length <= 3, `${portions}: ${named.length} certificates`);
    await next.kill();
  });
});

whole(
  'rotation: another key and certificate, the end of the job told with it, the old one can go',
  async ({ house, claim }) => {
    const agent = board(house, claim, '3');
    await agent.line(/ connected$/);
    const before = identityOf(house, '3').pair;
    const { status, statusDetails } = await rotation(house, 'rotate-3', 'pump-3');
    assert.is(status, 'SUCCEEDED', `${JSON.stringify(statusDetails)}\n${agent.lines.join('\n')}`);
    const [, fresh, old] =
      /certificate (\w{64}) takes the place of (\w{64})/.exec(statusDetails.detailsMap?.stdout ?? '') ?? [];
    const { pair, previous, next } = identityOf(house, '3');
    assert.is.not(pair.key, before.key);
    assert.equal([previous, next], [undefined, undefined]);
    const principals = await principalsOf(house, 'pump-3');
    assert.equal(principals.map((arn) => arn.split('/')[1]).sort(), [fresh, old].sort());
    await house.errand('update-certificate', '--certificate-id', old!, '--new-status', 'INACTIVE');
    await house.job('after-3', 'pump-3', 'true');
    await house.until('after-3', 'pump-3', 'SUCCEEDED');
    assert.is(await agent.kill('SIGTERM'), 0);
  },
);

whole(
  'rotation whose certificate is not let in: the old one stays, the job FAILED and says why',
  async ({ house, claim }) => {
    const role = ['--provisioning-role-arn', 'arn:aws:iam::123456789012:role/fleet'];
    const body = TEMPLATE.replace('"Active"', '"Inactive"');
    await house.errand(
      'create-provisioning-template',
      '--template-name',
      'dead',
      '--template-body',
      body,
      ...role,
      '--enabled',
    );
    const agent = board(house, claim, '4');
    await agent.line(/ connected$/);
    const before = identityOf(house, '4').pair;
    const { status, statusDetails } = await rotation(house, 'rotate-4', 'pump-4', rotateBy('dead'));
    assert.equal([status, identityOf(house, '4').pair], ['FAILED', before]);
    assert.match(
      statusDetails.detailsMap?.reason ?? '',
      /the new certificate could not connect: .*the certificate stays as it was/,
    );
    const wrong = await rotation(house, 'rotate-4b', 'pump-4', rotateBy('SerialNumber=5'));
    assert.match(wrong.statusDetails.detailsMap?.reason ?? '', /AccessDenied: this certificate is not of thing pump-5/);
    await house.job('after-4', 'pump-4', 'true');
    await house.until('after-4', 'pump-4', 'SUCCEEDED');
    assert.equal(identityOf(house, '4'), { mode: 0o600, thingName: 'pump-4', pair: before });
  },
);

whole(
  'a switch that the power cut off, to a certificate that is no longer let in: the agent goes back by itself',
  async ({ house, claim }) => {
    const first = board(house, claim, '6');
    await first.line(/ connected$/);
    await first.kill('SIGTERM');
    const { mode: _, ...kept } = identityOf(house, '6');
    const dead = (await house.errand('create-keys-and-certificate')) as unknown as Made;
    const pair = { cert: dead.certificatePem, key: dead.keyPair.PrivateKey };
    const file = path.join(house.folder, '6.data', 'identity.json');
    writeFileSync(file, JSON.stringify({ ...kept, pair, previous: kept.pair, by: 'job 1 1' }), { mode: 0o600 });
    const agent = board(house, claim, '6');
    await agent.line(/the new certificate could not connect: the old one is in use again/);
    await agent.line(/info +connected/);
    assert.equal(identityOf(house, '6'), { mode: 0o600, ...kept, refused: 'job 1 1' });
    await agent.kill('SIGTERM');
  },
);

whole(
  'rotation of a certificate that was configured: its files are left, the identity goes before them',
  async ({ house }) => {
    const identity = await house.thing('by-hand');
    const flags = ['--template', 'fleet', '--parameters', 'SerialNumber=x'];
    const agent = house.startAgent({ file: FULL_AGENT }, identity, ...flags);
    await agent.line(/ connected$/);
    const mine = TEMPLATE.replace('"pump-"', '""');
    const role = ['--provisioning-role-arn', 'arn:aws:iam::123456789012:role/fleet'];
    await house.errand(
      'create-provisioning-template',
      '--template-name',
      'plain',
      '--template-body',
      mine,
      ...role,
      '--enabled',
    );
    const { status, statusDetails } = await rotation(
      house,
      'rotate-h',
      'by-hand',
      rotateBy('plain', 'SerialNumber={thing}'),
    );
    assert.is(status, 'SUCCEEDED', JSON.stringify(statusDetails));
    await agent.kill();
    const old = /of (\w{64})/.exec(statusDetails.detailsMap?.stdout ?? '')?.[1];
    await house.errand('update-certificate', '--certificate-id', old!, '--new-status', 'INACTIVE');
    const again = house.startAgent({ file: FULL_AGENT }, identity, ...flags);
    await again.line(/ connected/);
    await again.kill();
  },
);

whole(
  'a claim in a configuration of AWS IoT Device Client makes the device who it is, too',
  async ({ house, claim }) => {
    const home = path.join(house.folder, 'home');
    mkdirSync(path.join(home, '.aws-iot-device-client'), { recursive: true, mode: 0o700 });
    const config = {
      endpoint: house.endpoints.mqtts,
      'root-ca': house.endpoints.ca,
      ...claim,
      'thing-name': 'claim',
      'fleet-provisioning': {
        enabled: true,
        'template-name': 'fleet',
        'template-parameters': '{"SerialNumber": "client"}',
      },
    };
    writeFileSync(path.join(home, '.aws-iot-device-client', 'aws-iot-device-client.conf'), JSON.stringify(config));
    const agent = startChild(process.execPath, [FULL_AGENT], {
      cwd: home,
      env: { HOME: home, PATH: process.env.PATH },
    });
    await agent.line(/this device is thing pump-client now/);
    await agent.line(/ connected$/);
    await house.job('of-client', 'pump-client', 'true');
    await house.until('of-client', 'pump-client', 'SUCCEEDED');
    assert.is(await agent.kill('SIGTERM'), 0);
  },
);

whole.run();
