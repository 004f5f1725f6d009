import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  answerTopic,
  deviceTopicFilters,
  formatRequestTopic,
  notificationTopic,
  parseIncomingTopic,
  parseRequestTopic,
  type RequestTopic,
  thingOfTopic,
} from '../../../runtime/jobs/topics.ts';
import { SUBSCRIPTIONS_PER_SUBSCRIBE_MAX } from '../../../runtime/limits.ts';

const REQUESTS: [topic: string, request: RequestTopic][] = [
  ['$aws/things/T:1/jobs/get', { thingName: 'T:1', operation: 'GetPendingJobExecutions' }],
  ['$aws/things/T:1/jobs/start-next', { thingName: 'T:1', operation: 'StartNextPendingJobExecution' }],
  ['$aws/things/T:1/jobs/$next/get', { thingName: 'T:1', operation: 'DescribeJobExecution', jobId: '$next' }],
  ['$aws/things/T:1/jobs/get/get', { thingName: 'T:1', operation: 'DescribeJobExecution', jobId: 'get' }],
  ['$aws/things/T:1/jobs/notify/get', { thingName: 'T:1', operation: 'DescribeJobExecution', jobId: 'notify' }],
  ['$aws/things/T:1/jobs/update/update', { thingName: 'T:1', operation: 'UpdateJobExecution', jobId: 'update' }],
  [
    '$aws/things/T:1/jobs/start-next/update',
    { thingName: 'T:1', operation: 'UpdateJobExecution', jobId: 'start-next' },
  ],
];

test('request topics: format and parse are each other’s inverse, also for jobs named like operations (data-plane §3)', () => {
  for (const [topic, request] of REQUESTS) {
    assert.is(formatRequestTopic(request), topic);
    assert.equal(parseRequestTopic(topic), request);
  }
});

test('parseRequestTopic: what maps to no operation inside the namespace is InvalidTopic (data-plane §9)', () => {
  const invalid = [
    'foo',
    'J/delete',
    '$next/update',
    'bad.id/get',
    'J/get/more',
    '',
    `${'j'.repeat(65)}/get`,
    '/get',
    'J/',
  ];
  for (const rest of invalid) assert.is(parseRequestTopic(`$aws/things/T/jobs/${rest}`), 'InvalidTopic', rest);
});

test('parseRequestTopic: the service keeps silent on its own topics and outside the namespace', () => {
  const silent = [
    'jobs/get/accepted',
    'jobs/J/update/rejected',
    'jobs/notify',
    'jobs/notify-next',
    'jobs',
    'jobsx/get',
    'shadow/update',
  ];
  for (const rest of silent) assert.is(parseRequestTopic(`$aws/things/T/${rest}`), undefined, rest);
  for (const topic of ['a/b', '$aws/things//jobs/get', '$aws/things/T+/jobs/get', '$aws/events/job/J/completed']) {
    assert.is(parseRequestTopic(topic), undefined, topic);
  }
});

test('parseIncomingTopic: answers and notifications of one’s own thing, and of no other', () => {
  for (const [topic] of REQUESTS) {
    for (const kind of ['accepted', 'rejected'] as const) {
      assert.is(parseIncomingTopic(answerTopic(topic, kind), 'T:1'), kind);
      assert.is(parseIncomingTopic(answerTopic(topic, kind), 'T'), undefined);
    }
  }
  assert.is(parseIncomingTopic(notificationTopic('T', 'notify-next'), 'T'), 'notify-next');
  assert.is(parseIncomingTopic(notificationTopic('T2', 'notify-next'), 'T'), undefined);
  assert.is(parseIncomingTopic(notificationTopic('T', 'notify'), 'T'), undefined);
  assert.is(parseIncomingTopic('$aws/things/T/jobs/J/update', 'T'), undefined);
});

test('thingOfTopic: the thing of its namespace, none where a wildcard stands for it', () => {
  assert.is(thingOfTopic('$aws/things/T/jobs/#'), 'T');
  assert.is(thingOfTopic('$aws/things/T'), 'T');
  for (const topic of ['$aws/things/+/jobs/get', '$aws/things/#', '$aws/things/', 'things/T/jobs', '#'])
    assert.is(thingOfTopic(topic), undefined);
});

test('deviceTopicFilters: three filters cover every answer and notify-next', () => {
  assert.ok(deviceTopicFilters('T').length <= SUBSCRIPTIONS_PER_SUBSCRIBE_MAX, 'one SUBSCRIBE has them all');
  assert.equal(deviceTopicFilters('T'), [
    '$aws/things/T/jobs/notify-next',
    '$aws/things/T/jobs/+/get/+',
    '$aws/things/T/jobs/+/update/+',
  ]);
});

test.run();
