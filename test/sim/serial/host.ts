import { type CommandTask, createCommandTask, stepCommand } from '../../../runtime/serial/commandTask.ts';
import { createFlashTask, type FlashTask, stepFlash } from '../../../runtime/serial/flashTask.ts';
import type { Frame } from '../../../runtime/serial/frame.ts';
import { encodeAsking } from '../../../runtime/serial/jobs.ts';
import { WAITING_REQUESTS_MAX, WINDOW_MAX } from '../../../runtime/serial/limits.ts';

import { createLink, type Link, type LinkEffect, type LinkEvent, step } from '../../../runtime/serial/link.ts';
import { createSplitter, lastLine, split } from '../../../runtime/serial/splitter.ts';

import type { TaskEvent, TaskOutcome } from '../../../runtime/serial/task.ts';
import { Broken } from '../broken.ts';
import type { Chance } from '../chance.ts';
import type { Timeline } from '../timeline.ts';

/** What a microcontroller is asked to do. */
export type Work =
  | { kind: 'command'; run: number; id: number; millis: number; fails: boolean }
  | { kind: 'flash'; image: Uint8Array; sha256: Uint8Array };

/** The host's half of one serial line: the production link and tasks, one after another, and a timer for each. */
export interface Host {
  opened(): void;
  closed(): void;
  bytes(bytes: Uint8Array): void;
  /** Another process in its place: it knows nothing but what was at work, as its record tells. */
  restart(): void;
  stop(): void;
  done(): boolean;
  link(): Link;
}

export interface HostSettings {
  timeline: Timeline;
  chance: Chance;
  trace: ((line: string) => void) | undefined;
  /** The most between one work and the next. */
  pauseMillis: number;
  /** PINGs that are open at once beside the work, so that the window is full. */
  pings?: number;
  /** What was answered to a PING. */
  ponged?(body: Uint8Array): void;
  /** The device answers HELLO and nothing else, so the host goes on under another number. */
  countedAnew(): void;
  /** Every frame that was found in what arrived. */
  heard?(frame: Frame): void;
}

/** Where the numbers of PINGs begin: behind those of all work. */
const PINGS_FROM = 1_000_000_000;
const PING_PAUSE_MILLIS = 40;
/** A sum of fractions may come out a little early, and who is woken early asks for the same time again, for ever. */
const ROUNDING_MILLIS = 1e-6;

