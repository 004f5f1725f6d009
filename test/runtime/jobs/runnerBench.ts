/** A runner with a disk and a service at its hands, for tests. */
import * as assert from 'uvu/assert';
import type { JobExecution, JobExecutionState } from '../../../runtime/jobs/answers.ts';
import type { ErrorCode } from '../../../runtime/jobs/errorCodes.ts';
import type { Facts } from '../../../runtime/jobs/guards.ts';
import type { JsonValue } from '../../../runtime/jobs/json.ts';
import type { JobRecord } from '../../../runtime/jobs/record.ts';
import { createRunner, runnerWakeAt, stepRunner } from '../../../runtime/jobs/runner/runner.ts';
import type { Ask, RunnerEffect, RunnerEvent } from '../../../runtime/jobs/runner/state.ts';

export const STEP = (name: string, more: object = {}) => ({
  action: { name, type: 'runCommand', input: { command: name }, ...more },
});
const DOCUMENT: JsonValue = { version: '1.0', steps: [STEP('one'), STEP('two'), STEP('three')] };
export const EXECUTION: JobExecution = {
  jobId: 'J',
  status: 'QUEUED',
  queuedAt: 1700,
  lastUpdatedAt: 1700,
  versionNumber: 1,
  executionNumber: 1,
  jobDocument: DOCUMENT,
};

/** A runner with a disk and a service at its hands: what it asks, persists and runs is collected in order. */
export function bench(record?: JobRecord, facts?: Facts) {
  let runner = createRunner('T', facts);
  let now = 1_000_000;
  const trace: string[] = [];
  const asks: Ask[] = [];
  const runs: { run: number; name: string }[] = [];
  let disk: JobRecord | undefined = record;
  const tell = (event: RunnerEvent): RunnerEffect[] => {
    const [next, out] = stepRunner(runner, event, now);
    const ended = next.finished && !runner.finished;
    runner = next;
    for (const effect of out) {
      if (effect.do === 'ask') asks.push(effect.request);
      if (effect.do === 'persist') disk = effect.record;
      if (effect.do === 'run') runs.push({ run: effect.run, name: effect.step.name });
      if (effect.do !== 'log') trace.push(describe(effect));
    }
    if (ended) trace.push('finished');
    return out;
  };
  const self = {
    trace,
    runs,
    tell,
    get runner() {
      return runner;
    },
    get disk() {
      return disk;
    },
    get ask(): Ask {
      return asks.at(-1) as Ask;
    },
    get asked() {
      return asks.length;
    },
    boot: () => {
      tell({ on: 'boot', record, seed: 7 });
      tell({ on: 'online' });
      return self;
    },
    /** Answers every persist that is under way, then goes on. */
    save: () => {
      while (runner.saving > 0) tell({ on: 'persisted' });
      return self;
    },
    accept: (more: { execution?: JobExecution; jobDocument?: JsonValue } = {}) => {
      const { clientToken } = self.ask;
      tell({ on: 'accepted', answer: { timestamp: 1, clientToken, ...more } });
      return self;
    },
    reject: (code: ErrorCode, executionState?: JobExecutionState) => {
      const { clientToken } = self.ask;
      const error = { code, message: 'm', timestamp: 1, clientToken };
      tell({ on: 'rejected', error: executionState ? { ...error, executionState } : error });
      return self;
    },
    exit: (code = 0) => {
      tell({ on: 'exited', run: runs.at(-1)!.run, code });
      return self;
    },
    /** To the next wake. */
    pass: () => {
      const at = runnerWakeAt(runner);
      assert.ok(at < Infinity, 'nothing to wait for');
      now = Math.max(now, at);
      tell({ on: 'wake' });
      return self;
    },
    later: (millis: number) => {
      now += millis;
      return self;
    },
    /** Boots, takes the job, claims it, runs its first step. */
    running: (execution = EXECUTION) => self.boot().accept({ execution }).save().accept().save(),
  };
  return self;
}

function describe(effect: RunnerEffect): string {
  switch (effect.do) {
    case 'ask':
      return effect.request.operation === 'DescribeJobExecution'
        ? `describe ${effect.request.jobId}`
        : `update ${effect.request.status}`;
    case 'persist':
      return `persist ${recorded(effect.record)}`;
    case 'run':
      return `run ${effect.step.name}`;
    case 'signal':
      return effect.signal;
    default:
      return effect.do;
  }
}

function recorded(record: JobRecord | undefined): string {
  if (record?.phase === 'running') return `running ${record.step}`;
  return record?.phase === 'claimed' && record.step > 0 ? `claimed, ${record.step} done` : (record?.phase ?? 'nothing');
}
