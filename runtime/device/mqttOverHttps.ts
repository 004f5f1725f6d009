/**
 * The HTTPS data plane, dressed as the server that an MQTT client expects: for networks where MQTT cannot be reached. The device
 * stays the one it is, with all that it promises; what it publishes becomes requests, their answers become messages, and a
 * request that the service holds open (`Prefer: wait`), or asks of it now and then, become notifications.
 *
 *     device -- CONNECT, SUBSCRIBE, PUBLISH --> this -- GET, POST --> service
 *            <- CONNACK, SUBACK, PUBACK, PUBLISH     <- 200, 4xx
 */
import type { Millis } from '../effects.ts';
import { ProtocolError } from '../errors.ts';
import { decodeObject, encodeObject, isObject, type JsonObject } from '../jobs/json.ts';
import { NEXT_JOB } from '../jobs/names.ts';
import { answerTopic, executionTopic, notificationTopic } from '../jobs/topics.ts';
import { encodeAcknowledgement } from '../mqtt/acknowledgement.ts';
import { encodeConnack } from '../mqtt/connect.ts';
import { encodeSmallPacket } from '../mqtt/fixed-header.ts';
import { createFramer, type Framer, nextPacket, offer } from '../mqtt/framer.ts';
import { PACKET_TYPE } from '../mqtt/packet.ts';
import { decodePublish, encodePublish } from '../mqtt/publish.ts';
import { decodeSubscribe, encodeSuback } from '../mqtt/subscribe.ts';
import { draw } from '../random.ts';
import { decodeHttpsAnswer, encodeHttpsRequest, type HttpsAnswer, type HttpsRequest } from './jobsOverHttps.ts';

/** How long the service is asked to hold a request open until there is a job: what ours takes at most. */
export const HOLD_SECONDS = 60;
/** Between two looks while a job is at work, or where the service does not hold requests: half to one and a half of these. */
export const POLL_BUSY_MILLIS = 5_000;
export const POLL_IDLE_MILLIS = 30_000;
/** Requests of the device that may wait for their turn; its own bound is lower. */
const WAITING_MAX = 64;

export type HttpsEvent =
  /** Bytes from the device. */
  | { on: 'bytes'; bytes: Uint8Array }
  /** What request `id` brought. `isHeld`: the service said that it honours `Prefer: wait`. */
  | { on: 'answered'; id: number; answer: HttpsAnswer; isHeld: boolean }
  | { on: 'failed'; id: number; reason: string }
  | { on: 'wake' };

export type HttpsEffect =
  | { do: 'tell'; bytes: Uint8Array }
  /** At most two at a time: one of the device, one that looks for jobs. `holdSeconds` 0: to be answered at once. */
  | { do: 'request'; id: number; request: HttpsRequest; holdSeconds: number }
  /** The way is gone; the device finds the next one. */
  | { do: 'hangUp'; reason: string }
  | { do: 'wake'; at: Millis | undefined };

/** A PUBLISH of the device that becomes a request. */
interface Waiting {
  /** 0: at QoS 0. */
  packetIdentifier: number;
  topicName: string;
  payload: JsonObject;
  call: HttpsRequest;
}

export interface Way {
  thingName: string;
  /** Where the device asks for its next job. */
  nextTopic: string;
  framer: Framer;
  connected: boolean;
  subscribed: boolean;
  /** The first is under way. */
  waiting: Waiting[];
  asking: number;
  /** The request that looks for jobs; 0: none. */
  looking: number;
  lookAt: Millis;
  lookedAtMillis: Millis;
  /** The device has asked for something meanwhile: what the look under way brings may be older than the answer to that. */
  stale: boolean;
  /** A job was at the head of the queue when last seen. */
  head: boolean;
  /** The device has asked last about a job of its own, which its window may hide: then it is not in the queue. */
  atWork: boolean;
  honoursWait: boolean;
  /** The look under way may be held open. */
  holding: boolean;
  ids: number;
  chance: number;
  now: Millis;
  effects: HttpsEffect[];
}

