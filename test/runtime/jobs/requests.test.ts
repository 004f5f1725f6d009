import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAccepted, decodeErrorResponse } from '../../../runtime/jobs/answers.ts';
import { ERROR_MEANINGS } from '../../../runtime/jobs/errorMeanings.ts';
import { encodeObject } from '../../../runtime/jobs/json.ts';
import { decodeRequest, encodeRequest, type JobsRequest } from '../../../runtime/jobs/requests.ts';
import type { Operation } from '../../../runtime/jobs/topics.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const update = (body: string) => decodeRequest('UpdateJobExecution', 'J', bytes(body));
const refusal = (result: ReturnType<typeof decodeRequest>) => ('refusal' in result ? result.refusal.code : undefined);

const REQUESTS: JobsRequest[] = [
  { operation: 'GetPendingJobExecutions', clientToken: 't' },
  { operation: 'StartNextPendingJobExecution', statusDetails: { a: 'b' }, stepTimeoutInMinutes: 10080 },
  {
    operation: 'DescribeJobExecution',
    jobId: '$next',
    includeJobDocument: false,
    executionNumber: 7,
    clientToken: 'x',
  },
  {
    operation: 'UpdateJobExecution',
    jobId: 'J',
    status: 'SUCCEEDED',
    statusDetails: { reason: 'grüße 🎉\n' },
    expectedVersion: 2,
    executionNumber: 1,
    includeJobExecutionState: true,
    includeJobDocument: false,
    stepTimeoutInMinutes: -1,
    clientToken: 'q',
  },
];

test('requests: what a device encodes is what the service decodes', () => {
  for (const request of REQUESTS) {
    const jobId = 'jobId' in request ? request.jobId : undefined;
    assert.equal(decodeRequest(request.operation, jobId, encodeObject(encodeRequest(request))), request);
  }
});

test('decodeRequest: every prefix of every request is InvalidJson, none a crash; no payload at all stands for {} (data-plane §4)', () => {
  for (const request of REQUESTS) {
    const whole = encodeObject(encodeRequest(request));
    for (let size = 1; size < whole.length; size++) {
      assert.is(refusal(decodeRequest(request.operation, 'J', whole.subarray(0, size))), 'InvalidJson');
    }
  }
  assert.equal(decodeRequest('GetPendingJobExecutions', undefined, bytes('')), {
    operation: 'GetPendingJobExecutions',
  });
  assert.is(refusal(update('')), 'InvalidRequest');
});

test('decodeRequest: not UTF-8, not JSON and not an object are InvalidJson', () => {
  for (const body of ['null', '[]', '"x"', '1', '{', '{"status":"FAILED"}x', '\ufeff{}'])
    assert.is(refusal(update(body)), 'InvalidJson', body);
  assert.is(
    refusal(decodeRequest('GetPendingJobExecutions', undefined, Uint8Array.of(0x7b, 0xff, 0x7d))),
    'InvalidJson',
  );
});

test('decodeRequest: wrong members are InvalidRequest (data-plane §6.4, §9)', () => {
  const wrong = [
    '{}',
    '{"status":null}',
    '{"status":"CANCELED"}',
    '{"status":"TIMED_OUT"}',
    '{"status":"REMOVED"}',
    '{"status":"succeeded"}',
    '{"status":1}',
    '{"status":"FAILED","expectedVersion":"1x"}',
    '{"status":"FAILED","expectedVersion":1.5}',
    '{"status":"FAILED","expectedVersion":-1}',
    '{"status":"FAILED","executionNumber":0}',
    '{"status":"FAILED","executionNumber":"1"}',
    '{"status":"FAILED","stepTimeoutInMinutes":0}',
    '{"status":"FAILED","stepTimeoutInMinutes":10081}',
    '{"status":"FAILED","stepTimeoutInMinutes":-2}',
    '{"status":"FAILED","includeJobDocument":"true"}',
    '{"status":"FAILED","clientToken":5}',
    `{"status":"FAILED","clientToken":"${'t'.repeat(65)}"}`,
    '{"status":"FAILED","statusDetails":[]}',
    '{"status":"FAILED","statusDetails":{"a":null}}',
    '{"status":"FAILED","statusDetails":{"a":{}}}',
    '{"status":"FAILED","statusDetails":{"a":""}}',
    '{"status":"FAILED","statusDetails":{"a b":"x"}}',
    '{"status":"FAILED","statusDetails":{"a":"\\u0007"}}',
    `{"status":"FAILED","statusDetails":{"a":"${'x'.repeat(1025)}"}}`,
    `{"status":"FAILED","statusDetails":{"${'k'.repeat(129)}":"x"}}`,
    `{"status":"FAILED","statusDetails":${JSON.stringify(Object.fromEntries([...'abcdefghijk'].map((k) => [k, 'v'])))}}`,
  ];
  for (const body of wrong) assert.is(refusal(update(body)), 'InvalidRequest', body);
  assert.is(
    refusal(decodeRequest('StartNextPendingJobExecution', undefined, bytes('{"stepTimeoutInMinutes":-1}'))),
    'InvalidRequest',
  );
});

