// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in documents are spelled like this
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import path from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import mqtt from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, runChild, startChild } from '../child.ts';
import { hasTool } from '../tools.ts';
import { arnOf, type House, type Identity, openHouse } from './house.ts';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const ROLE = 'roleArn=arn:aws:iam::123456789012:role/reader,expiresInSec=60';
const CONTENT = randomBytes(300_000);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Files for jobs as people have them: built programs, a real service, clients that others wrote. */
const test = suite<{ house: House; files: string; file: string; board: Identity }>('files');
test.before(async (context) => {
  context.house = await openHouse();
  context.files = filesOf(context.house);
  context.file = path.join(context.house.folder, 'firmware.bin');
  await writeFile(context.file, CONTENT);
  context.board = await context.house.thing('board');
});
test.after(async ({ house }) => house?.end());

// biome-ignore lint/suspicious/noExplicitAny: read as it came
type Json = any;

const filesOf = ({ folder }: House): string =>
  JSON.parse(readFileSync(path.join(folder, 'service', 'endpoints.json'), 'utf8')).files;

async function connect({ endpoints }: House, { cert, key, thingName }: Identity) {
  const device = await mqtt.connectAsync(`mqtts://${endpoints.mqtts}`, {
    ca: readFileSync(endpoints.ca),
    cert: readFileSync(cert),
    key: readFileSync(key),
    clientId: thingName,
    reconnectPeriod: 0,
  });
  /** Publishes a request and gives the answer, which comes subscribed or not. */
  const ask = (topic: string, body: object = {}) =>
    new Promise<Json>((resolve) => {
      device.once('message', (_topic, payload) => resolve(JSON.parse(payload.toString())));
      device.publish(`$aws/things/${thingName}/jobs/${topic}`, JSON.stringify(body), { qos: 1 });
    });
  return { device, ask };
}

function curl(house: House, ...args: string[]) {
  return runChild('curl', ['--silent', '--show-error', '--cacert', house.endpoints.ca, ...args]);
}

async function createJob(house: House, jobId: string, thingName: string, document: object, ...more: string[]) {
  const job = ['--job-id', jobId, '--targets', arnOf(thingName), '--document', JSON.stringify(document)];
  await house.errand('create-job', ...job, '--presigned-url-config', ROLE, ...more);
  await house.until(jobId, thingName, 'QUEUED');
}

test('errand put-artifact: streams a file in, prints its SHA-256 and a placeholder; lists and deletes it', async ({
  house,
  file,
}) => {
  const put = (await house.errand('put-artifact', file, '--content-type', 'application/x-firmware')) as Json;
  assert.equal(put, {
    bucket: 'artifacts',
    key: 'firmware.bin',
    sha256: sha256(CONTENT),
    bytes: CONTENT.length,
    url: 'https://s3.amazonaws.com/artifacts/firmware.bin',
    placeholder: '${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/firmware.bin}',
  });
  const other = (await house.errand('put-artifact', file, '--bucket', 'other', '--key', 'a b/ü')) as Json;
  assert.is(other.placeholder, '${aws:iot:s3-presigned-url-v2:https://s3.amazonaws.com/other/a%20b/%C3%BC}');
  const { artifacts } = (await house.errand('list-artifacts')) as Json;
  assert.equal(
    artifacts.map(({ bucket, key, bytes }: Json) => [bucket, key, bytes]),
    [
      ['artifacts', 'firmware.bin', CONTENT.length],
      ['other', 'a b/ü', CONTENT.length],
    ],
  );
  assert.is(readdirSync(path.join(house.folder, 'service', 'artifacts')).length, 1, 'the same bytes are kept once');
  await house.errand('delete-artifact', '--bucket', 'other', '--key', 'a b/ü');
  const again = await house.tryErrand('delete-artifact', '--bucket', 'other', '--key', 'a b/ü');
  assert.equal([again.code, /ResourceNotFoundException/.test(again.stderr)], [254, true]);
});

