import { decodeObject } from '../../runtime/jobs/json.ts';
import { answerTopic, parseRequestTopic } from '../../runtime/jobs/topics.ts';

/** What an answer has promised: this execution has this version, or a later one. */
export interface Promised {
  thingName: string;
  jobId: string;
  executionNumber: number;
  versionNumber: number;
}

/** Reads an update that expected a version, and its answer; undefined: it was refused, or says no version. */
export function acceptedVersion(topic: string, payload: Uint8Array, answer: { topic: string }): Promised | undefined {
  if (answer.topic !== answerTopic(topic, 'accepted')) return undefined;
  const parsed = parseRequestTopic(topic);
  if (parsed === undefined || parsed === 'InvalidTopic' || parsed.operation !== 'UpdateJobExecution') return undefined;
  const { thingName, jobId = '' } = parsed;
  const version = versionIn(payload);
  return version && { thingName, jobId, ...version };
}

/** The same for an accepted POST of the HTTPS data plane. */
export function updatedVersion(path: string, body: Uint8Array): Omit<Promised, 'thingName'> | undefined {
  const version = versionIn(body);
  return version && { jobId: decodeURIComponent(path.split('/').at(-1)!), ...version };
}

function versionIn(payload: Uint8Array): Pick<Promised, 'executionNumber' | 'versionNumber'> | undefined {
  const { executionNumber, expectedVersion } = decodeObject(payload) ?? {};
  if (executionNumber === undefined || expectedVersion === undefined) return undefined;
  return { executionNumber: Number(executionNumber), versionNumber: Number(expectedVersion) + 1 };
}
