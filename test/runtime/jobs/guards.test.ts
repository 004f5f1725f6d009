import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { JobExecution } from '../../../runtime/jobs/answers.ts';
import { parseDocument } from '../../../runtime/jobs/document.ts';
import { CLEAN_UP_SECONDS, type Facts, RESTART_SECONDS, TIMEOUT_SECONDS_MAX } from '../../../runtime/jobs/guards.ts';
import type { JsonObject } from '../../../runtime/jobs/json.ts';
import type { JobRecord } from '../../../runtime/jobs/record.ts';
import type { UpdateRequest } from '../../../runtime/jobs/requests.ts';
import { bench, EXECUTION, STEP } from './runnerBench.ts';

const FACTS: Facts = {
  bootId: 'boot-1',
  restarts: ['reboot.sh'],
  idempotent: ['errand:download'],
  attributes: { thingName: 'T', agentVersion: '1.2.3', os: 'linux', arch: 'arm64', site: 'berlin' },
};

const document = (...steps: object[]) => ({ version: '1.0', steps }) as unknown as JsonObject;
const execution = (jobDocument: JsonObject, more: Partial<JobExecution> = {}): JobExecution => ({
  ...EXECUTION,
  jobDocument,
  ...more,
});
/** A runner whose first step runs. */
const running = (jobDocument: JsonObject) => bench(undefined, FACTS).running(execution(jobDocument));
const timer = (b: ReturnType<typeof bench>) => (b.ask as UpdateRequest).stepTimeoutInMinutes;
const reason = (b: ReturnType<typeof bench>) => (b.ask as UpdateRequest).statusDetails?.reason;
/** Boots with what is on disk, as a device that restarted or an agent that was started again. */
const again = (b: ReturnType<typeof bench>, bootId = FACTS.bootId) => bench(b.disk, { ...FACTS, bootId }).boot();

test('parseDocument: members of our own are read with facts, and passed over without', () => {
  const value = {
    ...document(STEP('a', { idempotent: 'true', timeoutSeconds: 90 }), STEP('b', { restarts: true })),
    onFailure: STEP('tidy'),
    conditions: [{ key: 'site', value: ['paris', 'berlin'] }],
  };
  const parsed = parseDocument(value, FACTS);
  assert.ok(typeof parsed !== 'string');
  assert.equal(
    parsed.steps.map(({ idempotent, restarts, timeoutSeconds }) => [idempotent, restarts, timeoutSeconds]),
    [
      [true, false, 90],
      [false, true, RESTART_SECONDS],
    ],
  );
  assert.equal([parsed.onFailure?.name, parsed.onFailure?.timeoutSeconds], ['tidy', CLEAN_UP_SECONDS]);
  const plain = parseDocument({ ...value, onFailure: 7, conditions: [{ key: 'x', value: ['y'] }] } as never);
  assert.ok(typeof plain !== 'string' && plain.onFailure === undefined && plain.steps[0]!.idempotent === undefined);
});

