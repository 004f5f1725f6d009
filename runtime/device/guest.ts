import type { LogLevel, Millis } from '../effects.ts';
import type { Step } from '../jobs/document.ts';
import { decodeRecord, encodeRecord, type JobRecord, type RecordedJob } from '../jobs/record.ts';
import { progressDetails } from '../jobs/runner/outcome.ts';
import { createRunner, runnerWakeAt, stepRunner } from '../jobs/runner/runner.ts';
import type { Runner, RunnerEvent } from '../jobs/runner/state.ts';
import type { StatusDetails } from '../jobs/statusDetails.ts';
import { decodeMessage, encodeAsk } from './jobsOverMqtt.ts';

/**
 * A Thing that is a guest on a connection of others: a microcontroller behind its bridge. The same runner as a board's,
 * with these differences:
 *
 * - Jobs are taken while the microcontroller is present only: until then they stay QUEUED, as for a board that is off.
 * - A step whose run was cut off by an end of the bridge is begun again as `resumed`. The step itself knows whether it may go on: a
 *   command is looked up on the microcontroller by its number and never sent again, an image goes on where it is.
 * - The one who carries steps out tells how far they are.
 */
export interface Guest {
  runner: Runner;
  /** The connection stands. */
  connected: boolean;
  /** The microcontroller answers. */
  present: boolean;
  /** The step that ran when the bridge ended. */
  cutOff: Pick<JobAt, 'job' | 'index'> | undefined;
  /** The time of the last `wake` effect; Infinity: never. */
  wakeAt: Millis;
}

/** A step of a job, by where it is. */
export interface JobAt {
  job: RecordedJob;
  /** Counted from 0. */
  index: number;
  /** An earlier process of the bridge began it. */
  resumed: boolean;
}

export type GuestEvent =
  | Exclude<
      RunnerEvent,
      { on: 'boot' | 'online' | 'offline' | 'accepted' | 'rejected' | 'nextChanged' | 'progressed' | 'stale' }
    >
  | { on: 'boot'; record: Uint8Array | undefined; seed: number }
  | { on: 'connected' | 'disconnected' | 'present' | 'absent' }
  | { on: 'message'; topic: string; payload: Uint8Array }
  /** More to tell of the step that runs, beside its name and number. */
  | { on: 'progress'; run: number; details: StatusDetails };

export type GuestEffect =
  | { do: 'publish'; topic: string; payload: Uint8Array; qos: 0 | 1; key: string }
  | { do: 'persist'; record: Uint8Array }
  | ({ do: 'run'; run: number; step: Step } & JobAt)
  /** The job of the step that was cut off is gone: what may still run of it is to be ended. */
  | ({ do: 'abandon' } & JobAt)
  | { do: 'signal'; run: number; signal: 'SIGTERM' | 'SIGKILL' }
  | { do: 'wake'; at: Millis | undefined }
  | { do: 'log'; level: LogLevel; message: string; jobId?: string | undefined }
  | { do: 'exit' };

export function createGuest(thingName: string): Guest {
  return { runner: createRunner(thingName), connected: false, present: false, cutOff: undefined, wakeAt: Infinity };
}

/** `boot` comes first. Effects are to be carried out in their order. */
export function stepGuest(before: Guest, event: GuestEvent, now: Millis): [Guest, GuestEffect[]] {
  const guest = { ...before };
  const out: GuestEffect[] = [];
  if (before.runner.finished) return [before, out];
  take(guest, event, now, out);
  const online = guest.connected && (guest.present || guest.runner.at !== 'idle');
  if (online !== guest.runner.online) toRunner(guest, { on: online ? 'online' : 'offline' }, now, out);
  if (guest.cutOff && (guest.runner.at === 'idle' || guest.runner.at === 'forgetting')) {
    out.push({ do: 'abandon', ...guest.cutOff, resumed: true });
    guest.cutOff = undefined;
  }
  if (guest.runner.finished) out.push({ do: 'exit' });
  guest.wakeAt = runnerWakeAt(guest.runner);
  if (guest.wakeAt !== before.wakeAt) out.push({ do: 'wake', at: guest.wakeAt < Infinity ? guest.wakeAt : undefined });
  return [guest, out];
}

function take(guest: Guest, event: GuestEvent, now: Millis, out: GuestEffect[]): void {
  const { runner } = guest;
  switch (event.on) {
    case 'boot':
      return toRunner(guest, { ...event, record: recordOf(guest, event.record, out) }, now, out);
    case 'connected':
    case 'disconnected':
      guest.connected = event.on === 'connected';
      return;
    case 'present':
    case 'absent':
      guest.present = event.on === 'present';
      return;
    case 'message': {
      const message = decodeMessage(runner.thingName, event.topic, event.payload);
      if (typeof message === 'string')
        out.push({ do: 'log', level: 'warn', message: `a message was ignored: ${message}` });
      else if (message) toRunner(guest, message, now, out);
      return;
    }
    case 'progress':
      if (runner.at !== 'running' || runner.run !== event.run || !runner.document) return;
      guest.runner = { ...runner, untold: { ...progressDetails(runner.document, runner.step), ...event.details } };
      return toRunner(guest, { on: 'wake' }, now, out);
    case 'stop':
      // What runs goes on without us, and the record says how to take it up.
      if (runner.at === 'running') {
        guest.runner = { ...runner, finished: true };
        return;
      }
      return toRunner(guest, event, now, out);
    default:
      toRunner(guest, event, now, out);
  }
}

function toRunner(guest: Guest, event: RunnerEvent, now: Millis, out: GuestEffect[]): void {
  const [runner, effects] = stepRunner(guest.runner, event, now);
  guest.runner = runner;
  for (const effect of effects) {
    if (effect.do === 'ask') {
      // Nothing new is begun for a microcontroller that is away; when it is back, it is asked anew.
      if (runner.at === 'idle' && !guest.present) continue;
      out.push({ do: 'publish', ...encodeAsk(runner.thingName, effect.request), qos: effect.once ? 0 : 1 });
    } else if (effect.do === 'run') {
      out.push({ ...effect, ...whichStep(guest) });
    } else if (effect.do !== 'refreshed')
      out.push(effect.do === 'persist' ? { do: 'persist', record: encodeRecord(effect.record) } : effect);
  }
}

function whichStep(guest: Guest): JobAt {
  const { job, step } = guest.runner as Runner & { job: RecordedJob };
  const { cutOff } = guest;
  guest.cutOff = undefined;
  return { job, index: step, resumed: cutOff !== undefined && isSame(cutOff.job, job) && cutOff.index === step };
}

function isSame(one: RecordedJob, other: RecordedJob): boolean {
  return one.jobId === other.jobId && one.executionNumber === other.executionNumber && one.queuedAt === other.queuedAt;
}

/** The record as the runner takes it up: a step that ran is the one to go on with. */
function recordOf(guest: Guest, bytes: Uint8Array | undefined, out: GuestEffect[]): JobRecord | undefined {
  const record = bytes && decodeRecord(bytes);
  if (record === undefined) return undefined;
  const { thingName } = guest.runner;
  if (record.thingName !== thingName) {
    out.push({ do: 'log', level: 'warn', message: `the record on disk is of thing ${record.thingName}: not used` });
    return undefined;
  }
  if (record.phase !== 'running') return record;
  guest.cutOff = { job: record.job, index: record.step };
  return { thingName, job: record.job, phase: 'claimed', step: record.step };
}
