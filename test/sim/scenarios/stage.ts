import { sql } from 'kysely';
import { encodeObject, type JsonObject } from '../../../runtime/jobs/json.ts';
import type { JobsService } from '../../../targets/service/jobs/service.ts';
import { createThingGroup } from '../../../targets/service/registry/groups.ts';
import type { Registry } from '../../../targets/service/registry/registry.ts';
import { createThing } from '../../../targets/service/registry/things.ts';
import { statement } from '../../../targets/service/store/statement.ts';
import { type Board, createBoard, type Model } from '../board.ts';
import { Broken } from '../broken.ts';
import { ACCOUNT, type Cloud, type CloudExtras, REGION } from '../cloud.ts';
import { drawFaults, type Faults } from '../faults.ts';
import { type Made, registryOf } from '../operator.ts';
import { type Around, documentOf, type Work } from '../work.ts';
import { comeToRest, createWorld, lived, stepsOf, type Told, type World } from '../world.ts';

/** One story, told the same each time, in a world that goes by the same checks as those of seeds. */
export interface Scenario {
  name: string;
  /** What was found so, or would go wrong. */
  why: string;
  /** Planted mistakes (mistakes.mjs) that this scenario alone notices. */
  catches?: readonly string[];
  boards?: readonly Model[];
  extras?: (stage: () => Stage) => CloudExtras;
  faults?: Partial<Faults>;
  play(stage: Stage): Promise<void>;
}

type Control = JobsService['control'];
type CreateJobInput = Parameters<Control['createJob']>[0];

/** What a story is told with. */
export interface Stage {
  world: World;
  cloud: Cloud;
  boards: readonly Board[];
  control: Control;
  registry: Registry;
  made: Made[];
  told: Told;
  /** A job of such steps for all boards, or as `input` says. */
  job(
    jobId: string,
    works: readonly Partial<Work>[],
    more?: Around & { input?: Partial<CreateJobInput> },
  ): Promise<void>;
  /** Goes on for so many seconds. */
  pass(seconds: number): Promise<void>;
  /** Goes on until it holds; breaks the story where it does not within ten minutes, or `seconds`. */
  until(what: string, holds: () => unknown, seconds?: number): Promise<void>;
  expect(holds: unknown, what: string): void;
  /** The latest execution of a job. */
  status(jobId: string, thingName?: string): Promise<string | undefined>;
  /** An operation that is refused with this error, and changes nothing. */
  refused(type: string, what: string, call: () => Promise<unknown>): Promise<void>;
  /** Another client of a thing publishes below `jobs/`; the answer. */
  ask(level: string, payload: JsonObject | string, thingName?: string): Promise<{ kind: string; body: JsonObject }>;
}

export const first = (stage: Stage) => stage.boards[0]!;
/** What the first board does. */
export const at = (stage: Stage) => first(stage).device.runner.at;
export const isDone = (stage: Stage, jobId: string) => async () => (await stage.status(jobId)) === 'SUCCEEDED';

/** Goes on, a millisecond at a time, until it holds; breaks the story where it does not within `seconds`. */
export async function moment(stage: Stage, what: string, holds: () => boolean, seconds = 20): Promise<void> {
  for (let n = 0; n < seconds * 1_000 && !holds(); n++) await stage.pass(0.001);
  stage.expect(holds(), what);
}

