/**
 * Packets that the server has yet to acknowledge, PUBLISH at QoS 1 or SUBSCRIBE, in the order in which they are first
 * sent (MQTT 3.1.1 §4.4, §4.6). Those that still wait for a place in flight are the last ones.
 */
import { IN_FLIGHT_MAX, RESEND_MILLIS_MAX, RESEND_MILLIS_MIN } from '../limits.ts';

export interface Unacknowledged {
  packetIdentifier: number;
  packet: Uint8Array;
  /** The caller's own name for a message. */
  key?: string | undefined;
  /** When it is sent again; undefined: not sent yet. */
  resendAtMillis?: number;
  /** The pause that ends then. */
  pauseMillis?: number;
}

/**
 * Sends what is new, as long as no more than IN_FLIGHT_MAX are in flight; and again, a message with DUP, what has
 * waited too long. Each pause is twice the one before, so that a slow server is not flooded.
 *
 * @param newConnection  then everything is sent again, and the pauses begin anew
 */
export function sendDue(
  list: readonly Unacknowledged[],
  now: number,
  newConnection: boolean,
): [list: readonly Unacknowledged[], packets: Uint8Array[]] {
  const packets: Uint8Array[] = [];
  const next = list.map((one, index) => {
    const { packet, resendAtMillis } = one;
    if (resendAtMillis === undefined ? index >= IN_FLIGHT_MAX : !newConnection && now < resendAtMillis) return one;
    packets.push(resendAtMillis === undefined ? packet : duplicate(packet));
    const longer = newConnection ? 0 : 2 * (one.pauseMillis ?? 0);
    const pauseMillis = Math.min(Math.max(longer, RESEND_MILLIS_MIN), RESEND_MILLIS_MAX);
    return { ...one, resendAtMillis: now + pauseMillis, pauseMillis };
  });
  return packets.length === 0 ? [list, packets] : [next, packets];
}

/** The one in flight with that packet identifier. */
export function findInFlight(list: readonly Unacknowledged[], packetIdentifier: number): Unacknowledged | undefined {
  return list.find((one) => one.packetIdentifier === packetIdentifier && one.resendAtMillis !== undefined);
}

/** The earliest time at which something is to be sent again; Infinity when nothing is in flight. */
export function resendAt(list: readonly Unacknowledged[]): number {
  return list.reduce((earliest, { resendAtMillis }) => Math.min(earliest, resendAtMillis ?? Infinity), Infinity);
}

/** The same packet, marked as sent before if it is a PUBLISH (§3.3.1.1); SUBSCRIBE has no such flag. */
function duplicate(packet: Uint8Array): Uint8Array {
  if (packet[0]! >> 4 !== 3) return packet;
  const again = packet.slice();
  again[0]! |= 0x08;
  return again;
}
