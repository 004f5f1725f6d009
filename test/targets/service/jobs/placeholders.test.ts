// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in documents are spelled like this
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Signer, SignRequest } from '../../../../targets/service/jobs/delivery.ts';
import { substitutionsIn } from '../../../../targets/service/jobs/placeholders.ts';
import { type Json, openWorld, thingArn, type World } from './world.ts';

const S3 = 'https://s3.eu-west-1.amazonaws.com/bucket';
const GET = `\${aws:iot:s3-presigned-url:${S3}/key}`;
const UPLOAD = `\${aws:iot:s3-presigned-url-upload:${S3}/logs/\${thingName}/\${jobId}-\${executionNumber}.txt}`;
const ROLE = { roleArn: 'arn:aws:iam::123456789012:role/reader' };

const refusal = (world: World, document: unknown, more: object = { presignedUrlConfig: ROLE }): Promise<string> =>
  world.service.control
    .createJob({ jobId: 'refused', targets: [thingArn('T1')], document: JSON.stringify(document), ...more })
    .then(
      () => 'accepted',
      (error) => `${error.status} ${error.name}: ${error.message}`,
    );

/** Signs by saying what it was asked for. */
function speaking(asked: SignRequest[] = []): Signer {
  return {
    sign: async (request) => {
      asked.push(request);
      return `signed ${request.method} ${request.url}`;
    },
  };
}

test('substitutionsIn: GET in three forms and PUT, in any string of a document; what is not ours is left alone', () => {
  const found = substitutionsIn({
    a: [`before ${GET} behind`, { b: `\${aws:iot:s3-presigned-url-v1:${S3}/a+b}` }],
    c: `\${aws:iot:s3-presigned-url-v2:${S3}/k%3FversionId%3D7}\${HOME}\${A:-\${B}}`,
    d: UPLOAD,
    e: '${aws:iot:s3-presigned-url-upload}',
    f: 7,
  }) as Json;
  assert.equal(found.signed, [
    { method: 'GET', url: `${S3}/key`, encoding: 'legacy' },
    { method: 'GET', url: `${S3}/a+b`, encoding: 'plain' },
    { method: 'GET', url: `${S3}/k%3FversionId%3D7`, encoding: 'percent' },
    { method: 'PUT', url: `${S3}/logs/\${thingName}/\${jobId}-\${executionNumber}.txt`, encoding: 'legacy' },
    { method: 'PUT', url: '', encoding: 'legacy' },
  ]);
  assert.equal(substitutionsIn({ sh: 'echo "${HOME}" $X', n: null }), { signed: [] });
});

test('CreateJob refuses placeholders that are unterminated, unknown, too many, or have no role (control-plane §8)', async () => {
  const world = await openWorld({ signer: speaking() });
  const table: [document: unknown, message: RegExp, more?: object][] = [
    [{ a: `\${aws:iot:s3-presigned-url:${S3}/key` }, /400.*not terminated/],
    [{ a: '${x', b: '}' }, /400.*not terminated/],
    [{ a: GET }, /400.*role ARN is required to generate an S3 presigned url in job document/, {}],
    [{ a: GET }, /role ARN is required/, { presignedUrlConfig: { expiresInSec: 60 } }],
    [Array(11).fill(GET), /400.*11 placeholders: at most 10/],
    [{ a: '${aws:iot:parameter:path}' }, /400.*managed templates/],
    [{ a: '${aws:iot:package:p:version:1:attributes}' }, /400.*cannot fill/],
    [{ a: '${aws:iot:s3-presigned-url-v3:https://s3/b/k}' }, /400.*cannot fill/],
    [{ a: '${aws:iot:s3-presigned-url:nowhere}' }, /400.*URL of an object/],
    [{ a: '${aws:iot:s3-presigned-url:https://s3/b/${thingName}}' }, /400.*URL of an object/],
    [{ a: UPLOAD.replace('logs', '${thingName}/${thingName}') }, /400.*twice at most/],
    [{ a: UPLOAD.replace('logs', '${hostName}') }, /400.*a key may have/],
    [{ a: UPLOAD.replace('bucket', '${jobId}') }, /400.*only in the key/],
  ];
  for (const [document, message, more] of table)
    assert.match(await refusal(world, document, more), message, JSON.stringify(document).slice(0, 90));
  assert.is(await refusal(world, Array(10).fill(GET)), 'accepted');
  await world.close();
});

