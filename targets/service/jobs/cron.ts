import { CRON_YEARS_AHEAD } from './limits.ts';

/**
 * When a maintenance window opens: AWS's six fields, in UTC (control-plane §7).
 *
 *   cron(minutes hours day-of-month month day-of-week year)      cron(0 18 ? * MON-FRI *)
 *
 * A parser of our own, because no library fits: croner counts days of the week and fields otherwise, and aws-cron-parser 1.1.12
 * takes `a b c d e f`, and puts 31 February on 3 March.
 */
export interface Cron {
  minutes: readonly number[];
  hours: readonly number[];
  months: readonly number[];
  years: readonly number[];
  /** Days of a month (1..12), ascending. */
  days: (year: number, month: number) => number[];
}

/** @returns the schedule, or what is wrong with the text */
export function parseCron(text: string): Cron | string {
  const inside = /^\s*cron\((.*)\)\s*$/.exec(text)?.[1] ?? text;
  const fields = inside.trim().split(/\s+/);
  if (fields.length !== 6) return `expected 6 fields, as in cron(0 18 ? * MON *), found ${fields.length}`;
  const [minutes, hours, day, months, weekday, years] = fields as [string, string, string, string, string, string];
  if ((day === '?') === (weekday === '?')) return 'expected ? for either the day of the month or the day of the week';
  try {
    return {
      minutes: numbersIn(minutes, MINUTES),
      hours: numbersIn(hours, HOURS),
      months: numbersIn(months, MONTHS),
      years: numbersIn(years, YEARS),
      days: day === '?' ? weekdaysIn(weekday) : daysIn(day),
    };
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

/** The first time after `afterMillis`; undefined where none comes in the next decades. */
export function nextMillis(cron: Cron, afterMillis: number): number | undefined {
  const after = new Date(afterMillis);
  const lastYear = after.getUTCFullYear() + CRON_YEARS_AHEAD;
  for (let year = after.getUTCFullYear(); year <= lastYear; year++) {
    if (!cron.years.includes(year)) continue;
    for (const month of cron.months) {
      if (Date.UTC(year, month) <= afterMillis) continue; // all of it has passed
      for (const day of cron.days(year, month)) {
        if (Date.UTC(year, month - 1, day + 1) <= afterMillis) continue;
        const found = firstOfDay(cron, Date.UTC(year, month - 1, day), afterMillis);
        if (found !== undefined) return found;
      }
    }
  }
  return undefined;
}

function firstOfDay({ hours, minutes }: Cron, dayMillis: number, afterMillis: number): number | undefined {
  for (const hour of hours) {
    const hourMillis = dayMillis + hour * 3_600_000;
    if (hourMillis + 3_600_000 <= afterMillis) continue;
    const minute = minutes.find((one) => hourMillis + one * 60_000 > afterMillis);
    if (minute !== undefined) return hourMillis + minute * 60_000;
  }
  return undefined;
}

interface Field {
  name: string;
  min: number;
  max: number;
  /** Names for the numbers from `min` on. */
  names?: readonly string[];
}

const WEEKDAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MONTH_NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const MINUTES: Field = { name: 'minutes', min: 0, max: 59 };
const HOURS: Field = { name: 'hours', min: 0, max: 23 };
const DAYS: Field = { name: 'day of the month', min: 1, max: 31 };
const MONTHS: Field = { name: 'month', min: 1, max: 12, names: MONTH_NAMES };
const WEEKDAYS: Field = { name: 'day of the week', min: 1, max: 7, names: WEEKDAY_NAMES };
const YEARS: Field = { name: 'year', min: 1970, max: 2199 };

class Fault extends Error {}

/** The numbers of a field like `0,15-20,30/5`, ascending. */
function numbersIn(text: string, field: Field): number[] {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', step] = part.split('/', 2);
    const [from, to] = rangeIn(range, step !== undefined, field);
    const by = step === undefined ? 1 : numberIn(step, { ...field, min: 1 });
    if (part.split('/').length > 2 || from > to) throw fault(part, field);
    for (let n = from; n <= to; n += by) found.add(n);
  }
  return [...found].sort((a, b) => a - b);
}

/** A number with a step behind it begins a range that goes to the end. */
function rangeIn(range: string, hasStep: boolean, field: Field): [from: number, to: number] {
  if (range === '*') return [field.min, field.max];
  const ends = range.split('-');
  if (ends.length > 2) throw fault(range, field);
  const from = numberIn(ends[0] as string, field);
  if (ends[1] !== undefined) return [from, numberIn(ends[1], field)];
  return [from, hasStep ? field.max : from];
}

function numberIn(text: string, field: Field): number {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
  const n = named >= 0 ? named + field.min : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(n >= field.min && n <= field.max)) throw fault(text, field);
  return n;
}

function fault(text: string, { name, min, max }: Field): Fault {
  return new Fault(`'${text.slice(0, 40)}' in the ${name} is not within ${min} to ${max}`);
}

/** `L`: the last; `LW`: the last weekday; `15W`: the weekday nearest to the 15th, in the same month. */
function daysIn(text: string): Cron['days'] {
  if (text === 'L') return (year, month) => [lastDay(year, month)];
  if (text === 'LW') return (year, month) => [nearestWeekday(year, month, lastDay(year, month))];
  const near = /^(\d+)W$/.exec(text)?.[1];
  if (near !== undefined) {
    const day = numberIn(near, DAYS);
    return (year, month) => (day > lastDay(year, month) ? [] : [nearestWeekday(year, month, day)]);
  }
  const days = numbersIn(text, DAYS);
  return (year, month) => days.filter((day) => day <= lastDay(year, month));
}

/** `5L`: the last Thursday; `6#3`: the third Friday; days count from 1, Sunday. */
function weekdaysIn(text: string): Cron['days'] {
  const last = /^(\w+)L$/i.exec(text)?.[1];
  if (last !== undefined) {
    const weekday = numberIn(last, WEEKDAYS);
    return (year, month) => weekdaysOf(year, month, [weekday]).slice(-1);
  }
  const [, which, nth] = /^(\w+)#([1-5])$/.exec(text) ?? [];
  if (which !== undefined) {
    const weekday = numberIn(which, WEEKDAYS);
    return (year, month) => weekdaysOf(year, month, [weekday]).slice(Number(nth) - 1, Number(nth));
  }
  const weekdays = text === 'L' ? [7] : numbersIn(text, WEEKDAYS);
  return (year, month) => weekdaysOf(year, month, weekdays);
}

function weekdaysOf(year: number, month: number, weekdays: readonly number[]): number[] {
  const days = Array.from({ length: lastDay(year, month) }, (_, i) => i + 1);
  return days.filter((day) => weekdays.includes(weekdayOf(year, month, day)));
}

function nearestWeekday(year: number, month: number, day: number): number {
  const weekday = weekdayOf(year, month, day);
  if (weekday === 7) return day === 1 ? 3 : day - 1;
  if (weekday === 1) return day === lastDay(year, month) ? day - 2 : day + 1;
  return day;
}

/** 1: Sunday. */
function weekdayOf(year: number, month: number, day: number): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1;
}

function lastDay(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
