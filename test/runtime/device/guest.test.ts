import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createGuest, type GuestEffect, type GuestEvent, stepGuest } from '../../../runtime/device/guest.ts';
import { decodeObject, encodeObject } from '../../../runtime/jobs/json.ts';
import { decodeRecord } from '../../../runtime/jobs/record.ts';

const test = suite('a microcontroller as a Thing');

const document = {
  version: '1.0',
  steps: ['one', 'two'].map((name) => ({ action: { name, type: 'runCommand', input: { command: name } } })),
};
const execution = {
  jobId: 'j',
  executionNumber: 1,
  queuedAt: 9,
  versionNumber: 1,
  status: 'QUEUED',
  jobDocument: document,
};

/** A guest, and the service's answers to what it publishes; the record is kept as a disk would. */
function open(record?: Uint8Array) {
  let guest = createGuest('mcu');
  let disk = record;
  const all: GuestEffect[] = [];
  let service: (topic: string, request: Record<string, unknown>) => object | undefined = () => undefined;
  function tell(event: GuestEvent): void {
    const [next, effects] = stepGuest(guest, event, 0);
    guest = next;
    all.push(...effects);
    for (const effect of effects) {
      if (effect.do === 'persist') {
        disk = effect.record;
        tell({ on: 'persisted' });
      } else if (effect.do === 'publish') {
        const request = decodeObject(effect.payload) as Record<string, unknown>;
        const answer = service(effect.topic, request);
        const payload = encodeObject({ ...answer, clientToken: request.clientToken, timestamp: 1 });
        if (answer) tell({ on: 'message', topic: `${effect.topic}/accepted`, payload });
      }
    }
  }
  return {
    tell,
    boot: () => tell({ on: 'boot', record: disk, seed: 1 }),
    serve: (how: typeof service) => {
      service = how;
    },
    of: <K extends GuestEffect['do']>(kind: K) =>
      all.filter((effect): effect is Extract<GuestEffect, { do: K }> => effect.do === kind),
    disk: () => disk,
  };
}

/** Answers as the service does for one queued execution. */
const oneJob = (topic: string, request: Record<string, unknown>) =>
  topic.endsWith('/update')
    ? {
        executionState: { status: request.status, versionNumber: Number(request.expectedVersion) + 1 },
        jobDocument: document,
      }
    : { execution: { ...execution, ...(topic.includes('$next') ? {} : { status: 'IN_PROGRESS', versionNumber: 2 }) } };

test('no job is asked for while the microcontroller is away, and one is as soon as it answers', () => {
  const guest = open();
  guest.serve(oneJob);
  guest.boot();
  guest.tell({ on: 'connected' });
  assert.equal(guest.of('publish'), []);
  guest.tell({ on: 'present' });
  assert.is(guest.of('run').length, 1);
  assert.equal([guest.of('run')[0]?.index, guest.of('run')[0]?.resumed], [0, false]);
});

test('away in the middle of a job: what runs goes on, and its end is reported; the next job waits', () => {
  const guest = open();
  guest.serve(oneJob);
  guest.boot();
  guest.tell({ on: 'present' });
  guest.tell({ on: 'connected' });
  guest.tell({ on: 'absent' });
  const before = guest.of('publish').length;
  guest.tell({ on: 'exited', run: 1, error: 'the device did not answer' });
  const topics = guest
    .of('publish')
    .slice(before)
    .map(({ topic }) => topic);
  assert.equal(topics, ['$aws/things/mcu/jobs/j/update']);
  assert.is(guest.of('run').length, 1);
  guest.tell({ on: 'present' });
  assert.is(guest.of('run').length, 2);
});

test('a step that ran when the bridge ended is begun again as resumed, and only that one', () => {
  const first = open();
  first.serve(oneJob);
  first.boot();
  first.tell({ on: 'present' });
  first.tell({ on: 'connected' });
  assert.is(decodeRecord(first.disk()!)?.phase, 'running');
  const second = open(first.disk());
  second.serve(oneJob);
  second.boot();
  second.tell({ on: 'connected' });
  assert.equal(
    second.of('run').map(({ index, resumed }) => [index, resumed]),
    [[0, true]],
  );
  second.tell({ on: 'exited', run: 1, code: 0 });
  assert.equal(
    second.of('run').map(({ index, resumed }) => [index, resumed]),
    [
      [0, true],
      [1, false],
    ],
  );
});

test('a job that was cancelled while the bridge was away is abandoned on the microcontroller', () => {
  const first = open();
  first.serve(oneJob);
  first.boot();
  first.tell({ on: 'present' });
  first.tell({ on: 'connected' });
  const second = open(first.disk());
  second.serve((topic) =>
    topic.includes('$next') ? { execution: {} } : { execution: { ...execution, status: 'CANCELED' } },
  );
  second.boot();
  second.tell({ on: 'connected' });
  assert.equal(second.of('run'), []);
  assert.equal(
    second.of('abandon').map(({ job, index }) => [job.jobId, index]),
    [['j', 0]],
  );
});

test('how far a step is goes out as statusDetails beside its name; of a step that ended it does not', () => {
  const guest = open();
  guest.serve(oneJob);
  guest.boot();
  guest.tell({ on: 'present' });
  guest.tell({ on: 'connected' });
  guest.tell({ on: 'progress', run: 1, details: { percent: '40' } });
  const last = decodeObject(guest.of('publish').at(-1)!.payload) as { statusDetails: object };
  assert.equal(last.statusDetails, { step: 'one', progress: '1/2', percent: '40' });
  const before = guest.of('publish').length;
  guest.tell({ on: 'progress', run: 7, details: { percent: '90' } });
  assert.is(guest.of('publish').length, before);
});

test('stop leaves a step that runs to run: the record says how to take it up', () => {
  const guest = open();
  guest.serve(oneJob);
  guest.boot();
  guest.tell({ on: 'present' });
  guest.tell({ on: 'connected' });
  guest.tell({ on: 'stop' });
  assert.equal([guest.of('exit').length, guest.of('signal').length], [1, 0]);
  assert.is(decodeRecord(guest.disk()!)?.phase, 'running');
});

test('the record of another Thing is not used', () => {
  const record = encodeObject({ thingName: 'other', job: execution, phase: 'claimed', step: 0 });
  const guest = open(record);
  guest.boot();
  assert.match(guest.of('log')[0]?.message ?? '', /the record on disk is of thing other: not used/);
});

test.run();
