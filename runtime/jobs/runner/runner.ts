import type { Millis } from '../../effects.ts';
import type { JobExecution } from '../answers.ts';
import { isPending } from '../execution.ts';
import { accepted, rejected } from './answer.ts';
import { askAgain, askIfWanted } from './ask.ts';
import { KILL_GRACE_MILLIS, STOP_GRACE_MILLIS } from './limits.ts';
import { log, type Runner, type RunnerEffect, type RunnerEvent, type Turn } from './state.ts';
import { afterPersist, begin, exited, forget, output, park, resume } from './work.ts';

/** A runner before boot. */
export function createRunner(thingName: string): Runner {
  return {
    thingName,
    work: { at: 'idle' },
    online: false,
    asked: undefined,
    askNext: true,
    doubt: false,
    untold: undefined,
    pauseUntil: undefined,
    setbacks: 0,
    saving: 0,
    stopBy: undefined,
    finished: false,
    runs: 0,
    tokens: 0,
    chance: 0,
  };
}

/**
 * One job at a time: ask, remember, claim, run its steps, remember, report, forget, ask again.
 *
 * Whatever is lost between two effects, a step is started at most once (its record is on disk before) and an execution
 * that was claimed is reported until the service has answered.
 */
export function stepRunner(before: Runner, event: RunnerEvent, now: Millis): [Runner, RunnerEffect[]] {
  const turn: Turn = { runner: { ...before }, now, out: [] };
  if (before.pauseUntil !== undefined && now >= before.pauseUntil) turn.runner.pauseUntil = undefined;
  take(turn, event);
  const { work, saving, pauseUntil } = turn.runner;
  if (work.at === 'forgetting' && saving === 0 && pauseUntil === undefined) forget(turn);
  if (turn.runner.stopBy !== undefined) hasten(turn);
  askIfWanted(turn);
  if (turn.runner.finished && !before.finished) turn.out.push({ do: 'finished' });
  return [turn.runner, turn.out];
}

function take(turn: Turn, event: RunnerEvent): void {
  const { runner } = turn;
  switch (event.on) {
    case 'boot':
      runner.chance = event.seed;
      if (event.record !== undefined) resume(turn, event.record);
      return;
    case 'online':
      runner.online = true;
      // While we were away a cancel may have passed us by; a request or its answer may be lost.
      runner.askNext ||= runner.asked?.about !== 'next';
      runner.doubt = runner.work.at === 'running' || runner.work.at === 'starting';
      return askAgain(turn);
    case 'offline':
      runner.online = false;
      return;
    case 'accepted':
      return accepted(turn, event.clientToken, event.answer);
    case 'rejected':
      return rejected(turn, event.clientToken, event.error);
    case 'nextChanged':
      return nextChanged(turn, event.execution);
    case 'persisted':
      return afterPersist(turn);
    case 'unpersisted':
      return afterPersist(turn, event.reason);
    case 'output':
      return output(turn, event);
    case 'exited':
      return exited(turn, event);
    case 'wake':
      return wake(turn);
    case 'stop':
      return stop(turn);
  }
}

/**
 * Idle: begin with what it names, unless `$next` is still to be asked or answered: what was kept for us while we were away
 * may be long gone, or made anew. Busy: when it names another job, ours may be gone.
 */
function nextChanged(turn: Turn, execution: JobExecution | undefined): void {
  const { runner } = turn;
  const { work } = runner;
  if (work.at === 'idle') {
    const told = !runner.askNext && runner.asked === undefined && runner.pauseUntil === undefined;
    runner.askNext ||= execution !== undefined; // an empty queue needs no asking
    const fit = execution?.jobDocument !== undefined && isPending(execution.status);
    if (told && fit && runner.stopBy === undefined) begin(turn, execution);
    return;
  }
  if (work.at !== 'running' && work.at !== 'starting') return;
  if (execution?.jobId === work.job.jobId && execution.executionNumber === work.job.executionNumber) return;
  runner.doubt = true;
}

function wake(turn: Turn): void {
  const { runner, now } = turn;
  const { work } = runner;
  if (work.at === 'stopping' && now >= work.killAt) {
    turn.out.push({ do: 'signal', run: work.running.run, signal: 'SIGKILL' });
    runner.work = { ...work, killAt: Infinity };
  }
  if (runner.asked !== undefined && now >= runner.asked.repeatAt) askAgain(turn);
}

function stop(turn: Turn): void {
  const { runner, now } = turn;
  const first = runner.stopBy === undefined;
  runner.stopBy = first ? now + STOP_GRACE_MILLIS : now;
  if (first && runner.work.at === 'running') log(turn, 'info', 'ending: the running step has 10 s to finish');
}

/** Once asked to stop: what needs no waiting is left as the record has it, what does is waited for until `stopBy`. */
function hasten(turn: Turn): void {
  const { runner, now } = turn;
  const { work } = runner;
  const late = now >= (runner.stopBy as Millis);
  switch (work.at) {
    case 'idle':
    case 'resuming':
    case 'claiming':
      runner.finished = true;
      return;
    case 'forgetting':
      if (runner.saving === 0) runner.finished = true;
      return;
    case 'reporting':
      if (late || !runner.online) runner.finished = true;
      return;
    case 'starting': // its record says that it runs: taken back before it does
      return park(turn, work.job, work.running.step);
    case 'running':
      if (!late) return;
      turn.out.push({ do: 'signal', run: work.running.run, signal: 'SIGTERM' });
      runner.work = { ...work, at: 'stopping', killAt: now + KILL_GRACE_MILLIS, because: 'stop' };
  }
}

/** When the runner wants its next `wake`; undefined: only an event can move it. */
export function runnerWakeAt({ work, asked, online, pauseUntil, stopBy, finished }: Runner): Millis | undefined {
  if (finished) return undefined;
  return earliest(
    work.at === 'stopping' ? work.killAt : undefined,
    online ? asked?.repeatAt : undefined,
    (online && asked === undefined) || work.at === 'forgetting' ? pauseUntil : undefined,
    work.at === 'running' || work.at === 'reporting' ? stopBy : undefined,
  );
}

/** The first of some times; undefined when there is none, or none ever. */
export function earliest(...times: (Millis | undefined)[]): Millis | undefined {
  const first = Math.min(...times.map((time) => time ?? Infinity));
  return first === Infinity ? undefined : first;
}