test('decodeRequest: takes what AWS’s own clients send: expectedVersion as digits, numbers in statusDetails, {} and unknown members', () => {
  const request = update(
    '{"status":"IN_PROGRESS","expectedVersion":"12","statusDetails":{"uptime":3.5,"ok":true,"fault":"line\\n"},"more":[1]}',
  );
  assert.equal(request, {
    operation: 'UpdateJobExecution',
    jobId: 'J',
    status: 'IN_PROGRESS',
    expectedVersion: 12,
    statusDetails: { uptime: '3.5', ok: 'true', fault: 'line\n' },
  });
  assert.equal((update('{"status":"FAILED","statusDetails":{}}') as { statusDetails?: unknown }).statusDetails, {});
  assert.not('statusDetails' in update('{"status":"FAILED","statusDetails":null}'));
});

test('decodeRequest: the limits themselves are allowed: 10 pairs, 128 and 1024 characters, counted as code points', () => {
  const pairs = Object.fromEntries([...'abcdefghij'].map((k) => [k.repeat(128), '🎉'.repeat(1024)]));
  assert.not('refusal' in update(JSON.stringify({ status: 'FAILED', statusDetails: pairs })));
});

test('decodeRequest: a refused request still has its clientToken to be answered with', () => {
  assert.equal((update('{"status":"NOPE","clientToken":"abc"}') as { clientToken?: string }).clientToken, 'abc');
});

test('decodeRequest: any JSON at all gets a request or a refusal, never a crash (1,000 random bodies)', () => {
  const operations: Operation[] = [
    'GetPendingJobExecutions',
    'StartNextPendingJobExecution',
    'DescribeJobExecution',
    'UpdateJobExecution',
  ];
  const members = [
    'status',
    'statusDetails',
    'expectedVersion',
    'executionNumber',
    'clientToken',
    'stepTimeoutInMinutes',
    'includeJobDocument',
  ];
  const body = fc.dictionary(fc.constantFrom(...members), fc.jsonValue());
  fc.assert(
    fc.property(fc.constantFrom(...operations), fc.oneof(body, fc.jsonValue()), (operation, value) => {
      const result = decodeRequest(operation, 'J', bytes(JSON.stringify(value)));
      assert.ok('operation' in result || result.refusal.message.length > 0);
    }),
    { numRuns: 1000 },
  );
});

test('answers: every prefix of an answer is refused, none a crash', () => {
  const execution = {
    jobId: 'J',
    status: 'QUEUED',
    versionNumber: 1,
    executionNumber: 1,
    queuedAt: 1,
    lastUpdatedAt: 1,
    jobDocument: {},
  };
  const accepted = encodeObject({ timestamp: 1, clientToken: 't', execution });
  const rejected = encodeObject({
    timestamp: 1,
    code: 'VersionMismatch',
    message: 'm',
    executionState: { status: 'QUEUED', versionNumber: 1 },
  });
  for (let size = 0; size < accepted.length; size++) assert.is(decodeAccepted(accepted.subarray(0, size)), undefined);
  for (let size = 0; size < rejected.length; size++)
    assert.is(decodeErrorResponse(rejected.subarray(0, size)), undefined);
  assert.equal(decodeAccepted(accepted)?.execution?.jobId, 'J');
  assert.equal(decodeErrorResponse(rejected)?.executionState?.versionNumber, 1);
});

test('answers: an execution without what a device goes on from is refused; a refusal without code too', () => {
  for (const missing of ['jobId', 'status', 'versionNumber', 'executionNumber']) {
    const execution: Record<string, unknown> = { jobId: 'J', status: 'QUEUED', versionNumber: 1, executionNumber: 1 };
    delete execution[missing];
    assert.is(decodeAccepted(encodeObject({ timestamp: 1, execution })), undefined, missing);
  }
  assert.is(decodeErrorResponse(bytes('{"code":5,"message":"x"}')), undefined);
});

test('ERROR_MEANINGS: the nine, each with its HTTP counterpart (data-plane §8.3, §9)', () => {
  const counterparts = Object.entries(ERROR_MEANINGS).map(([code, { httpStatus }]) => `${code} ${httpStatus}`);
  assert.equal(counterparts.sort(), [
    'InternalError 503',
    'InvalidJson 400',
    'InvalidRequest 400',
    'InvalidStateTransition 409',
    'InvalidTopic 404',
    'RequestThrottled 429',
    'ResourceNotFound 404',
    'TerminalStateReached 410',
    'VersionMismatch 409',
  ]);
});

test.run();
