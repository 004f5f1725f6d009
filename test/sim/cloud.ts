import { sql } from 'kysely';
import type { GatewayEffect, GatewayEvent } from '../../targets/service/gateway/events.ts';
import { createGateway, stepGateway, wakeAt } from '../../targets/service/gateway/gateway.ts';
import type { Gateway } from '../../targets/service/gateway/state.ts';
import { createJobsService, type JobsService } from '../../targets/service/jobs/service.ts';
import { openStore, type Store } from '../../targets/service/store/open.ts';
import { statement } from '../../targets/service/store/statement.ts';
import { SET_BACK_MILLIS_MAX, SET_FORWARD_MILLIS_MAX } from './faults.ts';
import { acceptedVersion } from './promised.ts';
import type { End, Wire } from './wire.ts';
import { createWiretap, type Wiretap } from './wiretap.ts';
import type { World } from './world.ts';

const readChanges = statement<object, { n: number }>(() => sql`select total_changes() as n`);

/** Milliseconds since the Unix epoch when a world begins. */
export const EPOCH = 1_700_000_000_000;
export const REGION = 'us-east-1';
export const ACCOUNT = '123456789012';

/**
 * The service: the production gateway and rules, its store in memory. It can crash; the store outlives that. A second one may
 * work on the same store, without a gateway of its own, as several processes behind one broker do.
 */
