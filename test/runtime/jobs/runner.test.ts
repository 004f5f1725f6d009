import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { JobExecution } from '../../../runtime/jobs/answers.ts';
import type { UpdateRequest } from '../../../runtime/jobs/requests.ts';
import {
  ANSWER_MILLIS_MIN,
  KILL_GRACE_MILLIS,
  SETBACK_MILLIS_MIN,
  STOP_GRACE_MILLIS,
} from '../../../runtime/jobs/runner/limits.ts';
import { runnerWakeAt } from '../../../runtime/jobs/runner/runner.ts';
import type { Ask } from '../../../runtime/jobs/runner/state.ts';
import { bench, EXECUTION, STEP } from './runnerBench.ts';

test('a job of three steps: remember, claim, remember, run, report each step, remember, report, forget, ask again', () => {
  const b = bench().running();
  b.exit().save().accept().exit().save().accept().exit().save().accept().save();
  assert.equal(b.trace, [
    'describe $next',
    'persist claimed',
    'update IN_PROGRESS',
    'persist running 0',
    'run one',
    'persist running 1',
    'update IN_PROGRESS',
    'run two',
    'persist running 2',
    'update IN_PROGRESS',
    'run three',
    'persist ended',
    'update SUCCEEDED',
    'persist nothing',
    'describe $next',
  ]);
});

test('nothing runs and nothing is told before the record is on disk (promise 1)', () => {
  const b = bench().boot().accept({ execution: EXECUTION });
  assert.is(b.trace.at(-1), 'persist claimed');
  b.save().accept();
  assert.is(b.trace.at(-1), 'persist running 0');
  assert.is(b.runs.length, 0);
  b.save().exit(1);
  assert.is(b.trace.at(-1), 'persist ended');
});

test('the outcome is forgotten only after the service has answered, and asked for with the same token until then (promises 1, 4)', () => {
  const b = bench().running(withSteps(1)).exit().save();
  const { clientToken } = b.ask;
  for (let i = 0; i < 5; i++) {
    b.pass();
    assert.is(b.trace.at(-1), 'update SUCCEEDED');
    assert.is(b.ask.clientToken, clientToken);
  }
  b.accept();
  assert.is(b.trace.at(-1), 'persist nothing');
});

test('the wait for an answer starts at ten seconds and doubles', () => {
  const b = bench().boot();
  const first = runnerWakeAt(b.runner);
  b.pass();
  assert.is(runnerWakeAt(b.runner) - first, 2 * ANSWER_MILLIS_MIN);
});

test('the wait for an answer starts at ten seconds again on a new connection', () => {
  const b = bench().running().exit().save();
  b.pass().pass();
  b.tell({ on: 'offline' });
  const asked = b.asked;
  b.tell({ on: 'online' });
  assert.is(b.asked, asked + 1);
  const again = runnerWakeAt(b.runner);
  b.pass();
  assert.is(runnerWakeAt(b.runner) - again, 2 * ANSWER_MILLIS_MIN);
});

test('a step that was running when power failed ends the job as FAILED, by its name, and is not run again (promise 2)', () => {
  const b = bench({ ...RECORD, phase: 'running', step: 1, name: "step 2 of 3 'two'" }).boot();
  assert.equal(b.trace, ['persist ended']);
  b.save();
  assert.equal(told(b).status, 'FAILED');
  assert.match(told(b).statusDetails?.reason ?? '', "step 2 of 3 'two'");
  b.accept().save();
  assert.is(b.runs.length, 0);
  assert.is(b.trace.at(-1), 'describe $next');
});

test('a restart between two steps goes on at the next, with the document asked for again (promise 3)', () => {
  const b = bench({ ...RECORD, phase: 'claimed', step: 2 }).boot();
  assert.equal(b.trace, ['describe J']);
  b.accept({ execution: { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 4 } }).save();
  assert.equal(
    b.runs.map((run) => run.name),
    ['three'],
  );
});

test('a claim whose answer was lost with the power begins at the first step', () => {
  const b = bench({ ...RECORD, phase: 'claimed', step: 0 }).boot();
  b.accept({ execution: { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 2 } }).save();
  assert.equal(
    b.runs.map((run) => run.name),
    ['one'],
  );
});

test('an outcome on disk is reported after boot, before anything else', () => {
  const b = bench({
    ...RECORD,
    phase: 'ended',
    outcome: { status: 'SUCCEEDED', statusDetails: { reason: 'r' } },
  }).boot();
  assert.equal(b.trace, ['update SUCCEEDED']);
});

