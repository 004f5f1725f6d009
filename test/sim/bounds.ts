import { HELD_BYTES_MAX, HELD_MESSAGES_MAX, IN_FLIGHT_MAX, PACKET_BYTES_MAX } from '../../runtime/limits.ts';
import { wakeAt } from '../../targets/service/gateway/gateway.ts';
import { heldBytesMax, heldMessagesMax, inFlightMax } from '../../targets/service/gateway/limits.ts';
import { messageBytes } from '../../targets/service/gateway/message.ts';
import type { Gateway } from '../../targets/service/gateway/state.ts';
import type { Board } from './board.ts';
import { Broken } from './broken.ts';
import type { World } from './world.ts';

/** Characters of output that a runner keeps of one stream (runtime/jobs/tail.ts). */
const TAIL_CHARS_MAX = 4_096;
/** Requests of one runner, and of a fleet of four, that wait at the service at a time. */
const WAITING_MAX = 64;

/** One and a half of the boards' keep-alive. */
const SILENCE_MILLIS_MAX = 90_000;

/** Every queue and buffer is under its bound, what is kept is what is counted, and no deadline has passed unnoticed. */
export function checkBounds({ timeline, cloud }: World, boards: readonly Board[]): void {
  const now = timeline.now();
  for (const board of boards) {
    if (!board.powered()) continue;
    checkBoard(board, cloud.tap(board.thingName).ofBoard(), now);
    if (board.hasLeftovers()) throw new Broken(`${board.thingName} is idle, and its disk has a record to take up`);
  }
  if (cloud.upFor() !== undefined) checkGateway(cloud.gateway, now);
  if (cloud.silence() > SILENCE_MILLIS_MAX) throw new Broken('a connection outlives one and a half of its keep-alive');
  const waiting = cloud.service?.waiting() ?? 0;
  if (waiting > WAITING_MAX) throw new Broken(`${waiting} requests wait at the service`);
}

function checkBoard({ thingName, device }: Board, unacknowledged: ReadonlySet<number>, now: number): void {
  const { client, runner } = device;
  const { held, framer } = client;
  const bytes = held.reduce((sum, { packet }) => sum + packet.length, 0);
  if (held.length > HELD_MESSAGES_MAX || bytes > HELD_BYTES_MAX)
    throw new Broken(`${thingName} holds ${held.length} messages of ${bytes} bytes`);
  const numbers = new Set(held.map(({ packetIdentifier }) => packetIdentifier));
  if (numbers.size !== held.length || numbers.has(1)) throw new Broken(`${thingName} uses a packet identifier twice`);
  if (unacknowledged.size > IN_FLIGHT_MAX) throw new Broken(`${thingName} has ${unacknowledged.size} in flight`);
  for (const number of unacknowledged)
    if (!numbers.has(number)) throw new Broken(`${thingName} forgot packet ${number} before its PUBACK (§4.3.2)`);
  if ((framer.held?.length ?? 0) > PACKET_BYTES_MAX || framer.chunk.length > PACKET_BYTES_MAX)
    throw new Broken(`${thingName} buffers more than its largest packet`);
  if (runner.stdout.length > TAIL_CHARS_MAX || runner.stderr.length > TAIL_CHARS_MAX)
    throw new Broken(`${thingName} keeps ${runner.stdout.length + runner.stderr.length} characters of output`);
  if (device.wakeAt < now) throw new Broken(`${thingName} wanted to be woken ${now - device.wakeAt} ms ago`);
}

function checkGateway(gateway: Gateway, now: number): void {
  let total = 0;
  for (const { clientId, inFlight, waiting, heldBytes } of gateway.sessions.values()) {
    const bytes = [...inFlight.values(), ...waiting].reduce((sum, message) => sum + messageBytes(message), 0);
    if (bytes !== heldBytes)
      throw new Broken(`the session of ${clientId} counts ${heldBytes} bytes and holds ${bytes}`);
    if (inFlight.size > inFlightMax || inFlight.size + waiting.length > heldMessagesMax || bytes > heldBytesMax)
      throw new Broken(`the session of ${clientId} holds ${inFlight.size} and ${waiting.length} messages`);
    total += bytes;
  }
  if (total !== gateway.heldBytes) throw new Broken(`the gateway counts ${gateway.heldBytes} bytes and holds ${total}`);
  const at = wakeAt(gateway) ?? Infinity;
  if (at < now) throw new Broken(`the gateway wanted to be woken ${now - at} ms ago`);
}
