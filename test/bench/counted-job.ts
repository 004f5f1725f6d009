import { createDevice, type Device, step } from '../../runtime/device/device.ts';
import { encodeSlot } from '../../runtime/device/slots.ts';
import type { Effect, Event } from '../../runtime/effects.ts';
import type { GatewayEffect, GatewayEvent } from '../../targets/service/gateway/events.ts';
import { createGateway, stepGateway } from '../../targets/service/gateway/gateway.ts';
import { createJobsService } from '../../targets/service/jobs/service.ts';
import { openStore } from '../../targets/service/store/open.ts';
import { arnOf } from '../whole/house.ts';
import { documentOf } from './site.ts';

/** What jobs of one step cost. All are totals of all jobs. */
export interface Count {
  jobs: number;
  /** MQTT bytes, what would be inside TLS: sent by the device, and by the service. */
  sentBytes: number;
  receivedBytes: number;
  /** Portions in which they left: each becomes a TLS record. */
  sends: number;
  receives: number;
  requests: number;
  /** The record: each time one write and one sync. */
  records: number;
  recordBytes: number;
}

const NOTHING = { sentBytes: 0, receivedBytes: 0, sends: 0, receives: 0, requests: 0, records: 0, recordBytes: 0 };
const THING = 'sensor-0001';
/** A day in 2026, and one second for each event. */
const EPOCH = 1_800_000_000_000;

/**
 * Counts, without a clock, a network or a disk: the device's core on one side, gateway, rules and store of the service on the other, each as
 * in production, joined by their bytes. The same count on every machine, at any load; only another version gives another.
 *
 * @param jobs   how many one after another, each created when the device is idle
 * @throws Error when a job does not end as SUCCEEDED
 */
export async function countJobs(jobs: number): Promise<Count> {
  let now = EPOCH;
  const store = await openStore(':memory:');
  const gateway = createGateway();
  const service = createJobsService({
    store,
    nowMillis: () => now,
    region: 'us-east-1',
    account: '123456789012',
    publish: (topic, payload) => toGateway({ on: 'publish', topic, payload, qos: 1 }),
  });
  let device: Device = createDevice({ thingName: THING, clientId: THING, keepAliveSeconds: 60, retryMaxMillis: 1_000 });
  const waiting: (() => void | Promise<void>)[] = [];
  const count: Count = { jobs, ...NOTHING };

  /** As transports/loop.ts: events that effects cause come first, and all that they write leaves as one. */
  function toDevice(event: Event): void {
    const events = [event];
    const written: Uint8Array[] = [];
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const [after, effects] = step(device, next, now - EPOCH);
      device = after;
      for (const effect of effects) carryOut(effect, events, written);
    }
    if (written.length === 0) return;
    const bytes = Buffer.concat(written);
    count.sentBytes += bytes.length;
    count.sends++;
    waiting.push(() => toGateway({ on: 'bytes', connection: 1, bytes }));
  }

  function carryOut(effect: Effect, events: Event[], written: Uint8Array[]): void {
    switch (effect.do) {
      case 'open':
        toGateway({ on: 'connected', connection: 1, principal: { certificateId: 'c', thingNames: [THING] } });
        return void waiting.push(() => toDevice({ on: 'opened' }));
      case 'write':
        return void written.push(effect.bytes);
      case 'persist':
        count.records++;
        count.recordBytes += encodeSlot({ generation: count.records, record: effect.record }).length;
        return void events.push({ on: 'persisted' });
      case 'run':
        return void waiting.push(() => toDevice({ on: 'exited', run: effect.run, code: 0 }));
    }
  }

  function toGateway(event: GatewayEvent): void {
    for (const effect of stepGateway(gateway, event, now - EPOCH)) fromGateway(effect);
  }

  function fromGateway(effect: GatewayEffect): void {
    if (effect.do === 'write') {
      count.receivedBytes += effect.bytes.length;
      count.receives++;
      waiting.push(() => toDevice({ on: 'bytes', bytes: effect.bytes }));
    } else if (effect.do === 'request') {
      count.requests++;
      const { connection, clientId, topic, payload } = effect;
      const copy = payload.slice();
      waiting.push(async () => {
        const answer = await service.request(topic, copy);
        if (answer !== undefined) toGateway({ on: 'answer', connection, clientId, ...answer });
      });
    }
  }

  async function settle(): Promise<void> {
    for (;;) {
      await service.settled();
      const next = waiting.shift();
      if (next === undefined) return;
      now += 1_000;
      await next();
    }
  }

  const row = { thing_name: THING, thing_id: 'id', thing_type: null, attributes: '{}', version: 1, created_at: now };
  await store.db.insertInto('thing').values(row).execute();
  toDevice({ on: 'boot', record: undefined, seed: 1 });
  await settle();
  if (!device.runner.online) throw new Error('the device did not come online');
  Object.assign(count, NOTHING); // connecting is no job's cost
  for (let i = 1; i <= jobs; i++) {
    const jobId = `job-${String(i).padStart(8, '0')}`;
    await service.control.createJob({ jobId, targets: [arnOf(THING)], document: documentOf('true') });
    await service.tick();
    await settle();
    const { execution } = await service.control.describeJobExecution({ jobId, thingName: THING });
    if (execution.status !== 'SUCCEEDED') throw new Error(`${jobId} is ${execution.status}: expected SUCCEEDED`);
  }
  await service.close();
  await store.close();
  return count;
}
