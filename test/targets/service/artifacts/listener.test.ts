import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Sha256 } from '../../../../targets/service/http/sha256.ts';
import { BYTES_MAX, type Files, OPERATOR, openFiles, REGION } from './files.ts';

const test = suite('files');
let files: Files;
let client: S3Client;
test.before(async () => {
  files = await openFiles();
  client = files.client();
});
test.before.each(() => files.at(Date.now()));
test.after.each(() => assert.equal(files.errors.splice(0), []));
test.after(() => files.close());

const CONTENT = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i * 7));
const etag = (content: string | Buffer) => `"${createHash('sha256').update(content).digest('hex')}"`;
const refusal = (asked: Promise<unknown>): Promise<{ name: string; message: string; status: number | undefined }> =>
  asked.then(
    () => ({ name: 'none', message: '', status: 200 }),
    (error) => ({ name: error.name, message: error.message, status: error.$metadata?.httpStatusCode }),
  );
const Bucket = 'bucket';

test("AWS's own client puts, looks, gets and deletes: bytes, type and metadata come back", async () => {
  const Key = "a dir/with ü, (all) of!'*~ + and %41.bin";
  const put = await client.send(
    new PutObjectCommand({ Bucket, Key, Body: CONTENT, ContentType: 'text/x', Metadata: { version: '7' } }),
  );
  assert.is(put.ETag, etag(CONTENT));
  const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
  assert.equal([head.ContentLength, head.ContentType, head.Metadata], [CONTENT.length, 'text/x', { version: '7' }]);
  assert.ok(Math.abs(head.LastModified!.getTime() - Date.now()) < 60_000);
  const got = await client.send(new GetObjectCommand({ Bucket, Key }));
  assert.ok(CONTENT.equals(await got.Body!.transformToByteArray()));
  assert.is(got.ChecksumSHA256, createHash('sha256').update(CONTENT).digest('base64'));
  await client.send(new DeleteObjectCommand({ Bucket, Key }));
  await client.send(new DeleteObjectCommand({ Bucket, Key })); // gone already
  const { name, status } = await refusal(client.send(new GetObjectCommand({ Bucket, Key })));
  assert.equal([name, status], ['NoSuchKey', 404]);
  assert.equal(readdirSync(files.folder), []);
});

test('a stream with its checksum behind it (aws-chunked) arrives whole, and is refused when the checksum is another', async () => {
  for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'SHA1', 'SHA256'] as const) {
    const Body = Readable.from([CONTENT.subarray(0, 6_000), CONTENT.subarray(6_000)]);
    const stream = { Bucket, Key: 'streamed', Body, ContentLength: CONTENT.length, ChecksumAlgorithm };
    assert.is((await client.send(new PutObjectCommand(stream))).ETag, etag(CONTENT), ChecksumAlgorithm);
  }
  const wrong = { ChecksumCRC32: 'AAAAAA==', ChecksumSHA256: createHash('sha256').update('other').digest('base64') };
  for (const [name, value] of Object.entries(wrong)) {
    const put = new PutObjectCommand({ Bucket, Key: 'wrong', Body: CONTENT, [name]: value });
    assert.is((await refusal(client.send(put))).name, 'BadDigest', name);
  }
  assert.is(await files.artifacts.find({ bucket: Bucket, key: 'wrong' }), undefined);
});

test('a request that expects what nobody knows is answered as any other, not with an empty 417 (RFC 9110 §10.1.1)', async () => {
  const url = await files.url('nowhere', { method: 'GET' });
  assert.is((await files.send(url, { method: 'GET', headers: { expect: '200-ok' } })).code, 'NoSuchKey');
});

