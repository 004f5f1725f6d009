import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeBody } from '../../../runtime/serial/cbor.ts';
import { createCommandTask, stepCommand } from '../../../runtime/serial/commandTask.ts';
import { createFlashTask, stepFlash } from '../../../runtime/serial/flashTask.ts';
import type { DeviceHello } from '../../../runtime/serial/hello.ts';
import {
  type Asking,
  commandsOf,
  decodeState,
  encodeAsking,
  encodeState,
  operationOf,
} from '../../../runtime/serial/jobs.ts';
import {
  BUSY_MILLIS_MAX,
  MISSING_MILLIS_MAX,
  PULL_BYTES_MAX,
  STALL_MILLIS_MAX,
  SWITCH_MILLIS_MAX,
} from '../../../runtime/serial/limits.ts';
import { encodePull } from '../../../runtime/serial/pull.ts';
import type { TaskEffect, TaskEvent } from '../../../runtime/serial/task.ts';
import { hex } from './vectors.ts';

const test = suite('jobs over the link');

const ASKED: readonly (Asking & { hex: string })[] = [
  { operation: 'PING', hex: 'a10000' },
  { operation: 'RUN', run: 7, command: 'led', args: [13, true], hex: 'a40001010702636c656403820df5' },
  { operation: 'RUN', run: 7, command: 'led', args: [], hex: 'a30001010702636c6564' },
  { operation: 'STATUS', run: 2 ** 32 - 1, hex: 'a20003011affffffff' },
  { operation: 'STOP', run: 1, hex: 'a200040101' },
  { operation: 'PULL', hex: 'a10002' },
  {
    operation: 'FLASH',
    size: 16_384,
    sha256: new Uint8Array(32).fill(5),
    image: 2,
    hex: `a4000501194000025820${'05'.repeat(32)}0302`,
  },
  { operation: 'SWITCH', hex: 'a10006' },
];

for (const { hex: expected, ...asking } of ASKED)
  test(`encodeAsking: ${asking.operation} as README.md has it: ${expected.slice(0, 24)}`, () => {
    assert.is(hex(encodeAsking(asking as Asking)), expected);
    assert.is(operationOf(decodeBody(encodeAsking(asking as Asking))), asking.operation);
  });

test('decodeState: reads what encodeState wrote; an unknown state is refused, a percent out of range is bounded', () => {
  for (const state of [
    { state: 'running', progress: 40, words: 'erasing' },
    { state: 'failed', words: 'no sensor', result: -7 },
    { state: 'unknown' },
  ] as const)
    assert.equal(decodeState(encodeState(state)), state);
  assert.throws(() => decodeState(Uint8Array.of(0xa1, 0, 9)), /state 9: expected 0\.\.5/);
  assert.is(decodeState(Uint8Array.of(0xa2, 0, 0, 1, 0x18, 200)).progress, 100);
});

const device = (bootId = 1, more: Partial<DeviceHello> = {}): DeviceHello => ({
  version: 1,
  bootId,
  hardwareId: 'x',
  frameBytesMax: 64,
  window: 1,
  more: new Map([[16, ['led', 'slow']]]),
  ...more,
});

/** Steps a task and keeps what it did. */
function play<Task>(first: Task, step: (task: Task, event: TaskEvent, now: number) => [Task, TaskEffect[]]) {
  let task = first;
  const all: TaskEffect[] = [];
  return {
    tell(event: TaskEvent, now = 0): TaskEffect[] {
      const [next, effects] = step(task, event, now);
      task = next;
      all.push(...effects);
      return effects;
    },
    /** Names of what was asked for with a REQUEST. */
    asked: () => all.flatMap((effect) => (effect.do === 'request' ? [operationOf(decodeBody(effect.body))] : [])),
    lastId: () => all.reduce((id, effect) => (effect.do === 'request' ? effect.id : id), 0),
    outcome: () => all.flatMap((effect) => (effect.do === 'ended' ? [effect.outcome] : []))[0],
  };
}

function command(resumed = false, name = 'led') {
  const body = encodeAsking({ operation: 'RUN', run: 5, command: name, args: [1] });
  return play(createCommandTask({ run: 5, command: name, body, resumed }, 0), stepCommand);
}
const state = (of: Parameters<typeof encodeState>[0]) => encodeState(of);

test('a command: RUN, then STATUS until it has ended', () => {
  const task = command();
  task.tell({ on: 'up', device: device() });
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'running', progress: 10 }) });
  task.tell({ on: 'wake' }, 50);
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'succeeded', result: 3 }) });
  assert.equal(task.asked(), ['RUN', 'STATUS']);
  assert.equal(task.outcome(), { succeeded: true, reason: 'led succeeded', result: 3 });
});

