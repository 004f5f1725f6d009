import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Execution,
  isTerminal,
  mayMove,
  PARTIES,
  type Party,
  STATUSES,
  type Status,
  setStatus,
} from '../../../runtime/jobs/execution.ts';

/** state-machine §2.1, written out by hand: `from by to`. All that is not here is refused. */
const LEGAL = new Set([
  'QUEUED device IN_PROGRESS',
  'QUEUED device SUCCEEDED',
  'QUEUED device FAILED',
  'QUEUED device REJECTED',
  'QUEUED service CANCELED',
  'QUEUED service REMOVED',
  'QUEUED operator CANCELED',
  'QUEUED operatorWithForce CANCELED',
  'IN_PROGRESS device IN_PROGRESS',
  'IN_PROGRESS device SUCCEEDED',
  'IN_PROGRESS device FAILED',
  'IN_PROGRESS service TIMED_OUT',
  'IN_PROGRESS operatorWithForce CANCELED',
]);

function execution(status: Status): Execution {
  const started = status === 'QUEUED' ? {} : { startedAtMillis: 2000 };
  return {
    status,
    versionNumber: 3,
    statusDetails: { a: '1' },
    queuedAtMillis: 1000,
    lastUpdatedAtMillis: 2000,
    ...started,
  };
}

function each(visit: (from: Status, by: Party, to: Status) => void): void {
  for (const from of STATUSES) for (const by of PARTIES) for (const to of STATUSES) visit(from, by, to);
}

test('setStatus: every status x party x status is accepted exactly where state-machine §2.1 says so', () => {
  let walked = 0;
  each((from, by, to) => {
    walked++;
    const result = setStatus(execution(from), { by, to, nowMillis: 5000 });
    const name = `${from} ${by} ${to}`;
    if (!LEGAL.has(name)) assert.is(result, 'InvalidStateTransition', name);
    else assert.is((result as Execution).status, to, name);
  });
  assert.is(walked, 8 * 4 * 8);
});

test('setStatus: versionNumber counts up by one and lastUpdatedAt is now, at every accepted move', () => {
  each((from, by, to) => {
    const result = setStatus(execution(from), { by, to, nowMillis: 5000 });
    if (typeof result === 'string') return;
    assert.is(result.versionNumber, 4);
    assert.is(result.lastUpdatedAtMillis, 5000);
  });
});

test('setStatus: startedAt is set by the first move of the device, even straight to an end, and never by another party (§2.3)', () => {
  each((from, by, to) => {
    const result = setStatus(execution(from), { by, to, nowMillis: 5000 });
    if (typeof result === 'string') return;
    const expected = from !== 'QUEUED' ? 2000 : by === 'device' ? 5000 : undefined;
    assert.is(result.startedAtMillis, expected, `${from} ${by} ${to}`);
  });
});

test('setStatus: another expectedVersion is refused before the move is judged, and changes nothing', () => {
  const before = execution('SUCCEEDED');
  assert.is(setStatus(before, { by: 'device', to: 'FAILED', nowMillis: 1, expectedVersion: 2 }), 'VersionMismatch');
  assert.is(
    setStatus(before, { by: 'device', to: 'FAILED', nowMillis: 1, expectedVersion: 3 }),
    'InvalidStateTransition',
  );
  assert.equal(before, execution('SUCCEEDED'));
});

test('setStatus: given statusDetails replace the whole map, absent ones keep it (data-plane §6.4)', () => {
  const move = { by: 'device', to: 'IN_PROGRESS', nowMillis: 1 } as const;
  const kept = setStatus(execution('QUEUED'), move) as Execution;
  const replaced = setStatus(execution('QUEUED'), { ...move, statusDetails: { b: '2' } }) as Execution;
  assert.equal(kept.statusDetails, { a: '1' });
  assert.equal(replaced.statusDetails, { b: '2' });
});

test('mayMove: IN_PROGRESS to REJECTED only with the switch for it (state-machine §2.2)', () => {
  assert.not(mayMove('IN_PROGRESS', 'device', 'REJECTED'));
  assert.ok(mayMove('IN_PROGRESS', 'device', 'REJECTED', true));
  assert.not(mayMove('SUCCEEDED', 'device', 'REJECTED', true));
});

test('isTerminal: all but QUEUED and IN_PROGRESS', () => {
  assert.equal(
    STATUSES.filter((status) => !isTerminal(status)),
    ['QUEUED', 'IN_PROGRESS'],
  );
});

test.run();
