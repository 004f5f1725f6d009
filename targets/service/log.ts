import { writeSync } from 'node:fs';
import type { LogLevel } from '../../runtime/effects.ts';
import { withoutSecrets } from '../../runtime/jobs/secrets.ts';

export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, string | number>>) => void;

export interface LogOptions {
  level: LogLevel;
  /** One JSON object a line, for machines. */
  json: boolean;
}

/** The levels, the most talkative first. */
export const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * One line per event on stdout: `2026-11-23T08:00:00.123Z warn  message field=value`, or
 * `{"time":...,"level":...,"message":...,"field":...}`. Secrets are taken out here, at the only door.
 */
export function createLog({ level, json }: LogOptions, write: (line: string) => void = toStdout): Log {
  const least = LEVELS.indexOf(level);
  return (level, said, given = {}) => {
    if (LEVELS.indexOf(level) < least) return;
    const time = new Date().toISOString();
    const message = withoutSecrets(said);
    const fields = Object.entries(given).map(([name, value]) => [name, cleaned(name, value)] as const);
    const text = `${time} ${level.padEnd(5)} ${message}${fields.map(([name, value]) => ` ${name}=${value}`).join('')}`;
    write(
      `${json ? JSON.stringify({ time, level, message, ...Object.fromEntries(fields.filter(([name]) => !['time', 'level', 'message'].includes(name))) }) : oneLine(text)}\n`,
    );
  };
}

/** Failures that the service lives on with. */
export function troubleLog(log: Log): (event: string, error: unknown) => void {
  return (event, error) => log('error', event, { error: String(error) });
}

/** Codes of SQLite, PostgreSQL and the file system for a full disk. */
const DISK_FULL: ReadonlySet<unknown> = new Set(['SQLITE_FULL', '53100', 'ENOSPC', 'EDQUOT']);

/** Requests that failed by a mistake of ours, with its trace, or by a full disk: whoever asked is told a number alone. */
export function failureLog(
  log: Log,
): (failure: { requestId: string; operation: string | undefined; error: unknown }) => void {
  return ({ requestId, operation, error }) => {
    const { code, message, stack = message } = Object(error) as NodeJS.ErrnoException;
    const reason = DISK_FULL.has(code) ? `${message}: nothing of it was kept; make room` : (stack ?? error);
    log('error', `${operation ?? 'a request'} failed: ${reason}`, { requestId });
  };
}

/** A field's name may be what tells that its value is secret. */
function cleaned(name: string, value: string | number): string | number {
  return typeof value === 'number' ? value : withoutSecrets(`${name}=${value}`).slice(name.length + 1);
}

/** What a client is named must not look like lines of its own, nor steer a terminal; a stack goes on behind its first line. */
function oneLine(text: string): string {
  return text
    .replaceAll(/\n\s*/g, ' | ')
    .replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Written at once, without a stream: a line is out before the process ends, and a full or closed pipe stops nothing. */
function toStdout(line: string): void {
  try {
    for (let bytes = Buffer.from(line); bytes.length > 0; ) bytes = bytes.subarray(writeSync(1, bytes));
  } catch {
    // Nobody reads the log (EPIPE) or the reader is behind (EAGAIN): the line is lost, the service goes on.
  }
}