export interface Cloud {
  readonly store: Store;
  /** One that runs; undefined while none does. */
  readonly service: JobsService | undefined;
  readonly gateway: Gateway;
  /** The service's clock, milliseconds since the Unix epoch. */
  wall(): number;
  /** For how long the service has run without a break and its clock was not set; undefined: it does not run. */
  upFor(): number | undefined;
  /** A board connects; undefined while the service is down. */
  accept(thingName: string, lay: (end: End) => Wire): Wire | undefined;
  crash(): void;
  crashSecond(): void;
  setClock(): void;
  /** For how long the gateway has kept a connection on which nothing comes, milliseconds. */
  silence(): number;
  /** Another one after any write to the store. */
  fingerprint(): Promise<number>;
  /** Who listens to the connections of a board. */
  tap(thingName: string): Wiretap;
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** One process: the rules, and the timer that its owner keeps for it. */
interface Worker {
  /** Counts its starts and ends; odd: it runs. */
  life: number;
  service: JobsService | undefined;
  takeBackTick: (() => void) | undefined;
}

export async function createCloud(world: World): Promise<Cloud> {
  const { timeline, chance, faults } = world;
  const store = await openStore(':memory:');
  const wires = new Map<number, Wire>();
  /** Once given, also to those whose client identifier has another connection since. */
  const taps = new Map<string, Wiretap>();
  const lastHeard = new Map<number, number>();
  const names = new Map<number, string>();
  const first: Worker = { life: 0, service: undefined, takeBackTick: undefined };
  const second: Worker = { life: 0, service: undefined, takeBackTick: undefined };
  let connections = 0;
  let offset = 0;
  let upSince = 0;
  let gateway = createGateway();
  let takeBackWake: (() => void) | undefined;
  const wall = () => EPOCH + timeline.now() + offset;

  function start(worker: Worker): void {
    const mine = ++worker.life;
    const lives = () => worker.life === mine;
    const service = createJobsService({
      store,
      isShared: faults.twoWorkers > 0,
      nowMillis: wall,
      region: REGION,
      account: ACCOUNT,
      publish: (topic, payload) => {
        if (faults.on && lives() && chance.is(faults.crashTelling)) {
          world.count('crashes before telling');
          if (worker === first) crash();
          else crashSecond();
        }
        if (!lives()) throw new Error('the service is gone');
        world.trace(`publish ${topic}`);
        // Nobody to hear it where the gateway is down: a broker keeps it from its worker.
        if (first.life % 2 === 0) throw new Error('the gateway is gone');
        feed({ on: 'publish', topic, payload, qos: 1 });
      },
    });
    worker.service = service;
    service.onDue((at) => (lives() ? plan(worker, at - wall()) : undefined));
    timeline.plan(0, () => (lives() ? tick(worker) : undefined));
  }

  function plan(worker: Worker, delay: number): void {
    worker.takeBackTick?.();
    const mine = worker.life;
    worker.takeBackTick = timeline.plan(delay, () => (worker.life === mine ? tick(worker) : undefined));
  }

  async function tick(worker: Worker): Promise<void> {
    await worker.service!.tick();
    await settled();
  }

  function feed(event: GatewayEvent): void {
    for (const effect of stepGateway(gateway, event, timeline.now())) act(effect);
    takeBackWake?.();
    const at = wakeAt(gateway);
    const mine = first.life;
    takeBackWake =
      at === undefined
        ? undefined
        : timeline.plan(at - timeline.now(), () => (first.life === mine ? feed({ on: 'wake' }) : undefined));
  }

  function act(effect: GatewayEffect): void {
    switch (effect.do) {
      case 'write':
        taps.get(names.get(effect.connection)!)?.fromCloud(effect.connection, effect.bytes);
        return wires.get(effect.connection)?.fromCloud(effect.bytes);
      case 'close': {
        const wire = wires.get(effect.connection);
        world.trace(`gateway closes ${effect.connection}: ${effect.reason}`);
        if (/nothing heard/.test(effect.reason) && wire?.isWhole())
          world.blame(`${names.get(effect.connection)} is there, and kept its keep-alive no more`);
        wire?.closeByCloud();
        wires.delete(effect.connection);
        lastHeard.delete(effect.connection);
        return;
      }
      case 'request':
        return request(effect);
      case 'log':
        return;
    }
  }

  function request({ connection, clientId, topic, payload }: Extract<GatewayEffect, { do: 'request' }>): void {
    const mine = first.life;
    world.trace(`request ${topic}`);
    world.count('requests');
    const copy = payload.slice();
    // Whichever worker takes it, as with a shared subscription.
    const worker = second.life % 2 === 1 && chance.is(0.5) ? second : first;
    const life = worker.life;
    void worker.service!.request(topic, copy).then((answer) => {
      if (answer === undefined || first.life !== mine || worker.life !== life) return;
      world.trace(`answer ${answer.topic} ${new TextDecoder().decode(answer.payload).slice(0, 120)}`);
      const kept = acceptedVersion(topic, copy, answer);
      if (kept) world.checks.acknowledged(kept.thingName, kept.jobId, kept.executionNumber, kept.versionNumber);
      if (faults.on && chance.is(faults.crashTelling)) {
        world.count('crashes before telling');
        if (worker === first) return crash();
        return crashSecond();
      }
      if (faults.on && chance.is(faults.loseAnswer)) return world.count('answers lost');
      feed({ on: 'answer', connection, clientId, ...answer });
    });
  }

  function crash(): void {
    if (first.life % 2 === 0) return;
    first.life++;
    world.trace('service crashes');
    world.count('service crashes');
    for (const wire of wires.values()) wire.cut();
    wires.clear();
    lastHeard.clear();
    timeline.plan(chance.between(100, 30_000), () => {
      gateway = createGateway();
      for (const tap of taps.values()) tap.forget();
      upSince = timeline.now();
      start(first);
    });
  }

  function crashSecond(): void {
    if (second.life % 2 === 0) return;
    second.life++;
    world.trace('second service crashes');
    world.count('service crashes');
    timeline.plan(chance.between(100, 30_000), () => start(second));
  }

  async function settled(): Promise<void> {
    await first.service?.settled();
    await second.service?.settled();
    await first.service?.settled();
  }

  start(first);
  if (faults.twoWorkers > 0) start(second);
  return {
    store,
    get service() {
      if (first.life % 2 === 0) return second.life % 2 === 1 ? second.service : undefined;
      return second.life % 2 === 1 && chance.is(0.5) ? second.service : first.service;
    },
    get gateway() {
      return gateway;
    },
    wall,
    upFor: () => (first.life % 2 === 1 ? timeline.now() - upSince : undefined),
    accept(thingName, lay) {
      if (first.life % 2 === 0) return undefined;
      const mine = first.life;
      const connection = ++connections;
      const tap = tapOf(thingName);
      names.set(connection, thingName);
      lastHeard.set(connection, timeline.now());
      const told = async (event: GatewayEvent) => {
        if (first.life !== mine) return;
        if (event.on === 'bytes') {
          lastHeard.set(connection, timeline.now());
          if (gateway.connections.has(connection)) tap.heardByCloud(connection, event.bytes);
        }
        if (event.on === 'closed') lastHeard.delete(connection);
        feed(event);
        tap.check(gateway.sessions.get(thingName));
        await settled();
      };
      const wire = lay({
        bytes: (bytes) => told({ on: 'bytes', connection, bytes }),
        closed: () => told({ on: 'closed', connection }),
      });
      wires.set(connection, wire);
      feed({
        on: 'connected',
        connection,
        principal: { certificateId: `certificate-of-${thingName}`, thingNames: [thingName] },
      });
      return wire;
    },
    crash,
    crashSecond,
    setClock() {
      const by = chance.is(0.5) ? -chance.between(1, SET_BACK_MILLIS_MAX) : chance.between(1, SET_FORWARD_MILLIS_MAX);
      world.trace(`the service's clock is set by ${by} ms`);
      world.count('clock jumps');
      offset += by;
      // Timers that were set before ring as they would have: by the clock of then.
      upSince = timeline.now() + SET_FORWARD_MILLIS_MAX;
    },
    silence: () => {
      let longest = 0;
      for (const [connection, at] of lastHeard)
        if (gateway.connections.has(connection)) longest = Math.max(longest, timeline.now() - at);
      return longest;
    },
    fingerprint: async () => (await readChanges(store, {}))[0]!.n,
    tap: tapOf,
    settled,
    close: async () => {
      await settled();
      await store.close();
    },
  };

  function tapOf(thingName: string): Wiretap {
    let tap = taps.get(thingName);
    if (tap === undefined) taps.set(thingName, (tap = createWiretap(thingName, world.blame)));
    return tap;
  }
}