test('an upload that is not what was said of it leaves nothing behind: MD5, SHA-256, length', async () => {
  const before = readdirSync(files.folder);
  const md5 = createHash('md5').update('x').digest('base64');
  const cases: [code: string, headers: Record<string, string>][] = [
    ['BadDigest', { 'content-md5': md5 }],
    ['InvalidDigest', { 'content-md5': 'not base64' }],
    ['InvalidDigest', { 'content-md5': Buffer.from('short').toString('base64') }],
  ];
  const url = await files.url('checked', { method: 'PUT' });
  for (const [code, headers] of cases)
    assert.is((await files.send(url, { method: 'PUT', headers, body: 'content' })).code, code);
  const right = createHash('md5').update('content').digest('base64');
  const taken = await files.send(url, { method: 'PUT', headers: { 'content-md5': right }, body: 'content' });
  assert.equal([taken.status, taken.headers.etag], [200, etag('content')]);
  await files.artifacts.remove({ bucket: Bucket, key: 'checked' });
  const chunked = await files.send(url, {
    method: 'PUT',
    headers: { 'transfer-encoding': 'chunked' },
    body: 'content',
  });
  assert.is(chunked.code, 'MissingContentLength');
  assert.equal(readdirSync(files.folder), before);
});

test('a body that is given up in its middle is answered, and does not just end', async () => {
  const signer = new SignatureV4({
    service: 's3',
    region: REGION,
    credentials: OPERATOR,
    sha256: Sha256,
    uriEscapePath: false,
  });
  const headers = {
    host: new URL(files.origin).host,
    'content-length': '1000',
    'x-amz-decoded-content-length': '900',
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  };
  const signed = await signer.sign(new HttpRequest({ method: 'PUT', path: '/bucket/broken', headers }));
  const outgoing = request(`${files.origin}/bucket/broken`, {
    method: 'PUT',
    headers: signed.headers,
    rejectUnauthorized: false,
  });
  outgoing.on('error', () => {});
  outgoing.write('this is no size\r\n'); // and the rest never comes
  const [answer] = await once(outgoing, 'response');
  assert.is(answer.statusCode, 400);
  outgoing.destroy();
});

test('an upload in parts, in any order and one of them twice, is the parts that complete it names, in their order', async () => {
  const name = { Bucket, Key: 'in parts' };
  const before = readdirSync(files.folder);
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...name, ContentType: 'text/x', Metadata: { version: '7' } }),
  );
  const put = async (PartNumber: number, Body: string) => {
    const { ETag } = await client.send(new UploadPartCommand({ ...name, UploadId, PartNumber, Body }));
    return { PartNumber, ETag };
  };
  const [three, wrong] = [await put(3, 'three'), await put(1, 'wrong')];
  const [one] = [await put(1, 'one '), await put(2, 'left out')];
  const complete = (...Parts: { PartNumber: number; ETag: string | undefined }[]) =>
    client.send(new CompleteMultipartUploadCommand({ ...name, UploadId, MultipartUpload: { Parts } }));
  assert.is((await refusal(complete(wrong, three))).name, 'InvalidPart');
  assert.is((await refusal(complete(three, one))).name, 'InvalidPartOrder');
  assert.is((await refusal(complete())).name, 'MalformedXML');
  assert.is(
    await files.artifacts.find({ bucket: Bucket, key: name.Key }),
    undefined,
    'not there before it is complete',
  );
  assert.is((await complete(one, three)).ETag, etag('one three'));
  const got = await client.send(new GetObjectCommand(name));
  assert.equal(
    [await got.Body!.transformToString(), got.ContentType, got.Metadata],
    ['one three', 'text/x', { version: '7' }],
  );
  assert.is((await refusal(complete(one, three))).name, 'NoSuchUpload');
  assert.is(readdirSync(files.folder).length, before.length + 1, 'no part is left');
});

test('an upload in parts that is given up leaves nothing; so many at a time, and never more than the whole may be', async () => {
  const name = { Bucket, Key: 'given up' };
  const before = readdirSync(files.folder);
  const begin = async () => (await client.send(new CreateMultipartUploadCommand(name))).UploadId;
  const UploadId = await begin();
  const part = (more: object) =>
    refusal(client.send(new UploadPartCommand({ ...name, UploadId, PartNumber: 1, Body: 'part', ...more })));
  assert.is((await part({})).name, 'none');
  const over = Buffer.alloc(BYTES_MAX.operator - 3);
  assert.is((await part({ PartNumber: 2, Body: over })).name, 'EntityTooLarge');
  assert.is((await part({ PartNumber: 10_001 })).name, 'InvalidArgument');
  assert.is((await part({ Key: 'another' })).name, 'NoSuchUpload');
  assert.is((await part({ UploadId: 'unknown' })).name, 'NoSuchUpload');
  await client.send(new AbortMultipartUploadCommand({ ...name, UploadId }));
  assert.is((await part({})).name, 'NoSuchUpload');
  assert.equal(readdirSync(files.folder), before);
  const ids = await Promise.all(Array.from({ length: 16 }, begin));
  assert.is((await refusal(begin())).name, 'SlowDown');
  files.at(Date.now() + 3_601_000); // and all are forgotten
  const late = files.client({ systemClockOffset: 3_601_000 });
  const { UploadId: next } = await late.send(new CreateMultipartUploadCommand(name));
  assert.not(ids.includes(next));
});

