import type { ErrorCode } from '../jobs/errorCodes.ts';
import { decodeObject, encodeObject, isObject, type JsonObject } from '../jobs/json.ts';
import type { RequestTopic } from '../jobs/topics.ts';

/** A request of the HTTPS data plane (data plane §8.2). */
export interface HttpsRequest {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  /** JSON; none with GET. */
  body: Uint8Array | undefined;
}

/** What came back: the status, `x-amzn-ErrorType`, and the body. */
export interface HttpsAnswer {
  status: number;
  errorType: string | undefined;
  body: Uint8Array;
}

/** Puts what a device would publish into a request. The token has no place there: one request, one answer. */
export function encodeHttpsRequest(
  { thingName, operation, jobId = '' }: RequestTopic,
  payload: JsonObject,
): HttpsRequest {
  const path = `/things/${encodeURIComponent(thingName)}/jobs`;
  const { clientToken: _, ...members } = payload;
  const body = encodeObject(members);
  switch (operation) {
    case 'GetPendingJobExecutions':
      return { method: 'GET', path, body: undefined };
    case 'StartNextPendingJobExecution':
      return { method: 'PUT', path: `${path}/$next`, body };
    case 'UpdateJobExecution':
      return { method: 'POST', path: `${path}/${encodeURIComponent(jobId)}`, body };
    case 'DescribeJobExecution': {
      const query = Object.entries(members).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
      const resource = `${path}/${encodeURIComponent(jobId)}`;
      return { method: 'GET', path: query.length > 0 ? `${resource}?${query.join('&')}` : resource, body: undefined };
    }
  }
}

/**
 * The answer as it would have come over MQTT: accepted or rejected, without timestamp and token.
 *
 * @returns undefined when it is no answer of AWS IoT Jobs: a proxy's page, or a refusal of the caller (403)
 */
export function decodeHttpsAnswer({
  status,
  errorType,
  body,
}: HttpsAnswer): { accepted: boolean; body: JsonObject } | undefined {
  const members = decodeObject(body) ?? {};
  if (status === 200) {
    const { execution } = members;
    return {
      accepted: true,
      body: isObject(execution) ? { ...members, execution: parsed(execution) } : parsed(members),
    };
  }
  const type = String(errorType ?? members.__type ?? '').replace(/^.*#|[:,].*$/g, '');
  const code =
    members.code === 'VersionMismatch'
      ? members.code
      : (CODES[type] ?? (status === 429 ? 'RequestThrottled' : status >= 500 ? 'InternalError' : undefined));
  if (!code) return undefined;
  const { message = `${status} ${type}`, executionState } = members;
  return { accepted: false, body: { code, message, ...(executionState && { executionState }) } };
}

/** Data plane §9. */
const CODES: Record<string, ErrorCode> = {
  InvalidRequestException: 'InvalidRequest',
  InvalidStateTransitionException: 'InvalidStateTransition',
  ResourceNotFoundException: 'ResourceNotFound',
  TerminalStateException: 'TerminalStateReached',
  ThrottlingException: 'RequestThrottled',
  ServiceUnavailableException: 'InternalError',
};

/** The document is a JSON value over MQTT, and the same as a string over HTTPS. */
function parsed(members: JsonObject): JsonObject {
  const { jobDocument } = members;
  if (typeof jobDocument !== 'string') return members;
  try {
    return { ...members, jobDocument: JSON.parse(jobDocument) };
  } catch {
    return members;
  }
}
