import type { Effect, Event, Millis } from '../effects.ts';
import type { Facts } from '../jobs/guards.ts';
import { decodeRecord, encodeRecord, type JobRecord } from '../jobs/record.ts';
import { createRunner, runnerWakeAt, stepRunner } from '../jobs/runner/runner.ts';
import type { Runner, RunnerEvent } from '../jobs/runner/state.ts';
import { deviceTopicFilters } from '../jobs/topics.ts';
import {
  type Client,
  type ClientEvent,
  createClient,
  isInFlight,
  stepClient,
  subscribeTo,
  wakeAt,
} from '../mqtt/client.ts';
import { decodeMessage, encodeAsk } from './jobsOverMqtt.ts';

export interface DeviceOptions {
  thingName: string;
  /** MQTT client identifier; AWS's policies usually demand the thing's name. */
  clientId: string;
  /** Between two packets at the longest; AWS takes 5 to 1200 (30 and more advised). */
  keepAliveSeconds: number;
  /** The longest pause between two connects. */
  retryMaxMillis: number;
  /** Then members of our own in documents are read (../jobs/guards.ts). */
  facts?: Facts | undefined;
}

/** A device's whole state: the job it works on and its connection. The client holds a buffer, so a state is stepped once. */
export interface Device {
  runner: Runner;
  client: Client;
  /** The time of the last `wake` effect, asked for again only when it changes; Infinity: never. */
  wakeAt: Millis;
}

/** A device before its first event, which is `boot`. */
export function createDevice({ thingName, ...options }: DeviceOptions): Device {
  const client = createClient({ ...options, subscribes: [subscribeTo(1, deviceTopicFilters(thingName))] }, 0);
  return { runner: createRunner(thingName, options.facts), client, wakeAt: Infinity };
}

/**
 * The device: one event in, what is to be done out. `now` only runs forward. Events of one part become events of the
 * other until none is left.
 *
 * @returns the next state, and the effects in the order they are to be carried out
 */
export function step(before: Device, event: Event, now: Millis): [Device, Effect[]] {
  const device = { ...before };
  const { thingName } = device.runner;
  const out: Effect[] = [];

  function log(level: 'info' | 'warn', message: string): void {
    out.push({ do: 'log', level, message });
  }

  function toRunner(event: RunnerEvent): void {
    const [runner, effects] = stepRunner(device.runner, event, now);
    device.runner = runner;
    for (const effect of effects) {
      if (effect.do === 'ask') {
        const message = encodeAsk(thingName, effect.request);
        // Otherwise the client itself repeats what was not acknowledged.
        if (!isInFlight(device.client, message.key)) toClient({ on: 'publish', ...message, qos: effect.once ? 0 : 1 });
      } else out.push(effect.do === 'persist' ? { do: 'persist', record: encodeRecord(effect.record) } : effect);
    }
  }

  function toClient(event: ClientEvent): void {
    const [client, effects] = stepClient(device.client, event, now);
    device.client = client;
    for (const effect of effects) {
      if (effect.do === 'online') {
        log('info', effect.sessionPresent ? 'connected, session resumed' : 'connected');
        toRunner({ on: 'online' });
      } else if (effect.do === 'offline') {
        const seconds = (effect.retryAtMillis - now) / 1000;
        if (seconds < Infinity) log('warn', `not connected: ${effect.reason}; next try in ${seconds.toFixed(1)} s`);
        toRunner({ on: 'offline' });
      } else if (effect.do === 'message') {
        const message = decodeMessage(thingName, effect.topic, effect.payload);
        if (typeof message === 'string') log('warn', `a message was ignored: ${message}`);
        else if (message) toRunner(message);
      } else out.push(effect);
    }
  }

  function recordOf(bytes: Uint8Array | undefined): JobRecord | undefined {
    const record = bytes && decodeRecord(bytes);
    if (!record || record.thingName === thingName) return record;
    log('warn', `the record on disk is of thing ${record.thingName}: not used`);
    return undefined;
  }

  if (event.on === 'boot') {
    device.client = { ...device.client, chance: event.seed };
    toRunner({ ...event, record: recordOf(event.record) });
    toClient({ on: 'start' });
  } else if (event.on === 'opened' || event.on === 'bytes' || event.on === 'closed') {
    toClient(event);
  } else {
    if (event.on === 'wake') toClient(event);
    toRunner(event);
  }
  if (device.runner.finished && !before.runner.finished) {
    toClient({ on: 'stop' });
    out.push({ do: 'exit' });
  }
  device.wakeAt = Math.min(runnerWakeAt(device.runner), wakeAt(device.client));
  if (device.wakeAt !== before.wakeAt)
    out.push({ do: 'wake', at: device.wakeAt < Infinity ? device.wakeAt : undefined });
  return [device, out];
}
