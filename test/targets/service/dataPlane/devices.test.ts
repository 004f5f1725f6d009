import { once } from 'node:events';
import { Agent } from 'node:https';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DATA_BODY_BYTES_MAX } from '../../../../targets/service/dataPlane/limits.ts';
import { openIdentity } from '../../../../targets/service/identity/identity.ts';
import { send } from '../http/signedRequest.ts';
import { answerOf, startWorld, turnUntil, type World } from './world.ts';

const test = suite('devices by HTTPS');
let world: World;
test.before(async () => {
  world = await startWorld();
});
test.after(() => world.close());

test('a device goes through a whole job life over mutual TLS (data plane §8.2)', async () => {
  const device = await world.addDevice('life');
  const ask = (method: string, path: string, body?: unknown) => world.ask(device, method, path, { body });
  const nothing = await ask('GET', '/things/life/jobs');
  assert.equal(nothing.body, { inProgressJobs: [], queuedJobs: [] });
  assert.is(nothing.headers['content-type'], 'application/json');
  assert.is(nothing.headers['preference-applied'], undefined);
  assert.equal((await ask('PUT', '/things/life/jobs/$next', {})).body, {});
  await world.addJob('one', ['life'], '{"version":"1.0","steps":["ü"]}');

  const listed = await ask('GET', '/things/life/jobs');
  assert.equal(
    (listed.body.queuedJobs as { jobId: string }[]).map((row) => row.jobId),
    ['one'],
  );
  const next = (await ask('GET', '/things/life/jobs/%24next')).body.execution as Record<string, unknown>;
  assert.equal([next.jobId, next.thingName, next.status, next.versionNumber], ['one', 'life', 'QUEUED', 1]);
  assert.is(next.jobDocument, '{"version":"1.0","steps":["ü"]}');
  assert.ok(Number.isInteger(next.queuedAt) && Math.abs(Number(next.queuedAt) - Date.now() / 1000) < 60);

  const statusDetails = { step: 'a' };
  const started = await ask('PUT', '/things/life/jobs/$next', { statusDetails, stepTimeoutInMinutes: 5 });
  const execution = started.body.execution as Record<string, unknown>;
  assert.equal([execution.status, execution.versionNumber, execution.statusDetails], ['IN_PROGRESS', 2, statusDetails]);
  assert.ok(Number(execution.approximateSecondsBeforeTimedOut) > 200);

  const mismatch = await ask('POST', '/things/life/jobs/one', { status: 'SUCCEEDED', expectedVersion: 9 });
  assert.equal([mismatch.status, mismatch.type], [409, 'InvalidStateTransitionException']);
  assert.equal(mismatch.body, {
    __type: 'InvalidStateTransitionException',
    code: 'VersionMismatch',
    message: 'Expected version 9 but found version 2',
    executionState: { status: 'IN_PROGRESS', versionNumber: 2, statusDetails },
  });
  assert.equal((await ask('POST', '/things/life/jobs/one', { status: 'IN_PROGRESS', expectedVersion: '2' })).body, {});
  const done = { status: 'SUCCEEDED', includeJobExecutionState: true, includeJobDocument: true };
  assert.equal((await ask('POST', '/things/life/jobs/one', done)).body, {
    executionState: { status: 'SUCCEEDED', versionNumber: 4, statusDetails },
    jobDocument: '{"version":"1.0","steps":["ü"]}',
  });

  const terminal = await ask('GET', '/things/life/jobs/one');
  assert.equal([terminal.status, terminal.type], [410, 'TerminalStateException']);
  const again = await ask('POST', '/things/life/jobs/one', { status: 'FAILED' });
  assert.equal([again.status, again.type, again.body.code], [409, 'InvalidStateTransitionException', undefined]);
  const missing = await ask('GET', '/things/life/jobs/none');
  assert.equal([missing.status, missing.type], [404, 'ResourceNotFoundException']);
  assert.match(String(missing.headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
});

test('on the two paths that both planes have, who asks decides, never the path (data plane §8.2)', async () => {
  const device = await world.addDevice('a:b');
  await world.addJob('collide', ['a:b']);
  const paths = ['/things/a%3Ab/jobs', '/things/a%3Ab/jobs/collide'];
  for (const path of paths) {
    const [byCertificate, byScope, control] = await Promise.all([
      world.ask(device, 'GET', path),
      send(world.plane, { path, service: 'iot-jobs-data' }),
      send(world.plane, { path, service: 'iot' }),
    ]);
    assert.equal([byCertificate.status, byScope.status, control.status], [200, 200, 200], path);
    assert.equal(byScope.body, byCertificate.body);
    const [data, operator] = [byScope.body, control.body].map((body) => Object.keys(body.execution ?? body));
    if (path.endsWith('jobs'))
      assert.equal([data, operator], [['inProgressJobs', 'queuedJobs'], ['executionSummaries']]);
    else assert.equal([data?.includes('jobDocument'), operator?.includes('thingArn')], [true, true]);
  }
  const signed = await send(world.plane, { path: '/things/a%3Ab/jobs/%24next', service: 'iot-jobs-data' });
  assert.is((signed.body.execution as { jobId: string }).jobId, 'collide');
  const stranger = await send(world.plane, {
    path: '/things/a%3Ab/jobs',
    service: 'iot-jobs-data',
    secretAccessKey: 'x'.repeat(40),
  });
  assert.equal([stranger.status, stranger.type], [403, 'InvalidSignatureException']);
});

test('a device is refused what is of another thing, known or not, and the attempt is logged, so often and no more', async () => {
  const device = await world.addDevice('mine');
  await world.addDevice('theirs');
  await world.addJob('secret', ['theirs']);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const refused: [string, string, unknown][] = [
    ['GET', '/things/theirs/jobs', undefined],
    ['GET', '/things/theirs/jobs/$next', undefined],
    ['GET', '/things/theirs/jobs/secret', undefined],
    ['PUT', '/things/theirs/jobs/$next', {}],
    ['POST', '/things/theirs/jobs/secret', { status: 'SUCCEEDED' }],
    ['GET', '/things/nobody/jobs', undefined],
  ];
  world.logs.length = 0;
  for (const [method, path, body] of [...refused, ...refused]) {
    const answer = await world.ask(device, method, path, { body, agent });
    assert.equal([answer.status, answer.type], [403, 'ForbiddenException'], path);
    assert.equal(Object.keys(answer.body), ['__type', 'message']);
  }
  agent.destroy();
  assert.is(world.logs.length, 10);
  const { level, message, fields } = world.logs[0]!;
  assert.equal([level, fields.thingName, fields.operation], ['warn', 'theirs', 'GetPendingJobExecutions']);
  assert.equal([fields.certificateId, /not attached/.test(message)], [device.certificateId, true]);
});

test('a deactivated certificate is refused at the next request of an open connection, and what it holds is not answered', async () => {
  const device = await world.addDevice('leaver');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.is((await world.ask(device, 'GET', '/things/leaver/jobs', { agent })).status, 200);
  const held = answerOf(
    world.begin(device, 'PUT', '/things/leaver/jobs/$next', { body: {}, headers: { prefer: 'wait=60' } }),
  );
  await world.held(1);
  await world.deactivate(device);
  const refused = await world.ask(device, 'GET', '/things/leaver/jobs', { agent });
  agent.destroy();
  assert.is(refused.reusedSocket, true);
  assert.equal([refused.status, refused.type], [400, 'CertificateValidationException']);
  await world.addJob('late', ['leaver']);
  assert.equal([(await held).status, (await held).type], [400, 'CertificateValidationException']);
  const { execution } = (await send(world.plane, { path: '/things/leaver/jobs/late' })).body;
  assert.is((execution as { status: string }).status, 'QUEUED');
});

test('revoke cuts the connections of a certificate that is not active any more, and no other', async () => {
  const [one, other] = [await world.addDevice('cut'), await world.addDevice('stay')];
  const [held, kept] = [one, other].map((device, i) =>
    world.begin(device, 'GET', `/things/${['cut', 'stay'][i]}/jobs`, { headers: { prefer: 'wait=60' } }),
  ) as [ReturnType<World['begin']>, ReturnType<World['begin']>];
  await world.held(2);
  await world.deactivate(one);
  for (const { certificateId } of [other, one]) await world.devices.revoke(certificateId);
  await once(held, 'error');
  await world.held(1);
  kept.on('error', () => {}).destroy();
  await world.held(0);
});

test('only certificates of our CA get through TLS: none, and one of another CA, are refused there', async () => {
  const other = await openIdentity({ folder: `${world.plane.folder}/other`, nowMillis: Date.now });
  const stranger = await other.issueCertificate();
  for (const device of [undefined, stranger]) {
    const error = await world.ask(device, 'GET', '/things/mine/jobs').then(
      () => assert.unreachable('it was answered'),
      (error: NodeJS.ErrnoException) => error,
    );
    assert.match(String(error?.code), /^(ECONNRESET|EPIPE|ERR_SSL_.*)$/);
  }
  const known = await world.plane.identity.issueCertificate(); // ours, but in no registry
  const answer = await world.ask(known, 'GET', '/things/mine/jobs');
  assert.equal([answer.status, answer.type], [400, 'CertificateValidationException']);
});

test('takes ALPN x-amzn-http-ca, http/1.1 and none, and a session that is resumed', async () => {
  const device = await world.addDevice('alpn');
  const options: ConnectionOptions = {
    host: '127.0.0.1',
    port: world.devices.port,
    servername: 'localhost',
    ca: world.plane.identity.caPem,
    cert: device.certificatePem,
    key: device.keyPair.PrivateKey,
  };
  const get = async (more: ConnectionOptions): Promise<TLSSocket> => {
    const socket = connect({ ...options, ...more });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    socket.write('GET /things/alpn/jobs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    await once(socket, 'end');
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    return socket;
  };
  for (const [offered, taken] of [
    [['x-amzn-http-ca'], 'x-amzn-http-ca'],
    [['x-amzn-http-ca', 'http/1.1'], 'x-amzn-http-ca'],
    [['h2', 'http/1.1'], 'http/1.1'],
    [undefined, false],
  ] as const) {
    const socket = await get(offered === undefined ? {} : { ALPNProtocols: [...offered] });
    assert.is(socket.alpnProtocol, taken);
  }
  const sessions: Buffer[] = [];
  const first = connect(options).on('session', (session) => sessions.push(session));
  await once(first, 'session');
  first.destroy();
  assert.is((await get({ session: sessions[0]! })).isSessionReused(), true);
});

test('a body over the limit is refused before it is read whole', async () => {
  const device = await world.addDevice('long');
  const answer = await world.ask(device, 'POST', '/things/long/jobs/j', { body: ' '.repeat(DATA_BODY_BYTES_MAX + 1) });
  assert.equal([answer.status, answer.type], [413, 'RequestEntityTooLargeException']);
});

test('a failure inside is a 503 with nothing of it in the answer, and its owner is told', async () => {
  const device = await world.addDevice('unlucky');
  await world.plane.store.db.schema.alterTable('principal').renameTo('away').execute();
  try {
    const answer = await world.ask(device, 'GET', '/things/unlucky/jobs');
    assert.equal([answer.status, answer.type], [503, 'ServiceUnavailableException']);
    assert.not.match(JSON.stringify(answer.body), 'principal');
    assert.is(world.failures.length, 1);
  } finally {
    await world.plane.store.db.schema.alterTable('away').renameTo('principal').execute();
  }
});

for (const [method, path] of [
  ['GET', 'jobs'],
  ['GET', 'jobs/$next'],
  ['PUT', 'jobs/$next'],
] as const)
  test(`${method} .../${path} that waits is answered by a job that is created meanwhile, on both ports`, async () => {
    const thingName = `waits-${method}-${path.length}`;
    const device = await world.addDevice(thingName);
    const headers = { prefer: 'wait=60' };
    const byDevice = world.ask(device, method, `/things/${thingName}/${path}`, { headers });
    await world.held(1);
    const byOperator = send(world.plane, {
      method,
      path: `/things/${thingName}/${path.replace('$', '%24')}`,
      service: 'iot-jobs-data',
      headers,
    });
    await turnUntil(() => world.plane.dataPlane.held() === 1, 'the operator waits');
    await world.addJob(thingName, [thingName]);
    for (const answer of [await byDevice, await byOperator]) {
      assert.equal([answer.status, answer.headers['preference-applied']], [200, 'wait=60']);
      const { execution, queuedJobs } = answer.body as {
        execution?: { jobId: string };
        queuedJobs?: { jobId: string }[];
      };
      assert.is((execution ?? queuedJobs?.[0])?.jobId, thingName);
    }
    const shown = await send(world.plane, { path: `/things/${thingName}/jobs/${thingName}` });
    const { status, versionNumber } = shown.body.execution as { status: string; versionNumber: number };
    assert.equal([status, versionNumber], method === 'PUT' ? ['IN_PROGRESS', 2] : ['QUEUED', 1]);
  });

test('a wait that runs out is answered with nothing, by an answer that says how long it was', async () => {
  const device = await world.addDevice('patient');
  const headers = { prefer: 'respond-async, wait=1' };
  const [next, list] = await Promise.all([
    world.ask(device, 'GET', '/things/patient/jobs/$next', { headers }),
    world.ask(device, 'GET', '/things/patient/jobs', { headers }),
  ]);
  assert.equal([next.status, next.body, next.headers['preference-applied']], [200, {}, 'wait=1']);
  assert.equal(list.body, { inProgressJobs: [], queuedJobs: [] });
  assert.is(world.dataPlane.held(), 0);
});

test('a client that is cut while it waits is let go at once; its job is not started', async () => {
  const device = await world.addDevice('gone');
  const client = world.begin(device, 'PUT', '/things/gone/jobs/$next', { body: {}, headers: { prefer: 'wait=60' } });
  client.on('error', () => {});
  await world.held(1);
  client.destroy();
  await world.held(0);
  await world.addJob('left', ['gone']);
  const { execution } = (await send(world.plane, { path: '/things/gone/jobs/left' })).body;
  assert.is((execution as { status: string }).status, 'QUEUED');
});

test('closing answers what is held, then closes', async () => {
  const own = await startWorld();
  const device = await own.addDevice('last');
  const agent = new Agent({ keepAlive: true });
  const held = own.ask(device, 'GET', '/things/last/jobs/$next', { headers: { prefer: 'wait=60' }, agent });
  await own.held(1);
  await own.close();
  const answer = await held;
  agent.destroy();
  assert.equal([answer.status, answer.body], [200, {}]);
});

test.run();
