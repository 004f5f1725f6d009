/**
 * One image to a device: announced, pulled in blocks, verified and switched to by it, and confirmed by its HELLO. Every part
 * may be repeated, so whatever is lost or restarted on the way, it begins again at FLASH and goes on where the device is.
 *
 *     waiting for the device -> FLASH -> PULL ... PULL -> SWITCH -> waiting for HELLO with the hash -> ended
 */
import type { Millis } from '../effects.ts';
import { ProtocolError } from '../errors.ts';
import type { DeviceHello } from './hello.ts';
import { decodeState, encodeAsking, isState, type State } from './jobs.ts';
import {
  FIRMWARE_HASH_BYTES_MIN,
  FRAME_BYTES_AROUND_BODY,
  POLL_MILLIS_MAX,
  POLL_MILLIS_MIN,
  PULL_BYTES_MAX,
  STALL_MILLIS_MAX,
  SWITCH_MILLIS_MAX,
  SWITCH_POLL_MILLIS,
} from './limits.ts';
import { decodePull, encodeBlock, type Pull } from './pull.ts';
import { createSupply, type Supply, supply } from './supply.ts';
import type { TaskEffect, TaskEvent, TaskState } from './task.ts';

export interface FlashTask extends TaskState {
  readonly kind: 'flash';
  readonly image: Uint8Array;
  readonly sha256: Uint8Array;
  /** 0: the firmware that runs; others are the device's own. */
  readonly slot: number;
  readonly at: 'waiting' | 'announcing' | 'pulling' | 'switching' | 'confirming';
  readonly supply: Supply;
  /** As its last HELLO was. */
  readonly device: DeviceHello | undefined;
  readonly isUp: boolean;
  /** Boot-id of the device that was told to switch. */
  readonly switched: number | undefined;
  /** The furthest that the device has come, and when it is given up for not coming further. */
  readonly offset: number;
  readonly giveUpAt: Millis;
  readonly pauseMillis: number;
}

type Step = [FlashTask, TaskEffect[]];

/** @param sha256  of the image */
export function createFlashTask(of: { image: Uint8Array; sha256: Uint8Array; slot: number }, now: Millis): FlashTask {
  return {
    kind: 'flash',
    ...of,
    at: 'waiting',
    supply: createSupply(of.image),
    device: undefined,
    isUp: false,
    switched: undefined,
    offset: -1,
    giveUpAt: now + STALL_MILLIS_MAX,
    pauseMillis: POLL_MILLIS_MIN,
    nextId: 1,
    asked: undefined,
    wakeAt: now + STALL_MILLIS_MAX,
    ended: false,
  };
}

export function stepFlash(task: FlashTask, event: TaskEvent, now: Millis): Step {
  if (task.ended) return [task, []];
  try {
    return decide(task, event, now);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return end(task, false, `the device's answer cannot be read: ${error.message}`);
  }
}

function decide(task: FlashTask, event: TaskEvent, now: Millis): Step {
  switch (event.on) {
    case 'up':
      return up({ ...task, device: event.device, isUp: true }, event.device, now);
    case 'down':
      return [{ ...task, isUp: false, wakeAt: task.giveUpAt }, []];
    case 'stop':
      return end(task, false, 'it was stopped');
    case 'reply':
      return event.id === task.asked ? reply({ ...task, asked: undefined }, event.body, now) : [task, []];
    case 'lost': // the link tells `up` next
      return event.id === task.asked ? [{ ...task, asked: undefined, wakeAt: task.giveUpAt }, []] : [task, []];
    case 'wake':
      return wake(task, now);
  }
}

function up(task: FlashTask, device: DeviceHello, now: Millis): Step {
  const { sha256, slot, switched } = task;
  if (slot === 0 && runs(device, sha256)) {
    const did = switched === undefined ? 'already runs' : 'runs';
    return end(task, true, `the device ${did} the firmware ${hexOf(sha256)}`);
  }
  if (switched !== undefined && switched !== device.bootId) {
    const found = device.firmwareHash
      ? `the firmware ${hexOf(device.firmwareHash)}`
      : 'a firmware whose hash it does not tell';
    return end(task, false, `the device restarted with ${found} instead of ${hexOf(sha256)}`);
  }
  if (task.asked !== undefined) return [task, []]; // the link sends it again by itself
  if (task.at === 'confirming') return [{ ...task, wakeAt: now + SWITCH_POLL_MILLIS }, []];
  return announce(task);
}

/** As far as the device tells its hash: whole or its first bytes. */
function runs({ firmwareHash }: DeviceHello, sha256: Uint8Array): boolean {
  if (firmwareHash === undefined || firmwareHash.length < FIRMWARE_HASH_BYTES_MIN) return false;
  return firmwareHash.length <= sha256.length && firmwareHash.every((byte, i) => byte === sha256[i]);
}

function announce(task: FlashTask): Step {
  const { image, sha256, slot } = task;
  const asking = encodeAsking({ operation: 'FLASH', size: image.length, sha256, image: slot });
  return request({ ...task, at: 'announcing', supply: createSupply(image) }, asking);
}

function request(task: FlashTask, body: Uint8Array, before: TaskEffect[] = []): Step {
  const id = task.nextId;
  return [{ ...task, asked: id, nextId: id + 1, wakeAt: task.giveUpAt }, [...before, { do: 'request', id, body }]];
}

