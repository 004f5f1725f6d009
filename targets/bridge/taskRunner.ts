import type { Millis } from '../../runtime/effects.ts';
import { type CommandTask, stepCommand } from '../../runtime/serial/commandTask.ts';
import { type FlashTask, stepFlash } from '../../runtime/serial/flashTask.ts';
import type { DeviceHello } from '../../runtime/serial/hello.ts';
import type { Progress, TaskEvent, TaskOutcome } from '../../runtime/serial/task.ts';
import type { Alarm } from './clock.ts';
import { SYSTEM, type Time } from './surroundings.ts';

export type Task = CommandTask | FlashTask;

export interface TaskListener {
  progress?(progress: Progress): void;
  ended(outcome: TaskOutcome): void;
}

/** What a task speaks through: one device of a line. */
export interface Station {
  request(body: Uint8Array, answered: Answered): void;
  /** A block of an image, which has this name: others may want the same. */
  data(body: Uint8Array, image: string): void;
}

export interface Answered {
  reply(body: Uint8Array): void;
  lost(ran: 'no' | 'unknown', reason: string): void;
}

/** Does one task after another on a device that may be away. */
export interface TaskRunner {
  /** The device answers: for the first time, or after a reset. */
  attach(station: Station, device: DeviceHello): void;
  detach(reason: string): void;
  start(task: Task, listener: TaskListener): void;
  /** Asks the task to end. */
  stop(): void;
  /** Forgets the task; it tells nothing more. */
  drop(): void;
}

function imageOf(task: Task): string {
  return task.kind === 'flash' ? `${Buffer.from(task.sha256).toString('hex')} ${task.slot}` : '';
}

export function createTaskRunner({ clock, ring }: Time = SYSTEM): TaskRunner {
  let at: { station: Station; device: DeviceHello } | undefined;
  let task: Task | undefined;
  let listener: TaskListener | undefined;
  let timer: Alarm | undefined;

  function tell(event: TaskEvent): void {
    if (task === undefined) return;
    const [next, effects] =
      task.kind === 'command' ? stepCommand(task, event, clock()) : stepFlash(task, event, clock());
    task = next.ended ? undefined : next;
    wakeAt(next.wakeAt);
    const mine = listener;
    for (const effect of effects) {
      if (effect.do === 'request') ask(effect.id, effect.body);
      else if (effect.do === 'data') at?.station.data(effect.body, imageOf(next));
      else if (effect.do === 'progress') mine?.progress?.(effect.progress);
      else mine?.ended(effect.outcome);
    }
  }

  function ask(id: number, body: Uint8Array): void {
    const mine = listener;
    const ifCurrent = (event: TaskEvent) => {
      if (listener === mine) tell(event);
    };
    at?.station.request(body, {
      reply: (answer) => ifCurrent({ on: 'reply', id, body: answer }),
      lost: (ran, reason) => ifCurrent({ on: 'lost', id, ran, reason }),
    });
  }

  function wakeAt(time: Millis): void {
    timer?.cancel();
    if (time < Infinity) timer = ring(time, () => tell({ on: 'wake' }));
  }

  return {
    attach: (station, device) => {
      at = { station, device };
      tell({ on: 'up', device });
    },
    detach: (reason) => {
      at = undefined;
      tell({ on: 'down', reason });
    },
    start: (first, to) => {
      task = first;
      listener = to;
      wakeAt(first.wakeAt);
      if (at) tell({ on: 'up', device: at.device });
    },
    stop: () => tell({ on: 'stop' }),
    drop: () => {
      task = listener = undefined;
      timer?.cancel();
    },
  };
}
