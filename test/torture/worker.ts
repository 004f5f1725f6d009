import * as assert from 'uvu/assert';
import type { Line } from './lines.ts';
import { check, type Known, keyOf, type Model, meet } from './model.ts';
import type { Operator } from './operator.ts';

/** Pause of a device that has nothing to do, milliseconds. */
const IDLE_MILLIS = 15;

/**
 * One device: takes what is pending, moves it on by one request after the other, and after each that was lost finds out what
 * became of it: by asking the operator's side, or by sending it again under the same token.
 *
 * @param running  false: it ends when it knows what became of all it asked for
 */
export async function work(
  thingName: string,
  line: Line,
  operator: Operator,
  model: Model,
  chance: () => number,
  running: () => boolean,
): Promise<void> {
  let n = 0;
  let tokens = 0;
  while (running()) {
    const reply = await line.pending();
    if (reply === 'lost') {
      model.counts.lost += 1;
      continue;
    }
    assert.ok('accepted' in reply, `pending: ${JSON.stringify(reply)}`);
    const listed = [...reply.accepted.inProgressJobs, ...reply.accepted.queuedJobs];
    for (const { jobId, executionNumber, versionNumber } of listed) {
      const known = model.executions.get(keyOf(jobId, thingName, executionNumber));
      if (known === undefined) meet(model, jobId, thingName, executionNumber, versionNumber);
      else
        assert.is(
          versionNumber,
          known.versionNumber,
          `${keyOf(jobId, thingName, executionNumber)} in the pending list`,
        );
    }
    const free = listed
      .map(({ jobId, executionNumber }) => model.executions.get(keyOf(jobId, thingName, executionNumber))!)
      .filter(({ armed }) => !armed);
    if (free.length === 0) await new Promise((resolve) => setTimeout(resolve, IDLE_MILLIS));
    else await move(free[Math.floor(chance() * free.length)]!);
  }
  line.close();

  async function move(known: Known): Promise<void> {
    const { jobId, executionNumber, versionNumber } = known;
    const draw = chance();
    const arms = draw < 0.15 && executionNumber === 1;
    const status = arms || draw < 0.6 ? 'IN_PROGRESS' : draw < 0.9 ? 'SUCCEEDED' : 'REJECTED';
    // From IN_PROGRESS a rejection is disputed (state machine §2.2).
    const to = status === 'REJECTED' && known.status !== 'QUEUED' ? 'FAILED' : status;
    const mine = ++n;
    const body = {
      status: to,
      statusDetails: { n: `${mine}` },
      executionNumber,
      clientToken: `${thingName}-${++tokens}`,
      ...(chance() < 0.5 ? { expectedVersion: versionNumber } : {}),
      ...(arms ? { stepTimeoutInMinutes: 1 } : {}),
    };
    const apply = () => {
      Object.assign(known, { status: to, versionNumber: versionNumber + 1, n: mine, armed: arms });
    };
    for (;;) {
      const reply = await line.update(jobId, body);
      if (reply !== 'lost') {
        assert.ok('accepted' in reply, `${jobId} ${thingName} ${JSON.stringify(body)}: ${JSON.stringify(reply)}`);
        model.counts.acknowledged += 1;
        return apply();
      }
      model.counts.lost += 1;
      if (line.hasTokens && chance() < 0.5) {
        model.counts.repeated += 1;
        continue;
      }
      const seen = await operator.see(jobId, thingName, executionNumber);
      assert.ok(seen !== undefined, `${jobId} ${thingName} ${executionNumber} is gone`);
      if (seen!.versionNumber === versionNumber) {
        model.counts.foundNotApplied += 1;
        check(model, known, seen!);
        return;
      }
      model.counts.foundApplied += 1;
      apply();
      check(model, known, seen!);
      return;
    }
  }
}