function reply(task: FlashTask, body: Uint8Array, now: Millis): Step {
  // Late, from a device that has not answered HELLO again: when it has, all is asked anew.
  if (!task.isUp && (task.at === 'announcing' || task.at === 'pulling'))
    return [{ ...task, wakeAt: task.giveUpAt }, []];
  switch (task.at) {
    case 'announcing':
      if (isState(body)) return refused(task, decodeState(body));
      return pulled({ ...task, at: 'pulling' }, decodePull(body), now);
    case 'pulling':
      if (isState(body)) return refused(task, decodeState(body));
      return pulled(task, decodePull(body), now);
    case 'switching':
      return verified(task, decodeState(body), now);
    default: // the poll of a device that has not restarted yet
      return [{ ...task, wakeAt: Math.min(now + SWITCH_POLL_MILLIS, task.giveUpAt) }, []];
  }
}

function refused(task: FlashTask, { state, words }: State): Step {
  if (state === 'refused') return end(task, false, `the device takes no firmware${words ? `: ${words}` : ''}`);
  return end(task, false, `the device refuses the image${words ? `: ${words}` : ''}`);
}

function pulled(task: FlashTask, asked: Pull, now: Millis): Step {
  // As much as it wants, but not without a bound: what is sent is held here until it has left.
  const pull = { ...asked, count: Math.min(asked.count, Math.ceil(PULL_BYTES_MAX / Math.max(asked.length, 1))) };
  const { image, device } = task;
  const effects: TaskEffect[] = [];
  let next = task;
  if (pull.offset > task.offset) {
    next = { ...task, offset: pull.offset, giveUpAt: now + STALL_MILLIS_MAX, pauseMillis: POLL_MILLIS_MIN };
    const percent = Math.floor((100 * Math.min(pull.offset, image.length)) / image.length);
    effects.push({ do: 'progress', progress: { percent, bytes: Math.min(pull.offset, image.length) } });
  }
  if (pull.offset >= image.length) return withEffects(effects, switchOver(next));
  const room = (device?.frameBytesMax ?? 0) - FRAME_BYTES_AROUND_BODY;
  if (encodeBlock({ offset: pull.offset, bytes: image.subarray(0, pull.length) }).length > room)
    return end(next, false, `the device asks for blocks of ${pull.length} bytes, and takes bodies of ${room}`);
  const [sent, todo] = supply(task.supply, pull);
  next = { ...next, supply: sent };
  if (!todo.includes('ask')) return withEffects(effects, [rest(next, now), []]); // nothing to take it with just now
  let last = next;
  for (const one of todo) {
    if (one === 'ask') {
      const [after, [question]] = request(next, encodeAsking({ operation: 'PULL' }));
      last = after;
      effects.push(question!);
    } else effects.push({ do: 'data', body: encodeBlock(one) });
  }
  return [last, effects];
}

function rest(task: FlashTask, now: Millis): FlashTask {
  const { pauseMillis } = task;
  const wakeAt = Math.min(now + pauseMillis, task.giveUpAt);
  return { ...task, wakeAt, pauseMillis: Math.min(pauseMillis * 2, POLL_MILLIS_MAX) };
}

function switchOver(task: FlashTask): Step {
  return request({ ...task, at: 'switching' }, encodeAsking({ operation: 'SWITCH' }));
}

function verified(task: FlashTask, { state, words }: State, now: Millis): Step {
  if (state === 'running')
    return [rest(task, now), [{ do: 'progress', progress: { percent: 100, words: 'verifying' } }]];
  if (state !== 'succeeded')
    return end(task, false, `the device does not accept the image: ${words ?? 'it is not the one that was announced'}`);
  if (task.slot !== 0) return end(task, true, `the device has verified image ${task.slot}, ${hexOf(task.sha256)}`);
  const giveUpAt = now + SWITCH_MILLIS_MAX;
  return [
    { ...task, at: 'confirming', switched: task.device?.bootId, giveUpAt, wakeAt: now + SWITCH_POLL_MILLIS },
    [{ do: 'progress', progress: { percent: 100, words: 'restarting' } }],
  ];
}

function wake(task: FlashTask, now: Millis): Step {
  if (now < task.wakeAt) return [task, []];
  if (now >= task.giveUpAt)
    return task.at === 'confirming'
      ? end(task, false, `the device did not restart with the image within ${SWITCH_MILLIS_MAX / 1000} s`)
      : end(
          task,
          false,
          `no progress for ${STALL_MILLIS_MAX / 1000} s, at ${Math.max(task.offset, 0)} of ${task.image.length} bytes`,
        );
  if (task.asked !== undefined || !task.isUp) return [{ ...task, wakeAt: task.giveUpAt }, []];
  if (task.at === 'switching') return switchOver(task);
  // A device that has restarted and is not allowed to say so is found by a question.
  if (task.at === 'confirming') return request(task, encodeAsking({ operation: 'PING' }));
  return task.at === 'pulling' ? request(task, encodeAsking({ operation: 'PULL' })) : announce(task);
}

function end(task: FlashTask, succeeded: boolean, reason: string): Step {
  const ended: FlashTask = { ...task, ended: true, asked: undefined, wakeAt: Infinity };
  return [ended, [{ do: 'ended', outcome: { succeeded, reason } }]];
}

function withEffects(before: TaskEffect[], [task, effects]: Step): Step {
  return [task, [...before, ...effects]];
}

const HASH_BYTES_SHOWN = 8;

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, HASH_BYTES_SHOWN), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