test('an execution made anew under the old name and number is not mistaken for ours (fence by queuedAt and status)', () => {
  const anew = bench({ ...RECORD, phase: 'claimed', step: 2 }).boot();
  anew.accept({ execution: { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 4, queuedAt: 1800 } }).save();
  assert.equal(anew.runs, []);
  const queued = bench({ ...RECORD, phase: 'claimed', step: 2 }).boot();
  queued.accept({ execution: EXECUTION }).save().accept({ execution: EXECUTION }).save().accept().save();
  assert.equal(
    queued.runs.map((run) => run.name),
    ['one'],
  );
  const final = bench({ ...RECORD, phase: 'ended', outcome: { status: 'SUCCEEDED', statusDetails: {} } }).boot();
  final.reject('VersionMismatch', { status: 'QUEUED', versionNumber: 1 });
  assert.is(final.trace.at(-1), 'persist nothing');
});

test('an execution that is IN_PROGRESS without a record of ours fails: what ran of it is not known', () => {
  const b = bench()
    .boot()
    .accept({ execution: { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 2 } })
    .save();
  assert.is(b.trace.at(-1), 'update FAILED');
  assert.equal(b.runs, []);
});

test('an invalid document is REJECTED while still QUEUED, with the path of the fault (promise 6)', () => {
  const b = bench()
    .boot()
    .accept({ execution: { ...EXECUTION, jobDocument: { version: '1.0', steps: [{ action: {} }] } } })
    .save();
  assert.equal(b.trace, ['describe $next', 'update REJECTED']);
  assert.match(told(b).statusDetails?.reason ?? '', '$.steps[0].action.name');
});

test('REJECTED refused because the execution is IN_PROGRESS becomes FAILED (state-machine §2.2)', () => {
  const b = bench()
    .boot()
    .accept({ execution: { ...EXECUTION, jobDocument: {} } })
    .save();
  b.reject('InvalidStateTransition', { status: 'IN_PROGRESS', versionNumber: 2 }).save();
  assert.is(b.trace.at(-1), 'update FAILED');
});

test('a job that the service no longer holds: TERM at once, KILL after the grace, then the next job (promise 5)', () => {
  const b = bench().running();
  b.tell({ on: 'nextChanged', execution: undefined });
  assert.is(b.trace.at(-1), 'describe J');
  b.reject('TerminalStateReached');
  assert.is(b.trace.at(-1), 'SIGTERM');
  const since = runnerWakeAt(b.runner);
  b.pass();
  assert.is(b.trace.at(-1), 'SIGKILL');
  assert.ok(since <= 1_000_000 + KILL_GRACE_MILLIS && KILL_GRACE_MILLIS < 1000);
  b.tell({ on: 'exited', run: 1, signal: 'SIGKILL' });
  b.save();
  assert.equal(b.trace.slice(-3), ['SIGKILL', 'persist nothing', 'describe $next']);
});

test('a cancelled job is noticed by the refusal of a progress report too', () => {
  const b = bench().running().exit().save();
  b.reject('InvalidStateTransition', { status: 'CANCELED', versionNumber: 3 });
  assert.is(b.trace.at(-1), 'SIGTERM');
});

test('a job lost while its next step is being remembered does not start that step', () => {
  const b = bench().running().exit();
  b.tell({ on: 'nextChanged', execution: undefined });
  const progress = b.ask;
  b.accept();
  assert.is.not(b.ask, progress);
  b.reject('ResourceNotFound').save();
  assert.equal(
    b.runs.map((run) => run.name),
    ['one'],
  );
  assert.is(b.trace.at(-1), 'describe $next');
});

test('a notification that names our own job as IN_PROGRESS changes nothing, however often it comes', () => {
  const b = bench().running();
  const { length } = b.trace;
  const execution = { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 2 } as const;
  b.tell({ on: 'nextChanged', execution });
  // Our claim may have met it made anew.
  b.tell({ on: 'nextChanged', execution: { ...execution, queuedAt: 1800 } });
  assert.is(b.trace.length, length);
});

test('a job deleted and made anew in one notification is seen: what runs is never QUEUED, and is looked at', () => {
  const anew = { ...EXECUTION, queuedAt: 1800 };
  const b = bench().running();
  b.tell({ on: 'nextChanged', execution: anew });
  assert.is(b.trace.at(-1), 'describe J');
  b.accept({ execution: anew });
  assert.is(b.trace.at(-1), 'SIGTERM');
});