test('without a signer a placeholder fails CreateJob and never reaches a device; a signer may refuse a URL too', async () => {
  const world = await openWorld();
  assert.match(await refusal(world, { a: GET }), /400 InvalidRequestException: .*nothing configured that signs/);
  await world.close();
  const picky = await openWorld({ signer: { ...speaking(), faultIn: ({ url }) => `there is no ${url}` } });
  assert.match(await refusal(picky, { a: GET }), /400 InvalidRequestException: there is no https/);
  await picky.close();
});

test('a device is given signed URLs by $next/get, start-next, get by jobId, update and notify-next, signed anew each time', async () => {
  const asked: SignRequest[] = [];
  const world = await openWorld({ signer: speaking(asked) });
  const presignedUrlConfig = { ...ROLE, expiresInSec: 90 };
  await world.job('j', ['T1'], { document: JSON.stringify({ a: GET, b: `to ${UPLOAD}` }), presignedUrlConfig });
  const expected = { a: `signed GET ${S3}/key`, b: `to signed PUT ${S3}/logs/T1/j-1.txt` };
  const next = world.takeTold().find(([, kind]) => kind === 'notify-next');
  assert.equal(next?.[2].execution.jobDocument, expected);
  assert.equal((await world.ask('T1', '$next/get', {}))?.body.execution.jobDocument, expected);
  assert.equal((await world.ask('T1', 'start-next', {}))?.body.execution.jobDocument, expected);
  assert.equal((await world.ask('T1', 'start-next', {}))?.body.execution.jobDocument, expected);
  assert.equal((await world.ask('T1', 'j/get', {}))?.body.execution.jobDocument, expected);
  const update = { status: 'IN_PROGRESS', includeJobDocument: true };
  assert.equal((await world.ask('T1', 'j/update', update))?.body.jobDocument, expected);
  assert.is((await world.ask('T1', 'j/get', { includeJobDocument: false }))?.body.execution.jobDocument, undefined);
  assert.is(asked.length, 12);
  const { method, url, expiresInSeconds, roleArn, thingName, executionNumber } = asked[11] as SignRequest;
  assert.equal(
    [method, url, expiresInSeconds, roleArn, thingName, executionNumber],
    ['PUT', `${S3}/logs/T1/j-1.txt`, 90, ROLE.roleArn, 'T1', 1],
  );
  const { document } = await world.service.control.getJobDocument({ jobId: 'j' });
  assert.is(JSON.parse(document).a, GET, 'an operator sees the placeholder (control-plane §2.7)');
  await world.service.control.updateJob({ jobId: 'j', presignedUrlConfig: ROLE });
  await world.ask('T1', '$next/get', {});
  assert.is(asked.at(-1)?.expiresInSeconds, 3_600, 'UpdateJob reaches later deliveries');
  const error = await world.service.control.updateJob({ jobId: 'j', presignedUrlConfig: {} }).catch((thrown) => thrown);
  assert.match(error.message, /role ARN is required/);
  await world.close();
});

test('a signer that fails makes an InternalError that is logged, and its notification is tried again', async () => {
  let works = false;
  const signer: Signer = {
    sign: () => {
      if (works) return 'signed';
      throw new Error('no credentials');
    },
  };
  const world = await openWorld({ signer });
  await world.job('j', ['T1'], { document: JSON.stringify({ a: GET }), presignedUrlConfig: ROLE });
  const { body } = (await world.ask('T1', '$next/get', { clientToken: 'x' })) as Json;
  assert.equal([body.code, body.clientToken, body.execution], ['InternalError', 'x', undefined]);
  assert.ok(world.log.length >= 2);
  assert.is(world.takeTold().filter(([, kind]) => kind === 'notify-next').length, 0);
  works = true;
  await world.advance(10_000);
  const next = world.takeTold().find(([, kind]) => kind === 'notify-next');
  assert.equal(next?.[2].execution.jobDocument, { a: 'signed' });
  await world.close();
});

test.run();
