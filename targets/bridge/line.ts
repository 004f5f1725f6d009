/** One serial port and the devices on it: bytes to frames, frames to links. */
import type { Millis } from '../../runtime/effects.ts';
import { type BusEvent, createBus, stepBus } from '../../runtime/serial/bus.ts';
import { ADDRESS_ALL, decodeFrame, encodeFrame, type Frame } from '../../runtime/serial/frame.ts';
import type { DeviceHello } from '../../runtime/serial/hello.ts';
import { BUS_QUEUE_MAX, PULLING_MILLIS } from '../../runtime/serial/limits.ts';
import { createLink, type Link, type LinkEffect, type LinkEvent, step } from '../../runtime/serial/link.ts';
import { decodeBlock } from '../../runtime/serial/pull.ts';
import { createSplitter, type Found, lastLine, split } from '../../runtime/serial/splitter.ts';
import type { AttachedPort } from '../../transports/serial/attachedPort.ts';
import type { ModemLines, SerialShell } from '../../transports/serial/serialPort.ts';
import type { Alarm } from './clock.ts';
import { SYSTEM } from './surroundings.ts';
import type { Answered, Station } from './taskRunner.ts';

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

export interface LineOptions {
  /** See portNames.ts. */
  port: string;
  /** The rate; with several the one at which a device answers. */
  bauds: readonly number[];
  /** Who is on it: 0 alone, or 1..246. */
  addresses: readonly number[];
  /** Several devices share it, also when none of them is spoken with: nobody prints. */
  bus?: boolean;
  /** How long a device of a bus may take to begin its answer; BUS_ANSWER_MILLIS unless given. */
  answerMillis?: Millis | undefined;
  shell: SerialShell;
  /** For a device that is reset by DTR: set when the port has been opened. */
  lines?: ModemLines;
}

export interface Line {
  /** One device of the line. */
  station(addr: number): Station;
  /** One request and its reply. Rejects when it is lost. */
  ask(addr: number, body: Uint8Array): Promise<Uint8Array>;
  end(): Promise<void>;
}

/** What is kept for one device of the line. */
interface Kept {
  link: Link;
  /** What the link is still to be told: one thing at a time. */
  events: LinkEvent[];
  stepping: boolean;
  timer: Alarm | undefined;
  /** Who waits for the reply to which request of the link. */
  waiting: Map<number, Answered>;
}

