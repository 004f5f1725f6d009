import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { ERROR_MEANINGS } from '../../runtime/jobs/errorMeanings.ts';
import { DATA_OPERATIONS } from '../../targets/service/dataPlane/operations.ts';
import { assertCountersAreTrue } from '../targets/service/jobs/recount.ts';
import { openWorld } from '../targets/service/jobs/world.ts';
import { count, type Kind } from './kind.ts';
import { JOBS, membersOf, nastyText, spoiled, THINGS } from './values.ts';

const members = Object.fromEntries(
  DATA_OPERATIONS.flatMap(({ input }) => Object.entries(input)).filter(([, member]) => member.in !== 'path'),
);
const job = fc.constantFrom(...JOBS, '$next');
const level = fc.oneof({ weight: 5, arbitrary: job }, { weight: 1, arbitrary: nastyText });
const path = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('get', 'start-next', '$next/get') },
  { weight: 4, arbitrary: job.map((id) => `${id}/update`) },
  { weight: 2, arbitrary: job.map((id) => `${id}/get`) },
  { weight: 1, arbitrary: fc.array(level, { maxLength: 4 }).map((levels) => levels.join('/')) },
);
const status = fc.constantFrom(
  'IN_PROGRESS',
  'IN_PROGRESS',
  'SUCCEEDED',
  'FAILED',
  'REJECTED',
  'QUEUED',
  'CANCELED',
  7,
);
const payload = spoiled(
  fc
    .tuple(membersOf(members as never, 12), fc.option(status), fc.option(nastyText))
    .map(([given, status, clientToken]) =>
      JSON.stringify({ ...given, ...(status && { status }), ...(clientToken && { clientToken }) }),
    ),
);

/** Payloads and topics of MQTT, behind the gateway. */
export const payloads: Kind = {
  name: 'MQTT topics and payloads',
  share: 0.2,
  async run(cases, seed) {
    const world = await openWorld({ things: THINGS });
    const tally = new Map<string, number>();
    let made = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...THINGS), path, payload, fc.nat(30), async (thing, path, payload, again) => {
        if (again === 0) await makeAnew(JOBS[made++ % JOBS.length]!);
        if (again === 1) await world.advance(90_000);
        const answer = await world.ask(thing, path, Uint8Array.from(payload));
        assert.equal(world.log, []);
        if (answer === undefined) return count(tally, 'no answer: what is no request');
        const { kind, body } = answer;
        count(tally, kind === 'accepted' ? 'accepted' : `rejected ${body.code}`);
        assert.ok(Number.isInteger(body.timestamp));
        if (kind === 'accepted') return;
        assert.is(kind, 'rejected');
        assert.ok(Object.hasOwn(ERROR_MEANINGS, body.code) && body.code !== 'InternalError', JSON.stringify(body));
        assert.type(body.message, 'string');
      }),
      { numRuns: cases, seed },
    );
    await assertCountersAreTrue(world.store);
    await world.close();
    return tally;

    async function makeAnew(jobId: string): Promise<void> {
      await world.service.control.deleteJob({ jobId, force: true }).catch(() => {}); // the first time there is none
      await world.settle();
      await world.job(jobId, THINGS, { timeoutConfig: { inProgressTimeoutInMinutes: 1 } });
    }
  },
};
