import { decodeAccepted, decodeErrorResponse } from '../jobs/answers.ts';
import { encodeObject } from '../jobs/json.ts';
import { encodeRequest } from '../jobs/requests.ts';
import type { Ask, RunnerEvent } from '../jobs/runner/state.ts';
import { executionTopic, parseIncomingTopic } from '../jobs/topics.ts';

/** Puts a request of the runner on its topic; `key` tells whether it is still on its way. */
export function encodeAsk(thingName: string, request: Ask): { topic: string; payload: Uint8Array; key: string } {
  return {
    topic: executionTopic(thingName, request.jobId, 'status' in request ? 'update' : 'get'),
    payload: encodeObject(encodeRequest(request)),
    key: request.clientToken,
  };
}

/**
 * Reads a message for the runner.
 *
 * @returns what it says; undefined when it is not for this thing or without interest; why, when it cannot be read
 */
export function decodeMessage(thingName: string, topic: string, payload: Uint8Array): RunnerEvent | string | undefined {
  const kind = parseIncomingTopic(topic, thingName);
  if (!kind) return undefined;
  const error = kind === 'rejected' && decodeErrorResponse(payload);
  if (error) return { on: 'rejected', error };
  const answer = kind !== 'rejected' && decodeAccepted(payload);
  if (!answer) return `not an answer of AWS IoT Jobs on ${topic}`;
  return kind === 'accepted' ? { on: 'accepted', answer } : { on: 'nextChanged', execution: answer.execution };
}
