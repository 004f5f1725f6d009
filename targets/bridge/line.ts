/** One serial port and the devices on it: bytes to frames, frames to links, links to the tasks that use them. */
import { randomInt } from 'node:crypto';
import type { Millis } from '../../runtime/effects.ts';
import { type CommandTask, stepCommand } from '../../runtime/serial/commandTask.ts';
import { type FlashTask, stepFlash } from '../../runtime/serial/flashTask.ts';
import type { Frame } from '../../runtime/serial/frame.ts';
import type { DeviceHello } from '../../runtime/serial/hello.ts';
import { createLink, type Link, type LinkEffect, type LinkEvent, step } from '../../runtime/serial/link.ts';
import { createSplitter, type Found, lastLine, split } from '../../runtime/serial/splitter.ts';
import type { Progress, TaskEvent, TaskOutcome } from '../../runtime/serial/task.ts';
import { type AttachedPort, attachPort } from '../../transports/serial/attachedPort.ts';
import type { ModemLines, SerialShell } from '../../transports/serial/serialPort.ts';
import { clock } from './clock.ts';

export type Task = CommandTask | FlashTask;

/** What a line tells. All but `opened` and `closed` say which device, by its address. */
export interface LineListener {
  opened?(path: string, baud: number): void;
  closed?(reason: string): void;
  /** The device has said who it is, for the first time or after a reset. */
  up?(addr: number, device: DeviceHello): void;
  down?(addr: number, reason: string): void;
  /** A line that a device printed between frames; not on a bus. */
  text?(line: string): void;
  /** Bytes that were neither frame nor text. */
  noise?(count: number): void;
  /** Every frame, in both directions. */
  frame?(frame: Frame): void;
  /** Every portion of bytes, in both directions. */
  bytes?(bytes: Uint8Array, from: 'host' | 'device'): void;
}

export interface TaskListener {
  progress?(progress: Progress): void;
  ended(outcome: TaskOutcome): void;
}

export interface LineOptions {
  /** See portNames.ts. */
  port: string;
  /** The rate; with several the one at which a device answers. */
  bauds: readonly number[];
  /** Who is on it: 0 alone, or 1..246. */
  addresses: readonly number[];
  /** Several devices share it, also when none of them is spoken with: nobody prints. */
  bus?: boolean;
  shell: SerialShell;
  /** For a device that is reset by DTR: set when the port has been opened. */
  lines?: ModemLines;
}

export interface Line {
  /** Begins a task; the one before must have ended. `ended` may be told before this returns. */
  start(addr: number, task: Task, listener: TaskListener): void;
  /** Tells the task to end. */
  stop(addr: number): void;
  /** One request and its reply, beside the task. Rejects when it is lost. */
  ask(addr: number, body: Uint8Array): Promise<Uint8Array>;
  device(addr: number): DeviceHello | undefined;
  end(): Promise<void>;
}

/** One device of the line. */
interface Station {
  link: Link;
  /** What the link is still to be told: one thing at a time. */
  events: LinkEvent[];
  stepping: boolean;
  timer: NodeJS.Timeout | undefined;
  /** As the link told last. */
  device: DeviceHello | undefined;
  task: Task | undefined;
  taskListener: TaskListener | undefined;
  taskTimer: NodeJS.Timeout | undefined;
  /** Requests of the link by their numbers: the task's own number, or who waits for the reply. */
  waiting: Map<number, number | { resolve(body: Uint8Array): void; reject(error: Error): void }>;
}

