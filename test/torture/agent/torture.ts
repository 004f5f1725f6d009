import { setMaxListeners } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as iot from '@aws-sdk/client-iot';
import * as assert from 'uvu/assert';
import type { JobRecord } from '../../../runtime/jobs/record.ts';
import { type Chance, createChance } from '../../sim/chance.ts';
import { arnOf } from '../../whole/house.ts';
import { createModel } from '../model.ts';
import { type Operator, openOperator } from '../operator.ts';
import { openTortured } from '../service.ts';
import { type Board, openBoard } from './board.ts';
import { documentOf, planJob, readLines, readName } from './jobs.ts';
import { moment, pass } from './moment.ts';
import { judge, type Known, know, nameJob, note, noteStatus } from './verdict.ts';

/** Jobs of a board that have not ended; below it another one is created. */
const OPEN_JOBS = 3;
/** Of the lives of an agent, those that end with SIGTERM instead. */
const ENDED_WELL = 0.1;
/** Of the lives of an agent, those in which a job of it is cancelled, and deleted and made anew. */
const CANCELLED = 0.1;
const MADE_ANEW = 0.1;
/** A job that has not ended so long after the last kill never will. */
const REST_MILLIS_MAX = 60_000;
/** Between two looks at what nobody tells of, milliseconds. */
const LOOK_MILLIS = 50;

/** Where a kill fell. */
const PLACES = [
  'no job was at work',
  'before a step',
  'in a step',
  'after a step',
  'while the record was written',
  'in a clean-up',
  'before the report was answered',
] as const;

export interface Figures {
  kills: number;
  /** Of these, the ones that took the running program along, as a power cut does. */
  killsOfAll: number;
  places: Record<(typeof PLACES)[number], number>;
  endedWell: number;
  restarts: number;
  jobs: number;
  steps: number;
  repeated: number;
  cleanUps: number;
  cancelled: number;
  madeAnew: number;
  outcomes: Record<string, number>;
}

export interface Torture {
  kills: number;
  boards: number;
  seed: number;
  /** Ends it early: what has happened so far is judged all the same. */
  stop: AbortSignal;
  /** Hears of each kill. */
  tell?: (figures: Figures) => void;
}

/**
 * Kills agents at random moments while they run jobs of several steps, and checks what became of each: every step once (or as often
 * as it may), every job ended, every result as the record at the kill demands, clean-ups run. Jobs are cancelled meanwhile, and
 * deleted and created anew under their old name. Every second board has the lean agent, the others the full one.
 *
 * The seed decides on jobs and moments; where in the agent's work a moment falls is up to the machine.
 *
 * @throws with what was found and what was expected, and the agent's last lines
 */