test('errand put-artifact: one sentence and its exit code for what is wrong', async ({ house, file }) => {
  const cases: [args: string[], code: number, said: RegExp][] = [
    [[], 252, /^errand: found 0 files: expected one/],
    [['no-such-file'], 252, /^errand: cannot read no-such-file: it is not there \(ENOENT\)\n$/],
    [[house.folder], 252, /is not a file\n$/],
    [[file, '--bucket', 'No'], 252, /^errand: the bucket is 'No': expected/],
    [[file, '--key', '../x'], 252, /a part '\.' or '\.\.'\n$/],
    [[file, '--wrong'], 252, /^errand: Unknown option '--wrong'/],
    [[file, '--endpoints', 'none.json'], 253, /^errand: cannot read none.json/],
  ];
  for (const [args, code, said] of cases) {
    const answer = await house.tryErrand('put-artifact', ...args);
    assert.is(answer.code, code, args.join(' '));
    assert.match(answer.stderr, said);
  }
  const endpoints = { ...house.endpoints, files: filesOf(house) };
  const wrong = path.join(house.folder, 'wrong.json');
  const put = async (changed: object) => {
    await writeFile(wrong, JSON.stringify({ ...endpoints, ...changed }));
    return house.tryErrand('put-artifact', file, '--endpoints', wrong);
  };
  const refused = await put({ secretAccessKey: 'wrong' });
  assert.equal([refused.code, refused.stdout], [254, '']);
  assert.match(
    refused.stderr,
    /^\nAn error occurred \(SignatureDoesNotMatch\) when putting the artifact artifacts\/firm/,
  );
  const gone = await put({ files: 'https://localhost:1' });
  assert.is(gone.code, 255);
  assert.match(gone.stderr, /^errand: cannot put the file to https:\/\/localhost:1 /);
  const elsewhere = await put({ files: undefined });
  assert.equal([elsewhere.code, /keeps its files at an S3 endpoint/.test(elsewhere.stderr)], [253, true]);
  const help = await house.tryErrand('put-artifact', '--help');
  assert.equal([help.code, help.stdout.startsWith('errand put-artifact: ')], [0, true]);
});

const fetched = hasTool('curl', 'curl') ? test : test.skip;

fetched(
  'a placeholder reaches the device as a URL that curl fetches with the CA: by MQTT, by HTTPS, anew each time',
  async ({ house, board, file }) => {
    const { placeholder } = (await house.errand('put-artifact', file)) as Json;
    const upload = '${aws:iot:s3-presigned-url-upload:https://s3.amazonaws.com/logs/${thingName}/${jobId}.txt}';
    const document = { operation: 'flash', url: placeholder, log: upload, note: `before ${placeholder} behind` };
    const { device, ask } = await connect(house, board);
    const notified = new Promise<Json>((resolve) => {
      device.once('message', (_topic, payload) => resolve(JSON.parse(payload.toString())));
    });
    await device.subscribeAsync('$aws/things/board/jobs/notify-next', { qos: 1 });
    await createJob(house, 'flash', 'board', document);
    const fromNotification = (await notified).execution.jobDocument;
    const fromMqtt = (await ask('flash/get')).execution.jobDocument;
    const { data } = await dataEndpoint(house);
    const own = ['--cert', board.cert, '--key', board.key];
    const byHttps = await curl(house, ...own, `https://${data}/things/board/jobs/flash?includeJobDocument=true`);
    const fromHttps = JSON.parse(JSON.parse(byHttps.stdout).execution.jobDocument);

    for (const given of [fromNotification, fromMqtt, fromHttps]) {
      assert.ok(given.url.startsWith(`${filesOf(house)}/artifacts/firmware.bin?X-Amz-Algorithm=`), given.url);
      assert.match(given.url, '&X-Amz-Expires=60&');
      assert.is(given.note.replace(/https:\S+/, '...'), 'before ... behind');
      const target = path.join(house.folder, 'fetched.bin');
      const { code, stderr } = await curl(house, '--fail', '--output', target, given.url);
      assert.is(code, 0, stderr);
      assert.is(sha256(readFileSync(target)), sha256(CONTENT));
    }
    // An interrupted download goes on where it was.
    const part = path.join(house.folder, 'part.bin');
    await writeFile(part, CONTENT.subarray(0, 123_456));
    await curl(house, '--fail', '--continue-at', '-', '--output', part, fromMqtt.url);
    assert.is(sha256(readFileSync(part)), sha256(CONTENT));
    // A device puts its log where the document says.
    const log = path.join(house.folder, 'log.txt');
    await writeFile(log, 'all is well');
    const put = await curl(house, '--fail-with-body', '--upload-file', log, fromMqtt.log);
    assert.is(put.code, 0, put.stdout);
    const { artifacts } = (await house.errand('list-artifacts', '--bucket', 'logs')) as Json;
    assert.equal(artifacts[0], {
      ...artifacts[0],
      key: 'board/flash.txt',
      bytes: 11,
      sha256: sha256(Buffer.from('all is well')),
    });
    // Operators see what they wrote (control-plane §2.7).
    const shown = (await house.errand('get-job-document', '--job-id', 'flash')) as Json;
    assert.equal(JSON.parse(shown.document), document);
    // A second later the same document has another signature.
    await new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000) + 5));
    const later = (await ask('$next/get')).execution.jobDocument;
    assert.is.not(later.url, fromMqtt.url);
    await device.endAsync();
  },
);

