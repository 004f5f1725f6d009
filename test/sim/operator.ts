import { sql } from 'kysely';
import { isTerminal, type Status } from '../../runtime/jobs/execution.ts';
import { encodeObject } from '../../runtime/jobs/json.ts';
import { answerTopic, formatRequestTopic } from '../../runtime/jobs/topics.ts';
import type { JobsService } from '../../targets/service/jobs/service.ts';
import { createThingGroup } from '../../targets/service/registry/groups.ts';
import { addThingToThingGroup, removeThingFromThingGroup } from '../../targets/service/registry/membership.ts';
import type { Registry } from '../../targets/service/registry/registry.ts';
import { createThing, deleteThing } from '../../targets/service/registry/things.ts';
import { statement } from '../../targets/service/store/statement.ts';
import { ATTRIBUTES } from './board.ts';
import { Broken } from './broken.ts';
import type { Chance } from './chance.ts';
import { ACCOUNT, type Cloud, REGION } from './cloud.ts';
import { type Around, CLEAN_UP, documentOf, REPEATABLE, type Work } from './work.ts';
import type { World } from './world.ts';

/** What one CreateJob made, by the word its steps carry: a job made anew under an old name has another. */
export interface Made {
  jobId: string;
  serial: string;
  /** Its steps, in order; undefined: its document is invalid. */
  works: Work[] | undefined;
  /** Its conditions hold for the boards of this world. */
  isFit: boolean;
  /** Another client takes it from its device. */
  isTaken?: boolean;
  /** Those that it names; of groups nothing is known. */
  things?: readonly string[];
}

type Control = JobsService['control'];
type CreateJobInput = Parameters<Control['createJob']>[0];
/** What is done, and how; undefined: nothing to do it to. */
type Act = [what: string, call: () => Promise<unknown>];

const readHeld = statement<{ jobId: string }, { things: number; executions: number }>(
  (value) => sql`
  select count(distinct e.thing_no) as "things", count(*) as "executions"
  from exec e join job j on j.job_no = e.job_no where j.job_id = ${value('jobId')}`,
);

const readStepTimer = statement<{ thingName: string; jobId: string }, { deadline: number | null; updated: number }>(
  (value) => sql`
  select e.step_deadline as "deadline", e.updated_at as "updated"
  from exec e join job j on j.job_no = e.job_no join thing t on t.thing_no = e.thing_no
  where j.job_id = ${value('jobId')} and t.thing_name = ${value('thingName')} order by e.no desc limit 1`,
);

/** Two minutes open, eight closed. */
const OFTEN_OPEN = { startTime: 'cron(0/10 * * * ? *)', durationInMinutes: 2 };
/** One minute open, one closed. */
const EVERY_OTHER_MINUTE = { startTime: 'cron(0/2 * * * ? *)', durationInMinutes: 1 };
/** How long a thing stays away from a group that it comes back to. */
const AWAY_MILLIS_MAX = 30_000;
/** How often a job that may be tried again fails for sure, on all its things. */
const TRIED_IN_VAIN = 0.3;
/** How often the things of a group that come later are to have a job too. */
const FOR_WHO_COMES_LATER = 0.5;
/** How often a job with a wrong document is created anew soon after it was created. */
const WRONGS_NOTICED = 0.5;
const CORRECTED_MILLIS_MAX = 20_000;
const GROUPS = ['group', 'below', 'aside'] as const;

/**
 * Creates, cancels, changes and deletes jobs at random moments, some under names that were used before; moves things between
 * groups, and deletes and registers them anew; and is now and then another client of a thing that asks for what it may not have.
 *
 * @param chance  its own, so that it does the same whatever goes wrong around it
 * @param fit     makes the steps of a job what its things can do
 */