export const thingArn = (thingName: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:thing/${thingName}`;
export const groupArn = (group: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:thinggroup/${group}`;
/** Jobs that wait for their schedules, and all else. */
const REST_MILLIS = 4 * 3_600_000;
const UNTIL_SECONDS = 600;

/** Nothing goes wrong by itself. */
function calm(): Faults {
  const faults = drawFaults({
    unit: () => 0,
    is: () => true,
    between: (low) => low,
    seed: () => 0,
    pick: (of) => of[0]!,
  });
  for (const kind of Object.keys(faults) as (keyof Faults)[]) if (kind !== 'on') faults[kind] = 0;
  return faults;
}

export async function runScenario(scenario: Scenario, storyLines = 0): Promise<Told> {
  const { boards: models = [{ way: 'mqtt', knows: false }], faults = {}, extras } = scenario;
  let stage: Stage;
  const draw = () => ({ ...calm(), guards: models.some(({ knows }) => knows) ? 1 : 0, ...faults });
  const { world, told } = await createWorld(
    1,
    draw,
    storyLines,
    extras?.(() => stage),
  );
  return lived(world, told, async () => {
    const boards = models.map((model, i) => createBoard(world, `T${i}`, model));
    const advance = stepsOf(world, boards, told);
    stage = stageOf(world, boards, advance, told);
    for (const { thingName } of boards) await createThing(stage.registry, { thingName });
    for (const board of boards) world.timeline.plan(0, board.powerOn);
    await stage.until('all boards are online', () => boards.every(({ device }) => device.runner.online));
    await scenario.play(stage);
    await comeToRest(world, boards, advance, stage.made, world.timeline.now() + REST_MILLIS);
  });
}

function stageOf(
  world: World,
  boards: readonly Board[],
  advance: (until: number) => Promise<boolean>,
  told: Told,
): Stage {
  const { timeline, cloud, chance } = world;
  const made: Made[] = [];
  const pass = async (seconds: number) => {
    const end = timeline.now() + seconds * 1_000;
    while (await advance(end));
  };
  const stage: Stage = {
    world,
    cloud,
    boards,
    made,
    told,
    get control() {
      return cloud.service!.control;
    },
    get registry() {
      return registryOf(cloud, cloud.service!, chance);
    },
    pass,
    async until(what, holds, seconds = UNTIL_SECONDS) {
      const end = timeline.now() + seconds * 1_000;
      while (!(await holds())) {
        if (timeline.now() >= end) throw new Broken(`not within ${seconds} s: ${what}`);
        await advance(Math.min(end, timeline.now() + 100));
      }
    },
    expect(holds, what) {
      if (!holds) throw new Broken(`expected that ${what}`);
    },
    async job(jobId, wishes, { input, ...around } = {}) {
      const serial = `s${made.length}`;
      const works = wishes.map((wish, i) => ({
        name: `${serial}.${i}${wish.name ?? ''}`,
        millis: 100,
        code: 0,
        ...without(wish),
      }));
      const document = documentOf(works, around);
      const targets = boards.map(({ thingName }) => thingArn(thingName));
      await stage.control.createJob({ jobId, targets, document, ...input });
      made.push({ jobId, serial, works, isFit: true });
      world.trace(`operator: create ${jobId}`);
    },
    async status(jobId, thingName = 'T0') {
      const found = await stage.control.describeJobExecution({ jobId, thingName }).catch(() => undefined);
      return found?.execution.status;
    },
    async refused(type, what, call) {
      await cloud.settled();
      const before = await contents(cloud);
      const error = await call().then(
        () => undefined,
        (thrown: { type?: string; message: string }) => thrown,
      );
      if (error?.type !== type)
        throw new Broken(`${what}: ${error?.type ?? error?.message ?? 'was done'}, not ${type}`);
      if ((await contents(cloud)) !== before)
        throw new Broken(`${what} was refused, and something changed (invariant 7)`);
    },
    async ask(level, payload, thingName = 'T0') {
      const topic = `$aws/things/${thingName}/jobs/${level}`;
      const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : encodeObject(payload);
      const answer = await cloud.service!.request(topic, bytes);
      if (answer === undefined) return { kind: 'silence', body: {} };
      const body = JSON.parse(new TextDecoder().decode(answer.payload));
      return { kind: answer.topic.slice(topic.length + 1), body };
    },
  };
  return stage;
}

function without({ name: _, ...wish }: Partial<Work>): Partial<Work> {
  return wish;
}

/** All that jobs are, in few numbers. Writes that were taken back do not count. */
const readContents = statement<object, Record<string, number>>(
  () => sql`
  select (select count(*) || ' ' || sum(ver) || ' ' || sum(last_updated_at) from job) as jobs,
    (select count(*) || ' ' || sum(ver) from exec) as executions, (select count(*) from member) as members,
    (select count(*) || ' ' || sum(max_seq) from job_target) as targets, (select count(*) from event_q) as events`,
);

async function contents({ store }: Cloud): Promise<string> {
  return JSON.stringify(await readContents(store, {}));
}

/** Groups of the registry, each below the one before where it says so. */
export async function group({ registry }: Stage, thingGroupName: string, parentGroupName?: string): Promise<void> {
  await createThingGroup(registry, { thingGroupName, ...(parentGroupName ? { parentGroupName } : {}) });
}
