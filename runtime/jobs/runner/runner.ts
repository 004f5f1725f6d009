import type { Millis } from '../../effects.ts';
import { WITH_GUARDS } from '../../parts.ts';
import type { JobExecution } from '../answers.ts';
import { isTerminal } from '../execution.ts';
import type { Facts } from '../guards.ts';
import { accepted, rejected } from './answer.ts';
import { askAgain, askIfWanted, mayAsk } from './ask.ts';
import { isGoingDown, takeGuarded } from './guards.ts';
import { STOP_GRACE_MILLIS } from './limits.ts';
import { log, type Runner, type RunnerEffect, type RunnerEvent } from './state.ts';
import { afterPersist, begin, exited, forget, output, park, resume, signal, terminate } from './work.ts';

/** A runner before boot; with facts it reads members of our own in documents (../guards.ts). */
export function createRunner(thingName: string, facts?: Facts): Runner {
  const runner: Runner = {
    thingName,
    at: 'idle',
    step: 0,
    run: 0,
    stdout: '',
    stderr: '',
    stderrLines: 0,
    killAt: Infinity,
    lost: false,
    online: false,
    askNext: true,
    doubt: false,
    pauseUntil: 0,
    setbacks: 0,
    saving: 0,
    stopBy: 0,
    finished: false,
    runs: 0,
    tokens: 0,
    chance: 0,
    now: 0,
    out: [],
  };
  return WITH_GUARDS ? { ...runner, facts } : runner;
}

/**
 * One job at a time: ask, remember, claim, run its steps, remember, report, forget, ask again.
 *
 * Whatever is lost between two effects, a step is started at most once (its record is on disk before) and an execution
 * that was claimed is reported until the service has answered.
 */
export function stepRunner(before: Runner, event: RunnerEvent, now: Millis): [Runner, RunnerEffect[]] {
  const runner: Runner = { ...before, now, out: [] };
  if (now >= runner.pauseUntil) runner.pauseUntil = 0;
  if (WITH_GUARDS) takeGuarded(runner, event);
  take(runner, event);
  if (runner.at === 'forgetting' && !runner.saving && !runner.pauseUntil) forget(runner);
  if (runner.stopBy) hasten(runner, now >= runner.stopBy);
  askIfWanted(runner);
  return [runner, runner.out];
}

function take(runner: Runner, event: RunnerEvent): void {
  switch (event.on) {
    case 'boot':
      runner.chance = event.seed;
      if (event.record) resume(runner, event.record);
      return;
    case 'online':
      return online(runner);
    case 'offline':
      runner.online = false;
      return;
    case 'accepted':
      return accepted(runner, event.answer);
    case 'rejected':
      return rejected(runner, event.error);
    case 'nextChanged':
      return nextChanged(runner, event.execution);
    case 'persisted':
      return afterPersist(runner);
    case 'unpersisted':
      return afterPersist(runner, event.reason);
    case 'output':
      return output(runner, event);
    case 'exited':
      return exited(runner, event);
    case 'wake':
      return wake(runner);
    case 'stop':
      if (!runner.stopBy && runner.at === 'running') log(runner, 'info', 'ending: the running step has 10 s to finish');
      runner.stopBy = runner.now + (runner.stopBy ? 0 : STOP_GRACE_MILLIS);
  }
}

/**
 * While we were away a cancel may have passed us by; a request or its answer may be lost. What is only read is asked anew: an
 * answer that was kept for us tells how things were then. The pauses between repeats begin anew: those before were for
 * another connection.
 */
function online(runner: Runner): void {
  const about = runner.asked?.about;
  if (runner.asked) runner.asked.sent = 0;
  if (about === 'next' || about === 'own') runner.asked = undefined;
  runner.online = runner.askNext = true;
  runner.doubt = isBusy(runner) || about === 'own';
  askAgain(runner);
}

function isBusy({ at }: Runner): boolean {
  return at === 'running' || at === 'starting';
}

/**
 * Idle: begin with what it names, unless `$next` is still to be asked or answered: what was kept for us while we were away
 * may be long gone, or made anew. Busy: ours may be gone when it names another one, or ours as QUEUED, made anew. On its way to
 * the service, a claim meets what was made anew: its queuedAt is told here alone.
 */
function nextChanged(runner: Runner, execution: JobExecution | undefined): void {
  const { at, job } = runner;
  const isQueued = execution?.status === 'QUEUED';
  if (at === 'idle') {
    const told = mayAsk(runner) && !runner.askNext && !runner.stopBy;
    runner.askNext ||= execution !== undefined; // an empty queue needs no asking
    if (told && execution?.jobDocument && !isTerminal(execution.status)) begin(runner, execution);
  } else if (job) {
    const isOther = execution?.jobId !== job.jobId || execution.executionNumber !== job.executionNumber;
    if (isBusy(runner)) runner.doubt ||= isOther || isQueued;
    else if (at === 'claiming' && !isOther && isQueued) runner.job = { ...job, queuedAt: execution.queuedAt };
  }
}

function wake(runner: Runner): void {
  const { now, asked } = runner;
  if (now >= runner.killAt) {
    signal(runner, 'SIGKILL');
    runner.killAt = Infinity;
  }
  if (asked && now >= asked.repeatAt) askAgain(runner);
}

/** Once asked to stop: what needs no waiting is left as the record has it, what does is waited for until it is late. */
function hasten(runner: Runner, late: boolean): void {
  const { at } = runner;
  if (WITH_GUARDS && isGoingDown(runner)) {
    runner.finished = true;
  } else if (WITH_GUARDS && runner.cleaning && at === 'starting') {
    // Its record is being written.
  } else if (at === 'starting') {
    park(runner, runner.step); // its record says that it runs: taken back before it does
  } else if (at === 'running') {
    if (late) terminate(runner, false);
  } else if (at !== 'stopping' && !runner.saving) {
    runner.finished ||= at !== 'reporting' || late || !runner.online;
  }
}

/** When the runner wants its next `wake`; Infinity: only an event can move it. */
export function runnerWakeAt(runner: Runner): Millis {
  const { at, killAt, asked, online, pauseUntil, stopBy, finished } = runner;
  if (finished) return Infinity;
  const wakeAt = Math.min(
    killAt,
    (online && asked?.repeatAt) || Infinity,
    pauseUntil || Infinity,
    ((at === 'running' || at === 'reporting') && stopBy) || Infinity,
  );
  return WITH_GUARDS ? Math.min(wakeAt, runner.timeoutAt ?? Infinity) : wakeAt;
}