test('a notification from before our claim stops nothing: ours is looked at, and goes on', () => {
  const b = bench().running(withSteps(1));
  b.tell({ on: 'nextChanged', execution: EXECUTION });
  b.accept({ execution: { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 2, queuedAt: 1800 } });
  b.exit().save();
  assert.is(b.trace.at(-1), 'update SUCCEEDED');
});

test('what runs is the document that came with the accepted claim: the job may have been made anew on its way', () => {
  const b = bench().boot().accept({ execution: EXECUTION }).save();
  b.accept({ jobDocument: { version: '1.0', steps: [STEP('other')] } }).save();
  assert.equal(
    b.runs.map((run) => run.name),
    ['other'],
  );
  const invalid = bench().boot().accept({ execution: EXECUTION }).save();
  invalid.accept({ jobDocument: {} }).save();
  assert.is(invalid.trace.at(-1), 'update FAILED');
  assert.equal(invalid.runs, []);
});

test('a job made anew that our claim met is ours after a reboot too: its document told, its queuedAt nobody did', () => {
  const document = { version: '1.0', steps: [STEP('other'), STEP('last')] };
  const b = bench().boot().accept({ execution: EXECUTION }).save();
  b.accept({ jobDocument: document }).save().exit().save();
  assert.is(b.disk?.job.queuedAt, 0);
  const execution: JobExecution = { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 3, queuedAt: 1800 };
  const later = bench({ ...b.disk!, phase: 'claimed', step: 1 }).boot();
  later.accept({ execution: { ...execution, jobDocument: document } }).save();
  assert.equal(
    later.runs.map((run) => run.name),
    ['last'],
  );
  const same = bench().running();
  assert.is(same.disk?.job.queuedAt, EXECUTION.queuedAt);
});

test('a job made anew with the same document that our claim met is ours after a reboot too: its queuedAt was notified', () => {
  const b = bench().boot().accept({ execution: EXECUTION }).save();
  b.tell({ on: 'nextChanged', execution: { ...EXECUTION, jobId: 'K', queuedAt: 1900 } });
  b.tell({ on: 'nextChanged', execution: { ...EXECUTION, queuedAt: 1800 } });
  b.accept({ jobDocument: EXECUTION.jobDocument! }).save();
  assert.is(b.disk?.job.queuedAt, 1800);
});

test('an answer that was kept while the device was away is old: $next is asked anew after a reconnect', () => {
  const b = bench().boot();
  const { clientToken } = b.ask;
  b.tell({ on: 'offline' });
  b.tell({ on: 'online' });
  b.tell({ on: 'accepted', answer: { timestamp: 1, clientToken } });
  b.tell({ on: 'nextChanged', execution: EXECUTION });
  assert.equal(b.trace, ['describe $next', 'describe $next']);
});

test('an answer that was kept while the device was away begins nothing before it is online either', () => {
  const b = bench().boot();
  const { clientToken } = b.ask;
  b.tell({ on: 'offline' });
  b.tell({ on: 'accepted', answer: { timestamp: 1, clientToken, execution: EXECUTION } });
  b.tell({ on: 'online' });
  assert.equal(b.trace, ['describe $next', 'describe $next']);
});

test('a notification that was kept while the device was away begins nothing: $next is asked first', () => {
  const b = bench().boot();
  b.tell({ on: 'nextChanged', execution: EXECUTION });
  assert.equal(b.trace, ['describe $next']);
  b.accept();
  assert.equal(b.trace, ['describe $next', 'describe $next']);
  const subscribing = bench().boot().accept();
  subscribing.tell({ on: 'offline' });
  subscribing.tell({ on: 'nextChanged', execution: EXECUTION });
  subscribing.tell({ on: 'online' });
  assert.equal(subscribing.trace, ['describe $next', 'describe $next']);
});

test('the answer to a report and the notification that follows from it may come in either order (data-plane §2)', () => {
  const next = { ...EXECUTION, jobId: 'K', queuedAt: 1800 };
  for (const notifiedFirst of [false, true]) {
    const b = bench().running(withSteps(1)).exit().save();
    if (notifiedFirst) b.tell({ on: 'nextChanged', execution: next });
    b.accept().save();
    if (!notifiedFirst) b.tell({ on: 'nextChanged', execution: next });
    b.accept({ execution: next }).save();
    assert.is(b.trace.at(-1), 'update IN_PROGRESS');
    assert.is(b.ask.operation === 'UpdateJobExecution' && b.ask.jobId, 'K');
    assert.is(b.runs.length, 1);
  }
});

