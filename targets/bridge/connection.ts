/** One MQTT connection that several Things share: one wildcard for each, and their messages to whom they are for. */
import { thingOfTopic } from '../../runtime/jobs/topics.ts';
import { SUBSCRIPTIONS_PER_CONNECTION_MAX, SUBSCRIPTIONS_PER_SUBSCRIBE_MAX } from '../../runtime/limits.ts';
import {
  type ClientEvent,
  createClient,
  isInFlight,
  stepClient,
  subscribeTo,
  wakeAt,
} from '../../runtime/mqtt/client.ts';
import type { Connect, Transport } from '../../transports/transport.ts';
import type { Log } from '../sbc/log.ts';
import type { Alarm } from './clock.ts';
import { SYSTEM } from './surroundings.ts';

/** Things on one connection: each of them takes one subscription. */
export const THINGS_PER_CONNECTION = SUBSCRIPTIONS_PER_CONNECTION_MAX;

/** A Thing as its connection sees it. */
export interface Passenger {
  readonly thingName: string;
  connected(): void;
  disconnected(): void;
  message(topic: string, payload: Uint8Array): void;
}

export interface ConnectionOptions {
  clientId: string;
  keepAliveSeconds: number;
  retryMaxMillis: number;
}

export interface Connection {
  /** Unless the same one is on its way. */
  publish(message: { topic: string; payload: Uint8Array; qos: 0 | 1; key: string }): void;
  /** Says goodbye; resolves when the wire is closed. */
  end(): Promise<void>;
}

/** Begins to connect at once, and again whenever the connection is gone. */
export function openConnection(
  connect: Connect,
  { clientId, keepAliveSeconds, retryMaxMillis }: ConnectionOptions,
  passengers: readonly Passenger[],
  log: Log,
  { clock, ring, randomInt } = SYSTEM,
): Connection {
  const subscribes = subscribesOf(passengers);
  let client = createClient({ clientId, keepAliveSeconds, retryMaxMillis, subscribes }, randomInt(0, 2 ** 32));
  const events: ClientEvent[] = [];
  let stepping = false;
  let transport: Transport | undefined;
  let timer: Alarm | undefined;
  /** Wires that are not closed yet. */
  let wires = 0;
  let over: (() => void) | undefined;

  function tell(event: ClientEvent): void {
    events.push(event);
    if (stepping) return;
    stepping = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) take(next);
    stepping = false;
  }

  function take(event: ClientEvent): void {
    const [next, effects] = stepClient(client, event, clock());
    client = next;
    for (const effect of effects) {
      switch (effect.do) {
        case 'open':
          open();
          break;
        case 'write':
          transport?.write(effect.bytes);
          break;
        case 'close':
          transport?.close();
          transport = undefined;
          break;
        case 'online':
          log('info', `${clientId}: connected${effect.sessionPresent ? ', session resumed' : ''}`);
          for (const passenger of passengers) passenger.connected();
          break;
        case 'offline': {
          const seconds = (effect.retryAtMillis - clock()) / 1_000;
          if (seconds < Infinity)
            log('warn', `${clientId}: not connected: ${effect.reason}; next try in ${seconds.toFixed(1)} s`);
          for (const passenger of passengers) passenger.disconnected();
          break;
        }
        case 'message': {
          const thingName = thingOfTopic(effect.topic);
          passengers.find((passenger) => passenger.thingName === thingName)?.message(effect.topic, effect.payload);
        }
      }
    }
    timer?.cancel();
    const at = wakeAt(client);
    if (at < Infinity) timer = ring(at, () => tell({ on: 'wake' }));
  }

  function open(): void {
    const mine = connect();
    transport = mine;
    wires += 1;
    mine.onOpened(() => transport === mine && tell({ on: 'opened' }));
    mine.onBytes((bytes) => transport === mine && tell({ on: 'bytes', bytes }));
    mine.onClosed((reason) => {
      wires -= 1;
      if (over && wires === 0) over();
      if (transport !== mine) return;
      transport = undefined;
      tell({ on: 'closed', reason });
    });
  }

  tell({ on: 'start' });
  return {
    publish: (message) => {
      if (!isInFlight(client, message.key)) tell({ on: 'publish', ...message });
    },
    end: () =>
      new Promise((resolve) => {
        over = resolve;
        tell({ on: 'stop' });
        timer?.cancel();
        if (wires === 0) resolve();
      }),
  };
}

/** As few SUBSCRIBEs as AWS allows, numbered from 1 on. */
function subscribesOf(passengers: readonly Passenger[]) {
  const filters = passengers.map(({ thingName }) => `$aws/things/${thingName}/jobs/#`);
  const subscribes = [];
  for (let at = 0; at < filters.length; at += SUBSCRIPTIONS_PER_SUBSCRIBE_MAX)
    subscribes.push(subscribeTo(subscribes.length + 1, filters.slice(at, at + SUBSCRIPTIONS_PER_SUBSCRIBE_MAX)));
  return subscribes;
}
