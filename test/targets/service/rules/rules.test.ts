/**
 * Where each rule of the specification that is documented, modelled or seen (not inferred) is held: section and rule, the file
 * below test/, and words of the test's name. A test that is renamed or lost leaves a rule without one, and this fails.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../..');
const JOBS = 'targets/service/jobs';

const RULES: readonly (readonly [rule: string, file: string, name: string])[] = [
  [
    'state machine §2.1: who may set which status',
    `${JOBS}/requests.test.ts`,
    'every status x what a device may ask for',
  ],
  [
    'state machine §2.3: what a change does to each field',
    `${JOBS}/fields.test.ts`,
    'fields of an execution (state-machine §2.3)',
  ],
  [
    'state machine §3.1: a timeout changed by UpdateJob',
    `${JOBS}/update.test.ts`,
    'UpdateJob: a new timeout reaches only',
  ],
  [
    'state machine §3.1: the in-progress timer, never restarted',
    `${JOBS}/tick.test.ts`,
    'timers: the vector of state-machine §3',
  ],
  [
    'state machine §3.2: step timers, -1, min of both',
    `${JOBS}/tick.test.ts`,
    'a step timer without an in-progress timer',
  ],
  ['state machine §4: a retry is a new execution', `${JOBS}/retry.test.ts`, 'a FAILED execution stays as history'],
  [
    'state machine §4: only FAILED and TIMED_OUT',
    `${JOBS}/retry.test.ts`,
    'REJECTED, CANCELED and SUCCEEDED are never tried',
  ],
  ['state machine §4: 10 retries in all', `${JOBS}/retry.test.ts`, 'retry criteria that overlap'],
  ['state machine §4: cancelling prevents retries', `${JOBS}/retry.test.ts`, 'cancelling a job cancels the retry'],
  [
    'state machine §4: joining again counts from 0',
    `${JOBS}/continuous.test.ts`,
    'joining again: the next executionNumber',
  ],
  [
    'state machine §4: UpdateJob sets retries to 0 only',
    `${JOBS}/update.test.ts`,
    'UpdateJob: retries can be set to 0',
  ],
  ['state machine §5: SCHEDULED until startTime', `${JOBS}/schedule.test.ts`, 'a job with a startTime is SCHEDULED'],
  ['state machine §5: a snapshot is COMPLETED', `${JOBS}/tick.test.ts`, 'a snapshot job is COMPLETED when'],
  ['state machine §5: continuous jobs go on', `${JOBS}/continuous.test.ts`, 'a continuous job stays IN_PROGRESS'],
  ['state machine §5: endTime ends a continuous job', `${JOBS}/schedule.test.ts`, 'endTime with STOP_ROLLOUT'],
  [
    'state machine §5.1: joiners outside of the rate',
    `${JOBS}/continuous.test.ts`,
    'a late joiner gets its execution at once',
  ],
  ['state machine §5.1: snapshots ignore joiners', `${JOBS}/continuous.test.ts`, 'a snapshot job ignores late joiners'],
  ['state machine §5.1: leaving: QUEUED to REMOVED', `${JOBS}/continuous.test.ts`, 'leaving: QUEUED becomes REMOVED'],
  ['state machine §5.1: descendant groups', `${JOBS}/tick.test.ts`, 'a group stands for the groups below it too'],
  ['state machine §5.1: AssociateTargets', `${JOBS}/continuous.test.ts`, 'AssociateTargetsWithJob refuses snapshots'],
  ['state machine §6: cancel with and without force', `${JOBS}/tick.test.ts`, 'cancel: queued executions go'],
  ['state machine §6: CancelJobExecution', `${JOBS}/control.test.ts`, 'CancelJobExecution: queued always'],
  ['state machine §7: DeleteJob', `${JOBS}/control.test.ts`, 'DeleteJob: ended jobs, others only with force'],
  ['state machine §7: ten deletions at once', `${JOBS}/control.test.ts`, 'DeleteJob: the eleventh'],
  ['state machine §7: DeleteJobExecution', `${JOBS}/control.test.ts`, 'DeleteJobExecution: running only with force'],
  [
    'state machine §7: deleted ones leave the counts',
    `${JOBS}/rollout.test.ts`,
    'abort does not count executions that were deleted',
  ],
  ['state machine §8: abort', `${JOBS}/rollout.test.ts`, 'abort is a cancel without force'],
  [
    'state machine §10: invariants 1 to 10, one command at a time, with crashes',
    `${JOBS}/histories.test.ts`,
    'histories of devices, operators, time and crashes',
  ],
  [
    'state machine §10: the same with retries, groups and schedules',
    `${JOBS}/lives.test.ts`,
    'lives of jobs with retries',
  ],
  [
    'state machine §10: 7, nothing half applied at any statement',
    `${JOBS}/faults.test.ts`,
    'an update that fails at any statement',
  ],
  [
    'state machine §10: 2, 5, a killed process under load',
    'torture/torture.test.ts',
    'kill -9 of the service under load',
  ],
  ['data plane §2: answers to the requester alone', 'whole/codes.test.ts', 'each answered to its requester alone'],
  ['data plane §2: only the own thing', 'whole/codes.test.ts', 'identity: a filter beyond the own thing'],
  ['data plane §3: topics', 'whole/codes.test.ts', 'InvalidTopic: a topic in the namespace'],
  ['data plane §4: JSON objects', 'whole/codes.test.ts', 'InvalidJson: no JSON'],
  [
    'data plane §5: limits of statusDetails',
    'whole/codes.test.ts',
    "InvalidRequest: a status missing or not a device's",
  ],
  ['data plane §6.1: pending lists', `${JOBS}/requests.test.ts`, 'get: both lists always there'],
  ['data plane §6.1: 15 with a schedule', `${JOBS}/schedule.test.ts`, 'a pending list shows 15'],
  ['data plane §6.2: start-next', `${JOBS}/requests.test.ts`, 'start-next: starts the head'],
  ['data plane §6.3: describe', `${JOBS}/requests.test.ts`, 'describe: $next is the head or nothing'],
  ['data plane §6.4: update', `${JOBS}/requests.test.ts`, 'update: the minimal answer is a timestamp'],
  ['data plane §7: the worked vector', `${JOBS}/vector.test.ts`, 'the worked vector of data-plane §7'],
  ['data plane §7: answer, notify, notify-next', `${JOBS}/vector.test.ts`, 'an answer leaves before the notifications'],
  [
    'data plane §8.2: operations over HTTPS',
    'targets/service/dataPlane/devices.test.ts',
    'a device goes through a whole job life',
  ],
  ['data plane §9: errors', `${JOBS}/requests.test.ts`, 'refusals: code, message, token and state'],
  ['data plane §9: TerminalStateReached', 'whole/codes.test.ts', 'TerminalStateReached: describing'],
  ['data plane §9: RequestThrottled', 'whole/codes.test.ts', 'RequestThrottled: more than'],
  ['data plane §9: InternalError', 'whole/codes.test.ts', 'InternalError: the store fails'],
  ['data plane §1 to §9 by clients of AWS', 'whole/sdkV2.test.ts', 'a whole life with its notifications'],
  [
    'control plane §1, §2, §3: paths, members, ranges, errors',
    'targets/service/operations/model.test.ts',
    'has the method, path, members, places and types',
  ],
  ['control plane §1.1: statuses of errors', 'targets/service/operations/model.test.ts', 'errors: each has the status'],
  ['control plane §2.1: CreateJob', `${JOBS}/control.test.ts`, 'CreateJob refuses with the error of the model'],
  ['control plane §2.1: documentSource', `${JOBS}/control.test.ts`, 'documentSource is read once'],
  ['control plane §2.4: UpdateJob', `${JOBS}/update.test.ts`, 'UpdateJob: given members replace'],
  ['control plane §2.10: lists', `${JOBS}/control.test.ts`, 'lists: every page once and in order'],
  ['control plane §4: retention', `${JOBS}/retention.test.ts`, 'a job is kept for 730 days'],
  ['control plane §6.1: constant roll-out', `${JOBS}/tick.test.ts`, 'a roll-out of the default 1000 a minute'],
  [
    'control plane §6.2: exponential roll-out',
    `${JOBS}/rollout.test.ts`,
    'ratePerMinute: the vector of control-plane §6.2',
  ],
  ['control plane §7: schedules', `${JOBS}/schedule.test.ts`, 'faultIn: 30 minutes to 1 year'],
  ['control plane §7: maintenance windows', `${JOBS}/schedule.test.ts`, 'outside of its windows a job is SCHEDULED'],
  ['control plane §8: placeholders', `${JOBS}/placeholders.test.ts`, 'CreateJob refuses placeholders'],
  ['control plane §8: signed anew each time', `${JOBS}/placeholders.test.ts`, 'a device is given signed URLs'],
  ['events §1: off by default', `${JOBS}/events.test.ts`, 'events §1'],
  ['events §2: topics', `${JOBS}/events.test.ts`, 'events §2'],
  ['events §3: payloads', `${JOBS}/events.test.ts`, 'events §3'],
  ['events §4: order', `${JOBS}/events.test.ts`, 'events §4'],
];

test('rules: each documented rule of the specification has a test that is there', () => {
  const lost = RULES.filter(([, file, name]) => !readFileSync(path.join(root, file), 'utf8').includes(name));
  assert.equal(lost, []);
});

test.run();
