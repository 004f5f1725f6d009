import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ControlPlane, startControlPlane } from './controlPlane.ts';
import { type Sent, send } from './signedRequest.ts';

const test = suite('refusals');
let plane: ControlPlane;
test.before(async () => {
  plane = await startControlPlane();
});
test.after(() => plane.close());

const REFUSED: { name: string; sent: Sent; status?: number; type: string; message: RegExp }[] = [
  {
    name: 'no signature',
    sent: { unsigned: true },
    type: 'MissingAuthenticationTokenException',
    message: /no Authorization header/,
  },
  {
    name: 'another scheme',
    sent: { change: (headers) => void (headers.authorization = 'Basic YTpi') },
    type: 'InvalidSignatureException',
    message: /Authorization header is not 'AWS4-HMAC-SHA256/,
  },
  {
    name: 'a secret that is not the key',
    sent: { secretAccessKey: 'x'.repeat(40) },
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  {
    name: 'a signature with one digit changed',
    sent: {
      change: (headers) => {
        headers.authorization = headers.authorization!.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
      },
    },
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  {
    name: 'an unknown access key',
    sent: { accessKeyId: 'AKIANOBODYNOBODY2345' },
    type: 'UnrecognizedClientException',
    message: /security token included in the request is invalid/,
  },
  {
    name: 'a signature of six minutes ago',
    sent: { signedAtMillis: Date.now() - 6 * 60_000 },
    type: 'InvalidSignatureException',
    message: /^Signature expired: .* is more than 5 minutes earlier/,
  },
  {
    name: 'a signature of the future',
    sent: { signedAtMillis: Date.now() + 6 * 60_000 },
    type: 'InvalidSignatureException',
    message: /^Signature not yet current/,
  },
  {
    name: 'another region',
    sent: { region: 'us-west-2' },
    type: 'InvalidSignatureException',
    message: /scoped to region 'eu-central-1', not 'us-west-2'/,
  },
  {
    name: 'another service',
    sent: { service: 's3' },
    type: 'InvalidSignatureException',
    message: /scoped to service 'iot' or 'iot-jobs-data', not 's3'/,
  },
  {
    name: 'an operation of the control plane with the scope of the data plane',
    sent: { service: 'iot-jobs-data', path: '/things' },
    status: 404,
    type: 'ResourceNotFoundException',
    message: /data plane has no operation at this path with GET/,
  },
  {
    name: 'a body that is not the one that was signed',
    sent: { method: 'POST', path: '/things/T', body: '{"a":1}', sentBody: '{"a":2}' },
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  {
    name: 'a stated hash that is not of this body',
    sent: {
      method: 'POST',
      path: '/things/T',
      headers: { 'x-amz-content-sha256': createHash('sha256').update('{}').digest('hex') },
      body: '{"a":2}',
    },
    type: 'InvalidSignatureException',
    message: /x-amz-content-sha256 differs/,
  },
  {
    name: 'a body left unsigned',
    sent: { method: 'POST', path: '/things/T', headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }, body: '{}' },
    type: 'InvalidSignatureException',
    message: /must be signed/,
  },
  {
    name: 'a header that decides something and is not signed',
    sent: {
      method: 'PUT',
      path: '/things/T/principals',
      change: (headers) => void (headers['x-amzn-principal'] = 'arn:x'),
    },
    type: 'InvalidSignatureException',
    message: /'x-amzn-principal' must be a signed header/,
  },
  {
    name: 'a host that is not signed',
    sent: {
      change: (headers) => void (headers.authorization = headers.authorization!.replace('=host;', '=')),
    },
    type: 'InvalidSignatureException',
    message: /'host' must be a signed header/,
  },
  {
    name: 'a path that nobody serves',
    sent: { path: '/nowhere' },
    status: 404,
    type: 'ResourceNotFoundException',
    message: /No operation is served at this path with GET/,
  },
  {
    name: 'a method that the path does not have',
    sent: { path: '/things/T', method: 'OPTIONS' },
    status: 404,
    type: 'ResourceNotFoundException',
    message: /with OPTIONS/,
  },
  {
    name: 'broken percent-encoding',
    sent: { path: '/things/%zz' },
    status: 400,
    type: 'InvalidRequestException',
    message: /percent-encoded/,
  },
  {
    name: 'an empty label',
    sent: { path: '/things/' },
    status: 400,
    type: 'InvalidRequestException',
    message: /Value '' at 'thingName'/,
  },
  {
    name: 'a label with a slash inside',
    sent: { path: '/things/a%2Fb' },
    status: 400,
    type: 'InvalidRequestException',
    message: /Value 'a\/b' at 'thingName'/,
  },
  {
    name: 'a body that is no JSON',
    sent: { path: '/things/T', method: 'POST', body: '{"a":' },
    status: 400,
    type: 'InvalidRequestException',
    message: /not a JSON object/,
  },
  {
    name: 'a body that is a list',
    sent: { path: '/things/T', method: 'POST', body: '[]' },
    status: 400,
    type: 'InvalidRequestException',
    message: /not a JSON object/,
  },
  {
    name: 'JSON nested a hundred thousand deep',
    sent: { path: '/jobs/j', method: 'PUT', body: `{"targets":${'['.repeat(1e5)}${']'.repeat(1e5)}}` },
    status: 400,
    type: 'InvalidRequestException',
    message: /targets.1.member/,
  },
  {
    name: 'a word for a number in the query',
    sent: { query: { maxResults: 'many' } },
    status: 400,
    type: 'InvalidRequestException',
    message: /Value 'many' at 'maxResults'/,
  },
];

for (const { name, sent, status = 403, type, message } of REFUSED)
  test(`refuses ${name} with ${status} ${type}`, async () => {
    const answer = await send(plane, sent);
    assert.equal([answer.status, answer.type, answer.body.__type], [status, type, type], JSON.stringify(answer.body));
    assert.match(answer.body.message as string, message);
    assert.match(answer.headers['x-amzn-requestid'] as string, /^[0-9a-f-]{36}$/);
    assert.equal(Object.keys(answer.body).sort(), ['__type', 'message']);
    assert.not.match(JSON.stringify(answer.body), plane.key.secretAccessKey);
  });

test.run();
