/**
 * What a task that a device does over its link is told, and may ask for. commandTask.ts and flashTask.ts are the two
 * kinds; each is a step, and one is at work per device at a time.
 */
import type { Millis } from '../effects.ts';
import type { Cbor } from './cbor.ts';
import type { DeviceHello } from './hello.ts';

export type TaskEvent =
  /** The device answers: to be told once when the task begins, if it does, and then with each `up` of the link. */
  | { on: 'up'; device: DeviceHello }
  | { on: 'down'; reason: string }
  /** To the request of this number. */
  | { on: 'reply'; id: number; body: Uint8Array }
  | { on: 'lost'; id: number; ran: 'no' | 'unknown'; reason: string }
  /** End as soon as possible. */
  | { on: 'stop' }
  | { on: 'wake' };

export type TaskEffect =
  | { do: 'request'; id: number; body: Uint8Array }
  | { do: 'data'; body: Uint8Array }
  | { do: 'progress'; progress: Progress }
  /** Nothing follows it. */
  | { do: 'ended'; outcome: TaskOutcome };

/** How far it is, for people. */
export interface Progress {
  readonly percent?: number;
  readonly words?: string;
  /** Of an image. */
  readonly bytes?: number;
}

export interface TaskOutcome {
  readonly succeeded: boolean;
  /** One sentence. */
  readonly reason: string;
  readonly result?: Cbor;
}

/** What both kinds have: the next number of a request, the one under way, and when to be woken (Infinity: never). */
export interface TaskState {
  readonly nextId: number;
  readonly asked: number | undefined;
  readonly wakeAt: Millis;
  readonly ended: boolean;
}