test('idle, a notification that nothing is pending asks nothing', () => {
  const b = bench().boot().accept();
  b.tell({ on: 'nextChanged', execution: undefined });
  assert.equal(b.trace, ['describe $next']);
});

test('idle, a notification that carries the job begins it without asking', () => {
  const b = bench().boot().accept();
  b.tell({ on: 'nextChanged', execution: EXECUTION });
  assert.equal(b.trace, ['describe $next', 'persist claimed']);
});

test('an answer with another clientToken is not ours and changes nothing', () => {
  const b = bench().boot();
  b.tell({ on: 'accepted', answer: { timestamp: 1, clientToken: 'not-ours', execution: EXECUTION } });
  assert.equal(b.trace, ['describe $next']);
  b.accept({ execution: EXECUTION });
  assert.is(b.trace.at(-1), 'persist claimed');
});

test('a terminal report that the service has already, or decided otherwise, ends the job here (promise 4)', () => {
  for (const status of ['SUCCEEDED', 'CANCELED', 'TIMED_OUT'] as const) {
    for (const code of ['InvalidStateTransition', 'VersionMismatch'] as const) {
      const b = bench().running(withSteps(1)).exit().save();
      b.reject(code, { status, versionNumber: 9 }).save();
      assert.is(b.trace.at(-1), 'describe $next', `${code} ${status}`);
    }
  }
});

test('a report that meets a later version of our own execution is sent again with that version', () => {
  const b = bench().running(withSteps(1)).exit().save();
  b.reject('VersionMismatch', { status: 'IN_PROGRESS', versionNumber: 5 });
  assert.is(told(b).expectedVersion, 5);
  assert.is(b.trace.at(-1), 'update SUCCEEDED');
});

test('a claim that got no answer is not repeated: the execution is looked at, and begun when it is ours', () => {
  for (const lost of ['answer', 'connection', 'throttled'] as const) {
    const b = bench().boot().accept({ execution: EXECUTION }).save();
    if (lost === 'throttled') b.reject('RequestThrottled').pass();
    else if (lost === 'answer') b.pass();
    else {
      b.tell({ on: 'offline' });
      b.tell({ on: 'online' });
    }
    assert.is(b.trace.at(-1), 'describe J', lost);
    b.accept({ execution: { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 2 } }).save();
    assert.is(b.trace.at(-1), 'run one');
  }
});

test('nothing of a job is left in the next one: a claim without answer goes on at its first step, output is its own', () => {
  const b = bench().running(withSteps(2)).exit().save().accept();
  b.tell({ on: 'output', run: 2, stream: 'stderr', text: 'of the first' });
  b.exit().save().accept().save();
  const next = { ...EXECUTION, jobId: 'K', queuedAt: 1900 };
  b.accept({ execution: next }).save().pass();
  b.accept({ execution: { ...next, status: 'IN_PROGRESS', versionNumber: 2 } }).save();
  assert.is(b.trace.at(-1), 'run one');
  b.exit(1).save();
  assert.not('stderr' in (told(b).statusDetails as object));
});

test('what a claim without answer has met is ours, made anew or not, and runs from its first step', () => {
  const claim = bench().boot().accept({ execution: EXECUTION }).save().pass();
  const steps = [STEP('other'), STEP('last')];
  const execution: JobExecution = { ...EXECUTION, queuedAt: 1800, status: 'IN_PROGRESS', versionNumber: 2 };
  claim.accept({ execution: { ...execution, jobDocument: { version: '1.0', steps } } }).save();
  assert.is(claim.trace.at(-1), 'run other');
  assert.is(claim.disk?.job.queuedAt, 1800);
});

test('what a claim without answer has not met is let go, and its record with it, before the one made anew begins', () => {
  const b = bench().boot().accept({ execution: EXECUTION }).save().pass();
  b.accept({ execution: { ...EXECUTION, queuedAt: 1800, jobDocument: {} } });
  assert.is(b.trace.at(-1), 'persist nothing');
});

