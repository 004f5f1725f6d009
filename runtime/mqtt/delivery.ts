/**
 * QoS 1 messages on their way out (MQTT 3.1.1 §4.3.2, §4.4): waiting for a place, sent and not acknowledged, sent
 * again with the same packet identifier. A value; time is an argument.
 */
import { HELD_BYTES_MAX, HELD_MESSAGES_MAX, IN_FLIGHT_MAX, RESEND_MILLIS_MAX, RESEND_MILLIS_MIN } from '../limits.ts';
import { encodePublish } from './publish.ts';

export interface Delivery {
  /** In the order of arrival: first those in flight (at most IN_FLIGHT_MAX), then those that wait. */
  readonly held: readonly Held[];
  /** Bytes of their packets. */
  readonly heldBytes: number;
  /** The packet identifier given last. */
  readonly packetIdentifier: number;
  /** Packet identifiers up to this one are others'. */
  readonly reserved: number;
}

interface Held {
  readonly packetIdentifier: number;
  readonly packet: Uint8Array;
  /** The caller's own name for it. */
  readonly key: string | undefined;
  /** undefined: not sent yet. */
  readonly resend: Resend | undefined;
}

/** When something unacknowledged is sent again, and the pause that ends then. */
export interface Resend {
  readonly atMillis: number;
  readonly pauseMillis: number;
}

/** @param reserved  packet identifiers 1..reserved are never given to a message */
export function createDelivery(reserved: number): Delivery {
  return { held: [], heldBytes: 0, packetIdentifier: reserved, reserved };
}

/**
 * Takes a message in, as the last of those that wait.
 *
 * @returns undefined when HELD_MESSAGES_MAX or HELD_BYTES_MAX are reached
 * @throws  ProtocolError when the topic name is wrong
 */
export function admit(
  delivery: Delivery,
  topicName: string,
  payload: Uint8Array,
  key: string | undefined,
): Delivery | undefined {
  const packetIdentifier = nextPacketIdentifier(delivery);
  const packet = encodePublish({
    type: 'PUBLISH',
    topicName,
    payload,
    retain: false,
    qos: 1,
    dup: false,
    packetIdentifier,
  });
  const heldBytes = delivery.heldBytes + packet.length;
  if (delivery.held.length >= HELD_MESSAGES_MAX || heldBytes > HELD_BYTES_MAX) return undefined;
  const held = [...delivery.held, { packetIdentifier, packet, key, resend: undefined }];
  return { ...delivery, held, heldBytes, packetIdentifier };
}

/**
 * Sends what waits and has a place in flight; and again, with DUP, what has waited for its PUBACK too long.
 *
 * @param newConnection  then all that is in flight is sent again (§4.4), and the pauses begin anew
 */
export function send(delivery: Delivery, now: number, newConnection = false): [Delivery, packets: Uint8Array[]] {
  const packets: Uint8Array[] = [];
  const held = delivery.held.map((message, index) => {
    const { packet, resend } = message;
    if (resend === undefined) {
      if (index >= IN_FLIGHT_MAX) return message;
      packets.push(packet);
      return { ...message, resend: firstResend(now) };
    }
    if (!newConnection && now < resend.atMillis) return message;
    const again = packet.slice();
    again[0]! |= 0x08;
    packets.push(again);
    return { ...message, resend: newConnection ? firstResend(now) : nextResend(resend, now) };
  });
  return packets.length === 0 ? [delivery, packets] : [{ ...delivery, held }, packets];
}

/** @returns what is left, and the message that was in flight under that packet identifier; undefined: none was */
export function acknowledge(delivery: Delivery, packetIdentifier: number): [Delivery, Held] | undefined {
  const message = delivery.held.find(
    (other) => other.packetIdentifier === packetIdentifier && other.resend !== undefined,
  );
  if (message === undefined) return undefined;
  const held = delivery.held.filter((other) => other !== message);
  return [{ ...delivery, held, heldBytes: delivery.heldBytes - message.packet.length }, message];
}

/** The earliest time at which something is to be sent again; Infinity when nothing is in flight. */
export function resendAt({ held }: Delivery): number {
  return held.reduce((earliest, { resend }) => Math.min(earliest, resend?.atMillis ?? Infinity), Infinity);
}

export function firstResend(now: number): Resend {
  return { atMillis: now + RESEND_MILLIS_MIN, pauseMillis: RESEND_MILLIS_MIN };
}

/** Twice the pause before, so that a slow server is not flooded. */
export function nextResend(last: Resend, now: number): Resend {
  const pauseMillis = Math.min(2 * last.pauseMillis, RESEND_MILLIS_MAX);
  return { atMillis: now + pauseMillis, pauseMillis };
}

/** The next of reserved + 1..65_535 that no message held has (§2.3.1). */
function nextPacketIdentifier({ held, packetIdentifier, reserved }: Delivery): number {
  let next = packetIdentifier;
  do next = next === 65_535 ? reserved + 1 : next + 1;
  while (held.some((message) => message.packetIdentifier === next));
  return next;
}
