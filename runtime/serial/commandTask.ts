/**
 * One command on a device, at most once: RUN, then STATUS until it has ended. A host that was restarted takes it up where
 * it is; after a reset of the device nobody knows how far it came, so it is not run again.
 *
 *     waiting for the device -> RUN or STATUS asked <-> resting -> ended
 */
import type { Millis } from '../effects.ts';
import { ProtocolError } from '../errors.ts';
import type { DeviceHello } from './hello.ts';
import { commandsOf, decodeState, encodeAsking, type State } from './jobs.ts';
import {
  BUSY_MILLIS_MAX,
  FRAME_BYTES_AROUND_BODY,
  MISSING_MILLIS_MAX,
  POLL_MILLIS_MAX,
  POLL_MILLIS_MIN,
} from './limits.ts';
import type { TaskEffect, TaskEvent, TaskOutcome, TaskState } from './task.ts';

export interface CommandTask extends TaskState {
  readonly kind: 'command';
  readonly run: number;
  readonly command: string;
  /** The body of RUN. */
  readonly body: Uint8Array;
  /** RUN went out from an earlier process of this host, to whichever device was there then. */
  readonly resumed: boolean;
  /** The boot-id of the device that RUN was sent to by us. */
  readonly sentTo: number | undefined;
  /** It has said that it runs. */
  readonly accepted: boolean;
  readonly askedTo: 'RUN' | 'STATUS' | 'STOP';
  readonly device: DeviceHello | undefined;
  readonly stopping: boolean;
  readonly pauseMillis: number;
  /** When a device that does not answer, or is busy, is given up. */
  readonly giveUpAt: Millis;
  readonly busy: boolean;
  readonly told: string;
}

type Step = [CommandTask, TaskEffect[]];

/**
 * @param run      another one for each run of this device: 1..2^32-1
 * @param body     RUN with that number
 * @param resumed  an earlier process may have sent it
 */
export function createCommandTask(
  of: { run: number; command: string; body: Uint8Array; resumed: boolean },
  now: Millis,
): CommandTask {
  return {
    kind: 'command',
    ...of,
    sentTo: undefined,
    accepted: false,
    askedTo: 'RUN',
    device: undefined,
    stopping: false,
    pauseMillis: POLL_MILLIS_MIN,
    giveUpAt: now + MISSING_MILLIS_MAX,
    busy: false,
    told: '',
    nextId: 1,
    asked: undefined,
    wakeAt: now + MISSING_MILLIS_MAX,
    ended: false,
  };
}

export function stepCommand(task: CommandTask, event: TaskEvent, now: Millis): Step {
  if (task.ended) return [task, []];
  switch (event.on) {
    case 'up':
      return up({ ...task, device: event.device, giveUpAt: Infinity }, event.device);
    case 'down': {
      if (task.device === undefined) return [task, []];
      const giveUpAt = now + MISSING_MILLIS_MAX;
      return [{ ...task, device: undefined, giveUpAt, wakeAt: giveUpAt }, []];
    }
    case 'stop':
      return task.device && task.asked === undefined
        ? ask({ ...task, stopping: true })
        : [{ ...task, stopping: true }, []];
    case 'reply':
      return event.id === task.asked ? reply({ ...task, asked: undefined }, event.body, now) : [task, []];
    case 'lost':
      return event.id === task.asked ? [lost(task, event.ran), []] : [task, []];
    case 'wake':
      return wake(task, now);
  }
}

/** The link tells `up` next. Not seen at all is as if it had not been sent. */
function lost(task: CommandTask, ran: 'no' | 'unknown'): CommandTask {
  const unsent = ran === 'no' && task.askedTo === 'RUN';
  return { ...task, asked: undefined, sentTo: unsent ? undefined : task.sentTo };
}

function up(task: CommandTask, device: DeviceHello): Step {
  if (task.sentTo !== undefined && task.sentTo !== device.bootId)
    return end(task, false, `the device restarted while '${task.command}' ran: it is not run again`);
  if (task.asked !== undefined) return [task, []]; // the link sends it again by itself
  return ask(task);
}

