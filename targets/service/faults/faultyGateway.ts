import type { Millis } from '../../../runtime/effects.ts';
import { ProtocolError } from '../../../runtime/errors.ts';
import { thingOfTopic } from '../../../runtime/jobs/topics.ts';
import { type Deadline, type Deadlines, earliest, noDeadline, setDeadline, takeDue } from '../gateway/deadlines.ts';
import type { GatewayEffect, GatewayEvent } from '../gateway/events.ts';
import { createFramer, type Framer, takePackets } from '../gateway/framer.ts';
import { stepGateway, wakeAt } from '../gateway/gateway.ts';
import type { Connection, Gateway } from '../gateway/state.ts';
import { encodeRefusal } from './connack.ts';
import { exchangeOf, truncated, withoutPackets } from './exchange.ts';
import { heldBytesMax, heldMessagesMax, pausedBytesMax, pausedPacketsMax, silenceMillisMax } from './limits.ts';
import { choose, type FaultSwitch } from './plan.ts';
import { type Action, firedLine, type Occasion } from './rule.ts';

/**
 * A gateway and the faults that were asked for, as one step of the same kind: time is an argument, chance is the plan's. While
 * there is no plan an event goes straight to the gateway.
 */
export interface FaultyGateway {
  readonly gateway: Gateway;
  readonly faults: FaultSwitch;
  /** What is to happen later. */
  readonly later: Deadlines<Later>;
  heldMessages: number;
  heldBytes: number;
  /** Of each connection, what has come of a packet that is not whole; the gateway is given whole ones meanwhile. */
  readonly framers: Map<number, Framer>;
  readonly paused: Map<number, Pause>;
}

interface Later extends Deadline {
  readonly then: { deliver: Held } | { resume: number; pause: Pause } | { close: number };
}

type Held = GatewayEvent & { on: 'answer' | 'publish' };

/** A connection that is held up: the packets that have come since, the one that the rule was about first. */
interface Pause {
  readonly packets: Uint8Array[];
  bytes: number;
}

export function createFaultyGateway(gateway: Gateway, faults: FaultSwitch): FaultyGateway {
  return { gateway, faults, later: [], heldMessages: 0, heldBytes: 0, framers: new Map(), paused: new Map() };
}

/** As `stepGateway`; a connection may have several writes in one step. */
export function stepFaulty(faulty: FaultyGateway, event: GatewayEvent, now: Millis): GatewayEffect[] {
  const { gateway, faults, later } = faulty;
  if (faults.plan === undefined && later.length === 0) {
    if (faulty.framers.size > 0) giveBackFramers(faulty);
    return stepGateway(gateway, event, now);
  }
  switch (event.on) {
    case 'bytes':
      return takeBytes(faulty, event.connection, event.bytes, now);
    case 'answer':
      return event.fault === undefined ? inner(faulty, event, now) : answer(faulty, event, event.fault, now);
    case 'publish':
      return notify(faulty, event, now);
    case 'closed':
      faulty.framers.delete(event.connection);
      faulty.paused.delete(event.connection);
      return inner(faulty, event, now);
    case 'wake':
      return [...doLater(faulty, now), ...inner(faulty, event, now)];
    default:
      return inner(faulty, event, now);
  }
}

/** As `wakeAt`. */
export function faultyWakeAt({ gateway, later }: FaultyGateway): Millis | undefined {
  const own = earliest(later);
  const its = wakeAt(gateway);
  return own === undefined || its === undefined ? (own ?? its) : Math.min(own, its);
}

/** The gateway's own step, and what the rules make of the requests in it. */
function inner(faulty: FaultyGateway, event: GatewayEvent, now: Millis): GatewayEffect[] {
  return stepGateway(faulty.gateway, event, now).flatMap((effect): GatewayEffect[] => {
    if (effect.do === 'close') {
      faulty.framers.delete(effect.connection);
      faulty.paused.delete(effect.connection);
    }
    if (effect.do !== 'request' || effect.request === 'InvalidTopic') return [effect];
    const { operation } = effect.request;
    const fired = ask(faulty, { plane: 'mqtt', operation, things: [effect.thingName] });
    if (fired === undefined) return [effect];
    const { fault, line } = fired;
    if (fault.do === 'drop' && fault.what === 'request') return [line];
    if (fault.do === 'duplicate' && fault.what === 'request') return [line, effect, effect];
    return [line, { ...effect, fault }];
  });
}