async function dataEndpoint(house: House): Promise<{ data: string }> {
  const { endpointAddress } = (await house.errand('describe-endpoint', '--endpoint-type', 'iot:Jobs')) as Json;
  return { data: endpointAddress };
}

test('documentSource: the document is read from the store once, whatever becomes of the object', async ({ house }) => {
  const source = path.join(house.folder, 'document.json');
  await writeFile(source, '{"operation":"first"}');
  const { url } = (await house.errand('put-artifact', source, '--bucket', 'documents')) as Json;
  const job = (jobId: string, documentSource: string) =>
    house.tryErrand('create-job', '--job-id', jobId, '--targets', arnOf('board'), '--document-source', documentSource);
  assert.is((await job('sourced', url)).code, 0);
  await writeFile(source, '{"operation":"second"}');
  await house.errand('put-artifact', source, '--bucket', 'documents');
  const shown = (await house.errand('get-job-document', '--job-id', 'sourced')) as Json;
  assert.is(shown.document, '{"operation":"first"}');
  const described = (await house.errand('describe-job', '--job-id', 'sourced')) as Json;
  assert.is(described.documentSource, url);
  assert.match((await job('none', `${url}x`)).stderr, 'there is no artifact documents/document.jsonx');
  assert.match((await job('elsewhere', 'https://example.com/a/b')).stderr, 'is not the URL of an object');
  const large = path.join(house.folder, 'large.json');
  await writeFile(large, JSON.stringify('x'.repeat(40_000)));
  const put = (await house.errand('put-artifact', large)) as Json;
  assert.match((await job('large', put.url)).stderr, 'it has 40002 bytes, at most 32768');
});

const AWS = '/usr/bin/aws';
const cli = hasTool(AWS, 'awscli') ? test : test.skip;