export async function tortureAgents({ kills, boards: count, seed, stop, tell }: Torture): Promise<Figures> {
  setMaxListeners(0, stop);
  const chance = createChance(seed);
  const figures: Figures = {
    kills: 0,
    killsOfAll: 0,
    places: Object.fromEntries(PLACES.map((place) => [place, 0])) as Figures['places'],
    endedWell: 0,
    restarts: 0,
    jobs: 0,
    steps: 0,
    repeated: 0,
    cleanUps: 0,
    cancelled: 0,
    madeAnew: 0,
    outcomes: {},
  };
  const folder = await mkdtemp(path.join(os.tmpdir(), 'errand-torture-agents-'));
  const service = await openTortured();
  const operator = openOperator(service, createModel());
  const failed = new AbortController();
  const over = AbortSignal.any([stop, failed.signal]);
  setMaxListeners(0, over);
  const mayKill = () => !over.aborted && figures.kills < kills;
  try {
    const boards = [];
    for (let i = 0; i < count; i++) {
      const identity = await operator.enrol(`board-${i}`);
      boards.push(openBoard(path.join(folder, `${i}`), service.endpoints, identity, i % 2 === 1));
    }
    const ends = boards.map((board) =>
      tortureOne(board, operator, createChance(chance.seed()), figures, mayKill, over, () => tell?.(figures)).catch(
        (error) => {
          failed.abort();
          throw error;
        },
      ),
    );
    const broken = (await Promise.allSettled(ends)).find(({ status }) => status === 'rejected');
    if (broken !== undefined) throw (broken as PromiseRejectedResult).reason;
    return figures;
  } finally {
    operator.close();
    await service.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

type Left = ReturnType<Board['record']> & { restarted: boolean };

/** Kills the agent of one board as long as it may, then lets it finish, and judges all its jobs. */
async function tortureOne(
  board: Board,
  operator: Operator,
  chance: Chance,
  figures: Figures,
  mayKill: () => boolean,
  over: AbortSignal,
  tell: () => void,
): Promise<void> {
  const all: Known[] = [];
  const open = () => all.filter(({ status, deleted }) => status === undefined && !deleted);
  const livesOf = (jobId: string) => all.filter(({ plan }) => plan.jobId === jobId);
  let lastLines: readonly string[] = [];
  /** What the agent left at its last death, until it has moved on from there. */
  let left: Left | undefined;
  try {
    while (mayKill()) {
      while (open().length < OPEN_JOBS) await create(`${board.thingName}-job-${all.length}`, 0);
      const agent = board.start();
      const acts = act();
      acts.catch(() => {}); // awaited below
      await moment(board, agent, chance, over);
      lastLines = agent.lines;
      if (chance.is(ENDED_WELL)) {
        const code = await agent.kill('SIGTERM');
        assert.ok(code === 0 || code === 'SIGTERM', `SIGTERM ended the agent with ${code}`);
        figures.endedWell += 1;
      } else {
        const how = chance.is(0.5) ? 'agent' : 'all';
        const recording = board.isRecording();
        await board.kill(how);
        figures.kills += 1;
        if (how === 'all') figures.killsOfAll += 1;
        figures.places[recording ? 'while the record was written' : placeOf(board, board.record().record)] += 1;
        tell();
      }
      await acts;
      died();
      for (const known of open()) await look(known);
    }
    await finish();
    for (const known of all) judge(known, readLines(board.lines));
    count();
  } catch (error) {
    (error as Error).message = `${board.thingName}, ${board.full ? 'full' : 'lean'} agent: ${(error as Error).message}
the agent's last lines:\n${lastLines.slice(-30).join('\n')}`;
    throw error;
  } finally {
    await board.kill('all');
  }

  async function create(jobId: string, life: number): Promise<void> {
    const plan = planJob(jobId, life, chance);
    const target = arnOf(board.thingName);
    const command = new iot.CreateJobCommand({ jobId, targets: [target], document: documentOf(plan, board.script) });
    for (;;) {
      const refusal = await refusalOf((client) => client.send(command));
      if (refusal === undefined) break;
      // The one before it is still being deleted.
      assert.ok(life > 0 && refusal === 'ResourceAlreadyExistsException', `CreateJob ${jobId}: ${refusal}`);
    }
    all.push(know(plan, board.full));
  }

  /** What the operator does to one of the jobs while the agent lives. */
  async function act(): Promise<void> {
    const draw = chance.unit();
    const known = chance.pick(open());
    const delay = chance.between(0, 600);
    if (draw > CANCELLED + MADE_ANEW) return;
    await pass(delay, over);
    const { jobId, life } = known.plan;
    if (draw < CANCELLED) {
      const { thingName } = board;
      const cancel = chance.is(0.5)
        ? new iot.CancelJobExecutionCommand({ jobId, thingName, force: true })
        : new iot.CancelJobCommand({ jobId, force: true });
      const refusal = await refusalOf((client) => client.send(cancel as iot.CancelJobCommand));
      if (refusal === undefined) known.cancelled = 'thingName' in cancel.input ? 'surely' : 'asked';
      // Too late (it has ended), or too early (it is not rolled out).
      else assert.match(refusal, /InvalidStateTransition|InvalidRequest|ResourceNotFound/, `cancel of ${jobId}`);
    } else {
      known.deleted = true;
      await operator.sure((client) => client.send(new iot.DeleteJobCommand({ jobId, force: true })));
      await create(jobId, life + 1);
      figures.madeAnew += 1;
    }
  }

  async function refusalOf(ask: (client: iot.IoTClient) => Promise<unknown>): Promise<string | undefined> {
    return operator.sure(ask).then(
      () => undefined,
      ({ name }: Error) => name,
    );
  }

  /** After a death. Now and then the device has restarted as well. */
  function died(): void {
    const now = board.record();
    if (left?.generation !== now.generation) settle();
    const waits = now.record?.phase === 'running' && now.record.bootId !== undefined;
    const restarted = chance.is(waits ? 0.7 : 0.2);
    left = { ...now, restarted: restarted || left?.restarted === true };
    if (!restarted) return;
    board.restart();
    figures.restarts += 1;
  }

  /** What was left has been taken up, and decided about its job. */
  function settle(): void {
    if (left?.record) note(livesOf(left.record.job.jobId), left.record, left.restarted);
    left = undefined;
  }

  async function look(known: Known): Promise<void> {
    const found = await statusOf(known);
    if (found) noteStatus(known, found.status, found.reason);
    else if (known.cancelled === 'asked' && (await isCancelled(known.plan.jobId))) known.deleted = true; // never rolled out
  }

  async function isCancelled(jobId: string): Promise<boolean> {
    const { job } = await operator.sure((client) => client.send(new iot.DescribeJobCommand({ jobId })));
    return job!.status === 'CANCELED';
  }

  /** Undefined: its roll-out has not come so far. */
  async function statusOf({ plan }: Known): Promise<{ status: string; reason: string | undefined } | undefined> {
    const { jobId } = plan;
    const command = new iot.DescribeJobExecutionCommand({ jobId, thingName: board.thingName });
    const found = await operator
      .sure((client) => client.send(command))
      .catch((error: Error) => {
        assert.is(error.name, 'ResourceNotFoundException', `${error}`);
        return undefined;
      });
    if (found === undefined) return undefined;
    const { status, statusDetails } = found.execution!;
    return { status: status!, reason: statusDetails?.detailsMap?.reason };
  }

  /** No more kills: every job must end, and nothing be left to remember. */
  async function finish(): Promise<void> {
    const until = performance.now() + REST_MILLIS_MAX;
    settle();
    let agent = board.start();
    while (open().length > 0 || board.record().record !== undefined) {
      lastLines = agent.lines;
      for (const known of open()) await look(known);
      if (agent.lines.some((line) => line.includes('waits for the device to restart'))) {
        await board.kill('all');
        board.restart();
        left = { ...board.record(), restarted: true };
        settle();
        agent = board.start();
      }
      const names = open().map(nameJob).join('; ');
      assert.ok(performance.now() < until, `not at rest after ${REST_MILLIS_MAX} ms: ${names}`);
      await pass(LOOK_MILLIS, over);
    }
    lastLines = agent.lines;
    await agent.line(/ connected/);
    const code = await agent.kill('SIGTERM');
    assert.is(code, 0, `SIGTERM at rest ended the agent with ${code}`);
    // What a killed agent left running ends by itself.
    while (programsOf(board.script).length > 0) await pass(LOOK_MILLIS, over);
  }

  function count(): void {
    const lines = readLines(board.lines);
    figures.jobs += all.length;
    figures.steps += lines.filter(({ step, what }) => step !== 'tidy' && what === 'begin').length;
    figures.cleanUps += lines.filter(({ step, what }) => step === 'tidy' && what === 'end').length;
    for (const { repeats, cancelled, status = 'deleted' } of all) {
      figures.repeated += repeats.reduce((sum, times) => sum + times, 0);
      if (cancelled !== undefined) figures.cancelled += 1;
      figures.outcomes[status] = (figures.outcomes[status] ?? 0) + 1;
    }
  }
}

/** By what is on disk: the record, and the lines of the step that it names. */
function placeOf(board: Board, record: JobRecord | undefined): (typeof PLACES)[number] {
  switch (record?.phase) {
    case undefined:
      return 'no job was at work';
    case 'claimed':
      return 'before a step';
    case 'cleaning':
      return 'in a clean-up';
    case 'ended':
      return 'before the report was answered';
    case 'running': {
      const { step, life } = readName(record.name)!;
      const last = readLines(board.lines).findLast(
        (line) => line.jobId === record.job.jobId && line.life === life && line.step === `${step}`,
      );
      return last === undefined ? 'before a step' : last.what === 'begin' ? 'in a step' : 'after a step';
    }
  }
}

/** Processes that run a script. */
function programsOf(script: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(script);
    } catch {
      return false;
    }
  });
}