function notify(faulty: FaultyGateway, event: GatewayEvent & { on: 'publish' }, now: Millis): GatewayEffect[] {
  const thingName = thingOfTopic(event.topic);
  const [, kind] = /\/jobs\/(notify|notify-next)$/.exec(event.topic) ?? [];
  if (thingName === undefined || kind === undefined) return inner(faulty, event, now);
  const operation = kind as 'notify' | 'notify-next';
  const fired = ask(faulty, { plane: 'mqtt', operation, things: [thingName] });
  if (fired === undefined) return inner(faulty, event, now);
  const { fault, line } = fired;
  if (fault.do === 'drop') return [line];
  if (fault.do === 'delay') return [line, ...hold(faulty, event, fault.millis, now)];
  return [line, ...inner(faulty, event, now), ...inner(faulty, event, now)]; // duplicate
}

function answer(
  faulty: FaultyGateway,
  { fault: _, ...event }: GatewayEvent & { on: 'answer' },
  fault: Action,
  now: Millis,
): GatewayEffect[] {
  switch (fault.do) {
    case 'drop':
      return [];
    case 'duplicate':
      return [...inner(faulty, event, now), ...inner(faulty, event, now)];
    case 'delay':
      return hold(faulty, event, fault.millis, now);
    case 'cut': {
      const { connection } = event;
      // Gone before the answer: a persistent session that asked for QoS 1 gets it when it is back.
      if (fault.at === 'before') return [...end(faulty, connection, now), ...inner(faulty, event, now)];
      return [...upTo(fault.at, inner(faulty, event, now), connection), ...end(faulty, connection, now)];
    }
    default:
      return inner(faulty, event, now);
  }
}