test('parseDocument: each fault in them is found with its path', () => {
  const big = STEP('tidy', { input: { command: 'x'.repeat(3_000) } });
  const cases: [value: object, said: RegExp][] = [
    [
      document(STEP('a', { timeoutSeconds: 0 })),
      /^invalid job document at \$\.steps\[0\]\.action\.timeoutSeconds: expected/,
    ],
    [
      document(STEP('a'), STEP('b', { timeoutSeconds: TIMEOUT_SECONDS_MAX + 1 })),
      /\$\.steps\[1\]\.action\.timeoutSeconds/,
    ],
    [document(STEP('a', { timeoutSeconds: '5' })), /found "5"/],
    [document(STEP('a', { idempotent: 1 })), /\$\.steps\[0\]\.action\.idempotent: expected true or false/],
    [document(STEP('a', { idempotent: true, restarts: true })), /expected idempotent or restarts, not both/],
    [{ ...document(STEP('a')), onFailure: {} }, /\$\.onFailure\.action/],
    [{ ...document(STEP('a')), onFailure: big }, /\$\.onFailure: expected at most 2048 characters/],
    [{ ...document(STEP('a')), conditions: [{ key: 'os', value: ['x'], type: 'less' }] }, /\$\.conditions\[0\]\.type/],
    [
      {
        ...document(STEP('a')),
        conditions: [
          { key: 'os', value: ['linux'] },
          { key: 'arch', value: ['x64'] },
        ],
      },
      /\$\.conditions\[1\]: expected a device whose arch is so \(its own: arm64\)/,
    ],
    [
      { ...document(STEP('a')), conditions: [{ key: 'toString', value: ['x'] }] },
      /expected an attribute that this device has, found \{"key":"toString"/,
    ],
    [{ ...document(STEP('a')), conditions: [{ key: 'a\nb'.repeat(900), value: ['x'] }] }, /^[^\n]{1,200}$/],
  ];
  for (const [value, said] of cases) assert.match(parseDocument(value as never, FACTS) as string, said);
});

test('conditions: a job for other devices is REJECTED while it is QUEUED', () => {
  const value = { ...document(STEP('a')), conditions: [{ key: 'thingName', value: ['other'] }] };
  const b = bench(undefined, FACTS)
    .boot()
    .accept({ execution: execution(value) });
  assert.equal(b.trace, ['describe $next', 'update REJECTED']);
  assert.match(reason(b)!, '$.conditions[0]');
});

test('timeoutSeconds: TERM, then KILL, then FAILED with the reason; the service is told a minute more', () => {
  const b = bench(undefined, FACTS)
    .boot()
    .accept({ execution: execution(document(STEP('a', { timeoutSeconds: 61 }))) });
  b.save();
  assert.is(timer(b), 3);
  b.accept().save().pass().pass();
  assert.equal(b.trace.slice(-3), ['run a', 'SIGTERM', 'SIGKILL']);
  b.exit().save();
  assert.is(b.trace.at(-1), 'update FAILED');
  assert.is(reason(b), 'it was ended after 61 s: its timeoutSeconds');
});

test('timeoutSeconds: a step in time is not touched, and the next one without a limit cancels the service’s timer', () => {
  const b = running(document(STEP('a', { timeoutSeconds: 61 }), STEP('b'), STEP('c')));
  b.later(60_000).exit();
  assert.is(timer(b), -1);
  b.save().accept().exit();
  assert.is(timer(b), undefined);
  assert.not.ok(b.trace.includes('SIGTERM'));
});

test('timeoutSeconds over while a cancelled step is given its grace: it is killed all the same', () => {
  const b = running(document(STEP('a', { timeoutSeconds: 5 }))).later(4_900);
  b.tell({ on: 'nextChanged', execution: undefined });
  b.reject('ResourceNotFound');
  assert.is(b.trace.at(-1), 'SIGTERM');
  b.pass().pass();
  assert.equal(b.trace.slice(-2), ['SIGTERM', 'SIGKILL']);
});

test('a step that is cancelled while it has its grace for timeoutSeconds gets no second one', () => {
  const b = running(document(STEP('a', { timeoutSeconds: 5 })))
    .pass()
    .later(9_000);
  b.tell({ on: 'nextChanged', execution: undefined });
  b.reject('ResourceNotFound');
  assert.equal(b.trace.slice(-2).includes('SIGTERM'), true);
  b.later(1_000);
  b.tell({ on: 'wake' });
  assert.is(b.trace.at(-1), 'SIGKILL');
});

test('timeoutSeconds with ignoreStepFailure: the job goes on with the next step', () => {
  const b = running(document(STEP('a', { timeoutSeconds: 5, ignoreStepFailure: true }), STEP('b')))
    .pass()
    .exit()
    .save();
  assert.is(b.trace.at(-1), 'run b');
});

test('idempotent: a step that a power cut interrupted is run again; one that no longer says so is not', () => {
  const value = document(STEP('a'), STEP('b', { idempotent: true }));
  const cut = running(value).exit().save();
  const inProgress = { status: 'IN_PROGRESS', versionNumber: 2 } as const;
  const b = again(cut)
    .accept({ execution: execution(value, inProgress) })
    .save();
  assert.is(b.trace.at(-1), 'run b');
  const changed = again(cut)
    .accept({ execution: execution(document(STEP('a'), STEP('b')), inProgress) })
    .save();
  assert.is(changed.trace.at(-1), 'update FAILED');
  assert.match(reason(changed)!, "step 2 of 2 'b' was interrupted");
});

test('restarts: verified after boot by another boot id, never repeated, and the job goes on behind it', () => {
  const value = document(STEP('a', { restarts: true }), STEP('b'));
  const b = running(value).exit();
  assert.equal(b.trace.slice(-1), ['run a'], 'it waits');
  b.tell({ on: 'stop' });
  assert.is(b.trace.at(-1), 'finished');
  const inProgress = execution(value, { status: 'IN_PROGRESS', versionNumber: 2 });
  const after = again(b, 'boot-2').accept({ execution: inProgress }).save();
  assert.equal(
    after.runs.map(({ name }) => name),
    ['b'],
  );
  assert.is(timer(after), -1, 'the timer of the restart is cancelled');
  const same = again(b);
  same.save();
  assert.match(reason(same)!, /the agent was restarted, but not the device/);
});

test('restarts as the last step: SUCCEEDED after boot', () => {
  const step = { action: { name: 'Reboot', type: 'runHandler', input: { handler: 'reboot.sh' } } };
  const value = document(step);
  const cut = running(value);
  const b = again(cut, 'boot-2').accept({ execution: execution(value, { status: 'IN_PROGRESS', versionNumber: 2 }) });
  b.save();
  assert.equal([b.trace.at(-1), reason(b)], ['update SUCCEEDED', 'the device has restarted']);
});

test('restarts: a device that does not restart in time fails; a program that fails does so at once', () => {
  const value = document(STEP('a', { restarts: true, timeoutSeconds: 30 }));
  const late = running(value).exit().pass().save();
  assert.match(reason(late)!, "step 1 of 1 'a': the device did not restart within 30 s");
  const failed = running(value).exit(3).save();
  assert.is(reason(failed), 'Job exited with status: 3');
});

const WITH_CLEAN_UP = { ...document(STEP('a'), STEP('b')), onFailure: STEP('tidy') };

test('onFailure: runs after a step that failed, before the report, and not after success', () => {
  const b = running(WITH_CLEAN_UP).exit(1).save();
  assert.equal(b.trace.slice(-3), ['persist cleaning', 'update IN_PROGRESS', 'run tidy']);
  b.accept().exit(0).save();
  assert.is(b.trace.at(-1), 'update FAILED');
  const { reason: why, onFailure } = (b.ask as UpdateRequest).statusDetails!;
  assert.equal([why, onFailure], ['Job exited with status: 1', 'Job exited with status: 0']);
  b.accept().save();
  assert.is(b.disk, undefined);
  const well = running(WITH_CLEAN_UP).exit().save().accept().exit().save();
  assert.is(well.trace.at(-1), 'update SUCCEEDED');
  const cut = again(well).reject('TerminalStateReached').save();
  well.accept().save();
  for (const b of [well, cut]) assert.is(b.trace.at(-1), 'describe $next');
  assert.equal(cut.runs, []);
  assert.not.ok(well.trace.includes('run tidy'));
  assert.is(well.disk, undefined);
});

test('onFailure: runs after a cancel, is not stopped by it, and nothing is reported', () => {
  const b = running(WITH_CLEAN_UP);
  b.tell({ on: 'nextChanged', execution: undefined });
  b.reject('ResourceNotFound').exit(0).save();
  assert.equal(b.trace.slice(-3), ['SIGKILL', 'persist cleaning', 'run tidy']);
  b.tell({ on: 'nextChanged', execution: undefined });
  b.reject('ResourceNotFound').exit(0).save();
  assert.equal(b.trace.slice(-2), ['persist nothing', 'describe $next']);
});

test('onFailure: runs after a power cut in a step, once more when it was itself cut off, and not before anything has begun', () => {
  const cut = running(WITH_CLEAN_UP);
  const b = again(cut).save();
  assert.is(b.trace.filter((line) => line.startsWith('run')).at(-1), 'run tidy');
  const second = again(b).save();
  assert.equal(
    second.runs.map(({ name }) => name),
    ['tidy'],
  );
  const held = execution(WITH_CLEAN_UP, { status: 'IN_PROGRESS', versionNumber: 2 });
  second.accept({ execution: held }).accept().exit().save();
  assert.match(reason(second)!, "step 1 of 2 'a' was interrupted");
  const claimed: JobRecord = { thingName: 'T', job: EXECUTION, phase: 'claimed', step: 0 };
  const none = bench(claimed, FACTS).boot().reject('ResourceNotFound').save();
  assert.equal(none.runs, []);
});

test('onFailure: parked between two steps and cancelled meanwhile, it still runs', () => {
  const b = running(WITH_CLEAN_UP);
  b.tell({ on: 'stop' });
  b.exit().save();
  assert.is(b.trace.at(-1), 'finished');
  const after = again(b).reject('ResourceNotFound').save();
  assert.equal(
    after.runs.map(({ name }) => name),
    ['tidy'],
  );
});

test('onFailure: an agent that is asked to end leaves it to its next start', () => {
  const b = running(WITH_CLEAN_UP).exit(1).save();
  b.tell({ on: 'stop' });
  b.pass().exit(0);
  assert.equal(b.trace.slice(-2), ['SIGTERM', 'finished']);
  assert.is(b.disk?.phase, 'cleaning');
});

test('onFailure: has its own time', () => {
  const b = running(WITH_CLEAN_UP).exit(1).save().accept().pass();
  assert.is(b.trace.at(-1), 'SIGTERM');
  b.exit().save();
  assert.is(
    (b.ask as UpdateRequest).statusDetails?.onFailure,
    `it was ended after ${CLEAN_UP_SECONDS} s: its timeoutSeconds`,
  );
});

test('progress and fresh documents: told by the step that runs, and by no other', () => {
  const b = running(document(STEP('a')));
  b.tell({ on: 'progressed', run: 99, details: { bytes: '1' } });
  assert.is(b.trace.at(-1), 'run a');
  b.tell({ on: 'progressed', run: 1, details: { bytes: '5' } });
  assert.equal((b.ask as UpdateRequest).statusDetails, { step: 'a', progress: '1/1', bytes: '5' });
  b.accept();
  b.tell({ on: 'stale', run: 1 });
  assert.is((b.ask as { includeJobDocument?: boolean }).includeJobDocument, true);
  const fresh = execution(document(STEP('renewed')), { status: 'IN_PROGRESS', versionNumber: 3 });
  assert.is(b.trace.at(-1), 'describe J');
  b.accept({ execution: fresh });
  assert.is(b.trace.at(-1), 'refreshed');
});

test('what handlers return is kept across a restart, and shown with the outcome; of a step that failed nothing, of all the latest that fit', () => {
  const value = document(STEP('a'), STEP('b', { ignoreStepFailure: true }), STEP('c', { idempotent: true }));
  const first = running(value);
  const end = (b: typeof first, code: number, details: Record<string, string>) => {
    b.tell({ on: 'exited', run: b.runs.at(-1)!.run, code, details });
    return b.save();
  };
  end(first, 0, { one: '1', two: '2' });
  end(first, 1, { failed: 'x' });
  const b = again(first)
    .accept({ execution: execution(value, { status: 'IN_PROGRESS', versionNumber: 2 }) })
    .save();
  assert.is(b.trace.at(-1), 'run c');
  end(b, 0, { three: '3', four: '4', five: '5' });
  if (b.trace.at(-1) !== 'update SUCCEEDED') b.accept();
  assert.equal((b.ask as UpdateRequest).statusDetails, {
    step: 'c',
    progress: '3/3',
    reason: 'Job exited with status: 0',
    two: '2',
    three: '3',
    four: '4',
    five: '5',
  });
});

test('a step that asks for its document and ends before it came: the job is reported, nothing more is asked', () => {
  const b = running(document(STEP('a')));
  b.tell({ on: 'stale', run: 1 });
  b.exit().save();
  b.accept({ execution: execution(document(STEP('a')), { status: 'IN_PROGRESS', versionNumber: 2 }) });
  assert.is(b.trace.at(-1), 'update SUCCEEDED');
});

test.run();
