/**
 * The host's side of the link to one device: asks who is there, sends requests in order, sends them again until they
 * are answered, and knows when an answer can no longer come. README.md says what both sides promise.
 */
import type { Millis } from '../effects.ts';
import { ProtocolError } from '../errors.ts';
import { encodeFrame, type Frame } from './frame.ts';
import { type DeviceHello, decodeDeviceHello, encodeHostHello } from './hello.ts';
import {
  DEAF_ROUNDS_MAX,
  FRAME_BYTES_AROUND_BODY,
  HELLO_MILLIS_MAX,
  HELLOS_BEFORE_DOWN,
  RESEND_MILLIS_INITIAL,
  RESENDS_BEFORE_HELLO,
  SEQUENCE_NUMBERS,
  WAITING_REQUESTS_MAX,
  WINDOW_MAX,
  WIRE_VERSION,
} from './limits.ts';
import { backedOff, measured, RESEND_TIMER, type ResendTimer } from './resendTimer.ts';

export type LinkEvent =
  /** The port is open, for the first time or again. */
  | { on: 'opened' }
  /** A frame of this line; one that is not from this device is passed over. */
  | { on: 'frame'; frame: Frame }
  /** The port is gone. What is in flight is kept: the device may still be the same when the port is back. */
  | { on: 'closed' }
  /** Send this once to the device, and its reply back under the same number. */
  | { on: 'request'; id: number; body: Uint8Array }
  /** Send this when the link is up, unnumbered: it may be lost or doubled, and nobody answers. */
  | { on: 'data'; body: Uint8Array }
  /** The time of the last `wake` has come. */
  | { on: 'wake' };

export type LinkEffect =
  | { do: 'write'; bytes: Uint8Array }
  /** The device has said who it is: first contact, after `down`, or another boot or session than before. */
  | { do: 'up'; device: DeviceHello }
  /** Nobody answers, or it is no device for this host. The link goes on asking while the port is open. */
  | { do: 'down'; reason: string }
  | { do: 'reply'; id: number; body: Uint8Array }
  /** No reply will come. `ran: 'no'`: the device has not seen it; 'unknown': it may have run, once. */
  | { do: 'lost'; id: number; ran: 'no' | 'unknown'; reason: string }
  /** Send `wake` at this time, and forget any time asked for before; undefined: never. */
  | { do: 'wake'; at: Millis | undefined };

/** A request that was written and not yet answered. */
interface Flight {
  readonly id: number;
  readonly seq: number;
  readonly wire: Uint8Array;
  /** When its last byte has left the line, by the baud rate. */
  readonly leftAt: Millis;
  /** More than one was sent, so the reply measures nothing. */
  readonly resent: boolean;
}

type Phase =
  | { at: 'closed' }
  /** Only the answer to the newest HELLO counts: it tells the device's state behind everything sent before. */
  | { at: 'greeting'; attempt: number; unanswered: number; retryAt: Millis }
  | { at: 'up'; device: DeviceHello; resends: number; resendAt: Millis | undefined };

export interface Link {
  readonly addr: number;
  /** Told in HELLO; a device that hears another one than before starts counting anew. */
  readonly host: number;
  readonly windowMax: number;
  /** How long one byte takes on the wire; 0 where there is no such thing (USB CDC). */
  readonly byteMillis: number;
  readonly phase: Phase;
  /** Who answered last, and the boot byte it had: what is in flight was sent to that one. */
  readonly known: { readonly device: DeviceHello; readonly boot: number } | undefined;
  /** 'up', or why it is down: so that each is told once. */
  readonly told: string | undefined;
  readonly flights: readonly Flight[];
  readonly waiting: readonly { readonly id: number; readonly body: Uint8Array }[];
  readonly nextSeq: number;
  readonly attempt: number;
  /** Times, since its last reply, that the device answered HELLO at once after it had answered no request. */
  readonly deafRounds: number;
  readonly timer: ResendTimer;
  /** When everything written will have left the line. */
  readonly lineFreeAt: Millis;
  readonly wakeAt: Millis | undefined;
}

