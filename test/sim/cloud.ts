import { sql } from 'kysely';
import type { HttpsAnswer, HttpsRequest } from '../../runtime/device/jobsOverHttps.ts';
import { decodeObject, encodeObject, type JsonObject } from '../../runtime/jobs/json.ts';
import { answerTopic } from '../../runtime/jobs/topics.ts';
import { type Caller, createDataPlane, type DataPlane } from '../../targets/service/dataPlane/plane.ts';
import type { GatewayEffect, GatewayEvent } from '../../targets/service/gateway/events.ts';
import { createGateway, stepGateway, wakeAt } from '../../targets/service/gateway/gateway.ts';
import type { Gateway } from '../../targets/service/gateway/state.ts';
import type { Arrived } from '../../targets/service/http/listener.ts';
import { readTarget } from '../../targets/service/http/target.ts';
import { createJobsService, type JobsService, type JobsServiceOptions } from '../../targets/service/jobs/service.ts';
import { ModelledError } from '../../targets/service/modelledError.ts';
import { openStore, type Store } from '../../targets/service/store/open.ts';
import { statement } from '../../targets/service/store/statement.ts';
import { SET_BACK_MILLIS_MAX, SET_FORWARD_MILLIS_MAX } from './faults.ts';
import { acceptedVersion, updatedVersion } from './promised.ts';
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
  /** A board connects, or a bridge of several things; undefined while the service is down. */
  accept(clientId: string, lay: (end: End) => Wire, thingNames?: readonly string[]): Wire | undefined;
  /** Who answers a new connection in the gateway's place: what it says to the first bytes; undefined: nobody does. */
  impostor: (() => Uint8Array) | undefined;
  /** The network lets no MQTT through. */
  isBlocked: boolean;
  /** Refuses a request in the service's place, by `code`; undefined: it does not. */
  refuser: ((topic: string, payload: Uint8Array) => JsonObject | undefined) | undefined;
  /** Topics of requests of fleet provisioning that the gateway has handed on; nobody here answers them. */
  readonly provisioned: readonly string[];
  /** A message that the rules never sent. */
  inject(topic: string, payload: Uint8Array, qos: 0 | 1): void;
  /** A request of a board over HTTPS; answered by undefined where the service is down, or dies meanwhile. */
  answerHttps(
    thingName: string,
    request: HttpsRequest,
    holdSeconds: number,
    answer: (answer: HttpsAnswer | undefined, isHeld: boolean) => void,
  ): void;
  crash(): void;
  crashSecond(): void;
  /** @param millis  by how much; by chance where it is not given */
  setClock(millis?: number): void;
  /** For how long the gateway has kept a connection on which nothing comes, milliseconds. */
  silence(): number;
  /** Another one after any write to the store. */
  fingerprint(): Promise<number>;
  /** Who listens to the connections of a board. */
  tap(thingName: string): Wiretap;
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Requests that one process holds open: enough for all boards, or not. */
const HELD_REQUESTS_MAX = 3;
/** A world of so many strangers has a proxy too that takes `Prefer` away. */
const WAITS_FORGOTTEN = 0.035;

/** A board has a certificate for one thing. */
function callerOf(own: string): Caller {
  return {
    authorise: async (thingName) => {
      if (thingName !== own) throw new Error(`${own} asked for ${thingName}`);
    },
  };
}

/** A refusal as it stands in HTTP; anything else is a fault of ours. */
function refusalIn(error: unknown) {
  if (!(error instanceof ModelledError)) throw error;
  const { type, status, message, members } = error;
  return { status, errorType: `${type}:http://internal.example/`, json: { message, ...members }, isHeld: false };
}

/** One process: the rules, and the timer that its owner keeps for it. */
interface Worker {
  /** Counts its starts and ends; odd: it runs. */
  life: number;
  service: JobsService | undefined;
  plane: DataPlane | undefined;
  takeBackTick: (() => void) | undefined;
}

/** What a scenario gives the service beside what every world does. */
export type CloudExtras = Partial<
  Pick<JobsServiceOptions, 'signer' | 'readDocument' | 'retentionMillis' | 'allowRejectFromInProgress' | 'publish'>
>;

