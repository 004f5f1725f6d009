import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  clearDeadline,
  type Deadline,
  type Deadlines,
  earliest,
  noDeadline,
  setDeadline,
  takeDue,
} from '../../../../targets/service/gateway/deadlines.ts';

test('deadlines: each comes once, in time, after any sets and clears; none is waited for past its time', () => {
  const command = fc.record({ owner: fc.nat(9), at: fc.option(fc.nat(100), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(command), fc.array(fc.nat(100)), (commands, times) => {
      const owners = Array.from({ length: 10 }, noDeadline);
      const model = new Map<Deadline, number>();
      const heap: Deadlines<Deadline> = [];
      for (const { owner, at } of commands) {
        const deadline = owners[owner] as Deadline;
        if (at === undefined) clearDeadline(heap, deadline);
        else setDeadline(heap, deadline, at);
        if (at === undefined) model.delete(deadline);
        else model.set(deadline, at);
      }
      for (const now of [...times.sort((a, b) => a - b), 100]) {
        if (model.size > 0) assert.ok((earliest(heap) as number) <= Math.min(...model.values()));
        for (let due = takeDue(heap, now); due !== undefined; due = takeDue(heap, now)) {
          assert.ok((model.get(due) as number) <= now);
          assert.ok(model.delete(due));
        }
        assert.ok([...model.values()].every((at) => at > now));
      }
      assert.is(heap.length, 0);
    }),
    { numRuns: 500 },
  );
});

test.run();