type Step = [Link, LinkEffect[]];

const HOST_MAX = 2 ** 32 - 1;

/**
 * @param host  1..2^32-1, another one than any host of this line had shortly before: chance, or a counter on disk
 * @param baud  of the line, for its own time on the wire; left out where bytes take none
 */
export function createLink(of: { addr: number; host: number; baud?: number; windowMax?: number }): Link {
  return {
    addr: of.addr,
    host: of.host,
    windowMax: Math.min(of.windowMax ?? WINDOW_MAX, WINDOW_MAX),
    byteMillis: of.baud === undefined ? 0 : 10_000 / of.baud,
    phase: { at: 'closed' },
    known: undefined,
    told: undefined,
    flights: [],
    waiting: [],
    nextSeq: 0,
    attempt: 0,
    deafRounds: 0,
    timer: RESEND_TIMER,
    lineFreeAt: 0,
    wakeAt: undefined,
  };
}

/** Frames longer than the device takes end in `lost` (requests) or an error (data: its sender reads the HELLO). */
export function step(link: Link, event: LinkEvent, now: Millis): Step {
  const [next, effects] = decide(event.on === 'wake' ? { ...link, wakeAt: undefined } : link, event, now);
  const at = deadline(next);
  if (at === next.wakeAt) return [next, effects];
  return [{ ...next, wakeAt: at }, [...effects, { do: 'wake', at }]];
}

function deadline({ phase }: Link): Millis | undefined {
  if (phase.at === 'greeting') return phase.retryAt;
  return phase.at === 'up' ? phase.resendAt : undefined;
}

function decide(link: Link, event: LinkEvent, now: Millis): Step {
  switch (event.on) {
    case 'opened':
      return greet({ ...link, lineFreeAt: now }, 0, now);
    case 'closed':
      return down({ ...link, phase: { at: 'closed' } }, 'the port is closed');
    case 'request':
      return request(link, event, now);
    case 'data':
      return data(link, event.body, now);
    case 'wake':
      return wake(link, now);
    case 'frame': {
      const { frame } = event;
      if (frame.from !== 'device' || frame.addr !== link.addr || link.phase.at === 'closed') return [link, []];
      if (frame.type === 'HELLO') return hello(link, frame, now);
      return frame.type === 'REQUEST' ? reply(link, frame, now) : [link, []];
    }
  }
}

// Who is there.

function greet(link: Link, unanswered: number, now: Millis): Step {
  // 1..15: a device that speaks unasked, after its reset, says 0.
  const attempt = (link.attempt % (SEQUENCE_NUMBERS - 1)) + 1;
  const body = encodeHostHello({ version: WIRE_VERSION, host: link.host });
  const wire = encodeFrame({ addr: link.addr, from: 'host', type: 'HELLO', seq: attempt, boot: 0, body });
  const leftAt = leavesAt(link, wire, now);
  const retryAt = leftAt + Math.min(RESEND_MILLIS_INITIAL * 2 ** unanswered, HELLO_MILLIS_MAX);
  const phase: Phase = { at: 'greeting', attempt, unanswered, retryAt };
  return [{ ...link, attempt, phase, lineFreeAt: leftAt }, [{ do: 'write', bytes: wire }]];
}

function hello(link: Link, frame: Frame, now: Millis): Step {
  const { phase, known } = link;
  const answered = phase.at === 'greeting' && frame.seq === phase.attempt;
  if (!answered && frame.seq !== 0) return [link, []]; // to an earlier HELLO
  let device: DeviceHello;
  try {
    device = decodeDeviceHello(frame.body);
  } catch (error) {
    if (!answered || !(error instanceof ProtocolError)) return [link, []];
    return down(link, error.message);
  }
  if (answered) return meet(countDeaf(link, phase), device, frame.boot, now);
  // It has just started: no need to wait until it does not answer.
  return known?.device.bootId === device.bootId ? [link, []] : greet(link, 0, now);
}

