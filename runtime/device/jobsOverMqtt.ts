import { decodeAccepted, decodeErrorResponse } from '../jobs/answers.ts';
import { encodeObject } from '../jobs/json.ts';
import { encodeRequest } from '../jobs/requests.ts';
import type { Ask, RunnerEvent } from '../jobs/runner/state.ts';
import { formatRequestTopic, parseIncomingTopic } from '../jobs/topics.ts';

/** Puts a request of the runner on its topic; `key` tells whether it is still on its way. */
export function encodeAsk(thingName: string, request: Ask): { topic: string; payload: Uint8Array; key: string } {
  return {
    topic: formatRequestTopic({ thingName, operation: request.operation, jobId: request.jobId }),
    payload: encodeObject(encodeRequest(request)),
    key: request.clientToken,
  };
}

/**
 * Reads a message for the runner.
 *
 * @returns what it says; undefined when it is not for this thing or without interest; `{ fault }` when it cannot be read
 */
export function decodeMessage(
  thingName: string,
  topic: string,
  payload: Uint8Array,
): RunnerEvent | { fault: string } | undefined {
  const incoming = parseIncomingTopic(topic, thingName);
  if (incoming === undefined || incoming.kind === 'notify') return undefined;
  if (incoming.kind === 'rejected') {
    const error = decodeErrorResponse(payload);
    if (error === undefined) return { fault: `not an ErrorResponse on ${topic}` };
    return error.clientToken === undefined ? undefined : { on: 'rejected', clientToken: error.clientToken, error };
  }
  const answer = decodeAccepted(payload);
  if (answer === undefined) return { fault: `not an answer of AWS IoT Jobs on ${topic}` };
  if (incoming.kind === 'notify-next') return { on: 'nextChanged', execution: answer.execution };
  return answer.clientToken === undefined ? undefined : { on: 'accepted', clientToken: answer.clientToken, answer };
}
