/** One device on one virtual clock whose only way to the real rules of the service is the HTTPS data plane, over a network that loses. */
import { createDevice, step } from '../../../runtime/device/device.ts';
import type { HttpsAnswer } from '../../../runtime/device/jobsOverHttps.ts';
import {
  createHttpsWay,
  type HttpsEffect,
  type HttpsEvent,
  stepHttpsWay,
} from '../../../runtime/device/mqttOverHttps.ts';
import type { Effect, Event } from '../../../runtime/effects.ts';
import { createDataPlane, OPERATOR } from '../../../targets/service/dataPlane/plane.ts';
import { readTarget } from '../../../targets/service/http/target.ts';
import { createJobsService } from '../../../targets/service/jobs/service.ts';
import { ModelledError } from '../../../targets/service/modelledError.ts';
import { openStore } from '../../../targets/service/store/open.ts';
import { createChance } from '../../sim/chance.ts';
import { createTimeline } from '../../sim/timeline.ts';

const EPOCH = 1_700_000_000_000;
const THING = 'T';

/** @param holds  whether the service honours `Prefer: wait` */
export async function openHttpsWorld(seed: number, loss: number, holds: boolean) {
  const timeline = createTimeline();
  const chance = createChance(seed);
  const store = await openStore(':memory:');
  await store.db
    .insertInto('thing')
    .values({ thing_name: THING, thing_id: 'id', thing_type: null, attributes: '{}', version: 1, created_at: EPOCH })
    .execute();
  const requests: { at: number; method: string; path: string; prefer: string | undefined }[] = [];
  const started: string[] = [];
  const logs: string[] = [];
  let lossNow = loss;
  const service = createJobsService({
    store,
    nowMillis: () => EPOCH + timeline.now(),
    region: 'us-east-1',
    account: '123456789012',
    publish: (topic) => plane.notified(topic),
  });
  const plane = createDataPlane({
    ask: service.ask,
    heldMax: 10,
    onFailure: ({ error }) => {
      throw error;
    },
    after: (millis, run) => timeline.plan(millis, run),
  });
  service.onDue((at) => timeline.plan(at - EPOCH - timeline.now(), tick));
  timeline.plan(0, tick);
  async function tick(): Promise<void> {
    await service.tick();
    await service.settled();
  }

  let device = createDevice({ thingName: THING, clientId: THING, keepAliveSeconds: 60, retryMaxMillis: 60_000 });
  let record: Uint8Array = new Uint8Array();
  let takeBackWake: (() => void) | undefined;
  let life = 0;
  let way = createHttpsWay(THING, seed);
  let takeBackLook: (() => void) | undefined;
  const running = new Map<number, () => void>();

  function tell(event: Event): void {
    let effects: Effect[];
    [device, effects] = step(device, event, timeline.now());
    for (const effect of effects) carryOut(effect);
  }

  function carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'open':
        way = createHttpsWay(THING, seed + ++life);
        timeline.plan(
          1,
          inLife(() => tell({ on: 'opened' })),
        );
        return;
      case 'write':
        timeline.plan(
          0,
          inLife(() => give({ on: 'bytes', bytes: effect.bytes })),
        );
        return;
      case 'close':
        life++;
        return;
      case 'persist':
        record = effect.record;
        timeline.plan(1, () => tell({ on: 'persisted' }));
        return;
      case 'run': {
        const { run, step: work } = effect;
        started.push(work.name);
        const millis = Number(/\d+/.exec(work.run.type === 'runCommand' ? (work.run.argv[1] ?? '') : '')?.[0]);
        const end = timeline.plan(millis, () => {
          running.delete(run);
          tell({ on: 'exited', run, code: 0 });
        });
        running.set(run, end);
        return;
      }
      case 'signal':
        if (!running.has(effect.run)) return;
        running.get(effect.run)?.();
        running.delete(effect.run);
        timeline.plan(5, () => tell({ on: 'exited', run: effect.run, signal: effect.signal }));
        return;
      case 'wake':
        takeBackWake?.();
        if (effect.at !== undefined)
          takeBackWake = timeline.plan(effect.at - timeline.now(), () => tell({ on: 'wake' }));
        return;
      case 'log':
        logs.push(`${timeline.now()} ${effect.message}`);
    }
  }

  /** What happens to one connection happens no more after its end. */
  function inLife(happen: () => void): () => void {
    const mine = life;
    return () => {
      if (life === mine) happen();
    };
  }

  function give(event: HttpsEvent): void {
    let effects: HttpsEffect[];
    [way, effects] = stepHttpsWay(way, event, timeline.now());
    const mine = life;
    for (const effect of effects) if (life === mine) carry(effect);
  }

  function carry(effect: HttpsEffect): void {
    switch (effect.do) {
      case 'tell':
        return tell({ on: 'bytes', bytes: effect.bytes });
      case 'hangUp':
        life++;
        return tell({ on: 'closed', reason: effect.reason });
      case 'wake':
        takeBackLook?.();
        if (effect.at !== undefined)
          takeBackLook = timeline.plan(
            effect.at - timeline.now(),
            inLife(() => give({ on: 'wake' })),
          );
        return;
      case 'request':
        return ask(effect);
    }
  }

  function ask({ id, request, holdSeconds }: Extract<HttpsEffect, { do: 'request' }>): void {
    const { method, path, body } = request;
    const prefer = holdSeconds > 0 && holds ? `wait=${holdSeconds}` : undefined;
    requests.push({ at: timeline.now(), method, path, prefer: holdSeconds > 0 ? `wait=${holdSeconds}` : undefined });
    const failed = inLife(() => give({ on: 'failed', id, reason: 'the network is gone' }));
    if (chance.is(lossNow)) return void timeline.plan(chance.between(1, 30_000), failed);
    const losesAnswer = chance.is(lossNow);
    const mine = life;
    const answer = (answer: HttpsAnswer, held: boolean) => {
      const event: HttpsEvent = losesAnswer
        ? { on: 'failed', id, reason: 'cut' }
        : { on: 'answered', id, answer, isHeld: held };
      timeline.plan(chance.between(1, 300), () => {
        if (life === mine) give(event);
      });
    };
    timeline.plan(chance.between(1, 300), async () => {
      const arrived = {
        id: 'id',
        method,
        target: readTarget(path)!,
        headers: prefer === undefined ? {} : { prefer },
        body: Buffer.from(body ?? ''),
        onGone: () => {},
        cut: () => {},
      };
      void plane.answer(arrived, OPERATOR).then(
        (said) =>
          answer(
            { status: 200, errorType: undefined, body: Buffer.from(JSON.stringify(said?.body)) },
            said?.headers !== undefined,
          ),
        (error) => {
          if (!(error instanceof ModelledError)) throw error;
          const { type, status, message, members } = error;
          answer(
            { status, errorType: `${type}:http://x/`, body: Buffer.from(JSON.stringify({ message, ...members })) },
            false,
          );
        },
      );
      await turn();
    });
  }

  /** Lets what is asked of the store be answered. */
  async function turn(): Promise<void> {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    await service.settled();
  }

  return {
    service,
    timeline,
    requests,
    started,
    logs,
    boot: () => tell({ on: 'boot', record: record.length > 0 ? record : undefined, seed }),
    calm: () => void (lossNow = 0),
    async pass(millis: number) {
      const until = timeline.now() + millis;
      while (await timeline.next(until)) await turn();
    },
    async job(jobId: string, ...stepMillis: number[]) {
      const steps = stepMillis.map((wait, i) => ({
        action: { name: `${jobId}.${i}`, type: 'runCommand', input: { command: `sleep,${wait}` } },
      }));
      const targets = [`arn:aws:iot:us-east-1:123456789012:thing/${THING}`];
      await service.control.createJob({ jobId, targets, document: JSON.stringify({ version: '1.0', steps }) });
      await turn();
    },
    async status(jobId: string): Promise<string | undefined> {
      const { execution } = await service.control.describeJobExecution({ jobId, thingName: THING });
      return execution?.status;
    },
    end: () => store.close(),
  };
}
