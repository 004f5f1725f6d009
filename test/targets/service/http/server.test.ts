import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent } from 'node:https';
import { Readable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BODY_BYTES_MAX } from '../../../../targets/service/http/limits.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { validate } from '../../../../targets/service/operations/validate.ts';
import { makeCsr } from '../identity/csr.ts';
import { arn, type ControlPlane, startControlPlane } from './controlPlane.ts';
import { type Answer, send } from './signedRequest.ts';

const test = suite('server');
let plane: ControlPlane;
test.before(async () => {
  plane = await startControlPlane();
});
test.after(() => plane.close());

/** A connection on which anything can be sent. */
async function byHand(): Promise<TLSSocket> {
  const { port } = plane.https;
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: plane.identity.caPem });
  await once(socket, 'secureConnect');
  return socket;
}

test('takes a stated hash that is right, the older scope execute-api, and extra headers that are not signed', async () => {
  const body = '{}';
  const headers = { 'x-amz-content-sha256': createHash('sha256').update(body).digest('hex') };
  const change = (signed: Record<string, string>) => void (signed['x-forwarded-for'] = '10.0.0.1');
  const answer = await send(plane, {
    method: 'POST',
    path: '/things/hashed',
    body,
    headers,
    service: 'execute-api',
    change,
  });
  assert.is(answer.status, 200, JSON.stringify(answer.body));
});

test('force and expectedVersion count in the query alone, as true, false and digits (control-plane §1)', async () => {
  await send(plane, { method: 'POST', path: '/things/asked' });
  const job = { targets: [arn('thing', 'asked')], document: '{}' };
  await send(plane, { method: 'PUT', path: '/jobs/asked', body: JSON.stringify(job) });
  const statusOf = async (path: string, query: Record<string, string>, body = '') =>
    (await send(plane, { method: 'DELETE', path, query, body })).status;
  assert.is(await statusOf('/jobs/asked', {}, '{"force":true}'), 409);
  assert.is(await statusOf('/jobs/asked', { force: 'false' }), 409);
  for (const force of ['yes', '1', 'TRUE', '']) assert.is(await statusOf('/jobs/asked', { force }), 400, force);
  assert.is(await statusOf('/jobs/asked', { force: 'true' }), 200);
  assert.is(await statusOf('/things/asked', { expectedVersion: '7' }), 409);
  assert.is(await statusOf('/things/asked', { expectedVersion: 'one' }), 400);
  assert.is(await statusOf('/things/asked', { expectedVersion: '1' }, '{"expectedVersion":7}'), 200);
});

test('routes a literal before a label, and decodes labels before it matches', async () => {
  const seen: string[] = [];
  const { AddThingToThingGroup, DescribeThing } = plane.handlers;
  plane.handlers.AddThingToThingGroup = async () => void seen.push('AddThingToThingGroup');
  plane.handlers.DescribeThing = async (input: never) => void seen.push((input as { thingName: string }).thingName);
  try {
    await send(plane, { method: 'PUT', path: '/thing-groups/addThingToThingGroup', body: '{}' });
    await send(plane, { method: 'PUT', path: '/thing-groups/add%54hingToThingGroup', body: '{}' });
    await send(plane, { path: '/things/a%3Ab' });
  } finally {
    Object.assign(plane.handlers, { AddThingToThingGroup, DescribeThing });
  }
  assert.equal(seen, ['AddThingToThingGroup', 'AddThingToThingGroup', 'a:b']);
});

test('refuses a body over the limit before it is read whole, and one from a stranger before any of it', async () => {
  const size = BODY_BYTES_MAX + 1;
  const socket = await byHand();
  socket.write(`PUT /jobs/j HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${size}\r\n\r\n{`);
  const [unsigned] = (await once(socket, 'data')) as [Buffer];
  assert.match(unsigned.toString(), /^HTTP\/1\.1 403 [\s\S]*^connection: close\r$/im);
  socket.destroy();
  const answer = await send(plane, { method: 'PUT', path: '/jobs/j', body: ' '.repeat(size) });
  assert.equal([answer.status, answer.type], [413, 'RequestEntityTooLargeException']);
});