/** @param seed  32 bits of chance: it spreads the looks of a fleet */
export function createHttpsWay(thingName: string, seed: number): Way {
  return {
    thingName,
    nextTopic: executionTopic(thingName, NEXT_JOB, 'get'),
    framer: createFramer(),
    connected: false,
    subscribed: false,
    waiting: [],
    asking: 0,
    looking: 0,
    lookAt: Infinity,
    lookedAtMillis: 0,
    stale: false,
    head: false,
    atWork: false,
    honoursWait: true,
    holding: false,
    ids: 0,
    chance: seed,
    now: 0,
    effects: [],
  };
}

/** One event in, what is to be done out. After `hangUp` it is not stepped any more. */
export function stepHttpsWay(before: Way, event: HttpsEvent, now: Millis): [Way, HttpsEffect[]] {
  const way: Way = { ...before, now, effects: [] };
  switch (event.on) {
    case 'bytes':
      takeBytes(way, event.bytes);
      break;
    case 'answered':
      if (event.id === way.asking) answered(way, event.answer);
      else if (event.id === way.looking) looked(way, event.answer, event.isHeld);
      break;
    case 'failed':
      if (event.id === way.asking || event.id === way.looking) hangUp(way, event.reason);
      break;
    case 'wake':
      if (now >= way.lookAt) look(way);
  }
  if (way.lookAt !== before.lookAt)
    way.effects.push({ do: 'wake', at: way.lookAt < Infinity ? way.lookAt : undefined });
  return [way, way.effects];
}

function takeBytes(way: Way, bytes: Uint8Array): void {
  try {
    offer(way.framer, bytes);
    for (let packet = nextPacket(way.framer); packet; packet = nextPacket(way.framer)) takePacket(way, packet);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    hangUp(way, error.message);
  }
}

function takePacket(way: Way, packet: Uint8Array): void {
  switch (packet[0]! >> 4) {
    case PACKET_TYPE.CONNECT:
      return look(way); // accepted when the service has answered: until then nobody knows whether this way leads anywhere
    case PACKET_TYPE.SUBSCRIBE: {
      const { packetIdentifier, subscriptions } = decodeSubscribe(packet);
      way.subscribed = true;
      return tell(
        way,
        encodeSuback({ type: 'SUBACK', packetIdentifier, returnCodes: subscriptions.map(({ qos }) => qos) }),
      );
    }
    case PACKET_TYPE.PUBLISH:
      return take(way, packet);
    case PACKET_TYPE.PINGREQ:
      // Whether the service lives is known by the requests; each has an end.
      return tell(way, encodeSmallPacket(PACKET_TYPE.PINGRESP));
    default: // no PUBACK comes: all is told at QoS 0; DISCONNECT is followed by the end of the wire
  }
}

/** A request waits for its turn; one that the device sends again while it does is the same one. */
function take(way: Way, packet: Uint8Array): void {
  const { topicName, payload, packetIdentifier } = decodePublish(packet);
  const isHere = packetIdentifier > 0 && way.waiting.some((one) => one.packetIdentifier === packetIdentifier);
  const members = decodeObject(payload) ?? {};
  const call = encodeHttpsRequest(topicName, members);
  if (isHere || way.waiting.length >= WAITING_MAX || !call) return;
  way.waiting = [...way.waiting, { packetIdentifier, topicName, payload: members, call }];
  ask(way);
}

function ask(way: Way): void {
  const [first] = way.waiting;
  if (!first || way.asking) return;
  way.asking = request(way, first.call, 0);
  way.stale = true;
  way.atWork = first.topicName !== way.nextTopic;
}

