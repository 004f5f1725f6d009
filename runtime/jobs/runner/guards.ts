/** What the runner does beside its way from step to step, for devices that know their facts (jobs/guards.ts). */
import { WITH_CUSTOM, WITH_LEGACY } from '../../parts.ts';
import type { JobExecution } from '../answers.ts';
import { parseDocument, type Step } from '../document.ts';
import { STEP_TIMEOUT_MINUTES_MAX } from '../limits.ts';
import type { JobRecord, Outcome } from '../record.ts';
import type { UpdateRequest } from '../requests.ts';
import { DETAILS_OF_HANDLERS_MAX, KILL_GRACE_MILLIS } from './limits.ts';
import { details, type Exited, finalDetails, judge, nameStep, progressDetails } from './outcome.ts';
import { log, type Runner, type RunnerEvent } from './state.ts';
import { end, fail, forget, persist, signal } from './work.ts';

/** The step at work, the clean-up among them. */
export function presentStep({ cleaning, document, step }: Runner): Step | undefined {
  return cleaning?.step ?? document?.steps[step];
}

/** A program was started: its time runs. */
export function startTimer(runner: Runner): void {
  const { timeoutSeconds } = presentStep(runner)!;
  runner.timedOut = runner.restarting = runner.stale = false;
  runner.timeoutAt = timeoutSeconds && runner.now + timeoutSeconds * 1_000;
}

/** On `wake`: a step that takes too long is asked to end, then killed; a device that has not restarted by now does not. */
function checkTimer(runner: Runner): void {
  if (!(runner.now >= runner.timeoutAt!)) return;
  runner.timeoutAt = undefined;
  if (runner.at !== 'running') return; // it is being ended already
  const { timeoutSeconds } = presentStep(runner)!;
  if (runner.restarting) {
    runner.restarting = false;
    fail(runner, `${nameStep(runner.document!, runner.step)}: the device did not restart within ${timeoutSeconds} s`);
    return;
  }
  runner.timedOut = true;
  signal(runner, 'SIGTERM');
  runner.killAt = runner.now + KILL_GRACE_MILLIS;
}

/** How a program ended, where it was not ended for its time. */
export function unlessLate(runner: Runner, { on, run, ...how }: Exited): Exited {
  const { timeoutSeconds } = presentStep(runner)!;
  return {
    on,
    run,
    ...(runner.timedOut ? { error: `it was ended after ${timeoutSeconds} s: its timeoutSeconds` } : how),
  };
}

/**
 * The service's step timer for an update: a minute more than the step has left, so that the device itself is first. Cancelled
 * when the step has no limit and one before had.
 */
export function stepTimer(runner: Runner): Pick<UpdateRequest, 'stepTimeoutInMinutes'> {
  const { timeoutAt, now, timerSet } = runner;
  const seconds = timeoutAt ? (timeoutAt - now) / 1_000 : presentStep(runner)?.timeoutSeconds;
  runner.timerSet = seconds !== undefined;
  if (seconds !== undefined)
    return { stepTimeoutInMinutes: Math.min(STEP_TIMEOUT_MINUTES_MAX, Math.ceil(Math.max(0, seconds) / 60) + 1) };
  return timerSet ? { stepTimeoutInMinutes: -1 } : {};
}

/**
 * The program of a step that restarts the device has ended: done, or by a signal of the system that goes down. The record still
 * says that it runs, and with which boot id.
 *
 * @returns false when it is none such
 */
export function awaitsRestart(runner: Runner, ended: Exited): boolean {
  if (runner.cleaning || runner.timedOut || runner.at !== 'running') return false;
  if (!presentStep(runner)?.restarts || !(ended.code === 0 || ended.signal)) return false;
  runner.restarting = true;
  runner.run = 0;
  log(runner, 'info', 'waits for the device to restart');
  return true;
}

/** On `stop`: the device goes down with a step that does just that; the record is left as it is. */
export function isGoingDown(runner: Runner): boolean {
  return runner.at === 'running' && !runner.cleaning && !runner.timedOut && presentStep(runner)?.restarts === true;
}

/** At boot, with a step that was running: what is known of it. @returns false when it cannot be known: the job fails */
export function resumeRunning(runner: Runner, record: Extract<JobRecord, { phase: 'running' }>): boolean {
  const { step, name, bootId, idempotent } = record;
  if (bootId !== undefined) {
    if (bootId === runner.facts!.bootId) {
      fail(runner, `${name}: the agent was restarted, but not the device: the kernel's boot id is the same`);
      return true;
    }
    log(runner, 'info', `${name}: the device has restarted`);
  } else if (!idempotent) return false;
  runner.at = 'resuming';
  runner.step = bootId === undefined ? step : step + 1;
  runner.repeating = bootId === undefined;
  return true;
}