export function openLine(options: LineOptions, listener: LineListener): Line {
  const { port: name, bauds, addresses, shell, lines, bus = !addresses.includes(0) } = options;
  const stations = new Map<number, Station>();
  let rate = 0;
  let nextId = 1;
  let heard = false;
  let splitter = createSplitter({ bus });
  let echo = createSplitter({ bus });
  let isOpen = false;
  const port: AttachedPort = attachPort(name, bauds[0]!, shell, { onOpened: opened, onBytes, onClosed: closed });
  for (const addr of addresses) stations.set(addr, createStation(addr));

  function createStation(addr: number): Station {
    const none = {
      device: undefined,
      task: undefined,
      taskListener: undefined,
      timer: undefined,
      taskTimer: undefined,
    };
    return { link: newLink(addr), events: [], stepping: false, ...none, waiting: new Map() };
  }

  function newLink(addr: number): Link {
    return createLink({ addr, host: randomInt(1, 2 ** 32), baud: bauds[rate]! });
  }

  function opened(path: string): void {
    isOpen = true;
    splitter = createSplitter({ bus });
    echo = createSplitter({ bus });
    listener.opened?.(path, bauds[rate]!);
    if (lines) port.setLines(lines).catch((error: Error) => listener.closed?.(error.message));
    for (const station of stations.values()) tell(station, { on: 'opened' });
  }

  function closed(reason: string): void {
    if (isOpen) found(lastLine(splitter));
    isOpen = false;
    listener.closed?.(reason);
    for (const station of stations.values()) tell(station, { on: 'closed' });
  }

  function onBytes(bytes: Uint8Array): void {
    listener.bytes?.(bytes, 'device');
    const { noiseBytes } = splitter;
    found(split(splitter, bytes));
    if (splitter.noiseBytes > noiseBytes) listener.noise?.(splitter.noiseBytes - noiseBytes);
  }

  function found(all: Found[]): void {
    for (const one of all) {
      if ('line' in one) listener.text?.(one.line);
      else {
        listener.frame?.(one.frame);
        const station = stations.get(one.frame.addr);
        if (station) tell(station, { on: 'frame', frame: one.frame });
      }
    }
  }

  function write(bytes: Uint8Array): void {
    listener.bytes?.(bytes, 'host');
    if (listener.frame) for (const one of split(echo, bytes)) if ('frame' in one) listener.frame(one.frame);
    port.write(bytes);
  }

  function tell(station: Station, event: LinkEvent): void {
    station.events.push(event);
    if (station.stepping) return;
    station.stepping = true;
    for (let next = station.events.shift(); next !== undefined; next = station.events.shift()) {
      const [link, effects] = step(station.link, next, clock());
      station.link = link;
      for (const effect of effects) carryOut(station, effect);
    }
    station.stepping = false;
  }

  function carryOut(station: Station, effect: LinkEffect): void {
    switch (effect.do) {
      case 'write':
        return write(effect.bytes);
      case 'up':
        heard = true;
        station.device = effect.device;
        listener.up?.(station.link.addr, effect.device);
        return tellTask(station, { on: 'up', device: effect.device });
      case 'down':
        return down(station, effect.reason);
      case 'reply':
        return replied(station, effect.id, effect.body);
      case 'lost':
        return lost(station, effect);
      case 'wake':
        clearTimeout(station.timer);
        if (effect.at !== undefined) station.timer = ring(effect.at, () => tell(station, { on: 'wake' }));
    }
  }

  function down(station: Station, reason: string): void {
    station.device = undefined;
    // A wrong rate looks like nobody: the next one, until somebody has answered.
    if (isOpen && !heard && bauds.length > 1) {
      rate = (rate + 1) % bauds.length;
      isOpen = false;
      for (const other of stations.values()) {
        clearTimeout(other.timer);
        other.link = newLink(other.link.addr);
        other.events = [];
      }
      port.reopen(bauds[rate]!);
      if (rate !== 0) return;
    }
    listener.down?.(station.link.addr, reason);
    tellTask(station, { on: 'down', reason });
  }

  function replied(station: Station, id: number, body: Uint8Array): void {
    const waits = station.waiting.get(id);
    station.waiting.delete(id);
    if (typeof waits === 'number') tellTask(station, { on: 'reply', id: waits, body });
    else waits?.resolve(body);
  }

  function lost(station: Station, { id, ran, reason }: { id: number; ran: 'no' | 'unknown'; reason: string }): void {
    const waits = station.waiting.get(id);
    station.waiting.delete(id);
    if (typeof waits === 'number') tellTask(station, { on: 'lost', id: waits, ran, reason });
    else waits?.reject(new Error(reason));
  }

  function tellTask(station: Station, event: TaskEvent): void {
    const { task } = station;
    if (task === undefined) return;
    const [next, effects] =
      task.kind === 'command' ? stepCommand(task, event, clock()) : stepFlash(task, event, clock());
    station.task = next.ended ? undefined : next;
    clearTimeout(station.taskTimer);
    if (next.wakeAt < Infinity) station.taskTimer = ring(next.wakeAt, () => tellTask(station, { on: 'wake' }));
    for (const effect of effects) {
      if (effect.do === 'request') {
        station.waiting.set(nextId, effect.id);
        tell(station, { on: 'request', id: nextId++, body: effect.body });
      } else if (effect.do === 'data') tell(station, { on: 'data', body: effect.body });
      else if (effect.do === 'progress') station.taskListener?.progress?.(effect.progress);
      else station.taskListener?.ended(effect.outcome);
    }
  }

  return {
    start: (addr, task, taskListener) => {
      const station = stations.get(addr)!;
      Object.assign(station, { task, taskListener });
      clearTimeout(station.taskTimer);
      station.taskTimer = ring(task.wakeAt, () => tellTask(station, { on: 'wake' }));
      if (station.device) tellTask(station, { on: 'up', device: station.device });
    },
    stop: (addr) => tellTask(stations.get(addr)!, { on: 'stop' }),
    ask: (addr, body) =>
      new Promise((resolve, reject) => {
        const station = stations.get(addr)!;
        station.waiting.set(nextId, { resolve, reject });
        tell(station, { on: 'request', id: nextId++, body });
      }),
    device: (addr) => stations.get(addr)?.device,
    end: async () => {
      for (const { timer, taskTimer } of stations.values()) {
        clearTimeout(timer);
        clearTimeout(taskTimer);
      }
      stations.clear();
      await port.end();
    },
  };
}

/** Node's timers may ring a millisecond early, and keep no more than 24 days. */
function ring(at: Millis, tell: () => void): NodeJS.Timeout {
  return setTimeout(tell, Math.min(Math.max(Math.ceil(at - clock()), 0), 2_147_483_647));
}
