import type { ErrorCode } from '../jobs/errorCodes.ts';
import { decodeObject, encodeObject, isObject, type JsonObject } from '../jobs/json.ts';

/** A request of the HTTPS data plane (data plane §8.2). */
export interface HttpsRequest {
  method: 'GET' | 'POST';
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

/**
 * Puts what a device publishes on a topic of an execution into a request. The token has no place there: one request, one answer.
 *
 * @returns undefined for any other topic
 */
export function encodeHttpsRequest(topic: string, payload: JsonObject): HttpsRequest | undefined {
  const [, thing, job, level] = /^\$aws\/things\/([^/]+)\/jobs\/([^/]+)\/(get|update)$/.exec(topic) ?? [];
  if (!level) return undefined;
  const path = `/things/${encodeURIComponent(thing!)}/jobs/${encodeURIComponent(job!)}`;
  const { clientToken: _, ...members } = payload;
  if (level === 'update') return { method: 'POST', path, body: encodeObject(members) };
  const query = Object.entries(members).map(([name, value]) => `${name}=${value}`);
  return { method: 'GET', path: query.length > 0 ? `${path}?${query.join('&')}` : path, body: undefined };
}

/**
 * The answer as it would have come over MQTT: accepted or rejected, without timestamp and token.
 *
 * @returns undefined when it is no answer of AWS IoT Jobs, such as a proxy's page, or a refusal of the caller (403)
 */
export function decodeHttpsAnswer({
  status,
  errorType,
  body,
}: HttpsAnswer): [accepted: boolean, JsonObject] | undefined {
  const members = decodeObject(body) ?? {};
  if (status === 200) {
    const { execution } = members;
    return [true, isObject(execution) ? { execution: parsed(execution) } : parsed(members)];
  }
  const { code: more, message = `HTTPS ${status}`, executionState } = members;
  const [, type] = /(\w+)Exception\b/.exec(`${errorType ?? members.__type}`) ?? [];
  const code = more === 'VersionMismatch' ? more : (CODES[type ?? status] ?? (status === 403 ? undefined : type));
  return code ? [false, { code, message, ...(executionState && { executionState }) }] : undefined;
}

/** Those of data plane §9 whose names differ; and by their status what comes from something in between. */
const CODES: Record<string, ErrorCode> = {
  TerminalState: 'TerminalStateReached',
  Throttling: 'RequestThrottled',
  ServiceUnavailable: 'InternalError',
  429: 'RequestThrottled',
  500: 'InternalError',
  502: 'InternalError',
  503: 'InternalError',
  504: 'InternalError',
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