function answered(way: Way, answer: HttpsAnswer): void {
  const [first, ...others] = way.waiting;
  const said = decodeHttpsAnswer(answer);
  if (!said) return hangUp(way, unforeseen(answer));
  const [isAccepted, body] = said;
  const { packetIdentifier, topicName, payload, call } = first!;
  way.asking = 0;
  way.waiting = others;
  if (packetIdentifier > 0) tell(way, encodeAcknowledgement(PACKET_TYPE.PUBACK, packetIdentifier));
  const { clientToken } = payload;
  publish(way, answerTopic(topicName, isAccepted ? 'accepted' : 'rejected'), {
    ...body,
    ...(clientToken !== undefined && { clientToken }),
  });
  if (isAccepted && topicName === way.nextTopic) way.head = isObject(body.execution);
  // A report may have ended the job at the head; or a look has waited for this answer.
  if (!way.looking && (call.body || way.lookAt === Infinity)) lookIn(way, 0);
  ask(way);
}

/** Asks for the job at the head of the queue; where nothing is there, the service may hold the request open. */
function look(way: Way): void {
  if (way.looking) return;
  way.lookAt = Infinity;
  if (way.asking) return; // after the answer
  way.stale = false;
  way.lookedAtMillis = way.now;
  // Held open while a job is there to look after, it would not tell soon that the job is gone.
  way.holding = way.connected && way.honoursWait && !way.head && !way.atWork;
  way.looking = request(way, encodeHttpsRequest(way.nextTopic, {})!, way.holding ? HOLD_SECONDS : 0);
}

function looked(way: Way, answer: HttpsAnswer, held: boolean): void {
  const said = decodeHttpsAnswer(answer);
  if (!said) return hangUp(way, unforeseen(answer));
  const [isAccepted, body] = said;
  const isFirst = !way.connected;
  way.looking = 0;
  if (isFirst) {
    way.connected = true;
    tell(way, encodeConnack({ sessionPresent: false, returnCode: 0 }));
  }
  if (!isAccepted) return lookIn(way, pollMillis(way));
  if (way.holding) way.honoursWait = held;
  if (way.stale) return lookIn(way, 0);
  // Told though it is the same: what runs outside of its job's window is not in the queue, and ends unseen.
  if (way.subscribed) publish(way, notificationTopic(way.thingName, 'notify-next'), body);
  // Known before the device has subscribed, too: one that takes up what its record has does not ask for the head.
  way.head = isObject(body.execution);
  // A service that holds nothing though it says so is not asked in a circle.
  const wasHeld = way.holding && way.honoursWait && way.now - way.lookedAtMillis >= POLL_BUSY_MILLIS;
  const isFree = !way.head && !way.atWork;
  lookIn(way, isFree && (wasHeld || isFirst) ? 0 : way.honoursWait ? POLL_BUSY_MILLIS : pollMillis(way));
}

/** More often while there is a job to look after. */
function pollMillis({ head, atWork }: Way): number {
  return head || atWork ? POLL_BUSY_MILLIS : POLL_IDLE_MILLIS;
}

/** After half to one and a half of these milliseconds. */
function lookIn(way: Way, millis: number): void {
  way.lookAt = way.now + millis * (0.5 + draw(way));
}

function request(way: Way, request: HttpsRequest, holdSeconds: number): number {
  way.effects.push({ do: 'request', id: ++way.ids, request, holdSeconds });
  return way.ids;
}

function publish(way: Way, topicName: string, body: JsonObject): void {
  tell(way, encodePublish({ topicName, payload: encodeObject(body), qos: 0 }));
}

function tell(way: Way, bytes: Uint8Array): void {
  way.effects.push({ do: 'tell', bytes });
}

function hangUp(way: Way, reason: string): void {
  way.asking = way.looking = 0;
  way.lookAt = Infinity;
  way.effects.push({ do: 'hangUp', reason });
}

function unforeseen({ status, body }: HttpsAnswer): string {
  const { message } = decodeObject(body) ?? {};
  return `HTTPS ${status}: ${typeof message === 'string' ? message : 'not an answer of AWS IoT Jobs'}`;
}
