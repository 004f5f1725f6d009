/** One client on a virtual clock, and a server that a test scripts packet by packet. */

import {
  type Client,
  type ClientEffect,
  type ClientEvent,
  type ClientOptions,
  createClient,
  stepClient,
  subscribeTo,
  wakeAt,
} from '../../../runtime/mqtt/client.ts';
import { decodePacket, encodePacket } from '../../../runtime/mqtt/codec.ts';
import { createFramer, nextPacket, offer } from '../../../runtime/mqtt/framer.ts';
import type { Packet } from '../../../runtime/mqtt/packet.ts';

export type Told = Exclude<ClientEffect, { do: 'open' | 'write' | 'close' }>;

export const OPTIONS: ClientOptions = {
  clientId: 'thing-1',
  keepAliveSeconds: 1200,
  subscribes: [subscribeTo(1, ['trigger'])],
  retryMaxMillis: 128_000,
};

export interface Stage {
  client: Client;
  now: number;
  /** Everything the client did, with its time. */
  readonly opens: number[];
  readonly closes: number[];
  readonly writes: Uint8Array[];
  readonly sent: { at: number; packet: Packet }[];
  readonly told: (Told & { at: number })[];
  wakes: number;
  give(event: ClientEvent): void;
  /** Packets from the server, in one chunk. */
  serve(...packets: Packet[]): void;
  /** Lets time pass, waking the client whenever it asked for it. */
  pass(millis: number): void;
}

/**
 * @param server  what answers: called for each open ('open') and each packet that the client sends. It may use the
 *                stage to answer; whatever it does not answer stays unanswered.
 */
export function createStage(
  server: (stage: Stage, happened: 'open' | Packet) => void,
  options: Partial<ClientOptions> = {},
  seed = 1,
): Stage {
  const happened: ('open' | Packet)[] = [];
  let framer = createFramer();
  let busy = false;
  const stage: Stage = {
    client: createClient({ ...OPTIONS, ...options }, seed),
    now: 1000,
    opens: [],
    closes: [],
    writes: [],
    sent: [],
    told: [],
    wakes: 0,
    give(event) {
      const [client, effects] = stepClient(stage.client, event, stage.now);
      stage.client = client;
      for (const effect of asCarriedOut(effects)) carryOut(effect);
      if (busy) return;
      busy = true;
      for (let next = happened.shift(); next !== undefined; next = happened.shift()) server(stage, next);
      busy = false;
    },
    serve(...packets) {
      const bytes = packets.flatMap((packet) => [...encodePacket(packet)]);
      stage.give({ on: 'bytes', bytes: Uint8Array.from(bytes) });
    },
    pass(millis) {
      const end = stage.now + millis;
      for (let at = wakeAt(stage.client); at <= end; at = wakeAt(stage.client)) {
        stage.now = Math.max(stage.now, at);
        if (++stage.wakes > 100_000) throw new Error('the client wakes for ever');
        stage.give({ on: 'wake' });
      }
      stage.now = end;
    },
  };
  function carryOut(effect: ClientEffect): void {
    switch (effect.do) {
      case 'open':
        stage.opens.push(stage.now);
        framer = createFramer();
        happened.push('open');
        break;
      case 'close':
        stage.closes.push(stage.now);
        break;
      case 'write':
        stage.writes.push(effect.bytes);
        offer(framer, effect.bytes);
        for (let bytes = nextPacket(framer); bytes !== undefined; bytes = nextPacket(framer)) {
          const packet = decodePacket(bytes);
          stage.sent.push({ at: stage.now, packet });
          happened.push(packet);
        }
        break;
      default:
        stage.told.push({ ...effect, at: stage.now });
    }
  }
  return stage;
}

/** As transports/loop.ts: what a step writes leaves as one, before anything closes or opens. */
function asCarriedOut(effects: readonly ClientEffect[]): ClientEffect[] {
  const parts = effects.flatMap((effect) => (effect.do === 'write' ? [effect.bytes] : []));
  const last = effects.findLast((effect) => effect.do === 'write');
  const whole: ClientEffect = { do: 'write', bytes: new Uint8Array(Buffer.concat(parts)) };
  return effects
    .filter((effect) => effect.do !== 'write' || effect === last)
    .map((one) => (one === last ? whole : one));
}

/** Answers everything as a server should, except the types of packet named. */
export function politely(...swallowed: Packet['type'][]) {
  return (stage: Stage, happened: 'open' | Packet): void => {
    if (happened === 'open') return stage.give({ on: 'opened' });
    if (swallowed.includes(happened.type)) return;
    switch (happened.type) {
      case 'CONNECT':
        return stage.serve({ type: 'CONNACK', sessionPresent: false, returnCode: 0 });
      case 'SUBSCRIBE': {
        const { packetIdentifier, subscriptions } = happened;
        return stage.serve({ type: 'SUBACK', packetIdentifier, returnCodes: subscriptions.map(({ qos }) => qos) });
      }
      case 'PUBLISH':
        if (happened.qos === 0) return;
        return stage.serve({ type: 'PUBACK', packetIdentifier: happened.packetIdentifier });
      case 'PINGREQ':
        return stage.serve({ type: 'PINGRESP' });
    }
  };
}

/** The packets of one type that were sent. */
export function sentOf<T extends Packet['type']>(stage: Stage, type: T) {
  return stage.sent.filter((one): one is { at: number; packet: Packet & { type: T } } => one.packet.type === type);
}

/** What was told of one kind. */
export function toldOf<W extends Told['do']>(stage: Stage, what: W) {
  return stage.told.filter((one): one is Extract<Told, { do: W }> & { at: number } => one.do === what);
}
