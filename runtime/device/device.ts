import type { Effect, Event, Millis } from '../effects.ts';
import { decodeRecord, encodeRecord, type JobRecord } from '../jobs/record.ts';
import { createRunner, earliest, runnerWakeAt, stepRunner } from '../jobs/runner/runner.ts';
import type { Runner, RunnerEffect, RunnerEvent } from '../jobs/runner/state.ts';
import { deviceTopicFilters } from '../jobs/topics.ts';
import {
  type Client,
  type ClientEffect,
  type ClientEvent,
  createClient,
  isInFlight,
  stepClient,
  wakeAt,
} from '../mqtt/client.ts';
import { random32 } from '../random.ts';
import { decodeMessage, encodeAsk } from './jobsOverMqtt.ts';

export interface DeviceOptions {
  thingName: string;
  /** MQTT client identifier; AWS's policies usually demand the thing's name. */
  clientId: string;
  /** Between two packets at the longest; AWS takes 5 to 1200 (30 and more advised). */
  keepAliveSeconds: number;
  /** The longest pause between two connects. */
  retryMaxMillis: number;
}

/** A device's whole state: the job it works on and its connection. The client holds a buffer, so a state is stepped once. */
export interface Device {
  readonly options: DeviceOptions;
  readonly runner: Runner;
  readonly client: Client;
  /** The time of the last `wake` effect: asked for again only when it changes. */
  readonly wakeAt: Millis | undefined;
}

/** A device before its first event, which is `boot`. */
export function createDevice(options: DeviceOptions, seed = 0): Device {
  const { thingName, clientId, keepAliveSeconds, retryMaxMillis } = options;
  const filters = deviceTopicFilters(thingName).map((topicFilter) => ({ topicFilter, qos: 1 as const }));
  const client = createClient({ clientId, keepAliveSeconds, cleanSession: false, filters, retryMaxMillis }, seed);
  return { options, runner: createRunner(thingName), client, wakeAt: undefined };
}

/**
 * The device: one event in, what is to be done out. `now` only runs forward.
 *
 * @returns the next state, and the effects in the order they are to be carried out
 */
export function step(device: Device, event: Event, now: Millis): [Device, Effect[]] {
  const turn = new Turn(device, now);
  turn.take(event);
  return turn.end();
}

/** One step under way: events of one part become events of the other until none is left. */
class Turn {
  private runner: Runner;
  private client: Client;
  private readonly out: Effect[] = [];

  constructor(
    private readonly device: Device,
    private readonly now: Millis,
  ) {
    this.runner = device.runner;
    this.client = device.client;
  }

  take(event: Event): void {
    switch (event.on) {
      case 'boot': {
        const [clientSeed] = random32(event.seed);
        this.client = createDevice(this.device.options, clientSeed).client;
        this.toRunner({ on: 'boot', record: this.readRecord(event.record), seed: event.seed });
        return this.toClient({ on: 'start' });
      }
      case 'opened':
      case 'bytes':
      case 'closed':
        return this.toClient(event);
      case 'wake':
        this.toClient(event);
        return this.toRunner(event);
      default:
        return this.toRunner(event);
    }
  }

  private readRecord(bytes: Uint8Array | undefined): JobRecord | undefined {
    const record = decodeRecord(bytes);
    if (record === 'unreadable') this.log('error', 'the record on disk is of another version: not used');
    else if (record === undefined || record.thingName === this.device.options.thingName) return record;
    else this.log('warn', `the record on disk is of thing ${record.thingName}: not used`);
    return undefined;
  }

  private toRunner(event: RunnerEvent): void {
    const [runner, effects] = stepRunner(this.runner, event, this.now);
    this.runner = runner;
    for (const effect of effects) this.fromRunner(effect);
  }

  private fromRunner(effect: RunnerEffect): void {
    switch (effect.do) {
      case 'ask': {
        const message = encodeAsk(this.device.options.thingName, effect.request);
        if (isInFlight(this.client, message.key)) return; // the client itself repeats what was not acknowledged
        return this.toClient({ on: 'publish', ...message, qos: effect.once ? 0 : 1 });
      }
      case 'persist':
        this.out.push({ do: 'persist', record: encodeRecord(effect.record) });
        return;
      case 'finished':
        this.toClient({ on: 'stop' });
        this.out.push({ do: 'exit' });
        return;
      default:
        this.out.push(effect);
    }
  }

  private toClient(event: ClientEvent): void {
    const [client, effects] = stepClient(this.client, event, this.now);
    this.client = client;
    for (const effect of effects) this.fromClient(effect);
  }

  private fromClient(effect: ClientEffect): void {
    if (effect.do !== 'tell') {
      this.out.push(effect);
      return;
    }
    switch (effect.what) {
      case 'online':
        this.log('info', effect.sessionPresent ? 'connected, session resumed' : 'connected');
        return this.toRunner({ on: 'online' });
      case 'offline': {
        const { reason, retryAtMillis } = effect;
        if (retryAtMillis !== undefined) {
          const seconds = (retryAtMillis - this.now) / 1000;
          this.log('warn', `not connected: ${reason}; next try in ${seconds.toFixed(1)} s`);
        }
        return this.toRunner({ on: 'offline' });
      }
      case 'refused':
        return this.log('error', `refused: ${effect.reason}`);
      case 'message':
        return this.message(effect.topic, effect.payload);
    }
  }

  private message(topic: string, payload: Uint8Array): void {
    const event = decodeMessage(this.device.options.thingName, topic, payload);
    if (event === undefined) return;
    if ('fault' in event) return this.log('warn', `a message was ignored: ${event.fault}`);
    this.toRunner(event);
  }

  private log(level: 'info' | 'warn' | 'error', message: string): void {
    this.out.push({ do: 'log', level, message });
  }

  /** The next state, with the one timer set when its time changed. */
  end(): [Device, Effect[]] {
    const { runner, client } = this;
    const at = earliest(runnerWakeAt(runner), wakeAt(client));
    if (at !== this.device.wakeAt) this.out.push({ do: 'wake', at });
    return [{ options: this.device.options, runner, client, wakeAt: at }, this.out];
  }
}