test('over the bound: refused before a byte of the body is sent to who asks first; by a URL less is allowed', async () => {
  const url = await files.url('large', { method: 'PUT' });
  const over = Buffer.alloc(BYTES_MAX.url + 1);
  const unsent = await files.send(url, { method: 'PUT', headers: { expect: '100-continue' }, body: over });
  assert.equal([unsent.status, unsent.code], [400, 'EntityTooLarge']);
  assert.match(unsent.body.toString(), '<MaxSizeAllowed>1000</MaxSizeAllowed>');
  const fits = await files.send(url, { method: 'PUT', headers: { expect: '100-continue' }, body: over.subarray(1) });
  assert.is(fits.status, 200);
  const operators = await refusal(
    client.send(new PutObjectCommand({ Bucket, Key: 'large', Body: Buffer.alloc(BYTES_MAX.operator + 1) })),
  );
  assert.is(operators.name, 'EntityTooLarge');
  await client.send(new PutObjectCommand({ Bucket, Key: 'large', Body: Buffer.alloc(BYTES_MAX.operator) }));
});

test('Range: a download is resumed where it broke off, and begins anew where the artifact has changed meanwhile', async () => {
  await files.put(Bucket, 'resumed', CONTENT);
  const url = await files.url('resumed');
  const first = await files.send(url, { headers: { range: 'bytes=0-4095' } });
  assert.equal(
    [first.status, first.headers['content-range'], first.headers['content-length'], first.headers['accept-ranges']],
    [206, 'bytes 0-4095/10000', '4096', 'bytes'],
  );
  const tag = first.headers.etag!;
  const rest = await files.send(url, { headers: { range: 'bytes=4096-', 'if-range': tag } });
  assert.equal([rest.status, rest.headers['content-range']], [206, 'bytes 4096-9999/10000']);
  assert.ok(CONTENT.equals(Buffer.concat([first.body, rest.body])));
  const last = await files.send(url, { headers: { range: 'bytes=-1' } });
  assert.equal([...last.body], [CONTENT[9_999]]);
  const beyond = await files.send(url, { headers: { range: 'bytes=10000-' } });
  assert.equal([beyond.status, beyond.code, beyond.headers['content-range']], [416, 'InvalidRange', 'bytes */10000']);

  assert.is((await files.send(url, { headers: { 'if-none-match': tag } })).status, 304);
  await files.put(Bucket, 'resumed', 'changed');
  const changed = await files.send(url, { headers: { range: 'bytes=4096-', 'if-range': tag } });
  assert.equal([changed.status, changed.body.toString()], [200, 'changed']);
  const { status, code } = await files.send(url, { headers: { 'if-match': tag } });
  assert.equal([status, code], [412, 'PreconditionFailed']);
});

test('an artifact that is replaced or deleted while it is read is read to its end', async () => {
  const content = Buffer.alloc(BYTES_MAX.operator, 'old');
  await files.put(Bucket, 'busy', content);
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'busy' }));
  await files.put(Bucket, 'busy', 'new');
  await files.artifacts.remove({ bucket: Bucket, key: 'busy' });
  assert.ok(content.equals(await Body!.transformToByteArray()));
});