test('a command that may have run before a reset is not run again; one that was surely not is', () => {
  const lost = command();
  lost.tell({ on: 'up', device: device(1) });
  lost.tell({ on: 'lost', id: lost.lastId(), ran: 'unknown', reason: 'the device restarted' });
  lost.tell({ on: 'up', device: device(2) });
  assert.equal(lost.asked(), ['RUN']);
  assert.match(lost.outcome()?.reason ?? '', /restarted while 'led' ran: it is not run again/);
  const unsent = command();
  unsent.tell({ on: 'up', device: device(1) });
  unsent.tell({ on: 'lost', id: unsent.lastId(), ran: 'no', reason: 'the device restarted' });
  unsent.tell({ on: 'up', device: device(2) });
  assert.equal(unsent.asked(), ['RUN', 'RUN']);
});

test('RUN is lost to another host on the same boot: asked about first, and sent again only when it is unknown there', () => {
  const task = command();
  task.tell({ on: 'up', device: device(1) });
  task.tell({ on: 'lost', id: task.lastId(), ran: 'unknown', reason: 'the device spoke with another host' });
  task.tell({ on: 'up', device: device(1) });
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'unknown' }) });
  assert.equal(task.asked(), ['RUN', 'STATUS', 'RUN']);
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'running' }) });
  task.tell({ on: 'wake' }, 1_000);
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'unknown' }) });
  assert.match(task.outcome()?.reason ?? '', /does not know of it any more: it is not run again/);
});

test('a command that an earlier process began is only asked about', () => {
  const task = command(true);
  task.tell({ on: 'up', device: device() });
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'unknown' }) });
  assert.equal(task.asked(), ['STATUS']);
  assert.is(task.outcome()?.succeeded, false);
});

test('a command is given up when the device does not answer, stays busy, or does not know it', () => {
  const missing = command();
  missing.tell({ on: 'wake' }, MISSING_MILLIS_MAX - 1);
  assert.is(missing.outcome(), undefined);
  missing.tell({ on: 'wake' }, MISSING_MILLIS_MAX);
  assert.match(missing.outcome()?.reason ?? '', /did not answer for 60 s/);
  const busy = command();
  busy.tell({ on: 'up', device: device() });
  for (let now = 0; now <= BUSY_MILLIS_MAX + 1_000 && !busy.outcome(); now += 500) {
    busy.tell({ on: 'reply', id: busy.lastId(), body: state({ state: 'busy' }) }, now);
    busy.tell({ on: 'wake' }, now + 500);
  }
  assert.match(busy.outcome()?.reason ?? '', /busy with another command for 10 s/);
  const unknown = command(false, 'fly');
  unknown.tell({ on: 'up', device: device() });
  assert.match(unknown.outcome()?.reason ?? '', /no command 'fly': it announces led, slow/);
  assert.equal(unknown.asked(), []);
});

test('stop: STOP for a command that runs, nothing for one that has not begun', () => {
  const task = command();
  task.tell({ on: 'up', device: device() });
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'running' }) });
  task.tell({ on: 'stop' });
  assert.equal(task.asked(), ['RUN', 'STOP']);
  const early = command();
  early.tell({ on: 'stop' });
  early.tell({ on: 'up', device: device() });
  assert.equal([early.asked(), early.outcome()?.succeeded], [[], false]);
});

const image = Uint8Array.from({ length: 200 }, (_, i) => i);
const sha256 = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const flash = (slot = 0) => play(createFlashTask({ image, sha256, slot }, 0), stepFlash);
const pull = (offset: number, count = 4, length = 16) => encodePull({ offset, length, count });

test('an image: FLASH, blocks and PULL, SWITCH, and HELLO with its hash', () => {
  const task = flash();
  task.tell({ on: 'up', device: device() });
  const blocks = task.tell({ on: 'reply', id: task.lastId(), body: pull(0) });
  assert.is(blocks.filter((effect) => effect.do === 'data').length, 4);
  task.tell({ on: 'reply', id: task.lastId(), body: pull(200, 0) });
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'running' }) });
  task.tell({ on: 'wake' }, 600);
  task.tell({ on: 'reply', id: task.lastId(), body: state({ state: 'succeeded' }) });
  assert.is(task.outcome(), undefined, 'not before it runs');
  task.tell({ on: 'up', device: device(2, { firmwareHash: sha256.slice(0, 8) }) });
  assert.equal(task.asked(), ['FLASH', 'PULL', 'SWITCH', 'SWITCH']);
  assert.is(task.outcome()?.succeeded, true);
});

