/** A Jobs service with a store and a clock that a test moves by hand. */
import { createJobsService, type JobsServiceOptions } from '../../../../targets/service/jobs/service.ts';
import { inTransaction, type Store } from '../../../../targets/service/store/open.ts';
import { freshStore } from '../store/engines.ts';

export const START_MILLIS = 1_700_000_000_000;
export const REGION = 'eu-west-1';
export const ACCOUNT = '123456789012';

// biome-ignore lint/suspicious/noExplicitAny: tests read what came as it came
export type Json = any;

export interface World {
  store: Store;
  service: ReturnType<typeof createJobsService>;
  nowMillis: number;
  /** Notifications since the last look: [thing, kind, payload]. */
  told: [thing: string, kind: string, payload: Json][];
  log: [event: string, error: unknown][];
  /** Publishes `body` on `$aws/things/{thing}/jobs/{path}` as a device does; gives the answer's kind and payload. */
  ask(thing: string, path: string, body?: unknown): Promise<{ kind: string; body: Json } | undefined>;
  /** Ticks until nothing is due, without moving the clock, and waits for all that follows. */
  settle(): Promise<void>;
  /** Moves the clock, ticking at each time that is due on the way. */
  advance(millis: number): Promise<void>;
  /** Creates a job with one document and rolls it out. */
  job(jobId: string, things: string[], more?: object): Promise<void>;
  /** When the service wants its next tick. */
  nextMillis(): number | undefined;
  takeTold(): [string, string, Json][];
  close(): Promise<void>;
}

export interface WorldOptions extends Partial<JobsServiceOptions> {
  things?: string[];
  /** Where the clock stands; START_MILLIS unless given. */
  startMillis?: number;
  nowMillis?: () => number;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const store = options.store ?? (await freshStore());
  let nextMillis: number | undefined;
  const world = {
    store,
    nowMillis: options.startMillis ?? START_MILLIS,
    told: [],
    log: [],
  } as unknown as World;
  const service = createJobsService({
    store,
    nowMillis: () => world.nowMillis,
    region: REGION,
    account: ACCOUNT,
    publish: (topic, payload) => {
      const [, , thing, , kind] = topic.split('/') as [string, string, string, string, string];
      world.told.push([thing, kind, JSON.parse(Buffer.from(payload).toString())]);
    },
    log: (event, error) => void world.log.push([event, error]),
    ...options,
  });
  service.onDue((atMillis) => {
    nextMillis = atMillis;
  });
  const tick = async () => {
    nextMillis = undefined;
    await service.tick();
    await service.settled();
  };
  Object.assign(world, {
    service,
    async ask(thing: string, path: string, body?: unknown) {
      const payload = body instanceof Uint8Array ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body));
      const topic = `$aws/things/${thing}/jobs/${path}`;
      const answer = await service.request(topic, payload);
      if (answer === undefined) return undefined;
      const kind = answer.topic.slice(answer.topic.lastIndexOf('/') + 1);
      if (answer.topic !== `${topic}/${kind}`) throw new Error(`answered on ${answer.topic}`);
      return { kind, body: JSON.parse(Buffer.from(answer.payload).toString()) };
    },
    async settle() {
      await service.settled();
      while (nextMillis !== undefined && nextMillis <= world.nowMillis) await tick();
    },
    async advance(millis: number) {
      const until = world.nowMillis + millis;
      await world.settle();
      while (nextMillis !== undefined && nextMillis <= until) {
        world.nowMillis = Math.max(world.nowMillis, nextMillis);
        await tick();
      }
      world.nowMillis = until;
    },
    async job(jobId: string, things: string[], more: object = {}) {
      await service.control.createJob({
        jobId,
        targets: things.map(thingArn),
        document: `{"job":"${jobId}"}`,
        ...more,
      });
      await world.settle();
    },
    nextMillis: () => nextMillis,
    takeTold: () => world.told.splice(0),
    async close() {
      await service.close();
      await store.close();
    },
  });
  for (const thing of options.things ?? ['T1']) await addThing(store, thing);
  await tick();
  return world;
}

