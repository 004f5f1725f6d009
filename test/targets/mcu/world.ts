/**
 * A host's link and a device with the real library, joined by a bad wire on a virtual clock. One seed decides
 * everything: the same one gives the same trace.
 */
import { random32 } from '../../../runtime/random.ts';
import { type CborMap, decodeBody, encodeBody } from '../../../runtime/serial/cbor.ts';
import { WAITING_REQUESTS_MAX } from '../../../runtime/serial/limits.ts';
import { createLink, type LinkEffect, type LinkEvent, step } from '../../../runtime/serial/link.ts';
import { decodePull, encodeBlock } from '../../../runtime/serial/pull.ts';
import { createSplitter, split } from '../../../runtime/serial/splitter.ts';
import { createSupply, supply } from '../../../runtime/serial/supply.ts';
import { bytesOf, hex } from '../../runtime/serial/vectors.ts';
import type { Device } from './device.ts';

/** Chances per byte, in 1e-6. */
export interface Noise {
  readonly flip: number;
  readonly drop: number;
  readonly double: number;
  readonly insert: number;
}

export interface Wish {
  readonly seed: number;
  readonly requests: number;
  readonly noise: Noise;
  /** What the device announces; each needs that many kept replies. */
  readonly window: 1 | 2 | 4 | 8;
  /** Chance in 1e-6 that the device is reset when bytes reach it: before it sees them, or before its answer leaves. */
  readonly resets?: number;
  /** The same for the cable: closed for a while, bytes under way are gone. */
  readonly unplugs?: number;
  /** The same for the host: a new process with another host number, which knows nothing of what was in flight. */
  readonly hosts?: number;
  /** Instead of requests of random bodies: this image is pulled. The device has been told of it (device.c, `pull`). */
  readonly firmware?: { readonly image: Uint8Array; readonly pageBytes: number; command(offset: number): string };
  /** Bytes take their time at this speed and arrive 8 ms later; otherwise they arrive at random. */
  readonly baud?: number;
  /** What the device takes and sends, before stuffing. */
  readonly frameBytes?: number;
  /** After this many events the wire is good and nothing else goes wrong: all must end. */
  readonly faultEvents: number;
}

export interface Outcome {
  /** How often each request was seen by the device. */
  readonly ran: ReadonlyMap<number, number>;
  readonly replied: ReadonlySet<number>;
  readonly lost: ReadonlyMap<number, 'no' | 'unknown'>;
  /** In flight or waiting when their host was ended. */
  readonly forgotten: ReadonlySet<number>;
  readonly wrong: readonly string[];
  readonly trace: string;
  readonly resent: number;
  /** Put on the wire, both ways, whole or not when they arrived. */
  readonly frames: number;
  /** Of the virtual clock, at the end. */
  readonly millis: number;
}

/** What must hold whatever went wrong on the way; one sentence for each time that it does not. */
export function brokenPromises({ wrong, ran, replied, lost }: Outcome): string[] {
  return [
    ...wrong,
    ...[...ran].filter(([, times]) => times !== 1).map(([id, times]) => `request ${id} ran ${times} times`),
    ...[...replied].filter((id) => !ran.has(id)).map((id) => `request ${id} was answered and has not run`),
    ...[...lost]
      .filter(([id, how]) => how === 'no' && ran.has(id))
      .map(([id]) => `request ${id} ran, and was said not to`),
  ];
}

type Due = { at: number; order: number } & (
  | { what: 'device' | 'host'; bytes: Uint8Array; cable: number }
  | { what: 'wake'; host: number }
  | { what: 'ask' }
  | { what: 'plug' }
);