/** RUN when it cannot have run; STATUS, or STOP, when it may have. */
function ask(task: CommandTask): Step {
  const { device, run, command, stopping } = task;
  if (device === undefined) return [{ ...task, wakeAt: task.giveUpAt }, []];
  if (task.resumed || task.sentTo !== undefined) {
    const operation = stopping ? 'STOP' : 'STATUS';
    return request(task, operation, encodeAsking({ operation, run }));
  }
  if (stopping) return end(task, false, 'it was stopped before it began');
  const commands = commandsOf(device);
  if (!commands.includes(command))
    return end(
      task,
      false,
      `the device has no command '${command}': it announces ${commands.length > 0 ? commands.join(', ') : 'none'}`,
    );
  const size = task.body.length + FRAME_BYTES_AROUND_BODY;
  if (size > device.frameBytesMax)
    return end(
      task,
      false,
      `'${command}' with its arguments takes a frame of ${size} bytes: the device takes ${device.frameBytesMax}`,
    );
  return request({ ...task, sentTo: device.bootId }, 'RUN', task.body);
}

function request(task: CommandTask, askedTo: CommandTask['askedTo'], body: Uint8Array): Step {
  const id = task.nextId;
  return [{ ...task, asked: id, askedTo, nextId: id + 1, wakeAt: task.giveUpAt }, [{ do: 'request', id, body }]];
}

function reply(task: CommandTask, body: Uint8Array, now: Millis): Step {
  let state: State;
  try {
    state = decodeState(body);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return end(task, false, `the device's answer cannot be read: ${error.message}`);
  }
  switch (state.state) {
    case 'running':
      return running(task, state, now);
    case 'succeeded':
      return end(task, true, `${task.command} succeeded`, state);
    case 'failed':
      return end(task, false, `${task.command} failed${state.words ? `: ${state.words}` : ''}`, state);
    case 'refused':
      return end(task, false, `the device refuses '${task.command}'${state.words ? `: ${state.words}` : ''}`, state);
    case 'busy':
      return busy(task, now);
    case 'unknown':
      // The device is the one that RUN went to, and has not seen it; what was sent can no longer arrive.
      if (task.sentTo !== undefined && !task.accepted) return ask({ ...task, sentTo: undefined, resumed: false });
      return end(
        task,
        false,
        `'${task.command}' was interrupted, and the device does not know of it any more: it is not run again`,
      );
  }
}

function running(task: CommandTask, { progress, words }: State, now: Millis): Step {
  const told = `${progress ?? ''} ${words ?? ''}`;
  const { pauseMillis } = task;
  const rested: CommandTask = {
    ...task,
    told,
    accepted: true,
    busy: false,
    giveUpAt: Infinity,
    wakeAt: now + pauseMillis,
    pauseMillis: Math.min(pauseMillis * 2, POLL_MILLIS_MAX),
  };
  const effects: TaskEffect[] =
    told === task.told || told === ' '
      ? []
      : [
          {
            do: 'progress',
            progress: { ...(progress === undefined ? {} : { percent: progress }), ...(words ? { words } : {}) },
          },
        ];
  return task.stopping && task.pauseMillis < POLL_MILLIS_MAX ? withEffects(ask(rested), effects) : [rested, effects];
}

/** It did not run: asked again until what occupies the device has ended. */
function busy(task: CommandTask, now: Millis): Step {
  const giveUpAt = task.busy ? task.giveUpAt : now + BUSY_MILLIS_MAX;
  const { pauseMillis } = task;
  const next = { ...task, busy: true, giveUpAt, sentTo: undefined, wakeAt: now + pauseMillis };
  return [{ ...next, pauseMillis: Math.min(pauseMillis * 2, POLL_MILLIS_MAX) }, []];
}

function wake(task: CommandTask, now: Millis): Step {
  if (now < task.wakeAt) return [task, []];
  if (now >= task.giveUpAt) {
    if (task.busy) return end(task, false, `the device is busy with another command for ${BUSY_MILLIS_MAX / 1000} s`);
    return end(task, false, `the device did not answer for ${MISSING_MILLIS_MAX / 1000} s`);
  }
  return task.asked === undefined ? ask({ ...task, wakeAt: Infinity }) : [task, []];
}

function end(task: CommandTask, succeeded: boolean, reason: string, { result }: Partial<State> = {}): Step {
  const outcome: TaskOutcome = { succeeded, reason, ...(result === undefined ? {} : { result }) };
  return [{ ...task, ended: true, asked: undefined, wakeAt: Infinity }, [{ do: 'ended', outcome }]];
}

function withEffects([task, effects]: Step, before: TaskEffect[]): Step {
  return [task, [...before, ...effects]];
}