export function createHost(
  { timeline, chance, trace, pauseMillis, pings = 0, ponged, heard, countedAnew }: HostSettings,
  works: readonly Work[],
  write: (bytes: Uint8Array) => void,
  ended: (work: Work, outcome: TaskOutcome, stopped: boolean) => void,
): Host {
  let life = 0;
  let number = chance.between(1, 1_000_000);
  let link = newLink();
  let splitter = createSplitter();
  let at = -1;
  let task: CommandTask | FlashTask | undefined;
  let stopped = false;
  let isOpen = false;
  let nextPing = PINGS_FROM;
  const events: LinkEvent[] = [];
  let takeBackLink: (() => void) | undefined;
  let takeBackTask: (() => void) | undefined;

  function newLink() {
    number += chance.between(1, 1_000);
    return createLink({ addr: 0, host: number, baud: 115_200 });
  }

  /** What an effect leads to comes after the effects beside it. */
  function tell(event: LinkEvent): void {
    events.push(event);
    if (events.length > 1) return;
    for (let next = events[0]; next !== undefined; events.shift(), next = events[0]) {
      const [stepped, effects] = step(link, next, timeline.now());
      if (stepped.host !== link.host) countedAnew();
      link = stepped;
      for (const effect of effects) obey(effect);
      if (link.waiting.length > WAITING_REQUESTS_MAX || link.flights.length > WINDOW_MAX)
        throw new Broken(`the link holds ${link.waiting.length} requests, and ${link.flights.length} in flight`);
      if ((link.wakeAt ?? Infinity) < timeline.now() - 2 * ROUNDING_MILLIS)
        throw new Broken('the link wants to be woken in the past');
    }
  }

  function obey(effect: LinkEffect): void {
    if (effect.do !== 'write' && effect.do !== 'wake')
      trace?.(`link > ${JSON.stringify({ ...effect, body: undefined, device: undefined })}`);
    switch (effect.do) {
      case 'write':
        return write(effect.bytes);
      case 'up':
        return told({ on: 'up', device: effect.device });
      case 'down':
        return told({ on: 'down', reason: effect.reason });
      case 'reply':
        if (effect.id < PINGS_FROM) return told({ on: 'reply', id: effect.id - base, body: effect.body });
        ponged?.(effect.body);
        return pingAgain();
      case 'lost':
        if (effect.id >= PINGS_FROM) return pingAgain();
        return told({ on: 'lost', id: effect.id - base, ran: effect.ran, reason: effect.reason });
      case 'wake':
        takeBackLink?.();
        takeBackLink = planned(effect.at, () => tell({ on: 'wake' }));
    }
  }

  function ping(): void {
    tell({ on: 'request', id: nextPing++, body: encodeAsking({ operation: 'PING' }) });
  }

  function pingAgain(): void {
    planned(timeline.now() + chance.between(0, PING_PAUSE_MILLIS), ping);
  }

  /** Numbers of requests are the tasks' own, from 1: each task has a range of the link's. */
  let base = 0;

  function told(event: TaskEvent): void {
    if (task === undefined) return;
    const [next, effects] =
      task.kind === 'command' ? stepCommand(task, event, timeline.now()) : stepFlash(task, event, timeline.now());
    task = next.ended ? undefined : next;
    takeBackTask?.();
    takeBackTask = planned(next.wakeAt, () => told({ on: 'wake' }));
    for (const effect of effects) {
      if (effect.do === 'request') tell({ on: 'request', id: base + effect.id, body: effect.body });
      else if (effect.do === 'data') tell({ on: 'data', body: effect.body });
      else if (effect.do === 'ended') finish(effect.outcome);
    }
  }

  function finish(outcome: TaskOutcome): void {
    trace?.(`work ${at} ended: ${outcome.reason}`);
    ended(works[at]!, outcome, stopped);
    const mine = life;
    timeline.plan(chance.between(0, pauseMillis), () => (life === mine ? begin(false) : undefined));
  }

  /** The next work, or, `resumed`, the one that an earlier process was at. */
  function begin(resumed: boolean): void {
    if (!resumed) {
      at++;
      stopped = false;
    }
    const work = works[at];
    if (work === undefined) return;
    base += 100_000;
    const now = timeline.now();
    if (work.kind === 'flash') task = createFlashTask({ image: work.image, sha256: work.sha256, slot: 0 }, now);
    else {
      const args = [work.id, work.millis, work.fails ? 1 : 0];
      const body = encodeAsking({ operation: 'RUN', run: work.run, command: 'work', args });
      task = createCommandTask({ run: work.run, command: 'work', body, resumed }, now);
    }
    trace?.(`work ${at} ${resumed ? 'is taken up again' : 'begins'}: ${work.kind}`);
    if (link.phase.at === 'up') told({ on: 'up', device: link.phase.device });
    else if (takeBackTask === undefined || task !== undefined)
      takeBackTask = planned(task?.wakeAt, () => told({ on: 'wake' }));
  }

  function planned(time: number | undefined, happen: () => void): (() => void) | undefined {
    if (time === undefined || time === Infinity) return undefined;
    const mine = life;
    return timeline.plan(time - timeline.now() + ROUNDING_MILLIS, () => (life === mine ? happen() : undefined));
  }

  return {
    opened() {
      isOpen = true;
      splitter = createSplitter();
      tell({ on: 'opened' });
      if (at >= 0) return;
      begin(false);
      for (let i = 0; i < pings; i++) ping();
    },
    closed() {
      isOpen = false;
      for (const found of lastLine(splitter))
        if ('frame' in found) throw new Broken('a frame came out of a closed line');
      tell({ on: 'closed' });
    },
    bytes(bytes) {
      for (const found of split(splitter, bytes)) {
        if (!('frame' in found)) continue;
        heard?.(found.frame);
        tell({ on: 'frame', frame: found.frame });
      }
    },
    restart() {
      life++;
      trace?.('host restarts');
      link = newLink();
      splitter = createSplitter();
      events.length = 0;
      takeBackLink = takeBackTask = undefined;
      if (at >= 0 && at < works.length) {
        const wasAt = task !== undefined;
        task = undefined;
        begin(wasAt);
      }
      for (let i = 0; i < pings; i++) ping();
      if (isOpen) tell({ on: 'opened' });
    },
    stop() {
      if (task === undefined) return;
      stopped = true;
      trace?.(`work ${at} is to stop`);
      told({ on: 'stop' });
    },
    done: () => at >= works.length,
    link: () => link,
  };
}
