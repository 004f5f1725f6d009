import { decodeObject } from '../../../runtime/jobs/json.ts';
import { parseRequestTopic } from '../../../runtime/jobs/topics.ts';
import { type Meter, NO_METER } from './meter.ts';

/** Counts the answer to a request by MQTT: by its operation and, where it was rejected, by the code in it. */
export function tellAnswer(
  meter: Meter,
  topic: string,
  reply: { topic: string; payload: Uint8Array } | undefined,
  millis: number,
): void {
  if (meter === NO_METER || reply === undefined) return; // undefined: it was no request
  const request = parseRequestTopic(topic);
  const operation = typeof request === 'object' ? request.operation : undefined;
  meter.answered('mqtt', operation, reply.topic.endsWith('/rejected') ? codeIn(reply.payload) : 'OK', millis);
}

function codeIn(payload: Uint8Array): string {
  return String(decodeObject(payload)?.code);
}