cli('the AWS CLI puts, gets and copies with the address of endpoints.json alone', async ({ house, files, file }) => {
  const { accessKeyId, secretAccessKey, region, ca } = house.endpoints;
  const aws = (...args: string[]) =>
    runChild(AWS, [...args, '--endpoint-url', files, '--ca-bundle', ca, '--region', region], {
      env: {
        PATH: process.env.PATH,
        HOME: house.folder,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      },
    });
  const object = ['--bucket', 'by-aws', '--key', 'dir/firmware.bin'];
  const back = path.join(house.folder, 'back.bin');
  const put = await aws('s3api', 'put-object', ...object, '--body', file);
  assert.is(put.code, 0, put.stderr);
  const got = await aws('s3api', 'get-object', ...object, '--range', 'bytes=10-19', back);
  assert.is(got.code, 0, got.stderr);
  assert.equal(readFileSync(back), CONTENT.subarray(10, 20));
  const [copied, missing] = await Promise.all([
    aws('s3', 'cp', '--no-progress', 's3://by-aws/dir/firmware.bin', back),
    aws('s3api', 'get-object', '--bucket', 'by-aws', '--key', 'nothing', path.join(house.folder, 'nothing')),
  ]);
  assert.is(copied.code, 0, copied.stderr);
  assert.is(sha256(readFileSync(back)), sha256(CONTENT));
  // From 8 MB on the CLI uploads in parts.
  const large = randomBytes(20_000_000);
  await writeFile(back, large);
  const parts = await aws('s3', 'cp', '--no-progress', back, 's3://by-aws/large.bin');
  assert.is(parts.code, 0, parts.stderr);
  const { artifacts } = (await house.errand('list-artifacts', '--bucket', 'by-aws', '--prefix', 'large')) as Json;
  assert.is(artifacts[0].sha256, sha256(large));
  assert.match(missing.stderr, 'An error occurred (NoSuchKey) when calling the GetObject operation');
});

test('kill -9 in the middle of an upload: no half artifact, and the next start takes the rest away', async ({
  house,
  files,
}) => {
  const folder = path.join(house.folder, 'service', 'artifacts');
  const before = readdirSync(folder);
  const { accessKeyId, secretAccessKey, region, ca } = house.endpoints;
  const client = s3Client(files, region, { accessKeyId, secretAccessKey }, ca);
  const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: 'half', Key: 'half' }), { expiresIn: 60 });
  const outgoing = request(url, { method: 'PUT', ca: readFileSync(ca), headers: { 'content-length': 1_000_000 } });
  outgoing.on('error', () => {});
  outgoing.write(Buffer.alloc(500_000, 1));
  while (readdirSync(folder).length === before.length) await new Promise((resolve) => setImmediate(resolve));
  await house.service.kill('SIGKILL');
  assert.is(readdirSync(folder).filter((name) => name.endsWith('.part')).length, 1);
  await house.restartService();
  assert.equal(readdirSync(folder), before);
  const again = s3Client(filesOf(house), region, { accessKeyId, secretAccessKey }, ca);
  const missing = await again.send(new GetObjectCommand({ Bucket: 'half', Key: 'half' })).catch((error) => error);
  assert.is(missing.name, 'NoSuchKey');
  const kept = await again.send(new GetObjectCommand({ Bucket: 'artifacts', Key: 'firmware.bin' }));
  assert.is(sha256(Buffer.from(await kept.Body!.transformToByteArray())), sha256(CONTENT));
  for (const one of [client, again]) one.destroy();
});

function s3Client(
  endpoint: string,
  region: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
  ca: string,
) {
  return new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(ca) }) }),
  });
}

