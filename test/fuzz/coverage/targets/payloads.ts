import { decodeAccepted, decodeErrorResponse } from '../../../../runtime/jobs/answers.ts';
import { ERROR_MEANINGS } from '../../../../runtime/jobs/errorMeanings.ts';
import type { Execution } from '../../../../runtime/jobs/execution.ts';
import { encodeObject, isObject } from '../../../../runtime/jobs/json.ts';
import {
  CLIENT_TOKEN_CHARS_MAX,
  STATUS_DETAILS_PAIRS_MAX,
  STATUS_DETAILS_VALUE_CHARS_MAX,
} from '../../../../runtime/jobs/limits.ts';
import { isJobId, isThingName, NEXT_JOB } from '../../../../runtime/jobs/names.ts';
import { decodeRequest, encodeRequest, type JobsRequest } from '../../../../runtime/jobs/requests.ts';
import { formatRequestTopic, parseIncomingTopic, parseRequestTopic } from '../../../../runtime/jobs/topics.ts';
import { decide } from '../../../../targets/service/jobs/decide.ts';
import type { StoredExecution } from '../../../../targets/service/jobs/storedExecution.ts';
import { bytes } from '../bytes.ts';
import { holds, same, type Target } from '../target.ts';

const NOW_MILLIS = 1_700_000_000_000;
const JOBS = '$aws/things/T/jobs';
const input = (levels: string, body: object) => bytes(`${JOBS}/${levels}\n${JSON.stringify(body)}`);
const execution = { jobId: 'j', status: 'QUEUED', versionNumber: 1, executionNumber: 1 };

/** A line with a topic, and behind it the payload. */
export const target: Target = {
  name: 'payloads',
  about:
    'topics and payloads of the Jobs protocol: requests as the service decides them, answers as a device reads them',
  inputs: 'json',
  bytesMax: 3_000,
  seeds: [
    input('get', { clientToken: 't' }),
    input('start-next', { statusDetails: { a: 'b', c: 1 }, stepTimeoutInMinutes: 9, clientToken: 't' }),
    input('$next/get', { includeJobDocument: true, executionNumber: 1 }),
    input('j/get', { executionNumber: 1 }),
    input('j/update', { status: 'IN_PROGRESS', expectedVersion: '1', statusDetails: { a: 'b' }, clientToken: 'last' }),
    input('j/update', {
      status: 'SUCCEEDED',
      includeJobExecutionState: true,
      includeJobDocument: true,
      stepTimeoutInMinutes: -1,
    }),
    input('j/update', { status: 'FAILED', expectedVersion: 2, executionNumber: 1, clientToken: 'last' }),
    input('j/get/accepted', { timestamp: 1, execution }),
    input('j/update/rejected', { code: 'VersionMismatch', message: 'm', executionState: execution, clientToken: 't' }),
    input('notify-next', { execution: { ...execution, jobDocument: { steps: [] } } }),
  ],
  words: [
    'IN_PROGRESS',
    'SUCCEEDED',
    'FAILED',
    'REJECTED',
    'QUEUED',
    'CANCELED',
    'TIMED_OUT',
    'last',
    'T',
    'accepted',
    'rejected',
    'notify',
    '$next',
    JOBS,
  ],
  run(all) {
    const end = all.indexOf(0x0a);
    const topic = new TextDecoder().decode(all.subarray(0, end < 0 ? 0 : end));
    const payload = all.subarray(end + 1);
    checkRequest(topic, payload);
    if (parseIncomingTopic(topic, 'T') !== undefined) checkAnswer(payload);
  },
};

function checkRequest(topic: string, payload: Uint8Array): void {
  const parsed = parseRequestTopic(topic);
  if (parsed === undefined || parsed === 'InvalidTopic') return;
  same('a topic written again', formatRequestTopic(parsed), topic);
  holds('a topic of no thing', isThingName(parsed.thingName));
  holds('a topic of no job', parsed.jobId === undefined || parsed.jobId === NEXT_JOB || isJobId(parsed.jobId));
  const decoded = decodeRequest(parsed.operation, parsed.jobId, payload);
  if ('refusal' in decoded) {
    const { code, message } = decoded.refusal;
    holds(`refused with ${code}`, code === 'InvalidJson' || code === 'InvalidRequest');
    holds('a refusal of several lines or none', message.length > 0 && message.length < 400 && !message.includes('\n'));
    holds('a token that is too long', (decoded.clientToken?.length ?? 0) <= CLIENT_TOKEN_CHARS_MAX);
    return;
  }
  same(
    'a request written again',
    decodeRequest(parsed.operation, parsed.jobId, encodeObject(encodeRequest(decoded))),
    decoded,
  );
  if ('statusDetails' in decoded && decoded.statusDetails !== undefined) checkDetails(decoded.statusDetails);
  for (const target of QUEUES) checkDecision(decoded, target);
}

