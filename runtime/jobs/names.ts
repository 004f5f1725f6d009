import { JOB_ID_CHARS_MAX, THING_NAME_CHARS_MAX } from './limits.ts';

/** Stands for the head of a thing's queue where DescribeJobExecution takes a jobId (Developer Guide, "Jobs device MQTT API"). */
export const NEXT_JOB = '$next';

/** 1 to 128 of `a-z A-Z 0-9 : _ -` (API model, ThingName). */
export function isThingName(name: string): boolean {
  return name.length <= THING_NAME_CHARS_MAX && /^[a-zA-Z0-9:_-]+$/.test(name);
}

/** 1 to 64 of `a-z A-Z 0-9 _ -` (API model, JobId); `$next` is not one. */
export function isJobId(id: string): boolean {
  return id.length <= JOB_ID_CHARS_MAX && /^[a-zA-Z0-9_-]+$/.test(id);
}