/** @param around  the system, unless it is simulated */
export function openLine(options: LineOptions, listener: LineListener, around = SYSTEM): Line {
  const { port: name, bauds, addresses, shell, lines, bus = !addresses.includes(0) } = options;
  const { clock, ring } = around;
  const stations = new Map<number, Kept>();
  let rate = 0;
  let nextId = 1;
  let turns = createBus(bauds[0]!, options.answerMillis);
  let turnTimer: Alarm | undefined;
  const pulling = new Map<number, { image: string; offset: number; heard: Millis; at: Millis }>();
  /** Blocks to all by their bytes, and when they were written; Infinity: they wait for their turn. */
  const sentToAll = new Map<string, Millis>();
  /** When a device of a bus said something last. */
  const heardAt = new Map<number, Millis>();
  let heard = false;
  let splitter = createSplitter({ bus });
  let echo = createSplitter({ bus });
  let isOpen = false;
  const port: AttachedPort = around.attachPort(name, bauds[0]!, shell, { onOpened: opened, onBytes, onClosed: closed });
  for (const addr of addresses) stations.set(addr, createStation(addr));

  function createStation(addr: number): Kept {
    return { link: newLink(addr), events: [], stepping: false, timer: undefined, waiting: new Map() };
  }

  function newLink(addr: number): Link {
    const host = around.randomInt(1, 2 ** 32);
    return createLink({ addr, host, baud: bauds[rate]!, ...(bus ? { windowMax: 1 } : {}) });
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
    tellBus({ on: 'closed' });
    sentToAll.clear();
    listener.closed?.(reason);
    for (const station of stations.values()) tell(station, { on: 'closed' });
  }

  function onBytes(bytes: Uint8Array): void {
    listener.bytes?.(bytes, 'device');
    const { noiseBytes } = splitter;
    if (bus) tellBus({ on: 'bytes' });
    found(split(splitter, bytes));
    if (splitter.noiseBytes > noiseBytes) listener.noise?.(splitter.noiseBytes - noiseBytes);
  }

  function found(all: Found[]): void {
    for (const one of all) {
      if ('line' in one) listener.text?.(one.line);
      else {
        listener.frame?.(one.frame);
        const station = stations.get(one.frame.addr);
        if (bus && one.frame.from === 'device') heardAt.set(one.frame.addr, clock());
        if (bus && one.frame.from === 'device') tellBus({ on: 'frame', addr: one.frame.addr });
        if (station) tell(station, { on: 'frame', frame: one.frame });
      }
    }
  }

  function write(bytes: Uint8Array): void {
    listener.bytes?.(bytes, 'host');
    if (listener.frame) for (const one of split(echo, bytes)) if ('frame' in one) listener.frame(one.frame);
    port.write(bytes);
  }

  function tell(station: Kept, event: LinkEvent): void {
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

  function carryOut(station: Kept, effect: LinkEffect): void {
    switch (effect.do) {
      case 'write':
        return bus ? takeTurn(station.link.addr, effect.bytes) : write(effect.bytes);
      case 'up':
        heard = true;
        return listener.up?.(station.link.addr, effect.device);
      case 'down':
        return down(station, effect.reason);
      case 'reply':
        return answered(station, effect.id)?.reply(effect.body);
      case 'lost':
        return answered(station, effect.id)?.lost(effect.ran, effect.reason);
      case 'wake':
        station.timer?.cancel();
        if (effect.at !== undefined) station.timer = ring(effect.at, () => tell(station, { on: 'wake' }));
    }
  }

  /** On a bus with a window of 1 a write is one frame. */
  function takeTurn(addr: number, wire: Uint8Array): void {
    tellBus({ on: 'send', addr, wire, answered: decodeFrame(wire.subarray(1, -1))?.type !== 'DATA' });
  }

  function tellBus(event: BusEvent): void {
    const [next, effects] = stepBus(turns, event, clock());
    turns = next;
    for (const effect of effects) {
      if (effect.do === 'write') {
        write(effect.bytes);
        written(effect.bytes);
      } else {
        turnTimer?.cancel();
        if (effect.at !== undefined) turnTimer = ring(effect.at, () => tellBus({ on: 'wake' }));
      }
    }
  }

  /**
   * Blocks that several devices want go to all of them at once; who misses one asks for it. The furthest ones wait until
   * the others have come as far: else each would have its own way through the image, and nothing to share.
   */
  function data(addr: number, body: Uint8Array, image: string): void {
    const now = clock();
    const heard = heardAt.get(addr) ?? 0;
    const before = pulling.get(addr);
    // The first block after each answer is where the device is.
    const offset = before?.heard === heard ? before.offset : decodeBlock(body).offset;
    pulling.set(addr, { image, offset, heard, at: now });
    const recent = [...pulling.values()].filter(({ at }) => now - at < PULLING_MILLIS);
    const shared = bus && recent.length > 1 && recent.every((other) => other.image === image);
    if (!shared) return tell(stations.get(addr)!, { on: 'data', body });
    if (recent.some((other) => other.offset < offset) || turns.queue.length >= BUS_QUEUE_MAX) return; // it will ask again
    const wire = encodeFrame({ addr: ADDRESS_ALL, from: 'host', type: 'DATA', seq: 0, boot: 0, body });
    // On its way, or sent since the asker said what it has: it will have it by the time it asks again.
    if ((sentToAll.get(keyOf(wire)) ?? -Infinity) >= heard) return;
    sentToAll.set(keyOf(wire), Infinity);
    // In the asker's turn: its question must come behind its blocks.
    tellBus({ on: 'send', addr, wire, answered: false });
  }

  function written(wire: Uint8Array): void {
    const key = keyOf(wire);
    if (!sentToAll.has(key)) return;
    sentToAll.delete(key); // to the end: the oldest are forgotten first
    sentToAll.set(key, clock());
    const [oldest] = sentToAll.keys();
    if (sentToAll.size > BUS_QUEUE_MAX) sentToAll.delete(oldest!);
  }

  function down(station: Kept, reason: string): void {
    // A wrong rate looks like nobody: the next one, until somebody has answered.
    if (isOpen && !heard && bauds.length > 1) {
      rate = (rate + 1) % bauds.length;
      turns = createBus(bauds[rate]!, options.answerMillis);
      isOpen = false;
      for (const other of stations.values()) {
        other.timer?.cancel();
        other.link = newLink(other.link.addr);
        other.events = [];
      }
      port.reopen(bauds[rate]!);
      if (rate !== 0) return;
    }
    listener.down?.(station.link.addr, reason);
  }

  function answered(station: Kept, id: number): Answered | undefined {
    const waits = station.waiting.get(id);
    station.waiting.delete(id);
    return waits;
  }

  function request(addr: number, body: Uint8Array, waits: Answered): void {
    const station = stations.get(addr)!;
    station.waiting.set(nextId, waits);
    tell(station, { on: 'request', id: nextId++, body });
  }

  return {
    station: (addr) => ({
      request: (body, waits) => request(addr, body, waits),
      data: (body, image) => data(addr, body, image),
    }),
    ask: (addr, body) =>
      new Promise((resolve, reject) =>
        request(addr, body, { reply: resolve, lost: (_, reason) => reject(new Error(reason)) }),
      ),
    end: async () => {
      for (const { timer } of stations.values()) timer?.cancel();
      turnTimer?.cancel();
      stations.clear();
      await port.end();
    },
  };
}

function keyOf(wire: Uint8Array): string {
  return Buffer.from(wire.buffer, wire.byteOffset, wire.length).toString('latin1');
}
