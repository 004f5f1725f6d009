import { isJobId, isThingName, NEXT_JOB } from './names.ts';

/** The four requests of a device, by their names in the API model. */
export type Operation =
  | 'GetPendingJobExecutions'
  | 'StartNextPendingJobExecution'
  | 'DescribeJobExecution'
  | 'UpdateJobExecution';

/** What a device publishes to; jobId only where the operation has one, `$next` only to describe. */
export interface RequestTopic {
  thingName: string;
  operation: Operation;
  jobId?: string;
}

const PREFIX = '$aws/things/';

/**
 * The topic a request is published to.
 *
 *     $aws/things/{thingName}/jobs/get                 GetPendingJobExecutions
 *     $aws/things/{thingName}/jobs/start-next          StartNextPendingJobExecution
 *     $aws/things/{thingName}/jobs/{jobId}/get         DescribeJobExecution, jobId or $next
 *     $aws/things/{thingName}/jobs/{jobId}/update      UpdateJobExecution
 *
 * The answer comes on the same topic with `/accepted` or `/rejected` behind it. Developer Guide, "Jobs device MQTT API".
 */
export function formatRequestTopic({ thingName, operation, jobId }: RequestTopic): string {
  if (jobId !== undefined)
    return executionTopic(thingName, jobId, operation === 'UpdateJobExecution' ? 'update' : 'get');
  return jobsTopic(thingName, operation === 'GetPendingJobExecutions' ? 'get' : 'start-next');
}

/** The topics of one execution: to describe it, and to update it. */
export function executionTopic(thingName: string, jobId: string, level: 'get' | 'update'): string {
  return jobsTopic(thingName, `${jobId}/${level}`);
}

function jobsTopic(thingName: string, levels: string): string {
  return `${PREFIX}${thingName}/jobs/${levels}`;
}

/**
 * Reads a topic that a client published to, as the service does.
 *
 * @returns the request; `'InvalidTopic'` inside a thing's jobs namespace but no operation's; undefined where the service
 *          keeps silent: another namespace, or a last level that is the service's own (accepted, rejected, notify, notify-next)
 *
 * The number of levels tells a job named `get` from the operation: `jobs/get` and `jobs/get/get` differ.
 */
export function parseRequestTopic(topic: string): RequestTopic | 'InvalidTopic' | undefined {
  const split = splitJobsTopic(topic);
  if (split === undefined) return undefined;
  const { thingName, levels } = split;
  if (SERVICE_LEVELS.has(levels.at(-1) as string)) return undefined;
  const [first = '', second] = levels;
  if (levels.length === 1 && first === 'get') return { thingName, operation: 'GetPendingJobExecutions' };
  if (levels.length === 1 && first === 'start-next') return { thingName, operation: 'StartNextPendingJobExecution' };
  if (levels.length !== 2) return 'InvalidTopic';
  if (second === 'get' && (first === NEXT_JOB || isJobId(first)))
    return { thingName, operation: 'DescribeJobExecution', jobId: first };
  if (second === 'update' && isJobId(first)) return { thingName, operation: 'UpdateJobExecution', jobId: first };
  return 'InvalidTopic';
}

const SERVICE_LEVELS = new Set(['accepted', 'rejected', 'notify', 'notify-next']);

/**
 * Reads a topic that a device received: the answer to a request, or the notification that it listens to.
 *
 * @returns its last level, `accepted`, `rejected` or `notify-next`; undefined when it is none of these for `thingName`
 */
export function parseIncomingTopic(topic: string, thingName: string): string | undefined {
  if (!topic.startsWith(jobsTopic(thingName, ''))) return undefined;
  return /\/(accepted|rejected|notify-next)$/.exec(topic)?.[1];
}

/** Where the answer to a request goes: the request's topic, literally, with one level more. */
export function answerTopic(requestTopic: string, kind: 'accepted' | 'rejected'): string {
  return `${requestTopic}/${kind}`;
}

/** Where JobExecutionsChanged (`notify`) and NextJobExecutionChanged (`notify-next`) go. */
export function notificationTopic(thingName: string, kind: 'notify' | 'notify-next'): string {
  return jobsTopic(thingName, kind);
}

/**
 * What a device subscribes to, at QoS 1: three filters, of the 50 that AWS allows a connection. AWS and our service answer
 * the requester without them; brokers and emulators that stand in for AWS often do not.
 */
export function deviceTopicFilters(thingName: string): string[] {
  return ['notify-next', '+/get/+', '+/update/+'].map((levels) => jobsTopic(thingName, levels));
}

/** The thing whose namespace a topic or filter is in, `$aws/things/{thingName}/...`; undefined outside, and where a wildcard stands for it. */
export function thingOfTopic(topic: string): string | undefined {
  if (!topic.startsWith(PREFIX)) return undefined;
  const end = topic.indexOf('/', PREFIX.length);
  const thingName = topic.slice(PREFIX.length, end < 0 ? undefined : end);
  return isThingName(thingName) ? thingName : undefined;
}

function splitJobsTopic(topic: string): { thingName: string; levels: string[] } | undefined {
  const thingName = thingOfTopic(topic);
  if (thingName === undefined) return undefined;
  const jobs = jobsTopic(thingName, '');
  if (!topic.startsWith(jobs)) return undefined;
  return { thingName, levels: topic.slice(jobs.length).split('/') };
}