test('answers a request without Host as any other, not with an empty 400', async () => {
  const socket = await byHand();
  socket.write('GET / HTTP/1.1\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 403 [\s\S]*^x-amzn-errortype: MissingAuthenticationTokenException\r$/im);
  socket.destroy();
});

test('answers a request that expects what nobody knows as any other, not with an empty 417 (RFC 9110 §10.1.1)', async () => {
  const socket = await byHand();
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nexpect: 200-ok\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 403 [\s\S]*^x-amzn-errortype: MissingAuthenticationTokenException\r$/im);
  socket.destroy();
});

test("drops a stranger's small body when it comes, and answers the next request behind it", async () => {
  const socket = await byHand();
  for (const _ of [1, 2]) {
    socket.write('PUT /jobs/j HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 403 /);
    assert.not.match(answer.toString(), /^connection: close/im);
    socket.write('0123456789');
  }
  socket.destroy();
});

test('keeps the connection of a client whose requests are read whole, also after a refusal', async () => {
  const agent = new Agent({ ca: plane.identity.caPem, keepAlive: true, maxSockets: 1 });
  const answers = [];
  for (const path of ['/things', '/nothing', '/things']) answers.push(await send(plane, { path, agent }));
  agent.destroy();
  assert.equal(
    answers.map(({ status, reusedSocket }) => [status, reusedSocket]),
    [
      [200, false],
      [404, true],
      [200, true],
    ],
  );
});

test('answers what is no HTTP with 400 and closes', async () => {
  const socket = connect({
    host: '127.0.0.1',
    port: plane.https.port,
    servername: 'localhost',
    ca: plane.identity.caPem,
  });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  socket.write('\u0016\u0003\u0001 what?\r\n\r\n');
  await once(socket, 'close');
  assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(text, '"__type":"InvalidRequestException"');
});

test('a failure inside is a 500 with a request id and nothing else; its reason is told to the owner', async () => {
  const { ListThings } = plane.handlers;
  plane.handlers.ListThings = async () => {
    throw new Error('disk on fire at /var/lib/secret');
  };
  const answer = await send(plane, {}).finally(() => Object.assign(plane.handlers, { ListThings }));
  assert.equal([answer.status, answer.type], [500, 'InternalFailureException']);
  assert.not.match(JSON.stringify(answer.body), /disk|secret| at /);
  const { requestId, error } = plane.failures.pop()!;
  assert.is(requestId, answer.headers['x-amzn-requestid']);
  assert.match((error as Error).message, 'disk on fire');
});

test('every answer of an operation fits its row of the table', async () => {
  const certificate = await send(plane, { method: 'POST', path: '/keys-and-certificate' });
  for (const path of ['/thing-groups/before', '/thing-groups/later']) await send(plane, { method: 'POST', path });
  const lasting = { targets: [arn('thinggroup', 'before')], document: '{}', targetSelection: 'CONTINUOUS' };
  await send(plane, { method: 'PUT', path: '/jobs/lasting', body: JSON.stringify(lasting) });
  const made = await send(plane, { method: 'POST', path: '/errand/access-keys' });
  const { AccessKeyId: accessKeyId } = made.body.AccessKey as { AccessKeyId: string };
  const answers: Record<string, Answer> = {
    UpdateJob: await send(plane, { method: 'PATCH', path: '/jobs/lasting', body: '{"description":"fits"}' }),
    AssociateTargetsWithJob: await send(plane, {
      method: 'POST',
      path: '/jobs/lasting/targets',
      body: JSON.stringify({ targets: [arn('thinggroup', 'later')] }),
    }),
    CreateKeysAndCertificate: certificate,
    CreateThing: await send(plane, { method: 'POST', path: '/things/fits' }),
    DescribeThing: await send(plane, { path: '/things/fits' }),
    ListThings: await send(plane, { path: '/things' }),
    AttachThingPrincipal: await send(plane, {
      method: 'PUT',
      path: '/things/fits/principals',
      headers: { 'x-amzn-principal': certificate.body.certificateArn as string },
    }),
    ListThingPrincipals: await send(plane, { path: '/things/fits/principals' }),
    ListPrincipalThings: await send(plane, {
      path: '/principals/things',
      headers: { 'x-amzn-principal': certificate.body.certificateArn as string },
    }),
    DetachThingPrincipal: await send(plane, {
      method: 'DELETE',
      path: '/things/fits/principals',
      headers: { 'x-amzn-principal': certificate.body.certificateArn as string },
    }),
    CreateCertificateFromCsr: await send(plane, {
      method: 'POST',
      path: '/certificates',
      body: JSON.stringify({ certificateSigningRequest: await makeCsr() }),
    }),
    DescribeCertificate: await send(plane, { path: `/certificates/${certificate.body.certificateId}` }),
    UpdateCertificate: await send(plane, {
      method: 'PUT',
      path: `/certificates/${certificate.body.certificateId}`,
      query: { newStatus: 'REVOKED' },
    }),
    DeleteCertificate: await send(plane, {
      method: 'DELETE',
      path: `/certificates/${certificate.body.certificateId}`,
    }),
    CreateThingGroup: await send(plane, { method: 'POST', path: '/thing-groups/fits', body: '{}' }),
    AddThingToThingGroup: await send(plane, {
      method: 'PUT',
      path: '/thing-groups/addThingToThingGroup',
      body: '{"thingName":"fits","thingGroupName":"fits"}',
    }),
    UpdateThing: await send(plane, { method: 'PATCH', path: '/things/fits', body: '{"expectedVersion":1}' }),
    DescribeThingGroup: await send(plane, { path: '/thing-groups/fits' }),
    UpdateThingGroup: await send(plane, {
      method: 'PATCH',
      path: '/thing-groups/fits',
      body: '{"thingGroupProperties":{"thingGroupDescription":"fits"}}',
    }),
    ListThingGroups: await send(plane, { path: '/thing-groups' }),
    ListThingsInThingGroup: await send(plane, { path: '/thing-groups/fits/things' }),
    ListThingGroupsForThing: await send(plane, { path: '/things/fits/thing-groups' }),
    UpdateThingGroupsForThing: await send(plane, {
      method: 'PUT',
      path: '/thing-groups/updateThingGroupsForThing',
      body: '{"thingName":"fits"}',
    }),
    RemoveThingFromThingGroup: await send(plane, {
      method: 'PUT',
      path: '/thing-groups/removeThingFromThingGroup',
      body: '{"thingName":"fits","thingGroupName":"fits"}',
    }),
    DeleteThingGroup: await send(plane, { method: 'DELETE', path: '/thing-groups/fits' }),
    DeleteThing: await send(plane, { method: 'DELETE', path: '/things/nobody' }),
    TagResource: await send(plane, {
      method: 'POST',
      path: '/tags',
      body: JSON.stringify({ resourceArn: arn('thinggroup', 'later'), tags: [{ Key: 'a' }, { Key: 'b', Value: 'c' }] }),
    }),
    ListTagsForResource: await send(plane, { path: '/tags', query: { resourceArn: arn('thinggroup', 'later') } }),
    UntagResource: await send(plane, {
      method: 'POST',
      path: '/untag',
      body: JSON.stringify({ resourceArn: arn('thinggroup', 'later'), tagKeys: ['a'] }),
    }),
    UpdateEventConfigurations: await send(plane, {
      method: 'PATCH',
      path: '/event-configurations',
      body: '{"eventConfigurations":{"JOB":{"Enabled":true}}}',
    }),
    DescribeEventConfigurations: await send(plane, { path: '/event-configurations' }),
    ...(await provisioningAnswers(plane)),
    CreateJobTemplate: await send(plane, {
      method: 'PUT',
      path: '/job-templates/fits',
      body: '{"description":"fits","document":"{}","timeoutConfig":{"inProgressTimeoutInMinutes":5}}',
    }),
    DescribeJobTemplate: await send(plane, { path: '/job-templates/fits' }),
    ListJobTemplates: await send(plane, { path: '/job-templates' }),
    DeleteJobTemplate: await send(plane, { method: 'DELETE', path: '/job-templates/fits' }),
    DescribeManagedJobTemplate: await send(plane, { path: '/managed-job-templates/AWS-Reboot' }),
    ListManagedJobTemplates: await send(plane, { path: '/managed-job-templates' }),
    SetFaults: await send(plane, {
      method: 'PUT',
      path: '/errand/faults',
      body: JSON.stringify({ faults: '{"seed":1,"rules":[{"do":{"drop":"answer"}}]}' }),
    }),
    GetFaults: await send(plane, { path: '/errand/faults' }),
    ClearFaults: await send(plane, { method: 'DELETE', path: '/errand/faults' }),
    ListCertificates: await send(plane, { path: '/certificates' }),
    ListAccessKeys: await send(plane, { path: '/errand/access-keys' }),
    CreateAccessKey: made,
    UpdateAccessKey: await send(plane, {
      method: 'PUT',
      path: `/errand/access-keys/${accessKeyId}`,
      body: '{"Status":"Inactive"}',
    }),
    DeleteAccessKey: await send(plane, { method: 'DELETE', path: `/errand/access-keys/${accessKeyId}` }),
    ListArtifacts: await putArtifact(plane).then(() => send(plane, { path: '/errand/artifacts' })),
    DeleteArtifact: await send(plane, { method: 'DELETE', path: '/errand/artifacts/bucket/a%2Fb' }),
    DescribeEndpoint: await send(plane, { path: '/endpoint' }),
    CreateJob: await send(plane, {
      method: 'PUT',
      path: '/jobs/fits',
      body: JSON.stringify({ targets: [arn('thing', 'fits')], document: '{}' }),
    }),
    DescribeJob: await send(plane, { path: '/jobs/fits' }),
    ListJobs: await send(plane, { path: '/jobs' }),
    GetJobDocument: await send(plane, { path: '/jobs/fits/job-document' }),
    DescribeJobExecution: await plane.jobs.tick().then(() => send(plane, { path: '/things/fits/jobs/fits' })),
    ListJobExecutionsForJob: await send(plane, { path: '/jobs/fits/things' }),
    ListJobExecutionsForThing: await send(plane, { path: '/things/fits/jobs' }),
    CancelJobExecution: await send(plane, { method: 'PUT', path: '/things/fits/jobs/fits/cancel' }),
    DeleteJobExecution: await send(plane, {
      method: 'DELETE',
      path: '/things/fits/jobs/fits/executionNumber/1',
    }),
    CancelJob: await send(plane, { method: 'PUT', path: '/jobs/fits/cancel' }),
    DeleteJob: await send(plane, { method: 'DELETE', path: '/jobs/fits', query: { force: 'true' } }),
  };
  for (const { name, output } of OPERATIONS) {
    const { status, body } = answers[name]!;
    assert.is(status, 200, `${name}: ${JSON.stringify(body)}`);
    const { value, faults } = validate(output?.members ?? {}, body);
    assert.equal(faults.lines, [], name);
    assert.equal(value, body, `${name}: members that the row does not have`);
  }
});

async function provisioningAnswers(plane: ControlPlane): Promise<Record<string, Answer>> {
  const templateBody = JSON.stringify({
    Resources: {
      thing: { Type: 'AWS::IoT::Thing', Properties: { ThingName: 'fits' } },
      certificate: { Type: 'AWS::IoT::Certificate' },
    },
  });
  const given = { templateName: 'fits', templateBody, provisioningRoleArn: 'arn:aws:iam::123456789012:role/fleet' };
  const path = '/provisioning-templates';
  const made = await send(plane, { method: 'POST', path: '/keys-and-certificate' });
  const headers = { 'x-amzn-principal': made.body.certificateArn as string };
  const versions = `${path}/fits/versions`;
  return {
    CreateProvisioningTemplate: await send(plane, { method: 'POST', path, body: JSON.stringify(given) }),
    DescribeProvisioningTemplate: await send(plane, { path: `${path}/fits` }),
    ListProvisioningTemplates: await send(plane, { path }),
    UpdateProvisioningTemplate: await send(plane, { method: 'PATCH', path: `${path}/fits`, body: '{"enabled":true}' }),
    CreateProvisioningTemplateVersion: await send(plane, {
      method: 'POST',
      path: versions,
      body: JSON.stringify({ templateBody }),
    }),
    DescribeProvisioningTemplateVersion: await send(plane, { path: `${versions}/2` }),
    ListProvisioningTemplateVersions: await send(plane, { path: versions }),
    DeleteProvisioningTemplateVersion: await send(plane, { method: 'DELETE', path: `${versions}/2` }),
    CreateProvisioningClaim: await send(plane, { method: 'POST', path: `${path}/fits/provisioning-claim` }),
    AttachProvisioningClaim: await send(plane, { method: 'PUT', path: `${path}/fits/claims`, headers }),
    DetachProvisioningClaim: await send(plane, { method: 'DELETE', path: `${path}/fits/claims`, headers }),
    DeleteProvisioningTemplate: await send(plane, { method: 'DELETE', path: `${path}/fits` }),
  };
}

async function putArtifact({ artifacts }: ControlPlane): Promise<void> {
  const received = await artifacts.receive(Readable.from([Buffer.from('content')]));
  await artifacts.put({ bucket: 'bucket', key: 'a/b' }, received, { metadata: {} });
}

test.run();