export function createOperator(
  world: World,
  cloud: Cloud,
  thingNames: readonly string[],
  chance: Chance,
  fit?: (works: Work[], jobNumber: number) => void,
) {
  const { timeline, faults } = world;
  const made: Made[] = [];
  const thingArn = (thingName: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:thing/${thingName}`;
  const groupArn = (group: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:thinggroup/${group}`;
  let acts = 0;

  const registry = (service: JobsService) => registryOf(cloud, service, chance);

  async function register(): Promise<void> {
    const at = registry(cloud.service!);
    for (const thingName of thingNames) await createThing(at, { thingName });
    if (faults.groups === 0) return;
    for (const thingGroupName of GROUPS)
      await createThingGroup(at, {
        thingGroupName,
        ...(thingGroupName === 'below' ? { parentGroupName: 'group' } : {}),
      });
    for (const thingName of thingNames)
      if (chance.is(0.5)) await addThingToThingGroup(at, { thingName, thingGroupName: chance.pick(GROUPS) });
  }

  async function create(again?: string): Promise<void> {
    const serial = `s${made.length}`;
    const old = made.length > 0 && chance.is(0.3) ? chance.pick(made).jobId : undefined;
    const jobId = again ?? old ?? `job-${made.length}`;
    const valid = !chance.is(0.1);
    const works = Array.from({ length: chance.between(1, 4) }, (_, i) => work(`${serial}.${i}`));
    fit?.(works, made.length);
    const targeted = targets();
    const config = configs(targeted.some((arn) => GROUPS.some((group) => arn === groupArn(group))));
    if (config.jobExecutionsRetryConfig && chance.is(TRIED_IN_VAIN)) works.at(-1)!.code = 1;
    const isGuarded = chance.is(faults.guards);
    const isFit = !isGuarded || !chance.is(0.1);
    const document = isGuarded ? guarded(serial, works, isFit) : documentOf(works);
    const wrong = JSON.stringify({ version: '1.0', steps: [{ action: { name: serial } }] });
    const input = { jobId, targets: targeted, document: valid ? document : wrong, ...config };
    const words = Object.keys(configsIn(input)).join(' ');
    const done = await attempt([`create ${jobId} ${serial} ${words}`, () => control().createJob(input)]);
    const things = thingNames.filter((name) => input.targets.includes(thingArn(name)));
    if (done) made.push({ jobId, serial, works: valid ? works : undefined, isFit, things });
    if (done && chance.is(valid ? faults.anew : WRONGS_NOTICED)) correct(jobId);
  }

  /** Somebody looks at what they have just created, and creates it anew: at once, or when the device has refused it. */
  function correct(jobId: string): void {
    timeline.plan(chance.between(1, chance.is(0.5) ? 500 : CORRECTED_MILLIS_MAX), async () => {
      if (faults.on && cloud.service !== undefined) await attempt(makeAnew(jobId, chance.between(1, 100)));
    });
  }

  function makeAnew(jobId: string, afterMillis: number): Act {
    return [
      `make ${jobId} anew`,
      async () => {
        await remove({ jobId, force: true });
        // A bridge tells executions of one name apart by their queuedAt, in whole seconds.
        timeline.plan((fit ? 1_000 : 0) + afterMillis, () => (cloud.service === undefined ? undefined : create(jobId)));
      },
    ];
  }

  async function remove(input: { jobId: string; force: boolean }): Promise<void> {
    await control().deleteJob(input);
    world.checks.deleted(input.jobId);
  }

  function targets(): string[] {
    const things = thingNames.filter(() => chance.is(0.7)).map(thingArn);
    const groups = chance.is(faults.groups) ? [groupArn(chance.pick(GROUPS))] : [];
    if (groups.length > 0 && chance.is(0.7)) return groups;
    return things.length > 0 ? [...things, ...groups] : [thingArn(chance.pick(thingNames))];
  }

  function configs(hasGroup: boolean): Partial<CreateJobInput> {
    const rate = chance.is(faults.rates);
    return {
      ...(chance.is(faults.timeouts) ? { timeoutConfig: { inProgressTimeoutInMinutes: chance.between(1, 5) } } : {}),
      ...(chance.is(faults.retries) ? { jobExecutionsRetryConfig: { criteriaList: criteria() } } : {}),
      ...(rate ? { jobExecutionsRolloutConfig: rollout() } : {}),
      ...(chance.is(faults.aborts) ? { abortConfig: { criteriaList: [abortCriterion()] } } : {}),
      ...(chance.is(hasGroup ? FOR_WHO_COMES_LATER : faults.groups / 2)
        ? { targetSelection: 'CONTINUOUS' as const }
        : {}),
      ...(chance.is(faults.schedules) ? { schedulingConfig: schedule() } : {}),
      ...(chance.is(faults.windows) ? { schedulingConfig: { maintenanceWindows: [EVERY_OTHER_MINUTE] } } : {}),
    };
  }

  function criteria() {
    const numberOfRetries = chance.between(1, 3);
    if (chance.is(0.4)) return [{ failureType: 'ALL' as const, numberOfRetries }];
    const failed = { failureType: 'FAILED' as const, numberOfRetries };
    const timedOut = { failureType: 'TIMED_OUT' as const, numberOfRetries: chance.between(0, 2) };
    return chance.is(0.5) ? [failed] : [failed, timedOut];
  }

  function rollout() {
    const maximumPerMinute = chance.between(1, 6);
    if (chance.is(0.6)) return { maximumPerMinute };
    const threshold = chance.is(0.5)
      ? { numberOfNotifiedThings: chance.between(1, 3) }
      : { numberOfSucceededThings: chance.between(1, 3) };
    const exponentialRate = { baseRatePerMinute: 1, incrementFactor: 2, rateIncreaseCriteria: threshold };
    return { maximumPerMinute: 100, exponentialRate };
  }

  function abortCriterion() {
    return {
      failureType: chance.pick(['FAILED', 'REJECTED', 'TIMED_OUT', 'ALL'] as const),
      action: 'CANCEL' as const,
      thresholdPercentage: chance.pick([20, 50, 100]),
      minNumberOfExecutedThings: chance.between(1, 2),
    };
  }

  function schedule() {
    const minute = (millis: number) => new Date(millis).toISOString().slice(0, 16).replace('T', ' ');
    if (chance.is(0.4)) return { maintenanceWindows: [OFTEN_OPEN] };
    const starts = cloud.wall() + chance.between(32, 40) * 60_000;
    if (chance.is(0.5)) return { startTime: minute(starts) };
    const endBehavior = chance.pick(['STOP_ROLLOUT', 'CANCEL', 'FORCE_CANCEL'] as const);
    return {
      endTime: minute(starts + 31 * 60_000),
      endBehavior,
      ...(chance.is(0.5) ? { startTime: minute(starts) } : {}),
    };
  }

  /** Long enough to be cut off, some much longer than the grace, some that ignore TERM. */
  function work(name: string): Work {
    return {
      name,
      code: chance.is(0.15) ? 1 : 0,
      millis: chance.is(0.2) ? chance.between(5_000, 120_000) : chance.between(1, 2_000),
      manner: chance.is(0.2) ? 'stubborn' : undefined,
    };
  }

  /** A document with members of our own; `works` are changed to match. */
  function guarded(serial: string, works: Work[], isFit: boolean): string {
    for (const work of works) {
      if (chance.is(0.3)) work.timeoutSeconds = chance.pick([1, 5, 30, 90]);
      if (work.millis === (work.timeoutSeconds ?? 0) * 1_000) work.millis++; // who is first then is nobody's promise
      if (chance.is(0.2)) {
        work.idempotent = true;
        work.name += REPEATABLE;
      } else if (chance.is(0.15)) {
        Object.assign(work, { restarts: true, code: 0, timeoutSeconds: 90, manner: undefined });
        work.millis = Math.min(work.millis, 2_000);
      } else if (chance.is(0.3))
        Object.assign(work, { handler: true, manner: chance.pick(['tells', 'missing', 'tells']) });
      if (chance.is(0.1)) work.ignoreStepFailure = true;
      if (chance.is(0.1)) work.allowStdErr = chance.between(0, 1);
    }
    const finalStep = chance.is(0.2) ? work(`${serial}.last`) : undefined;
    const around: Around = {
      ...(chance.is(0.5) ? { onFailure: { ...work(`${serial}.${CLEAN_UP}`), code: 0 } } : {}),
      ...(finalStep && { finalStep }),
      ...(chance.is(0.2) ? { includeStdOut: true } : {}),
      ...(chance.is(0.3) || !isFit
        ? { conditions: [{ key: 'arch', value: isFit ? ['mips', ATTRIBUTES.arch] : ['mips'], type: 'stringEqual' }] }
        : {}),
    };
    const document = documentOf(works, around);
    if (finalStep) works.push(finalStep);
    return document;
  }

  async function act(): Promise<void> {
    if (cloud.service === undefined) return;
    if (made.length === 0 || chance.is(0.45)) await create();
    else if (chance.is(faults.meddle)) await meddle();
    else await attempt(chooseAct());
    await cloud.settled();
  }

  function chooseAct(): Act {
    const { jobId } = chance.pick(made);
    const thingName = chance.pick(thingNames);
    if (chance.is(faults.things)) return anew(thingName);
    if (chance.is(faults.groups)) return moveThing(thingName);
    const running = chance.is(Math.max(faults.retries, faults.windows) / 2) ? cancelWhatRuns() : undefined;
    if (running) return running;
    const force = chance.is(0.6);
    const forced = force ? ' with force' : '';
    const executionNumber = chance.is(0.8) ? 1 : 2;
    return chance.pick<Act>([
      [`cancel ${jobId}${forced}`, () => control().cancelJob({ jobId, force })],
      [`cancel ${jobId} of ${thingName}${forced}`, () => control().cancelJobExecution({ jobId, thingName, force })],
      [`delete ${jobId}${forced}`, () => remove({ jobId, force })],
      makeAnew(jobId, chance.between(1, 3_000)),
      [
        `delete ${jobId}#${executionNumber} of ${thingName}${forced}`,
        () => control().deleteJobExecution({ jobId, thingName, executionNumber, force }),
      ],
      [`change ${jobId}`, () => control().updateJob({ jobId, ...changes() })],
      [
        `${jobId} for ${GROUPS[0]} too`,
        () => control().associateTargetsWithJob({ jobId, targets: [groupArn(GROUPS[0])] }),
      ],
      [`look at ${jobId}`, () => readAll(jobId, thingName)],
    ]);
  }

  /** What would be tried again, without force; what goes on outside of its window, with force. */
  function cancelWhatRuns(): Act | undefined {
    const { rows, jobs } = world.checks.ledger;
    const running = [...rows.values()].flatMap(({ status, jobNo }) => {
      const job = jobs.get(jobNo);
      return status === 'IN_PROGRESS' && job && (job.retry.length > 0 || job.isHidden) ? [job] : [];
    });
    if (running.length === 0) return undefined;
    const { jobId, isHidden: force } = chance.pick(running);
    return [`cancel ${jobId}${force ? ' with force' : ''}, which runs`, () => control().cancelJob({ jobId, force })];
  }

  function changes() {
    const numberOfRetries = 0;
    const ended = { criteriaList: [{ failureType: 'FAILED' as const, numberOfRetries }] };
    return chance.pick<Omit<Parameters<Control['updateJob']>[0], 'jobId'>>([
      { timeoutConfig: { inProgressTimeoutInMinutes: chance.between(1, 5) } },
      { jobExecutionsRetryConfig: ended },
      { jobExecutionsRolloutConfig: { maximumPerMinute: chance.between(1, 100) } },
      { description: 'changed' },
    ]);
  }

  /** What is shown is what is stored (invariant 5 as an operator sees it). */
  async function readAll(jobId: string, thingName: string): Promise<void> {
    const { job } = await control().describeJob({ jobId });
    await control().getJobDocument({ jobId });
    const { executionSummaries } = await control().listJobExecutionsForJob({ jobId });
    await control().listJobExecutionsForThing({ thingName });
    await control().listJobs({ status: chance.pick(['IN_PROGRESS', 'COMPLETED', 'CANCELED'] as const) });
    const shown = (job as { jobProcessDetails: Record<string, unknown> }).jobProcessDetails;
    const counted = Object.values(shown).reduce<number>((sum, n) => sum + (typeof n === 'number' ? n : 0), 0);
    // Asked of the store: a name may stand for two things, one deleted and one registered anew.
    const [held] = await readHeld(cloud.store, { jobId });
    const found = `${counted} things and ${executionSummaries.length} executions`;
    const expected = `${held?.things} things and ${held?.executions} executions`;
    if (found !== expected) throw new Broken(`${jobId} shows ${found}, and has ${expected} (invariant 5)`);
  }

  function moveThing(thingName: string): Act {
    const thingGroupName = chance.pick(GROUPS);
    const at = registry(cloud.service!);
    if (chance.is(0.5))
      return [`${thingName} joins ${thingGroupName}`, () => addThingToThingGroup(at, { thingName, thingGroupName })];
    const isBackMillis = chance.is(0.5) ? chance.between(1, AWAY_MILLIS_MAX) : undefined;
    return [
      `${thingName} leaves ${thingGroupName}`,
      async () => {
        await removeThingFromThingGroup(at, { thingName, thingGroupName });
        if (isBackMillis !== undefined) timeline.plan(isBackMillis, () => comeBack(thingName, thingGroupName));
      },
    ];
  }

  async function comeBack(thingName: string, thingGroupName: string): Promise<void> {
    const { service } = cloud;
    if (!faults.on || service === undefined) return;
    await attempt([
      `${thingName} is back in ${thingGroupName}`,
      () => addThingToThingGroup(registry(service), { thingName, thingGroupName }),
    ]);
    await cloud.settled();
  }

  function anew(thingName: string): Act {
    const at = registry(cloud.service!);
    return [
      `delete thing ${thingName}, and register it later`,
      async () => {
        await deleteThing(at, { thingName });
        timeline.plan(chance.between(1, 60_000), async () => {
          await createThing(at, { thingName });
        });
      },
    ];
  }

  /** Another client of the thing asks for what is refused, and nothing changes; or sets a step timer, as it may. */
  async function meddle(): Promise<void> {
    const { jobId } = chance.pick(made);
    const thingName = chance.pick(thingNames);
    let status: Status | undefined;
    await attempt([
      `look at ${jobId} of ${thingName}`,
      async () => {
        status = (await control().describeJobExecution({ jobId, thingName })).execution.status;
      },
    ]);
    if (chance.is(0.4)) return read(thingName, jobId);
    if (status === undefined) return ask(thingName, 'no-such-job', { status: 'IN_PROGRESS' }, 'rejected');
    if (isTerminal(status)) {
      await ask(thingName, jobId, { status: status === 'SUCCEEDED' ? 'FAILED' : 'SUCCEEDED' }, 'rejected');
    } else if (status === 'IN_PROGRESS' && chance.is(0.4)) {
      for (const stepTimeoutInMinutes of chance.pick([[1], [2], [7], [-1], [7, -1]])) {
        await ask(thingName, jobId, { status, stepTimeoutInMinutes }, 'accepted');
        await checkStepTimer(thingName, jobId, stepTimeoutInMinutes);
      }
    } else {
      const wrong = chance.pick<Record<string, string | number>>([
        { status: 'IN_PROGRESS', expectedVersion: 99 },
        { status: 'QUEUED' },
        { status: 'CANCELED' },
        { status: 'SUCCEEDED', executionNumber: 99 },
        { status: 'NONSENSE' },
      ]);
      await ask(thingName, jobId, wrong, 'rejected');
    }
  }

  /** state-machine §3: from now on, or no more. */
  async function checkStepTimer(thingName: string, jobId: string, minutes: number): Promise<void> {
    const [row] = await readStepTimer(cloud.store, { thingName, jobId });
    const expected = row && minutes > 0 ? row.updated + minutes * 60_000 : null;
    if (row && row.deadline !== expected)
      throw new Broken(`${thingName} on ${jobId}: its step timer ends at ${row.deadline}, not at ${expected}`);
  }

  /** What is only read, or cannot be, changes nothing (invariant 7). */
  async function read(thingName: string, jobId: string): Promise<void> {
    const jobs = `$aws/things/${thingName}/jobs`;
    const [topic, payload] = chance.pick([
      [`${jobs}/get`, '{"clientToken":"reader"}'],
      [`${jobs}/$next/get`, '{"includeJobDocument":false}'],
      [`${jobs}/${jobId}/get`, '{"executionNumber":1,"includeJobDocument":true}'],
      [`${jobs}/${jobId}/get`, '{"executionNumber":"one"}'],
      [`${jobs}/${jobId}/update`, '{"status":"IN_PROGRESS"'],
      [`${jobs}/${jobId}/update`, '{"status":"IN_PROGRESS","statusDetails":"text"}'],
      [`${jobs}/${jobId}/update`, '{"status":"IN_PROGRESS","stepTimeoutInMinutes":0}'],
      [`${jobs}/start-next`, '{"stepTimeoutInMinutes":99999}'],
      [`${jobs}/${jobId}/delete`, '{}'],
      [`${jobs}/${jobId}/update/accepted`, '{}'],
    ] as const);
    await cloud.settled();
    const before = await cloud.fingerprint();
    const answer = await cloud.service?.request(topic, new TextEncoder().encode(payload));
    world.trace(`another client asks ${topic}: ${answer?.topic}`);
    if ((await cloud.fingerprint()) !== before) throw new Broken(`${topic} ${payload} changed something (invariant 7)`);
  }

  /** Invariants 7 and 10: what is refused changes nothing, whatever it asked. */
  async function ask(
    thingName: string,
    jobId: string,
    members: Record<string, string | number>,
    expected: 'accepted' | 'rejected',
  ): Promise<void> {
    await cloud.settled();
    const service = cloud.service;
    if (service === undefined) return;
    const before = await cloud.fingerprint();
    const topic = formatRequestTopic({ thingName, operation: 'UpdateJobExecution', jobId });
    const answer = await service.request(topic, encodeObject(members));
    const said = `${thingName} on ${jobId}: ${JSON.stringify(members)}`;
    world.trace(`another client of ${said}: ${answer?.topic}`);
    world.count('requests of other clients');
    if (answer?.topic !== answerTopic(topic, expected)) throw new Broken(`${said} was not ${expected} (invariant 10)`);
    if (expected === 'rejected' && (await cloud.fingerprint()) !== before)
      throw new Broken(`${said} was refused, and something changed (invariant 7)`);
  }

  /** A refusal of the service is an answer like another; anything else is a fault of ours. */
  async function attempt([what, call]: Act): Promise<boolean> {
    try {
      await call();
      world.trace(`operator: ${what}`);
      world.count('acts of the operator');
      return true;
    } catch (error) {
      if ((error as { type?: string }).type === undefined) throw error;
      world.trace(`operator: ${what}: ${(error as { type: string }).type}`);
      return false;
    }
  }

  function control(): Control {
    return cloud.service!.control;
  }

  function keepActing(most: number): void {
    timeline.plan(chance.between(100, faults.operatorMillis), async () => {
      if (!faults.on || acts++ >= most) return;
      await act();
      keepActing(most);
    });
  }

  return { made, register, create, keepActing };
}

function configsIn({ jobId: _, targets: __, document: ___, ...configs }: CreateJobInput) {
  return configs;
}

/** The registry of a service that runs; its changes go to that one's jobs. */
export function registryOf(cloud: Cloud, service: JobsService, chance: Chance): Registry {
  return {
    engine: cloud.store.engine,
    db: cloud.store.db,
    nowMillis: cloud.wall,
    region: REGION,
    account: ACCOUNT,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => chance.between(0, 255)),
    issueCertificate: () => Promise.reject(new Error('no certificates here')),
    certifyRequest: () => Promise.reject(new Error('no certificates here')),
    endpoints: () => ({ mqtts: undefined, data: undefined }),
    membership: service.membership,
    revoke: () => {},
  };
}
