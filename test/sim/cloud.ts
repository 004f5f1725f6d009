import type { GatewayEffect, GatewayEvent } from '../../targets/service/gateway/events.ts';
import { createGateway, stepGateway, wakeAt } from '../../targets/service/gateway/gateway.ts';
import { createJobsService, type JobsService } from '../../targets/service/jobs/service.ts';
import { openStore, type Store } from '../../targets/service/store/open.ts';
import type { End, Wire } from './wire.ts';
import type { World } from './world.ts';

/** Milliseconds since the Unix epoch when a world begins. */
export const EPOCH = 1_700_000_000_000;

/** The service: the production gateway and rules, its store in memory. It can crash; the store outlives that. */
export interface Cloud {
  readonly store: Store;
  readonly service: JobsService;
  /** A board connects; undefined while the service is down. */
  accept(thingName: string, lay: (end: End) => Wire): Wire | undefined;
  crash(): void;
  settled(): Promise<void>;
  close(): Promise<void>;
}

export async function createCloud(world: World): Promise<Cloud> {
  const { timeline, chance, faults } = world;
  const store = await openStore(':memory:');
  const wires = new Map<number, Wire>();
  let connections = 0;
  let life = 0; // counts the starts; odd: running
  let gateway = createGateway();
  let service = start();
  let takeBackTick: (() => void) | undefined;
  let takeBackWake: (() => void) | undefined;

  function start(): JobsService {
    const mine = ++life;
    const made = createJobsService({
      store,
      nowMillis: () => EPOCH + timeline.now(),
      region: 'us-east-1',
      account: '123456789012',
      publish: (topic, payload) => {
        if (life !== mine) return;
        world.trace(`publish ${topic}`);
        feed({ on: 'publish', topic, payload, qos: 1 });
      },
    });
    made.onDue((at) => (life === mine ? plan(at - EPOCH - timeline.now()) : undefined));
    timeline.plan(0, () => (life === mine ? tick() : undefined));
    return made;
  }

  const plan = (delay: number) => {
    takeBackTick?.();
    const mine = life;
    takeBackTick = timeline.plan(delay, () => (life === mine ? tick() : undefined));
  };

  async function tick(): Promise<void> {
    await service.tick();
    await service.settled();
  }

  function feed(event: GatewayEvent): void {
    for (const effect of stepGateway(gateway, event, timeline.now())) act(effect);
    takeBackWake?.();
    const at = wakeAt(gateway);
    const mine = life;
    takeBackWake =
      at === undefined
        ? undefined
        : timeline.plan(at - timeline.now(), () => (life === mine ? feed({ on: 'wake' }) : undefined));
  }

  function act(effect: GatewayEffect): void {
    switch (effect.do) {
      case 'write':
        return wires.get(effect.connection)?.fromCloud(effect.bytes);
      case 'close':
        world.trace(`gateway closes ${effect.connection}: ${effect.reason}`);
        wires.get(effect.connection)?.closeByCloud();
        wires.delete(effect.connection);
        return;
      case 'request':
        return request(effect);
      case 'log':
        return;
    }
  }

  function request({ connection, clientId, topic, payload }: Extract<GatewayEffect, { do: 'request' }>): void {
    const mine = life;
    world.trace(`request ${topic}`);
    world.count('requests');
    void service.request(topic, payload.slice()).then((answer) => {
      if (answer === undefined || life !== mine) return;
      world.trace(`answer ${answer.topic} ${new TextDecoder().decode(answer.payload).slice(0, 120)}`);
      if (faults.on && chance.is(faults.loseAnswer)) return world.count('answers lost');
      feed({ on: 'answer', connection, clientId, ...answer });
    });
  }

  return {
    store,
    get service() {
      return service;
    },
    accept(thingName, lay) {
      if (life % 2 === 0) return undefined;
      const mine = life;
      const connection = ++connections;
      const told = async (event: GatewayEvent) => {
        if (life !== mine) return;
        feed(event);
        await service.settled();
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
    crash() {
      if (life % 2 === 0) return;
      life++;
      world.trace('service crashes');
      world.count('service crashes');
      for (const wire of wires.values()) wire.cut();
      wires.clear();
      timeline.plan(chance.between(100, 30_000), () => {
        gateway = createGateway();
        service = start();
      });
    },
    settled: () => service.settled(),
    close: async () => {
      await service.settled();
      await store.close();
    },
  };
}