test('a REJECTED never reaches an execution made anew: it is looked at again', () => {
  const rejected = bench()
    .boot()
    .accept({ execution: { ...EXECUTION, jobDocument: {} } });
  assert.is(rejected.trace.at(-1), 'update REJECTED');
  rejected.tell({ on: 'offline' });
  rejected.tell({ on: 'online' });
  assert.is(rejected.trace.at(-1), 'describe $next');
  rejected.accept({ execution: { ...EXECUTION, queuedAt: 1800 } }).save();
  assert.is(rejected.trace.at(-1), 'update IN_PROGRESS');
});

test('progress of a job that is gone is not told as that of the next one, though it was refused for a while', () => {
  const b = bench().running(withSteps(2)).exit().save();
  b.reject('RequestThrottled');
  b.tell({ on: 'nextChanged', execution: undefined });
  b.pass().reject('ResourceNotFound').exit().save();
  b.reject('RequestThrottled').pass();
  b.accept({ execution: { ...EXECUTION, jobId: 'K' } });
  assert.is(b.trace.at(-1), 'persist claimed');
});

test('RequestThrottled and InternalError are tried again after a pause that grows, with a fresh token', () => {
  const b = bench().running(withSteps(1)).exit().save();
  const pauses: number[] = [];
  for (const code of ['RequestThrottled', 'InternalError', 'InternalError'] as const) {
    const { clientToken } = b.ask;
    b.reject(code);
    pauses.push(runnerWakeAt(b.runner) - 1_000_000);
    b.pass();
    assert.is.not(b.ask.clientToken, clientToken);
  }
  assert.is(b.trace.at(-1), 'update SUCCEEDED');
  assert.ok(pauses[0]! >= SETBACK_MILLIS_MIN / 2 && pauses[2]! > pauses[0]!);
});

test('a report that is refused as invalid goes out without details, so no execution stays IN_PROGRESS', () => {
  const b = bench().running(withSteps(1)).exit().save();
  b.reject('InvalidRequest').pass();
  assert.is(told(b).statusDetails, undefined);
  assert.is(told(b).status, 'SUCCEEDED');
});

test('offline while a job runs: it goes on, and after reconnect the service is asked whether it still holds it', () => {
  const b = bench().running();
  b.tell({ on: 'offline' });
  b.exit().save();
  assert.is(b.runs.length, 2);
  b.tell({ on: 'online' });
  assert.is(b.trace.at(-1), 'describe J');
});

test('death by signal is not success, and is reported as such (promise 7)', () => {
  const b = bench().running(withSteps(1));
  b.tell({ on: 'exited', run: 1, signal: 'SIGKILL' });
  b.save();
  assert.equal(told(b).status, 'FAILED');
  assert.is(told(b).statusDetails?.reason ?? '', 'Job killed by signal: SIGKILL');
});

test('exit codes, ignoreStepFailure and allowStdErr decide as documents §3.5 recommends', () => {
  const cases: [more: object, stderr: string, code: number, status: string][] = [
    [{}, 'one\ntwo\n', 0, 'SUCCEEDED'],
    [{}, '', 3, 'FAILED'],
    [{ allowStdErr: 2 }, 'one\ntwo\n', 0, 'SUCCEEDED'],
    [{ allowStdErr: 1 }, 'one\ntwo', 0, 'FAILED'],
    [{ allowStdErr: 0 }, '', 0, 'SUCCEEDED'],
    [{ allowStdErr: 5 }, '', 1, 'FAILED'],
    [{ ignoreStepFailure: true }, '', 9, 'SUCCEEDED'],
  ];
  for (const [more, stderr, code, status] of cases) {
    const b = bench().running({ ...EXECUTION, jobDocument: { version: '1.0', steps: [STEP('one', more)] } });
    for (const text of stderr) b.tell({ on: 'output', run: 1, stream: 'stderr', text });
    b.exit(code).save();
    assert.is(told(b).status, status, JSON.stringify({ more, stderr, code }));
  }
});