/** The device knows what it kept, or it does not: a reset and another host both make it forget. */
function meet(link: Link, device: DeviceHello, boot: number, now: Millis): Step {
  const { known } = link;
  const same = known !== undefined && known.device.bootId === device.bootId && known.boot === boot;
  // It counts otherwise than this host, which only frames that were not from here bring about: it forgets when it hears another one.
  if (same && link.deafRounds >= DEAF_ROUNDS_MAX)
    return greet({ ...link, host: (link.host % HOST_MAX) + 1, deafRounds: 0 }, 0, now);
  const phase: Phase = { at: 'up', device, resends: 0, resendAt: undefined };
  const met: Link = { ...link, phase, known: { device, boot }, told: 'up' };
  if (same) {
    const [next, effects] = resend(met, now);
    return [next, link.told === 'up' ? effects : [{ do: 'up', device }, ...effects]];
  }
  const reason = known?.device.bootId === device.bootId ? 'the device spoke with another host' : 'the device restarted';
  const lost: LinkEffect[] = link.flights.map(({ id }) => ({ do: 'lost', id, ran: 'unknown', reason }));
  // Nothing was sent before the first contact, so what waits was meant for whoever answers.
  const dropped: LinkEffect[] = known ? link.waiting.map(({ id }) => ({ do: 'lost', id, ran: 'no', reason })) : [];
  const [next, effects] = fill({ ...met, flights: [], waiting: known ? [] : link.waiting, nextSeq: 0 }, now);
  return [next, [...lost, ...dropped, { do: 'up', device }, ...effects]];
}

/** By chance, in noise, it is not silence and HELLO at once again and again. */
function countDeaf(link: Link, { unanswered }: { unanswered: number }): Link {
  return link.flights.length > 0 && unanswered === 0 ? { ...link, deafRounds: link.deafRounds + 1 } : link;
}

function down(link: Link, reason: string): Step {
  return link.told === reason ? [link, []] : [{ ...link, told: reason }, [{ do: 'down', reason }]];
}

// What is asked.

function request(link: Link, { id, body }: { id: number; body: Uint8Array }, now: Millis): Step {
  if (link.waiting.length === WAITING_REQUESTS_MAX)
    return [link, [{ do: 'lost', id, ran: 'no', reason: `${WAITING_REQUESTS_MAX} requests are waiting already` }]];
  return fill({ ...link, waiting: [...link.waiting, { id, body }] }, now);
}

/** Sends of what waits as much as the window allows, in one write. */
function fill(link: Link, now: Millis): Step {
  if (link.phase.at !== 'up' || link.known === undefined) return [link, []];
  const { device, boot } = link.known;
  const window = Math.min(device.window, link.windowMax);
  // From the oldest on, answered or not: the device keeps the replies of its last `window` requests, no older one.
  const room = window - (link.flights[0] ? (link.nextSeq - link.flights[0].seq) & (SEQUENCE_NUMBERS - 1) : 0);
  if (room <= 0 || link.waiting.length === 0) return [link, []];
  const effects: LinkEffect[] = [];
  const flights: Flight[] = [];
  let { nextSeq, lineFreeAt } = link;
  let taken = 0;
  for (const { id, body } of link.waiting) {
    if (flights.length === room) break;
    taken += 1;
    const size = body.length + FRAME_BYTES_AROUND_BODY;
    if (size > device.frameBytesMax) {
      const reason = `a frame of ${size} bytes: the device takes ${device.frameBytesMax}`;
      effects.push({ do: 'lost', id, ran: 'no', reason });
      continue;
    }
    const wire = encodeFrame({ addr: link.addr, from: 'host', type: 'REQUEST', seq: nextSeq, boot, body });
    lineFreeAt = leavesAt({ lineFreeAt, byteMillis: link.byteMillis }, wire, now);
    flights.push({ id, seq: nextSeq, wire, leftAt: lineFreeAt, resent: false });
    nextSeq = (nextSeq + 1) % SEQUENCE_NUMBERS;
  }
  if (flights.length > 0) effects.push({ do: 'write', bytes: joined(flights.map(({ wire }) => wire)) });
  const waiting = link.waiting.slice(taken);
  const next = { ...link, flights: [...link.flights, ...flights], waiting, nextSeq, lineFreeAt };
  return [link.phase.resendAt === undefined ? timed(next, link.phase, now) : next, effects];
}

