import { isTerminal } from '../../../runtime/jobs/execution.ts';
import { GROUP_DEPTH_MAX } from '../registry/registry.ts';
import { writeChanges, writeDeltas } from '../store/executions.ts';
import { queueExecutions } from '../store/jobs.ts';
import { loadQueues } from '../store/loadExecutions.ts';
import {
  addOwnMember,
  addTarget,
  ancestorsOf,
  countOtherTargets,
  forgetThing,
  loadContinuousJobs,
  loadLeft,
  loadPage,
  loadPending,
  loadSnapshotJobsAhead,
  markLeft,
  queueNumbered,
} from '../store/membership.ts';
import { notifyQueued } from '../store/notifications.ts';
import type { Connection } from '../store/statement.ts';
import type { Clock } from './clock.ts';
import { ownGroup } from './control/targets.ts';
import { moved } from './decide.ts';
import { CHANGE_CHUNK_MAX, NOTIFY_BUSY_MILLIS } from './limits.ts';
import { changeOf, rank, type StoredExecution } from './storedExecution.ts';

/**
 * What the registry tells the Jobs service (state-machine §5.1), each inside the registry's own transaction so that groups
 * and jobs never disagree; after the commit `committed` has to be called with what they gave.
 */
export interface Membership {
  /** A thing has joined a group: to be called after its member row is there. */
  thingJoined(tx: Connection, thingNo: number, groupName: string): Promise<Told>;
  /** A thing leaves a group: to be called before its member row goes. */
  thingLeaves(tx: Connection, thingNo: number, groupName: string): Promise<Told>;
  /** A group with no groups below it is deleted: to be called before its members' rows go. */
  groupDeleted(tx: Connection, groupName: string): Promise<Told>;
  /** A thing is deleted: to be called before its row goes. Takes it out of all groups too. */
  thingDeleted(tx: Connection, thingNo: number): Promise<Told>;
  committed(told: Told): void;
}

/** Things that may have something to be told. */
export type Told = readonly number[];

export function createMembership(clock: Clock, committed: (told: Told) => void): Membership {
  return {
    thingJoined: (tx, thingNo, groupName) => thingJoined(tx, thingNo, groupName, clock),
    thingLeaves: (tx, thingNo, groupName) => thingLeaves(tx, thingNo, groupName, clock),
    groupDeleted: (tx, groupName) => groupDeleted(tx, groupName, clock),
    thingDeleted: (tx, thingNo) => thingDeleted(tx, thingNo, clock),
    committed,
  };
}

/** A late joiner gets its execution at once, outside of the roll-out's rate. */
async function thingJoined(tx: Connection, thingNo: number, groupName: string, clock: Clock): Promise<Told> {
  const groups = await ancestorsOf(tx, groupName, GROUP_DEPTH_MAX);
  const atMillis = clock.stamp();
  for (const job of await loadContinuousJobs(tx, groups, clock.now())) {
    // The group may be younger than the job, which then hears of it now.
    await addTarget(tx, { jobNo: job.job_no, grp: groupName, root: job.root });
    await queueForMembers(tx, job, [thingNo], atMillis);
  }
  return [thingNo];
}

async function thingLeaves(tx: Connection, thingNo: number, groupName: string, clock: Clock): Promise<Told> {
  // A snapshot was taken when the job started: the thing keeps its place among the things that the job names.
  for (const job of await loadSnapshotJobsAhead(tx, { grp: groupName, thingNo }))
    await addOwnMember(tx, job.job_no, ownGroup(job.job_id), thingNo, clock.now());
  for (const { job_no: jobNo } of await loadContinuousJobs(tx, [groupName], clock.now())) {
    const [others] = await countOtherTargets(tx, { jobNo, thingNo, grp: groupName });
    if (others === undefined || others.n === 0) await leaveJob(tx, thingNo, jobNo, clock.now());
  }
  return [thingNo];
}