/** The job as DescribeJob shows it. */
export async function jobOf({ service }: World, jobId = 'j'): Promise<Json> {
  return (await service.control.describeJob({ jobId })).job;
}

/** The executions of job `j` on a thing, the first one first: `1 FAILED retry 0`. */
export async function historyOf({ service }: World, thingName = 'T1'): Promise<string[]> {
  const { executionSummaries } = await service.control.listJobExecutionsForThing({ thingName, jobId: 'j' });
  return executionSummaries
    .reverse()
    .map(({ jobExecutionSummary: one }) => `${one.executionNumber} ${one.status} retry ${one.retryAttempt}`);
}

export const thingArn = (name: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:thing/${name}`;
export const groupArn = (name: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:thinggroup/${name}`;

export async function addThing({ db }: Store, name: string): Promise<void> {
  const values = {
    thing_name: name,
    thing_id: `id-${name}`,
    attributes: '{}',
    version: 1,
    created_at: START_MILLIS,
  };
  await db
    .insertInto('thing')
    .values(values)
    .onConflict((on) => on.doNothing())
    .execute();
}

export async function addGroup({ db }: Store, name: string, things: string[], parent?: string): Promise<void> {
  const group = { group_name: name, group_id: `id-${name}`, properties: '{}', version: 1, created_at: START_MILLIS };
  await db
    .insertInto('thing_group')
    .values({ ...group, parent: parent ?? null })
    .execute();
  for (const [i, thing] of things.entries()) {
    const { thing_no } = await db
      .selectFrom('thing')
      .select('thing_no')
      .where('thing_name', '=', thing)
      .executeTakeFirstOrThrow();
    await db
      .insertInto('member')
      .values({ grp: name, seq: i + 1, thing_no, added_at: START_MILLIS })
      .execute();
  }
}

async function thingNo({ db }: Store, name: string): Promise<number> {
  const found = await db.selectFrom('thing').select('thing_no').where('thing_name', '=', name).executeTakeFirst();
  if (found === undefined) throw new Error(`there is no thing ${name}`);
  return found.thing_no;
}

/** Puts a thing into a group as the registry does, at the end of its members. */
export async function join(world: World, thing: string, group: string): Promise<void> {
  const { membership } = world.service;
  const thing_no = await thingNo(world.store, thing);
  const told = await inTransaction(world.store, async (tx) => {
    const last = await tx.db
      .selectFrom('member')
      .select((eb) => eb.fn.max('seq').as('seq'))
      .where('grp', '=', group)
      .executeTakeFirst();
    const seq = Math.max((last?.seq ?? 0) + 1, world.nowMillis);
    await tx.db.insertInto('member').values({ grp: group, seq, thing_no, added_at: world.nowMillis }).execute();
    return membership.thingJoined(tx, thing_no, group);
  });
  membership.committed(told);
  await world.settle();
}

/** Takes a thing out of a group as the registry does. */
export async function leave(world: World, thing: string, group: string): Promise<void> {
  const { membership } = world.service;
  const thing_no = await thingNo(world.store, thing);
  const told = await inTransaction(world.store, async (tx) => {
    const found = await membership.thingLeaves(tx, thing_no, group);
    await tx.db.deleteFrom('member').where('grp', '=', group).where('thing_no', '=', thing_no).execute();
    return found;
  });
  membership.committed(told);
  await world.settle();
}

/** Deletes a thing as the registry does. */
export async function deleteThing(world: World, thing: string): Promise<void> {
  const { membership } = world.service;
  const thing_no = await thingNo(world.store, thing);
  const told = await inTransaction(world.store, async (tx) => {
    const found = await membership.thingDeleted(tx, thing_no);
    await tx.db.deleteFrom('thing').where('thing_no', '=', thing_no).execute();
    return found;
  });
  membership.committed(told);
  await world.settle();
}