function reply(link: Link, frame: Frame, now: Millis): Step {
  const flight = link.flights.find(({ seq }) => seq === frame.seq);
  if (flight === undefined || frame.boot !== link.known?.boot) return [link, []];
  const timer = flight.resent ? link.timer : measured(link.timer, Math.max(0, now - flight.leftAt));
  const answered: Link = { ...link, timer, deafRounds: 0, flights: link.flights.filter((other) => other !== flight) };
  const effects: LinkEffect[] = [{ do: 'reply', id: flight.id, body: frame.body }];
  if (answered.phase.at !== 'up') return [answered, effects];
  const [next, more] = fill(timed(answered, { ...answered.phase, resends: 0 }, now), now);
  return [next, [...effects, ...more]];
}

function data(link: Link, body: Uint8Array, now: Millis): Step {
  if (link.phase.at !== 'up' || link.known === undefined) return [link, []];
  const { device, boot } = link.known;
  const size = body.length + FRAME_BYTES_AROUND_BODY;
  if (size > device.frameBytesMax)
    throw new Error(`a frame of ${size} bytes: the device takes ${device.frameBytesMax}`);
  const wire = encodeFrame({ addr: link.addr, from: 'host', type: 'DATA', seq: 0, boot, body });
  return [{ ...link, lineFreeAt: leavesAt(link, wire, now) }, [{ do: 'write', bytes: wire }]];
}

// When nothing comes.

function wake(link: Link, now: Millis): Step {
  const { phase } = link;
  if (phase.at === 'greeting' && now >= phase.retryAt) {
    const unanswered = phase.unanswered + 1;
    const [told, effects] = unanswered === HELLOS_BEFORE_DOWN ? down(link, 'the device does not answer') : [link, []];
    const [next, more] = greet(told, unanswered, now);
    return [next, [...effects, ...more]];
  }
  if (phase.at === 'up' && phase.resendAt !== undefined && now >= phase.resendAt) {
    const timer = backedOff(link.timer);
    if (phase.resends === RESENDS_BEFORE_HELLO) return greet({ ...link, timer }, 0, now);
    return resend({ ...link, timer, phase: { ...phase, resends: phase.resends + 1 } }, now);
  }
  return [link, []];
}

/** Everything in flight goes out again: the device takes requests only in order, and repeats the replies it kept. */
function resend(link: Link, now: Millis): Step {
  if (link.phase.at !== 'up') return [link, []];
  if (link.flights.length === 0) return fill(timed(link, link.phase, now), now);
  let { lineFreeAt } = link;
  const flights = link.flights.map((flight) => {
    lineFreeAt = leavesAt({ lineFreeAt, byteMillis: link.byteMillis }, flight.wire, now);
    return { ...flight, leftAt: lineFreeAt, resent: true };
  });
  const bytes = joined(flights.map(({ wire }) => wire));
  const [next, more] = fill(timed({ ...link, flights, lineFreeAt }, link.phase, now), now);
  return [next, [{ do: 'write', bytes }, ...more]];
}

/** Starts the timer for the oldest request in flight, or stops it (RFC 6298 §5). */
function timed(link: Link, phase: Phase & { at: 'up' }, now: Millis): Link {
  const oldest = link.flights[0];
  const resendAt = oldest && Math.max(now, oldest.leftAt) + link.timer.waitMillis;
  return { ...link, phase: { ...phase, resendAt } };
}

function leavesAt(line: Pick<Link, 'lineFreeAt' | 'byteMillis'>, wire: Uint8Array, now: Millis): Millis {
  return Math.max(now, line.lineFreeAt) + wire.length * line.byteMillis;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