function takeBytes(faulty: FaultyGateway, number: number, bytes: Uint8Array, now: Millis): GatewayEffect[] {
  const connection = faulty.gateway.connections.get(number);
  if (connection === undefined) return [];
  const effects: GatewayEffect[] = [];
  try {
    for (const packet of takePackets(framerOf(faulty, connection), bytes)) {
      effects.push(...takePacket(faulty, connection, packet, now));
      if (faulty.gateway.connections.get(number) !== connection) return effects;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    faulty.paused.delete(number);
    effects.push(...inner(faulty, { on: 'broken', connection: number, error }, now));
  }
  return effects;
}

/** The gateway's framer, taken over with what it holds. */
function framerOf(faulty: FaultyGateway, connection: Connection): Framer {
  let framer = faulty.framers.get(connection.number);
  if (framer === undefined) {
    framer = connection.framer;
    connection.framer = createFramer();
    faulty.framers.set(connection.number, framer);
  }
  return framer;
}

function giveBackFramers({ gateway, framers }: FaultyGateway): void {
  for (const [number, framer] of framers) {
    const connection = gateway.connections.get(number);
    if (connection !== undefined) connection.framer = framer;
  }
  framers.clear();
}

function takePacket(faulty: FaultyGateway, connection: Connection, packet: Uint8Array, now: Millis): GatewayEffect[] {
  const pause = faulty.paused.get(connection.number);
  if (pause !== undefined) {
    pause.packets.push(Uint8Array.from(packet));
    pause.bytes += packet.length;
    const full = pause.packets.length > pausedPacketsMax || pause.bytes > pausedBytesMax;
    return full ? resume(faulty, connection.number, pause, now) : [];
  }
  const exchange = faulty.faults.plan && exchangeOf(connection, packet);
  if (exchange === undefined) return pass(faulty, connection, packet, now);
  const fired = ask(faulty, exchange.occasion);
  if (fired === undefined) return pass(faulty, connection, packet, now);
  return [fired.line, ...disturb(faulty, connection, packet, exchange, fired.fault, now)];
}

function disturb(
  faulty: FaultyGateway,
  connection: Connection,
  packet: Uint8Array,
  { acknowledgementType, connect }: NonNullable<ReturnType<typeof exchangeOf>>,
  fault: Action,
  now: Millis,
): GatewayEffect[] {
  const { number } = connection;
  switch (fault.do) {
    case 'delay': {
      const pause: Pause = { packets: [Uint8Array.from(packet)], bytes: packet.length };
      faulty.paused.set(number, pause);
      plan(faulty, { resume: number, pause }, now + fault.millis);
      return [];
    }
    case 'refuse': {
      const bytes = encodeRefusal(connect?.protocolVersion ?? 4, fault.code);
      return [{ do: 'write', connection: number, bytes }, ...end(faulty, number, now)];
    }
    case 'withhold':
      if (connect === undefined)
        return withoutPackets(pass(faulty, connection, packet, now), number, acknowledgementType);
      // To the gateway it is gone, or it would be sent what nobody may be sent before CONNACK.
      plan(faulty, { close: number }, now + silenceMillisMax);
      return inner(faulty, { on: 'closed', connection: number, reason: 'a fault withholds its CONNACK' }, now);
    case 'cut': {
      const effects = upTo(fault.at, pass(faulty, connection, packet, now), number);
      return [...effects, ...end(faulty, number, now)];
    }
    case 'lose':
      return [
        ...(connect ? inner(faulty, { on: 'forget', clientId: connect.clientId }, now) : []),
        ...pass(faulty, connection, packet, now),
      ];
    default:
      return pass(faulty, connection, packet, now);
  }
}

function pass(faulty: FaultyGateway, { number }: Connection, packet: Uint8Array, now: Millis): GatewayEffect[] {
  return inner(faulty, { on: 'bytes', connection: number, bytes: packet }, now);
}

/** What was written to a connection, as far as the cut lets it. */
function upTo(at: 'before' | 'after' | number, effects: GatewayEffect[], connection: number): GatewayEffect[] {
  return at === 'after' ? effects : truncated(effects, connection, at === 'before' ? 0 : at);
}

/** Closes a connection that the gateway may have closed already. */
function end(faulty: FaultyGateway, connection: number, now: Millis): GatewayEffect[] {
  if (!faulty.gateway.connections.has(connection)) return [];
  const reason = 'a fault cut it';
  return [{ do: 'close', connection, reason }, ...stepFaulty(faulty, { on: 'closed', connection, reason }, now)];
}

/** The rule that fires, as what it does and its line for the log. */
function ask({ faults }: FaultyGateway, occasion: Occasion): { fault: Action; line: GatewayEffect } | undefined {
  const rule = faults.plan && choose(faults.plan, occasion);
  return rule && { fault: rule.action, line: { do: 'log', level: 'warn', ...firedLine(rule, occasion) } };
}

/** Where there is no room to hold a message, it goes out at once. */
function hold(faulty: FaultyGateway, event: Held, millis: number, now: Millis): GatewayEffect[] {
  const bytes = event.payload.length;
  if (faulty.heldMessages >= heldMessagesMax || faulty.heldBytes + bytes > heldBytesMax) {
    const fields = { heldMessages: faulty.heldMessages, heldBytes: faulty.heldBytes };
    const line = {
      do: 'log',
      level: 'warn',
      message: 'no room to delay a message: it goes out at once',
      fields,
    } as const;
    return [line, ...inner(faulty, event, now)];
  }
  faulty.heldMessages++;
  faulty.heldBytes += bytes;
  plan(faulty, { deliver: event }, now + millis);
  return [];
}

function plan({ later }: FaultyGateway, then: Later['then'], at: Millis): void {
  setDeadline(later, { ...noDeadline(), then }, at);
}

function doLater(faulty: FaultyGateway, now: Millis): GatewayEffect[] {
  const effects: GatewayEffect[] = [];
  for (let due = takeDue(faulty.later, now); due !== undefined; due = takeDue(faulty.later, now)) {
    const { then } = due;
    if ('deliver' in then) {
      faulty.heldMessages--;
      faulty.heldBytes -= then.deliver.payload.length;
      effects.push(...inner(faulty, then.deliver, now));
    } else if ('resume' in then) effects.push(...resume(faulty, then.resume, then.pause, now));
    else effects.push({ do: 'close', connection: then.close, reason: 'a fault withheld its CONNACK' });
  }
  return effects;
}

/** Takes what a connection sent while it was held up, in its order; the first packet has had its fault. */
function resume(faulty: FaultyGateway, number: number, pause: Pause, now: Millis): GatewayEffect[] {
  if (faulty.paused.get(number) !== pause) return []; // it is gone, or was full
  faulty.paused.delete(number);
  const effects: GatewayEffect[] = [];
  for (const [i, packet] of pause.packets.entries()) {
    const connection = faulty.gateway.connections.get(number);
    if (connection === undefined) break;
    effects.push(...(i === 0 ? pass : takePacket)(faulty, connection, packet, now));
  }
  return effects;
}