export async function runWorld(device: Device, wish: Wish): Promise<Outcome> {
  let state = wish.seed;
  const draw = (below: number) => {
    let value: number;
    [value, state] = random32(state);
    return value % below;
  };
  const chance = (millionths = 0) => draw(1_000_000) < millionths;
  const ran = new Map<number, number>();
  const replied = new Set<number>();
  const lost = new Map<number, 'no' | 'unknown'>();
  const forgotten = new Set<number>();
  const wrong: string[] = [];
  const trace: string[] = [];
  const dues: Due[] = [];
  const told: LinkEvent[] = [];
  let order = 0;
  let events = 0;
  let now = 0;
  let boot = draw(2 ** 32 - 1000);
  let cable = 0;
  let plugged = true;
  let asked = 0;
  let resent = 0;
  let delimiters = 0;
  let host = draw(1_000_000) + 1;
  let source = createSupply(wish.firmware?.image ?? new Uint8Array(0));
  let pulled = false;
  let link = createLink({ addr: 0, host, baud: wish.baud ?? 115_200 });
  let splitter = createSplitter();
  let wakeAt: number | undefined;
  const faulty = () => events < wish.faultEvents;
  const start = () => device.ask(`start ${wish.window} ${wish.frameBytes ?? 128} 96 ${boot} 0`);
  const due = (entry: Due extends infer One ? (One extends Due ? Omit<One, 'order'> : never) : never) =>
    dues.push({ ...entry, order: order++ } as Due);

  function carry(what: 'device' | 'host', bytes: Uint8Array) {
    if (!plugged) return;
    delimiters += bytes.filter((byte) => byte === 0).length;
    const after: number[] = [];
    for (const byte of bytes) {
      if (faulty() && chance(wish.noise.insert)) after.push(draw(256));
      if (faulty() && chance(wish.noise.drop)) continue;
      const sent = faulty() && chance(wish.noise.flip) ? byte ^ (1 << draw(8)) : byte;
      after.push(sent);
      if (faulty() && chance(wish.noise.double)) after.push(sent);
    }
    // In portions, in order, some of them late: a USB adapter collects.
    for (let at = 0; at < after.length; ) {
      const size = Math.min(1 + draw(40), after.length - at);
      const last = dues
        .filter((other) => other.what === what)
        .reduce((latest, other) => Math.max(latest, other.at), now);
      const arrivesAt = wish.baud
        ? Math.max(last, now + 8) + (size * 10_000) / wish.baud
        : Math.max(last, now + 1 + draw(12));
      due({ what, at: arrivesAt, bytes: Uint8Array.from(after.slice(at, at + size)), cable });
      at += size;
    }
  }

  /** What an effect leads to comes after the effects beside it. */
  function tell(event: LinkEvent) {
    told.push(event);
    if (told.length > 1) return;
    for (let next = told[0]; next; told.shift(), next = told[0]) {
      const before = link.flights;
      const [stepped, effects] = step(link, next, now);
      link = stepped;
      if (next.on === 'wake' && before.length > 0 && link.flights.length > 0) resent += 1;
      for (const effect of effects) obey(effect);
    }
  }

  function obey(effect: LinkEffect) {
    trace.push(`${now} ${JSON.stringify({ ...effect, bytes: 'bytes' in effect ? hex(effect.bytes) : '' })}`);
    switch (effect.do) {
      case 'write':
        return carry('device', effect.bytes);
      case 'reply': {
        if (wish.firmware) return send(effect.body);
        const body = decodeBody(effect.body);
        if (body.get(1) !== effect.id) wrong.push(`request ${effect.id} was answered with ${hex(effect.body)}`);
        if (replied.has(effect.id) || lost.has(effect.id)) wrong.push(`request ${effect.id} ended twice`);
        replied.add(effect.id);
        return;
      }
      case 'lost':
        if (wish.firmware) return due({ what: 'ask', at: now });
        if (replied.has(effect.id) || lost.has(effect.id)) wrong.push(`request ${effect.id} ended twice`);
        lost.set(effect.id, effect.ran);
        return;
      case 'wake':
        wakeAt = effect.at;
        if (effect.at !== undefined) due({ what: 'wake', at: effect.at, host });
        return;
    }
  }

  function send(body: Uint8Array) {
    const pull = decodePull(body);
    if (pull.count === 0) {
      pulled = true;
      return;
    }
    let things: ReturnType<typeof supply>[1];
    [source, things] = supply(source, pull);
    for (const thing of things) {
      if (thing === 'ask') ask();
      else tell({ on: 'data', body: encodeBlock(thing) });
    }
  }

  async function give(bytes: Uint8Array) {
    if (faulty() && chance(wish.resets)) return reset();
    const lines = await device.ask(`feed ${hex(bytes)}`);
    for (const line of lines) {
      trace.push(line);
      if (line.startsWith('request ') && !wish.firmware) {
        const id = decodeBody(bytesOf(line.slice(8))).get(1);
        if (typeof id !== 'number' || id >= asked) wrong.push(`never sent: ${line}`);
        else ran.set(id, (ran.get(id) ?? 0) + 1);
      } else if (line.startsWith('wire ') && !(faulty() && chance(wish.resets))) {
        carry('host', bytesOf(line.slice(5)));
      } else if (line.startsWith('wire ')) {
        return reset();
      }
    }
  }

  async function reset() {
    boot += 1;
    trace.push(`reset ${boot}`);
    await start();
    if (wish.firmware) {
      const [line] = await device.ask('ask');
      const { offset } = decodePull(bytesOf(line!.slice(5)));
      await device.ask(wish.firmware.command(offset - (offset % wish.firmware.pageBytes)));
    }
    await give(new Uint8Array(0)); // it announces itself
  }

  function unplug() {
    cable += 1;
    plugged = false;
    tell({ on: 'closed' });
    due({ what: 'plug', at: now + 1 + draw(3_000) });
  }

  function newHost() {
    for (let id = 0; id < asked; id += 1) if (!replied.has(id) && !lost.has(id)) forgotten.add(id);
    host += 1 + draw(1_000);
    wakeAt = undefined;
    link = createLink({ addr: 0, host, baud: wish.baud ?? 115_200 });
    splitter = createSplitter();
    if (plugged) tell({ on: 'opened' });
    if (wish.firmware) due({ what: 'ask', at: now });
  }

  function ask() {
    if (link.waiting.length === WAITING_REQUESTS_MAX) return due({ what: 'ask', at: now + 50 });
    const id = asked;
    asked += 1;
    if (wish.firmware) return tell({ on: 'request', id, body: Uint8Array.of(0xa1, 0, 2) });
    const body: CborMap = new Map<number, number | Uint8Array>([
      [0, 1],
      [1, id],
      [2, Uint8Array.from({ length: draw(50) }, () => draw(4))],
    ]);
    tell({ on: 'request', id, body: encodeBody(body) });
    if (asked < wish.requests) due({ what: 'ask', at: now + draw(3) * draw(60) });
  }

  await start();
  tell({ on: 'opened' });
  due({ what: 'ask', at: 1 });
  const ended = () =>
    wish.firmware ? pulled : asked === wish.requests && replied.size + lost.size + forgotten.size >= asked;
  while (!ended()) {
    events += 1;
    if (events > wish.faultEvents + 400 * wish.requests + 2_000) {
      wrong.push(`not at its end after ${events} events, ${asked - replied.size - lost.size} requests open`);
      break;
    }
    if (dues.length === 0) {
      wrong.push('nothing is due, and requests are open');
      break;
    }
    let first = 0;
    for (let i = 1; i < dues.length; i += 1) {
      const [a, b] = [dues[i]!, dues[first]!];
      if (a.at < b.at || (a.at === b.at && a.order < b.order)) first = i;
    }
    const [next] = dues.splice(first, 1) as [Due];
    now = next.at;
    if (next.what === 'device' && next.cable === cable) await give(next.bytes);
    else if (next.what === 'host' && next.cable === cable) {
      for (const found of split(splitter, next.bytes)) if ('frame' in found) tell({ on: 'frame', frame: found.frame });
    } else if (next.what === 'wake' && next.host === host && next.at === wakeAt) tell({ on: 'wake' });
    else if (next.what === 'ask') ask();
    else if (next.what === 'plug') {
      plugged = true;
      tell({ on: 'opened' });
    }
    if (faulty() && plugged && chance(wish.unplugs)) unplug();
    if (faulty() && chance(wish.hosts)) newHost();
  }
  return {
    ran,
    replied,
    lost,
    forgotten,
    wrong,
    trace: trace.join('\n'),
    resent,
    frames: delimiters >> 1,
    millis: now,
  };
}