/** Before a step starts. @returns false when there is nothing to start, and the job has ended instead */
export function mayStart(runner: Runner): boolean {
  const { repeating, document, step } = runner;
  runner.repeating = false;
  if (step === document!.steps.length) {
    end(runner, 'SUCCEEDED', finalDetails(runner, step - 1, 'SUCCEEDED', 'the device has restarted'));
    return false;
  }
  if (repeating && !document!.steps[step]!.idempotent) {
    fail(runner, `${nameStep(document!, step)} was interrupted by a power cut or a restart: it is not run again`);
    return false;
  }
  // What the service last heard of a timer was before the restart.
  if (runner.at === 'resuming') {
    runner.timerSet = document!.steps.some(({ timeoutSeconds }) => timeoutSeconds !== undefined);
    runner.untold = progressDetails(document!, step);
  }
  runner.cleanUp = document!.onFailure;
  return true;
}

/** What the record of a step that is about to run says beside its number and name. */
export function guardedPhase(runner: Runner) {
  const { idempotent, restarts } = presentStep(runner)!;
  return { idempotent, bootId: restarts ? runner.facts!.bootId : undefined, ...kept(runner) };
}

/** What outlives a restart between two steps. */
export function kept({ cleanUp, results }: Runner) {
  return WITH_CUSTOM ? { cleanUp, results } : { cleanUp };
}

/** A step has succeeded, and its handler wants this to be shown with the outcome; of all steps together the latest that fit. */
export function addResults(runner: Runner, { details: given }: Exited): void {
  if (!given || (WITH_LEGACY && runner.document!.operation)) return;
  const pairs = Object.entries({ ...runner.results, ...given });
  runner.results = Object.fromEntries(pairs.slice(-DETAILS_OF_HANDLERS_MAX));
}

/**
 * A job ends; when it did not succeed, its clean-up comes first.
 *
 * @param outcome  undefined: the service no longer wants to know it
 * @returns        false when there is nothing to clean up, or that had its turn
 */
export function cleanUpFirst(runner: Runner, outcome: Outcome | undefined): boolean {
  const { cleanUp } = runner;
  runner.cleanUp = undefined;
  if (!cleanUp || outcome?.status === 'SUCCEEDED') return false;
  runner.restarting = runner.stale = false;
  runner.cleaning = { step: cleanUp, outcome };
  runner.untold = outcome && { step: cleanUp.name, progress: 'onFailure' };
  runner.at = 'starting';
  persist(runner, { phase: 'cleaning', cleanUp, outcome });
  return true;
}

/** At boot, with a clean-up that was interrupted or had not begun: it is begun anew. */
export function resumeCleaning(runner: Runner, { cleanUp, outcome }: Extract<JobRecord, { phase: 'cleaning' }>): void {
  runner.cleanUp = cleanUp;
  cleanUpFirst(runner, outcome);
}

/** The clean-up has ended, well or not: now the job may. Asked to end meanwhile, the agent leaves it to the next boot. */
export function cleaned(runner: Runner, ended: Exited): void {
  const { outcome } = runner.cleaning!;
  const { reason: onFailure } = judge(unlessLate(runner, ended), 0);
  log(runner, 'info', `clean-up ended: ${onFailure}`);
  runner.killAt = Infinity;
  runner.run = 0;
  if (runner.at === 'stopping') {
    runner.finished = true;
    return;
  }
  runner.cleaning = undefined;
  if (!outcome) return forget(runner);
  end(runner, outcome.status, { ...outcome.statusDetails, onFailure });
}

/**
 * The service no longer holds the job. What cleans up goes on, with nothing to report after it; a device that is about to restart
 * is not waited for.
 *
 * @returns false when what runs has to be ended
 */
export function lostMeanwhile(runner: Runner): boolean {
  if (runner.cleaning) runner.cleaning = { ...runner.cleaning, outcome: undefined };
  else if (runner.restarting) forget(runner);
  else return false;
  return true;
}

/** No job is at work any more. */
export function resetGuards(runner: Runner): void {
  runner.cleaning = runner.cleanUp = runner.timeoutAt = undefined;
  if (WITH_CUSTOM) runner.results = undefined;
  runner.restarting = runner.repeating = runner.timedOut = runner.timerSet = runner.stale = false;
}

/** Takes what a handler tells of its step, and the time that is up. */
export function takeGuarded(runner: Runner, event: RunnerEvent): void {
  const { at, run, document, step, cleaning } = runner;
  if (event.on === 'wake') checkTimer(runner);
  if (at !== 'running' || cleaning) return;
  if (event.on === 'progressed' && event.run === run)
    runner.untold = { ...progressDetails(document!, step), ...details(event.details) };
  if (event.on === 'stale' && event.run === run) runner.stale = runner.doubt = true;
}

/** The document came anew for the step that runs. */
export function refreshed(runner: Runner, execution: JobExecution): void {
  const { at, run, step } = runner;
  if (at !== 'running' || !runner.stale || execution.jobDocument === undefined) return;
  runner.stale = false;
  const document = parseDocument(execution.jobDocument, runner.facts);
  const fresh = typeof document === 'string' ? undefined : document.steps[step];
  if (fresh) runner.out.push({ do: 'refreshed', run, step: fresh });
}
