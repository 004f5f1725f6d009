import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { DeviceCertificate } from '../../targets/service/identity/deviceCertificate.ts';
import { attachThingPrincipal } from '../../targets/service/registry/principals.ts';
import { createThing } from '../../targets/service/registry/things.ts';
import { startWorld, type World } from '../targets/service/dataPlane/world.ts';
import { REGION } from '../targets/service/http/controlPlane.ts';
import { makeCsr } from '../targets/service/identity/csr.ts';
import { GROUPS, JOBS, type STANDS_FOR, THINGS } from './values.ts';

/** A service with both its HTTPS ports on a clock that moves with the cases. */
export interface Stage {
  world: World;
  clock: { millis: number };
  /** Has an active certificate, of all the things. */
  device: DeviceCertificate;
  /** Of a certificate and an access key that cases may change and delete, and a signing request. */
  known: Record<keyof typeof STANDS_FOR, string>;
  /** Makes anew what of it was deleted. */
  renew(): Promise<void>;
  /** How a case lets time pass. */
  chance: fc.Arbitrary<number>;
  /** Lets time pass, does what is due, and fails where the service failed inside. */
  goOn(seconds: number): Promise<void>;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const clock = { millis: Date.now() };
  const world = await startWorld(() => clock.millis);
  const { jobs, failures } = world.plane;
  const device = await world.addDevice(THINGS[0]!);
  const principal = `arn:aws:iot:${REGION}:111122223333:cert/${device.certificateId}`;
  for (const thingName of THINGS.slice(1)) {
    await createThing(world.plane.registry, { thingName });
    await attachThingPrincipal(world.plane.registry, { thingName, principal });
  }
  const { certificateId, certificatePem: pem } = await world.plane.identity.issueCertificate();
  const known = { certificateId, accessKeyId: 'A'.repeat(20), csr: await makeCsr() };
  const { db } = world.plane.store;
  const since = { status: 'ACTIVE' as const, created_at: clock.millis };
  const renew = async () => {
    const certificate = { certificate_id: certificateId, pem, ...since };
    await db
      .insertInto('certificate')
      .values(certificate)
      .onConflict((on) => on.doNothing())
      .execute();
    const accessKey = {
      access_key_id: known.accessKeyId,
      secret_access_key: 'unused',
      ...since,
      status: 'Active' as const,
    };
    await db
      .insertInto('access_key')
      .values(accessKey)
      .onConflict((on) => on.doNothing())
      .execute();
    const [thingGroupName, jobId] = [GROUPS[0]!, JOBS[0]!];
    const { CreateThingGroup, CreateJob } = world.plane.handlers;
    await CreateThingGroup({ thingGroupName } as never).catch(() => {}); // it may be there, and otherwise
    const targets = [`arn:aws:iot:${REGION}:111122223333:thinggroup/${thingGroupName}`];
    await CreateJob({ jobId, targets, targetSelection: 'CONTINUOUS', document: '{}' } as never).catch(() => {});
  };
  await renew();
  let dueAt = Number.POSITIVE_INFINITY;
  jobs.onDue((atMillis) => (dueAt = atMillis));
  await jobs.tick();
  return {
    world,
    clock,
    device,
    known,
    renew,
    chance: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }) },
    ),
    async goOn(seconds) {
      clock.millis += seconds * 1_000;
      while (dueAt <= clock.millis) {
        dueAt = Number.POSITIVE_INFINITY;
        await jobs.tick();
      }
      await jobs.settled();
      const found = [...failures, ...world.failures].map((failure) => (failure as { error: unknown }).error);
      if (found.length > 0) throw found[0];
      assert.is(failures.length, 0);
    },
    close: () => world.close(),
  };
}