export async function createCloud(world: World, extras: CloudExtras = {}): Promise<Cloud> {
  const { timeline, chance, faults } = world;
  const store = await openStore(':memory:');
  const wires = new Map<number, Wire>();
  /** Once given, also to those whose client identifier has another connection since. */
  const taps = new Map<string, Wiretap>();
  const lastHeard = new Map<number, number>();
  const names = new Map<number, string>();
  const provisioned: string[] = [];
  const first: Worker = { life: 0, service: undefined, plane: undefined, takeBackTick: undefined };
  const second: Worker = { life: 0, service: undefined, plane: undefined, takeBackTick: undefined };
  let connections = 0;
  /** Requests over HTTPS that are not answered yet. */
  let httpsAsked = 0;
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
      ...extras,
      publish: (topic, payload) => {
        if (faults.on && lives() && chance.is(faults.crashTelling)) {
          world.count('crashes before telling');
          if (worker === first) crash();
          else crashSecond();
        }
        if (!lives()) throw new Error('the service is gone');
        world.trace(`publish ${topic}`);
        void extras.publish?.(topic, payload);
        // Nobody to hear it where the gateway is down: a broker keeps it from its worker.
        if (first.life % 2 === 0) throw new Error('the gateway is gone');
        feed({ on: 'publish', topic, payload, qos: 1 });
        for (const { life, plane } of [first, second]) if (life % 2 === 1) plane?.notified(topic);
      },
    });
    worker.service = service;
    worker.plane = createDataPlane({
      ask: service.ask,
      heldMax: HELD_REQUESTS_MAX,
      onFailure: ({ error }) => world.blame(`the data plane failed: ${(error as Error).stack}`),
      after: (millis, run) => timeline.plan(millis, () => (lives() ? run() : undefined)),
    });
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
      case 'provision':
        return void provisioned.push(effect.topic);
      case 'log':
        return;
    }
  }

  function request({ connection, clientId, topic, payload }: Extract<GatewayEffect, { do: 'request' }>): void {
    const mine = first.life;
    world.trace(`request ${topic}`);
    world.count('requests');
    const copy = payload.slice();
    const refusal = cloud.refuser?.(topic, copy);
    if (refusal !== undefined) {
      world.trace(`refused ${topic}: ${refusal.code}`);
      const { clientToken } = decodeObject(copy) ?? {};
      const body = encodeObject({ message: 'no', timestamp: 0, ...(clientToken && { clientToken }), ...refusal });
      return feed({ on: 'answer', connection, clientId, topic: answerTopic(topic, 'rejected'), payload: body });
    }
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
    // What the data plane does with an answer is not under way at the service any more.
    if (httpsAsked > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Over any connection, to whichever worker takes it. The way back is the board's. */
  async function answerHttps(
    thingName: string,
    { method, path, body }: HttpsRequest,
    holdSeconds: number,
    answer: (answer: HttpsAnswer | undefined, isHeld: boolean) => void,
  ): Promise<void> {
    const workers = [first, second].filter(({ life }) => life % 2 === 1);
    if (workers.length === 0) return answer(undefined, false);
    const worker = chance.pick(workers);
    const life = worker.life;
    const arrived: Arrived = {
      id: 'id',
      method,
      target: readTarget(path)!,
      headers: holdSeconds > 0 && faults.strangers < WAITS_FORGOTTEN ? { prefer: `wait=${holdSeconds}` } : {},
      body: Buffer.from(body ?? ''),
      onGone: () => {},
      cut: () => {},
    } as Partial<Arrived> as Arrived;
    world.trace(`${method} ${path}`);
    httpsAsked++;
    const said = await worker.plane!.answer(arrived, callerOf(thingName)).catch(refusalIn);
    httpsAsked--;
    if (worker.life !== life || said === undefined) return answer(undefined, false);
    const { status, errorType, json, isHeld } =
      'json' in said
        ? said
        : { status: 200, errorType: undefined, json: said.body, isHeld: said.headers !== undefined };
    const kept = status === 200 && body ? updatedVersion(path, body) : undefined;
    if (kept) world.checks.acknowledged(thingName, kept.jobId, kept.executionNumber, kept.versionNumber);
    world.trace(`${status} for ${thingName}: ${JSON.stringify(json).slice(0, 120)}`);
    answer({ status, errorType, body: Buffer.from(JSON.stringify(json)) }, isHeld);
  }

  /** Says one thing to whoever connects, and hears nothing. */
  function greet(lay: (end: End) => Wire, say: () => Uint8Array): Wire {
    let said = false;
    const wire: Wire = lay({
      bytes: () => {
        if (said) return;
        said = true;
        wire.fromCloud(say());
      },
      closed: () => {},
    });
    return wire;
  }

  start(first);
  if (faults.twoWorkers > 0) start(second);
  const cloud: Cloud = {
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
    accept(thingName, lay, thingNames = [thingName]) {
      if (first.life % 2 === 0 || cloud.isBlocked) return undefined;
      if (cloud.impostor) return greet(lay, cloud.impostor);
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
        principal: { certificateId: `certificate-of-${thingName}`, thingNames },
      });
      return wire;
    },
    impostor: undefined,
    isBlocked: false,
    refuser: undefined,
    provisioned,
    inject: (topic, payload, qos) => feed({ on: 'publish', topic, payload, qos }),
    answerHttps: (...how) => void answerHttps(...how),
    crash,
    crashSecond,
    setClock(millis) {
      const by = millis ?? drawJump();
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
  return cloud;

  function drawJump(): number {
    return chance.is(0.5) ? -chance.between(1, SET_BACK_MILLIS_MAX) : chance.between(1, SET_FORWARD_MILLIS_MAX);
  }

  function tapOf(thingName: string): Wiretap {
    let tap = taps.get(thingName);
    if (tap === undefined) taps.set(thingName, (tap = createWiretap(thingName, world.blame)));
    return tap;
  }
}
