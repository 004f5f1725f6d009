import { createGuest, type GuestEffect, type GuestEvent, stepGuest } from '../../../runtime/device/guest.ts';
import { encodeRecord } from '../../../runtime/jobs/record.ts';
import { createThing } from '../../../targets/service/registry/things.ts';
import { documentOf } from '../work.ts';
import { type Scenario, type Stage, thingArn } from './stage.ts';

const NAME = 'guest';
const text = (words: string) => new TextEncoder().encode(words);

/** A guest of a bridge: the production core and its record; the connection is the service's own rules, a while away. */
function createVisitor(stage: Stage) {
  const { timeline } = stage.world;
  let guest = createGuest(NAME);
  let life = 0;
  let record: Uint8Array | undefined;
  const did: string[] = [];
  const running = new Set<number>();
  let takeBackWake: (() => void) | undefined;
  const soon = (millis: number, happen: () => void | Promise<void>) => {
    const mine = life;
    return timeline.plan(millis, () => (life === mine ? happen() : undefined));
  };
  const tell = (event: GuestEvent) => {
    let effects: GuestEffect[];
    [guest, effects] = stepGuest(guest, event, timeline.now());
    for (const effect of effects) act(effect);
  };
  const act = (effect: GuestEffect) => {
    switch (effect.do) {
      case 'publish':
        return void soon(5, async () => {
          const answer = await stage.cloud.service?.request(effect.topic, effect.payload);
          if (answer && guest.connected) soon(5, () => tell({ on: 'message', ...answer }));
        });
      case 'persist':
        record = effect.record.length > 0 ? effect.record.slice() : undefined;
        return void soon(2, () => tell({ on: 'persisted' }));
      case 'run': {
        did.push(`run ${effect.index}${effect.resumed ? ' resumed' : ''}`);
        running.add(effect.run);
        const { run } = effect;
        soon(1_000, () => tell({ on: 'progress', run, details: { percent: '50' } }));
        return void soon(20_000, () => {
          if (running.delete(run)) tell({ on: 'exited', run, code: 0 });
        });
      }
      case 'abandon':
        return void did.push(`abandon ${effect.index}`);
      case 'signal':
        if (running.delete(effect.run)) soon(5, () => tell({ on: 'exited', run: effect.run, signal: effect.signal }));
        return;
      case 'wake':
        takeBackWake?.();
        takeBackWake =
          effect.at === undefined ? undefined : soon(effect.at - timeline.now(), () => tell({ on: 'wake' }));
        return;
      case 'log':
        return;
      case 'exit':
        did.push('exit');
        life++;
    }
  };
  return {
    did,
    tell,
    core: () => guest,
    boot(seed: number, found = record) {
      life++;
      guest = createGuest(NAME);
      tell({ on: 'boot', record: found, seed });
    },
  };
}

export const GUEST_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a microcontroller is away, its bridge ends and comes back, and its jobs are cancelled meanwhile',
    why: 'A command that ran when the bridge ended goes on without it: it is asked about, never sent again, and ended when nobody wants it.',
    async play(stage) {
      await createThing(stage.registry, { thingName: NAME });
      const visitor = createVisitor(stage);
      const status = async (jobId: string) =>
        (await stage.control.describeJobExecution({ jobId, thingName: NAME })).execution.status;
      const make = (jobId: string, steps = 1) =>
        stage.control.createJob({
          jobId,
          targets: [thingArn(NAME)],
          document: documentOf(
            Array.from({ length: steps }, (_, i) => ({ name: `${jobId}.${i}`, millis: 1, code: 0 })),
          ),
        });
      const isRunning = () => visitor.core().runner.at === 'running';
      const job = { jobId: 'x', executionNumber: 1, queuedAt: 1, versionNumber: 1 };
      visitor.boot(1, encodeRecord({ thingName: 'another', job, phase: 'claimed', step: 0 }));
      visitor.tell({ on: 'connected' });
      await make('one', 2);
      await stage.pass(30);
      stage.expect((await status('one')) === 'QUEUED', 'nothing is begun for one that is away');
      visitor.tell({ on: 'present' });
      await stage.until('it runs', isRunning);
      for (const [topic, payload] of [
        [`$aws/things/${NAME}/jobs/notify-next`, 'junk'],
        ['$aws/things/another/jobs/notify-next', '{}'],
      ] as const)
        visitor.tell({ on: 'message', topic, payload: text(payload) });
      visitor.tell({ on: 'progress', run: 99, details: { percent: '1' } });
      visitor.tell({ on: 'absent' });
      visitor.tell({ on: 'disconnected' });
      await stage.pass(2);
      visitor.tell({ on: 'connected' });
      visitor.tell({ on: 'stop' });
      visitor.tell({ on: 'wake' }); // after its end nothing is done
      visitor.boot(2);
      for (const on of ['connected', 'present'] as const) visitor.tell({ on });
      await stage.until('it is done', async () => (await status('one')) === 'SUCCEEDED');
      stage.expect(`${visitor.did}` === 'run 0,exit,run 0 resumed,run 1', `it was taken up: ${visitor.did}`);
      await make('two');
      visitor.tell({
        on: 'message',
        topic: `$aws/things/${NAME}/jobs/notify-next`,
        payload: text('{"execution":{"jobId":"two","status":"QUEUED","versionNumber":1,"executionNumber":1}}'),
      });
      await stage.until('it runs', isRunning);
      visitor.tell({ on: 'stop' });
      await stage.control.cancelJob({ jobId: 'two', force: true });
      await stage.pass(2);
      visitor.boot(3);
      for (const on of ['connected', 'present'] as const) visitor.tell({ on });
      await stage.until('what ran of it is ended', () => visitor.did.at(-1) === 'abandon 0');
      await stage.pass(5);
      visitor.tell({ on: 'stop' });
      stage.expect(visitor.did.at(-1) === 'exit', 'an idle one ends at once');
      visitor.boot(4);
      for (const on of ['connected', 'present'] as const) visitor.tell({ on });
      await make('three');
      visitor.tell({
        on: 'message',
        topic: `$aws/things/${NAME}/jobs/notify-next`,
        payload: text('{"execution":{"jobId":"three","status":"QUEUED","versionNumber":1,"executionNumber":1}}'),
      });
      await stage.until('it runs', isRunning);
      await stage.control.cancelJob({ jobId: 'three', force: true });
      visitor.tell({ on: 'message', topic: `$aws/things/${NAME}/jobs/notify-next`, payload: text('{}') });
      await stage.until('it is stopped', () => visitor.core().runner.at === 'idle');
    },
  },
];