test('a signed URL opens one object for one method until it expires, and nothing else', async () => {
  await files.put(Bucket, 'one', 'one');
  await files.put(Bucket, 'two', 'two');
  const url = await files.url('one');
  assert.is((await files.send(url)).body.toString(), 'one');
  const forged: [what: string, url: string, sent: object, code: string][] = [
    ['another key', url.replace('/one?', '/two?'), {}, 'SignatureDoesNotMatch'],
    ['another bucket', url.replace('/bucket/', '/other-bucket/'), {}, 'SignatureDoesNotMatch'],
    ['another method', url, { method: 'PUT', body: 'x' }, 'SignatureDoesNotMatch'],
    ['DELETE', url, { method: 'DELETE' }, 'SignatureDoesNotMatch'],
    ['a longer life', url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'), {}, 'SignatureDoesNotMatch'],
    ['a parameter more', `${url}&response-content-type=text%2Fhtml`, {}, 'SignatureDoesNotMatch'],
    [
      'a changed signature',
      url.replace(/Signature=./, (text) => `Signature=${text.endsWith('0') ? 1 : 0}`),
      {},
      'SignatureDoesNotMatch',
    ],
    ['another key of access', url.replace('AKIAURLS', 'AKIANOBODY'), {}, 'InvalidAccessKeyId'],
    ["the operator's name", url.replace('AKIAURLS', 'AKIAOPERATOR'), {}, 'SignatureDoesNotMatch'],
    ['another region', url.replace('eu-central-1', 'us-east-1'), {}, 'AuthorizationQueryParametersError'],
    ['another service', url.replace('%2Fs3%2F', '%2Fiot%2F'), {}, 'AuthorizationQueryParametersError'],
    ['a life of a month', url.replace('Expires=60', 'Expires=2592000'), {}, 'AuthorizationQueryParametersError'],
    ['a life of nothing', url.replace('Expires=60', 'Expires=0'), {}, 'AuthorizationQueryParametersError'],
    ['a parameter twice', `${url}&X-Amz-Expires=60`, {}, 'AuthorizationQueryParametersError'],
    ['no signature', url.replace(/\?.*/, ''), {}, 'AccessDenied'],
    ['Signature Version 2', `${url.replace(/\?.*/, '')}?AWSAccessKeyId=x&Signature=y&Expires=1`, {}, 'AccessDenied'],
    ['a header that is not signed', url, { headers: { 'x-amz-acl': 'public-read' } }, 'AccessDenied'],
    ['two signatures', url, { headers: { authorization: 'x' } }, 'InvalidArgument'],
  ];
  for (const [what, target, sent, code] of forged) assert.is((await files.send(target, sent)).code, code, what);

  files.at(Date.now() + 30_000);
  assert.is((await files.send(url)).status, 200);
  files.at(Date.now() + 62_000);
  const expired = await files.send(url);
  assert.equal([expired.status, expired.code], [403, 'AccessDenied']);
  assert.match(expired.body.toString(), '<Message>Request has expired</Message><X-Amz-Expires>60</X-Amz-Expires>');
  assert.is((await files.send(await files.url('one'))).status, 200, 'asked again, signed again');
  files.at(Date.now() - 600_000);
  assert.match((await files.send(url)).body.toString(), 'not yet valid');
});

test("URLs of AWS's own presigner are good too, signed headers included", async () => {
  await files.put(Bucket, 'presigned', 'content');
  const get = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'presigned' }), { expiresIn: 60 });
  assert.is((await files.send(get)).body.toString(), 'content');
  const put = new PutObjectCommand({ Bucket, Key: 'presigned', ContentType: 'text/plain' });
  const signed = await getSignedUrl(client, put, { expiresIn: 60, signableHeaders: new Set(['content-type', 'host']) });
  const send = (type: string) =>
    files.send(signed, { method: 'PUT', headers: { 'content-type': type }, body: 'again' });
  assert.is((await send('text/html')).code, 'SignatureDoesNotMatch');
  const { status, body } = await send('text/plain');
  assert.is(status, 200, body.toString());
  assert.is((await files.send(get)).body.toString(), 'again');
});