/** What is QUEUED becomes REMOVED, what runs goes on; neither is tried again. */
async function leaveJob(tx: Connection, thingNo: number, jobNo: number, nowMillis: number): Promise<void> {
  const pending = await loadPending(tx, thingNo, jobNo);
  const queued = pending.filter(({ status }) => status === 'QUEUED');
  const [queue = []] = await loadQueues(tx, [{ thing: thingNo, depth: 2, withDocument: false }]);
  const changes = queued.map((before) => {
    const after = moved(before, { by: 'service', to: 'REMOVED', nowMillis });
    if (typeof after === 'string') throw new Error(`QUEUED to REMOVED by the service gave ${after}`);
    return changeOf(queue, before, after);
  });
  await writeChanges(tx, changes, nowMillis, nowMillis + NOTIFY_BUSY_MILLIS);
  await markLeft(tx, jobNo, [thingNo], true);
}

async function groupDeleted(tx: Connection, groupName: string, clock: Clock): Promise<Told> {
  const told: number[] = [];
  let seq = -1;
  for (;;) {
    const page = await loadPage(tx, { grp: groupName, seq, limit: CHANGE_CHUNK_MAX });
    for (const { thing_no: thingNo } of page) told.push(...(await thingLeaves(tx, thingNo, groupName, clock)));
    if (page.length < CHANGE_CHUNK_MAX) return told;
    seq = page.at(-1)!.seq;
  }
}

/** What is pending becomes REMOVED, in any kind of job; the records stay (state-machine §7). Nobody is there to be told. */
async function thingDeleted(tx: Connection, thingNo: number, clock: Clock): Promise<Told> {
  const nowMillis = clock.now();
  const changes = (await loadPending(tx, thingNo)).map((before) => ({
    before,
    after: removed(before, nowMillis),
    retry: undefined,
    notify: false,
    notifyNext: false,
  }));
  await writeChanges(tx, changes, nowMillis, nowMillis + NOTIFY_BUSY_MILLIS);
  await forgetThing(tx, thingNo);
  return [];
}

/**
 * The table of moves has no way from IN_PROGRESS to REMOVED, because nobody may take a running job from a thing; here there
 * is no thing any more.
 */
function removed(execution: StoredExecution, nowMillis: number): StoredExecution {
  return {
    ...execution,
    status: 'REMOVED',
    versionNumber: execution.versionNumber + 1,
    lastUpdatedAtMillis: Math.max(nowMillis, execution.lastUpdatedAtMillis),
    inProgressDeadlineMillis: undefined,
    stepDeadlineMillis: undefined,
  };
}

/**
 * Creates executions for members of a job's targets: the first one for a thing that has none, the next number for one that had
 * left and is back, nothing for one that has its execution. The counters' deltas and the notifications are written too.
 *
 * @returns the things that got one
 */
export async function queueForMembers(
  tx: Connection,
  job: { job_no: number; hidden: number },
  things: readonly number[],
  atMillis: number,
): Promise<number[]> {
  if (things.length === 0) return [];
  const jobNo = job.job_no;
  const first = await queueExecutions(tx, jobNo, things, atMillis);
  const had = new Set(first);
  const back = await loadLeft(
    tx,
    jobNo,
    things.filter((thing) => !had.has(thing)),
  );
  const again = back.filter(({ status }) => isTerminal(status));
  await markLeft(
    tx,
    jobNo,
    back.map(({ thingNo }) => thingNo),
    false,
  );
  await queueNumbered(
    tx,
    jobNo,
    again.map(({ thingNo, executionNumber }) => [thingNo, executionNumber + 1]),
    atMillis,
  );
  const created = [...first, ...again.map(({ thingNo }) => thingNo)];
  if (created.length === 0) return created;
  await writeDeltas(tx, [
    [jobNo, rank('QUEUED'), created.length],
    ...again.map(({ status }) => [jobNo, rank(status), -1] as [number, number, number]),
  ]);
  if (job.hidden === 0) await notifyQueued(tx, created, jobNo, atMillis, atMillis + NOTIFY_BUSY_MILLIS);
  return created;
}