test('an image fails with the reason: refused, not the announced one, another firmware after the restart, or none', () => {
  const refused = flash();
  refused.tell({ on: 'up', device: device() });
  refused.tell({ on: 'reply', id: refused.lastId(), body: state({ state: 'failed', words: 'too large' }) });
  assert.is(refused.outcome()?.reason, 'the device refuses the image: too large');
  const switched = () => {
    const task = flash();
    task.tell({ on: 'up', device: device() });
    task.tell({ on: 'reply', id: task.lastId(), body: pull(200, 0) });
    return task;
  };
  const wrong = switched();
  wrong.tell({ on: 'reply', id: wrong.lastId(), body: state({ state: 'failed' }) });
  assert.match(wrong.outcome()?.reason ?? '', /it is not the one that was announced/);
  const old = switched();
  old.tell({ on: 'reply', id: old.lastId(), body: state({ state: 'succeeded' }) });
  old.tell({ on: 'up', device: device(2, { firmwareHash: new Uint8Array(8) }) });
  assert.match(old.outcome()?.reason ?? '', /restarted with the firmware 0000000000000000 instead of fffefdfcfbfaf9f8/);
  const silent = switched();
  silent.tell({ on: 'reply', id: silent.lastId(), body: state({ state: 'succeeded' }) }, 0);
  silent.tell({ on: 'wake' }, SWITCH_MILLIS_MAX);
  assert.match(silent.outcome()?.reason ?? '', /did not restart with the image within 60 s/);
});

test('an image goes on after a reset where the device is, and is given up only when it comes no further', () => {
  const task = flash();
  task.tell({ on: 'up', device: device(1) });
  task.tell({ on: 'reply', id: task.lastId(), body: pull(64) }, 1_000);
  task.tell({ on: 'lost', id: task.lastId(), ran: 'unknown', reason: 'the device restarted' });
  task.tell({ on: 'up', device: device(2) });
  assert.equal(task.asked(), ['FLASH', 'PULL', 'FLASH']);
  const [, first] = task.tell({ on: 'reply', id: task.lastId(), body: pull(32) }, 2_000);
  assert.is(first?.do, 'data');
  task.tell({ on: 'down', reason: 'gone' });
  task.tell({ on: 'wake' }, 1_000 + STALL_MILLIS_MAX);
  assert.match(task.outcome()?.reason ?? '', /no progress for 300 s, at 64 of 200 bytes/);
});

test('an answer that comes late, before the device has answered HELLO again, ends nothing: all is asked anew then', () => {
  const task = flash();
  task.tell({ on: 'up', device: device() });
  task.tell({ on: 'down', reason: 'no answer' });
  assert.equal(task.tell({ on: 'reply', id: task.lastId(), body: pull(32) }, 1_000), []);
  task.tell({ on: 'up', device: device() });
  assert.equal([task.asked(), task.outcome()], [['FLASH', 'FLASH'], undefined]);
});

test('a device that asks for everything at once gets a bounded part; one that asks for more than it takes is refused', () => {
  const large = new Uint8Array(10 * PULL_BYTES_MAX);
  const greedy = play(createFlashTask({ image: large, sha256, slot: 0 }, 0), stepFlash);
  greedy.tell({ on: 'up', device: device() });
  const effects = greedy.tell({ on: 'reply', id: greedy.lastId(), body: pull(0, 2 ** 32 - 1) });
  assert.is(effects.filter((effect) => effect.do === 'data').length, PULL_BYTES_MAX / 16);
  const wide = flash();
  wide.tell({ on: 'up', device: device() });
  wide.tell({ on: 'reply', id: wide.lastId(), body: pull(0, 1, 64) });
  assert.match(wide.outcome()?.reason ?? '', /asks for blocks of 64 bytes, and takes bodies of 57/);
});

test('an image that runs already is not sent; one for another place is confirmed by SWITCH alone', () => {
  const there = flash();
  there.tell({ on: 'up', device: device(1, { firmwareHash: sha256 }) });
  assert.equal([there.asked(), there.outcome()?.succeeded], [[], true]);
  const data = flash(3);
  data.tell({ on: 'up', device: device(1, { firmwareHash: sha256 }) });
  data.tell({ on: 'reply', id: data.lastId(), body: pull(200, 0) });
  data.tell({ on: 'reply', id: data.lastId(), body: state({ state: 'succeeded' }) });
  assert.equal([data.asked(), data.outcome()?.succeeded], [['FLASH', 'SWITCH'], true]);
});

test('commandsOf: texts of key 16, and none from a device that says something else there', () => {
  assert.equal(commandsOf(device()), ['led', 'slow']);
  assert.equal(commandsOf(device(1, { more: new Map([[16, 5]]) })), []);
});

test.run();