function checkDetails(details: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(details);
  holds('too many details', pairs.length <= STATUS_DETAILS_PAIRS_MAX);
  for (const [key, value] of pairs) {
    holds('a detail with a wrong name', /^[a-zA-Z0-9:_-]{1,128}$/.test(key));
    holds('a detail that is no text', typeof value === 'string' && value.length > 0);
    holds('a detail that is too long', [...value].length <= STATUS_DETAILS_VALUE_CHARS_MAX);
  }
}

/** What a thing may have: nothing, one job in each state, one that ended, one that is tried again. */
const QUEUES: readonly (StoredExecution | undefined)[] = [
  undefined,
  stored({ status: 'QUEUED', versionNumber: 1 }),
  stored({ status: 'IN_PROGRESS', versionNumber: 2, startedAtMillis: NOW_MILLIS - 1_000 }),
  stored({ status: 'SUCCEEDED', versionNumber: 3, startedAtMillis: NOW_MILLIS - 1_000 }),
  { ...stored({ status: 'QUEUED', versionNumber: 1 }), attempt: 1 },
];

function stored(more: Pick<Execution, 'status' | 'versionNumber'> & { startedAtMillis?: number }): StoredExecution {
  return {
    statusDetails: { a: 'b' },
    queuedAtMillis: NOW_MILLIS - 2_000,
    startedAtMillis: undefined,
    lastUpdatedAtMillis: NOW_MILLIS - 500,
    thingNo: 1,
    jobNo: 1,
    jobId: 'j',
    executionNumber: 1,
    lastToken: 'last',
    inProgressDeadlineMillis: undefined,
    stepDeadlineMillis: undefined,
    forceCanceled: false,
    attempt: 0,
    timedOutRetries: 0,
    hasLeft: false,
    jobStatus: 'IN_PROGRESS',
    hidden: false,
    scheduled: false,
    signs: false,
    retryCriteria: undefined,
    inProgressMinutes: 5,
    document: '{"steps":[]}',
    ...more,
  } as StoredExecution;
}

function checkDecision(request: JobsRequest, target: StoredExecution | undefined): void {
  const queue = target === undefined || target.status === 'SUCCEEDED' ? [] : [target];
  const before = JSON.stringify(target);
  const { answer, change } = decide(request, { thingName: 'T', thingExists: true, target, queue }, NOW_MILLIS, {
    allowRejectFromInProgress: false,
  });
  same('what was decided about, afterwards', JSON.stringify(target), before);
  const { clientToken } = request;
  same('the token of the answer', answer.body.clientToken, clientToken);
  if (answer.kind === 'rejected') {
    holds(
      'a code that there is not',
      Object.hasOwn(ERROR_MEANINGS, answer.body.code) && answer.body.code !== 'InternalError',
    );
    holds('a change beside a refusal', change === undefined);
    return;
  }
  holds('an answer that no device can read', decodeAccepted(encodeObject(answer.body)) !== undefined);
  if (change?.after === undefined) return;
  const { before: old, after } = change;
  holds('a terminal status was left', old.status === 'QUEUED' || old.status === 'IN_PROGRESS');
  same('the next version', after.versionNumber, old.versionNumber + 1);
  const deadlines = [after.inProgressDeadlineMillis, after.stepDeadlineMillis];
  holds(
    'a deadline that has passed',
    deadlines.every((at) => at === undefined || at > NOW_MILLIS),
  );
}

function checkAnswer(payload: Uint8Array): void {
  const accepted = decodeAccepted(payload);
  if (accepted?.execution !== undefined) {
    const { jobId, status, versionNumber, executionNumber } = accepted.execution;
    holds('an execution of no job', isJobId(jobId) && typeof status === 'string');
    holds('an execution without numbers', Number.isSafeInteger(versionNumber) && Number.isSafeInteger(executionNumber));
  }
  const refused = decodeErrorResponse(payload);
  if (refused === undefined) return;
  holds('a refusal without code', typeof refused.code === 'string');
  holds(
    'a state that is none',
    refused.executionState === undefined ||
      (isObject(refused.executionState) && Number.isSafeInteger(refused.executionState.versionNumber)),
  );
}