test('what is reported of output is its last 1024 characters, stdout only on request, secrets and control characters out', () => {
  const execution = { ...EXECUTION, jobDocument: { version: '1.0', includeStdOut: true, steps: [STEP('one')] } };
  const b = bench().running(execution);
  b.tell({ on: 'output', run: 1, stream: 'stdout', text: 'x'.repeat(100_000) });
  b.tell({
    on: 'output',
    run: 1,
    stream: 'stdout',
    text: 'https://b.s3/k?X-Amz-Signature=deadbeef&a=1 \u001b[31mend🎉',
  });
  b.tell({ on: 'output', run: 1, stream: 'stderr', text: 'password: no\n' });
  b.exit().save();
  const { stdout, stderr } = told(b).statusDetails as Record<string, string>;
  assert.is(stdout!.length, 1024);
  assert.match(stdout!, /X-Amz-Signature=\[removed\]&a=1 {2}\[31mend🎉$/);
  assert.is(stderr, 'password: no\n');
  const quiet = bench().running(withSteps(1));
  quiet.tell({ on: 'output', run: 1, stream: 'stdout', text: 'hello' });
  quiet.exit().save();
  assert.not('stdout' in (told(quiet).statusDetails as object));
});

test('finalStep runs after every other step succeeded, and not after one failed', () => {
  const document = { version: '1.0', steps: [STEP('one')], finalStep: STEP('last') };
  const good = bench()
    .running({ ...EXECUTION, jobDocument: document })
    .exit(0)
    .save();
  assert.equal(
    good.runs.map((run) => run.name),
    ['one', 'last'],
  );
  const bad = bench()
    .running({ ...EXECUTION, jobDocument: document })
    .exit(1)
    .save();
  assert.is(bad.trace.at(-1), 'update FAILED');
});

test('a record that cannot be written: the job is not claimed, a step is not started, an outcome is reported all the same', () => {
  const claim = bench().boot().accept({ execution: EXECUTION });
  claim.tell({ on: 'unpersisted', reason: 'ENOSPC' });
  assert.is(claim.asked, 1);
  claim.pass();
  assert.is(claim.trace.at(-1), 'persist nothing');
  claim.save();
  assert.is(claim.trace.at(-1), 'describe $next');
  const start = bench().boot().accept({ execution: EXECUTION }).save().accept();
  start.tell({ on: 'unpersisted', reason: 'ENOSPC' });
  start.tell({ on: 'unpersisted', reason: 'ENOSPC' });
  assert.is(start.trace.at(-1), 'update FAILED');
  assert.is(start.runs.length, 0);
});

test('a record that cannot be removed is tried again, or its outcome would be told at a later boot', () => {
  const b = bench().running(withSteps(1)).exit().save().accept();
  b.tell({ on: 'unpersisted', reason: 'ENOSPC' });
  b.pass();
  assert.is(b.trace.at(-1), 'persist nothing');
  b.save();
  assert.is(b.trace.at(-1), 'describe $next');
});

test('stop while a step runs: it may finish, the next is left for the next boot', () => {
  const b = bench().running();
  b.tell({ on: 'stop' });
  b.exit();
  assert.is(b.trace.at(-1), 'persist claimed, 1 done');
  b.save();
  assert.is(b.trace.at(-1), 'finished');
});

test('stop does not wait for ever: after its grace, or when asked twice, the step is ended and the job FAILED', () => {
  for (const twice of [false, true]) {
    const b = bench().running();
    b.tell({ on: 'stop' });
    if (twice) b.tell({ on: 'stop' });
    else b.later(STOP_GRACE_MILLIS).tell({ on: 'wake' });
    assert.is(b.trace.at(-1), 'SIGTERM');
    b.tell({ on: 'exited', run: 1, signal: 'SIGTERM' });
    assert.is(b.trace.at(-1), 'persist ended');
    b.save();
    assert.is(b.trace.at(-1), 'finished');
  }
});

test('stop while idle, or while an answer is awaited, ends at once', () => {
  const idle = bench().boot().accept();
  idle.tell({ on: 'stop' });
  assert.is(idle.trace.at(-1), 'finished');
  const claiming = bench().boot().accept({ execution: EXECUTION }).save();
  claiming.tell({ on: 'stop' });
  assert.is(claiming.trace.at(-1), 'finished');
});

const RECORD = { thingName: 'T', job: { jobId: 'J', executionNumber: 1, queuedAt: 1700, versionNumber: 1 } } as const;

function told(b: { ask: Ask }): UpdateRequest {
  assert.is(b.ask.operation, 'UpdateJobExecution');
  return b.ask as UpdateRequest;
}

function withSteps(count: number): JobExecution {
  return {
    ...EXECUTION,
    jobDocument: { version: '1.0', steps: ['one', 'two', 'three'].slice(0, count).map((name) => STEP(name)) },
  };
}

test.run();
