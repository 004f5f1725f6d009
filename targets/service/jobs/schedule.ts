import { type Cron, nextMillis, parseCron } from './cron.ts';
import type { SchedulingConfig } from './jobConfig.ts';
import {
  SCHEDULE_AHEAD_MIN_MILLIS,
  SCHEDULE_END_MAX_MILLIS,
  SCHEDULE_START_MAX_MILLIS,
  SCHEDULED_ROLLOUTS_SHOWN,
} from './limits.ts';

/** schedulingConfig as it is gone by (control-plane §7); times are milliseconds since the Unix epoch. */
export interface Schedule {
  startsAtMillis: number | undefined;
  endsAtMillis: number | undefined;
  windows: readonly { cron: Cron; durationMillis: number }[];
}

/** Where a job stands in its schedule, and when that changes or has to be looked at again. */
export interface Phase {
  phase: 'before' | 'open' | 'closed' | 'ended';
  untilMillis: number | undefined;
}

/** @throws Error where the text cannot be read, which `faultIn` tells first */
export function readSchedule(config: SchedulingConfig | undefined): Schedule {
  return {
    startsAtMillis: timeIn(config?.startTime),
    endsAtMillis: timeIn(config?.endTime),
    windows: (config?.maintenanceWindows ?? []).map(({ startTime, durationInMinutes }) => {
      const cron = parseCron(startTime);
      if (typeof cron === 'string') throw new Error(`a maintenance window that was accepted has ${startTime}: ${cron}`);
      return { cron, durationMillis: durationInMinutes * 60_000 };
    }),
  };
}

/** What a new job may not have in its schedulingConfig; undefined: nothing is wrong. */
export function faultIn(config: SchedulingConfig, nowMillis: number): string | undefined {
  const { startTime, endTime, endBehavior, maintenanceWindows = [] } = config;
  for (const [name, text] of Object.entries({ startTime, endTime }))
    if (text !== undefined && Number.isNaN(timeIn(text)))
      return `schedulingConfig.${name} is '${text}': expected a time in UTC such as 2030-01-31 18:00`;
  const startsIn = (timeIn(startTime) ?? nowMillis) - nowMillis;
  if (startTime !== undefined && (startsIn < SCHEDULE_AHEAD_MIN_MILLIS || startsIn > SCHEDULE_START_MAX_MILLIS))
    return `schedulingConfig.startTime is '${startTime}': expected 30 minutes to 1 year ahead`;
  if (endTime !== undefined) {
    const endsIn = (timeIn(endTime) as number) - nowMillis;
    if (endsIn < SCHEDULE_AHEAD_MIN_MILLIS || endsIn > SCHEDULE_END_MAX_MILLIS)
      return `schedulingConfig.endTime is '${endTime}': expected 30 minutes to 2 years ahead`;
    if (endsIn - startsIn < SCHEDULE_AHEAD_MIN_MILLIS)
      return 'schedulingConfig.endTime is less than 30 minutes behind its startTime';
  }
  if (endBehavior !== undefined && endTime === undefined) return 'schedulingConfig.endBehavior needs an endTime';
  for (const { startTime: cron } of maintenanceWindows) {
    const parsed = parseCron(cron);
    const fault =
      typeof parsed === 'string' ? parsed : nextMillis(parsed, nowMillis) === undefined ? 'it never comes' : '';
    if (fault !== '') return `The startTime of a maintenance window is '${cron}': ${fault}`;
  }
  return undefined;
}

/** Where a job stands. Outside of all windows it is closed; where windows touch or overlap they are one. */
export function phaseAt(schedule: Schedule, nowMillis: number): Phase {
  const { startsAtMillis = Number.NEGATIVE_INFINITY, endsAtMillis = Number.POSITIVE_INFINITY, windows } = schedule;
  if (nowMillis >= endsAtMillis) return { phase: 'ended', untilMillis: undefined };
  const until = (atMillis: number | undefined) => {
    const earlier = Math.min(atMillis ?? Number.POSITIVE_INFINITY, endsAtMillis);
    return Number.isFinite(earlier) ? earlier : undefined;
  };
  const fromMillis = Math.max(nowMillis, startsAtMillis);
  const isOpen = windows.length === 0 || closesAt(schedule, fromMillis) !== undefined;
  const opensMillis = isOpen ? fromMillis : nextOpening(schedule, fromMillis);
  if (nowMillis < startsAtMillis) return { phase: 'before', untilMillis: until(opensMillis) };
  if (!isOpen) return { phase: 'closed', untilMillis: until(opensMillis) };
  return { phase: 'open', untilMillis: until(closesAt(schedule, nowMillis)) };
}

/** The next starts of windows, as text like startTime; none where there are no windows. */
export function nextRollouts(schedule: Schedule, nowMillis: number): { startTime: string }[] {
  const { startsAtMillis = nowMillis, endsAtMillis = Number.POSITIVE_INFINITY } = schedule;
  const starts: { startTime: string }[] = [];
  let atMillis: number | undefined = Math.max(nowMillis, startsAtMillis - 1);
  while (starts.length < SCHEDULED_ROLLOUTS_SHOWN) {
    atMillis = nextOpening(schedule, atMillis);
    if (atMillis === undefined || atMillis >= endsAtMillis) break;
    starts.push({ startTime: new Date(atMillis).toISOString().slice(0, 16).replace('T', ' ') });
  }
  return starts;
}

function nextOpening({ windows }: Schedule, afterMillis: number): number | undefined {
  const openings = windows.map(({ cron }) => nextMillis(cron, afterMillis)).filter((at) => at !== undefined);
  return openings.length === 0 ? undefined : Math.min(...openings);
}

/** How far ahead the end of touching windows is looked for, milliseconds: a job that is always open is looked at once a day. */
const CLOSE_LOOK_MILLIS = 24 * 3_600_000;

/** When the windows that are open at a time have closed; undefined: none is open. */
function closesAt(schedule: Schedule, atMillis: number): number | undefined {
  let end: number | undefined;
  for (let at: number = atMillis; at < atMillis + CLOSE_LOOK_MILLIS; at = end) {
    const later = endOfOpen(schedule, at);
    if (later === undefined) break;
    end = later;
  }
  return end;
}

/** The latest end of the windows that are open at a time: open from their start on, closed at their end. */
function endOfOpen({ windows }: Schedule, atMillis: number): number | undefined {
  const ends = windows.flatMap(({ cron, durationMillis }) => {
    let last: number | undefined;
    for (
      let at = nextMillis(cron, atMillis - durationMillis);
      at !== undefined && at <= atMillis;
      at = nextMillis(cron, at)
    )
      last = at;
    return last === undefined ? [] : [last + durationMillis];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** `2030-01-31 18:00` in UTC, or ISO 8601; NaN where it is neither, undefined where there is none. */
function timeIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, date, time, seconds = ':00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?$/.exec(text.trim()) ?? [];
  if (date === undefined) return Number.NaN;
  const midnight = new Date(`${date}T00:00Z`);
  // 31 February would be taken for 3 March.
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== date) return Number.NaN;
  return Date.parse(`${date}T${time}${seconds}${zone}`);
}