test('a file of 100 MB goes through without being held in memory (what is resident is told, not asserted)', async ({
  house,
}) => {
  const large = path.join(house.folder, 'large.bin');
  const block = randomBytes(1_048_576);
  await writeFile(large, Buffer.concat(Array.from({ length: 100 }, () => block)));
  const resident = () => /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${house.service.pid}/status`, 'utf8'))?.[1];
  const before = Number(resident());
  const { sha256: uploaded, bytes } = (await house.errand('put-artifact', large)) as Json;
  assert.is(bytes, 104_857_600);
  const { accessKeyId, secretAccessKey, region, ca } = house.endpoints;
  const client = s3Client(filesOf(house), region, { accessKeyId, secretAccessKey }, ca);
  const { Body } = await client.send(new GetObjectCommand({ Bucket: 'artifacts', Key: 'large.bin' }));
  const hash = createHash('sha256');
  for await (const portion of Body as AsyncIterable<Buffer>) hash.update(portion);
  assert.is(hash.digest('hex'), uploaded);
  client.destroy();
  const megabytes = (kilobytes: number) => (kilobytes / 1024).toFixed(1);
  console.log(
    `\n  resident at most ${megabytes(before)} MB before, ${megabytes(Number(resident()))} MB after 100 MB in and out`,
  );
  await house.errand('delete-artifact', '--bucket', 'artifacts', '--key', 'large.bin');
});

fetched(
  '--s3-endpoint: URLs are signed for a real S3 endpoint, and documents read from there',
  async ({ house, file }) => {
    // The endpoint is the artifact store of another service: what AWS's presigner signs has to satisfy it.
    await house.errand('put-artifact', file);
    const source = path.join(house.folder, 'remote.json');
    await writeFile(source, '{"url":"${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/firmware.bin}"}');
    const { url } = (await house.errand('put-artifact', source)) as Json;
    const { accessKeyId, secretAccessKey, ca } = house.endpoints;
    const keyFile = path.join(house.folder, 's3-key.json');
    await writeFile(keyFile, JSON.stringify({ accessKeyId, secretAccessKey }), { mode: 0o600 });
    const data = path.join(house.folder, 'second');
    const errand = path.join(import.meta.dirname, '../../dist/errand.mjs');
    const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0'];
    const s3 = ['--s3-endpoint', filesOf(house), '--s3-access-key-file', keyFile];
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca };
    const service: Child = startChild(process.execPath, [errand, 'service', '--data', data, ...ports, ...s3], { env });
    try {
      await service.line(/ready: .*files at S3/);
      const second = (...args: string[]) =>
        runChild(process.execPath, [errand, ...args, '--endpoints', path.join(data, 'endpoints.json')]);
      assert.is((await second('create-thing', '--thing-name', 'board')).code, 0);
      const made = await second(
        'create-job',
        '--job-id',
        'j',
        '--targets',
        arnOf('board'),
        '--document-source',
        url,
        '--presigned-url-config',
        ROLE,
      );
      assert.is(made.code, 0, made.stderr);
      const endpoints = JSON.parse(readFileSync(path.join(data, 'endpoints.json'), 'utf8'));
      assert.not('files' in endpoints);
      const given = await delivered(endpoints, 'board', 'j');
      assert.ok(given.url.startsWith(`${filesOf(house)}/artifacts/firmware.bin?`), given.url);
      const target = path.join(house.folder, 'from-s3.bin');
      const { code, stderr } = await curl(house, '--fail', '--output', target, given.url);
      assert.is(code, 0, stderr);
      assert.is(sha256(readFileSync(target)), sha256(CONTENT));
      const refused = await second('list-artifacts');
      assert.match(refused.stderr, 'This service keeps no artifacts');
    } finally {
      await service.kill('SIGTERM');
    }
  },
);

/** The document of an execution as an operator gets it from the data plane, once it is rolled out. */
async function delivered(endpoints: Json, thingName: string, jobId: string): Promise<Json> {
  const { IoTJobsDataPlaneClient, DescribeJobExecutionCommand } = await import('@aws-sdk/client-iot-jobs-data-plane');
  const client = new IoTJobsDataPlaneClient({
    endpoint: endpoints.https,
    region: endpoints.region,
    credentials: endpoints,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(endpoints.ca) }) }),
  });
  try {
    for (;;) {
      const command = new DescribeJobExecutionCommand({ thingName, jobId, includeJobDocument: true });
      const answer = await client.send(command).catch((error: Error) => error);
      if (!(answer instanceof Error)) return JSON.parse(answer.execution!.jobDocument!);
      if (answer.name !== 'ResourceNotFoundException') throw answer;
    }
  } finally {
    client.destroy();
  }
}

test.run();