test('requests signed in headers: wrong secret, unknown key, clock too far off, a body that is not the signed one', async () => {
  const get = () => new GetObjectCommand({ Bucket, Key: 'nothing' });
  const of = async (changed: object) => (await refusal(files.client(changed).send(get()))).name;
  assert.is(
    await of({ credentials: { accessKeyId: 'AKIAOPERATOR', secretAccessKey: 'wrong' } }),
    'SignatureDoesNotMatch',
  );
  assert.is(await of({ credentials: { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' } }), 'InvalidAccessKeyId');
  assert.is(await of({ region: 'us-east-1' }), 'AuthorizationHeaderMalformed');
  files.at(Date.now() + 301_000);
  assert.is(await of({}), 'RequestTimeTooSkewed');
  files.at(Date.now());
  assert.is(await of({}), 'NoSuchKey');
  const changing = files.client();
  changing.middlewareStack.add(
    (next) => (given) => {
      (given.request as { body: Buffer }).body = Buffer.from('tampered');
      return next(given);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  const signed = createHash('sha256').update('original').digest('hex');
  changing.middlewareStack.add(
    (next) => (given) => {
      (given.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = signed;
      return next(given);
    },
    { step: 'build' },
  );
  const put = new PutObjectCommand({ Bucket, Key: 'tampered', Body: 'original' });
  const { name } = await refusal(changing.send(put));
  assert.is(name, 'XAmzContentSHA256Mismatch');
});

test('no key leads out of the folder, and what this store does not do is refused by name', async () => {
  writeFileSync(path.join(files.folder, '..', 'secret'), 'secret');
  for (const key of ['..%2Fsecret', '%2e%2e/secret', 'a/../../secret', '.', 'a%00b']) {
    const { faultIn } = files.signer;
    const url = `https://s3.amazonaws.com/bucket/${key}`;
    assert.match(String(faultIn!({ method: 'GET', url, encoding: 'percent' })), /a part '.' or '..'|control character/);
    const answer = await refusal(client.send(new GetObjectCommand({ Bucket, Key: decodeURIComponent(key) })));
    assert.ok(['InvalidArgument', 'SignatureDoesNotMatch'].includes(answer.name), `${key}: ${answer.name}`);
  }
  const version = await refusal(client.send(new GetObjectCommand({ Bucket, Key: 'a', VersionId: 'v' })));
  assert.is(version.name, 'NotImplemented');
  const metadata = { long: 'x'.repeat(3_000) };
  const much = new PutObjectCommand({ Bucket, Key: 'much', Body: 'x', Metadata: metadata });
  assert.is((await refusal(client.send(much))).name, 'MetadataTooLarge');
});

test('a HEAD is answered without a body, refused ones too', async () => {
  const refused = await files.send(await files.url('one'), { method: 'HEAD' });
  assert.equal([refused.status, refused.body.length], [403, 0]);
});

test('an upload whose client goes away leaves nothing', async () => {
  const url = await files.url('cut', { method: 'PUT' });
  const before = readdirSync(files.folder);
  const outgoing = request(url, { method: 'PUT', rejectUnauthorized: false, headers: { 'content-length': 1_000 } });
  outgoing.on('error', () => {});
  outgoing.write('half');
  // Once the half is on disk the client goes.
  while (readdirSync(files.folder).length === before.length) await new Promise((resolve) => setImmediate(resolve));
  outgoing.destroy();
  while (readdirSync(files.folder).length > before.length) await new Promise((resolve) => setImmediate(resolve));
  assert.is(await files.artifacts.find({ bucket: Bucket, key: 'cut' }), undefined);
});

test('whatever path, query and headers come: an error of S3 in XML, never a 500', async () => {
  const text = fc.string({ unit: 'grapheme-ascii', maxLength: 40 });
  const name = fc.constantFrom('X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'uploads', 'a');
  const value = fc.oneof(
    text,
    fc.constantFrom('AWS4-HMAC-SHA256', 'AKIAURLS/20260101/eu-central-1/s3/aws4_request', '20260101T000000Z', '60'),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'PATCH'),
      text.map(encodeURI),
      fc.array(fc.tuple(name, value), { maxLength: 6 }),
      fc.dictionary(fc.constantFrom('range', 'authorization', 'x-amz-date', 'x-amz-content-sha256', 'if-match'), value),
      async (method, path, query, given) => {
        const search = query.map(([key, text]) => `${key}=${encodeURIComponent(text)}`).join('&');
        const headers = Object.fromEntries(Object.entries(given).map(([key, text]) => [key, text.trim()]));
        const { status, code } = await files.send(`${files.origin}/${path}?${search}`, { method, headers });
        assert.ok(status >= 400 && status < 500, `${status} ${code}`);
        if (method !== 'HEAD') assert.type(code, 'string');
      },
    ),
    { numRuns: 300 },
  );
});

test.run();
