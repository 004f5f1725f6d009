import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Bus, type BusEvent, createBus, stepBus } from '../../../runtime/serial/bus.ts';
import { BUS_ANSWER_MILLIS, BUS_QUEUE_MAX, BUS_SILENCE_MILLIS } from '../../../runtime/serial/limits.ts';

const test = suite('turns on a bus');

/** One byte a millisecond; a frame is its name. */
function open() {
  let bus: Bus = createBus(10_000);
  let wakeAt: number | undefined;
  return {
    tell(event: BusEvent, now: number): string[] {
      const [next, effects] = stepBus(bus, event, now);
      bus = next;
      const written: string[] = [];
      for (const effect of effects)
        if (effect.do === 'wake') wakeAt = effect.at;
        else written.push(Buffer.from(effect.bytes).toString());
      return written;
    },
    wakeAt: () => wakeAt,
    queued: () => bus.queue.length,
  };
}
const send = (addr: number, name: string, answered = true): BusEvent => ({
  on: 'send',
  addr,
  wire: Buffer.from(name),
  answered,
});

test('nobody is asked while another one is to answer; the answer lets the next one go', () => {
  const bus = open();
  assert.equal(bus.tell(send(1, 'a'), 0), ['a']);
  assert.equal(bus.tell(send(2, 'b'), 1), []);
  assert.equal(bus.tell({ on: 'frame', addr: 3 }, 2), [], 'not his turn');
  assert.equal(bus.tell({ on: 'frame', addr: 1 }, 3), ['b']);
});

test('who does not answer is waited for one silence, which counts from the last byte', () => {
  const bus = open();
  bus.tell(send(1, 'abcd'), 0);
  bus.tell(send(2, 'b'), 0);
  assert.is(bus.wakeAt(), 4 + BUS_ANSWER_MILLIS);
  bus.tell({ on: 'bytes' }, 4 + BUS_ANSWER_MILLIS - 1);
  assert.equal(bus.tell({ on: 'wake' }, 4 + BUS_ANSWER_MILLIS), [], 'he is speaking');
  assert.is(bus.wakeAt(), 4 + BUS_ANSWER_MILLIS - 1 + BUS_SILENCE_MILLIS);
  assert.equal(bus.tell({ on: 'wake' }, bus.wakeAt()!), ['b']);
});

test('a bus whose devices are slow waits for as long as it was told', () => {
  const slow = stepBus(createBus(10_000, 500), send(1, 'abcd'), 0);
  assert.equal(slow[1].at(-1), { do: 'wake', at: 504 });
});

test('blocks go one behind another, and a question behind what was there before it', () => {
  const bus = open();
  bus.tell(send(1, 'a'), 0);
  for (const block of ['x', 'y']) bus.tell(send(1, block, false), 0);
  bus.tell(send(2, 'b'), 0);
  bus.tell(send(1, 'z', false), 0);
  assert.equal(bus.tell({ on: 'frame', addr: 1 }, 1), ['x', 'y', 'b']);
  assert.equal(bus.tell({ on: 'frame', addr: 2 }, 2), ['z']);
});

test('what is sent again replaces what still waits; the queue has a bound; closed, nothing waits', () => {
  const bus = open();
  bus.tell(send(1, 'a'), 0);
  bus.tell(send(2, 'old'), 0);
  bus.tell(send(2, 'new'), 0);
  assert.equal(bus.tell({ on: 'frame', addr: 1 }, 1), ['new']);
  for (let i = 0; i < 2 * BUS_QUEUE_MAX; i += 1) bus.tell(send(3, 'z', false), 2);
  assert.is(bus.queued(), BUS_QUEUE_MAX);
  bus.tell({ on: 'closed' }, 3);
  assert.equal([bus.queued(), bus.wakeAt()], [0, undefined]);
});

test.run();
