import { writeSync } from 'node:fs';
import type { LogLevel } from '../../runtime/effects.ts';
import { withoutSecrets } from '../../runtime/jobs/secrets.ts';

export type Fields = Record<string, string | number | boolean>;
export type Log = (level: LogLevel, message: string, fields?: Fields) => void;

export interface LogOptions {
  level: LogLevel;
  /** One JSON object a line, for machines. */
  json: boolean;
}

/** The levels, the most talkative first. */
export const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * One line per event on stdout: `2026-11-23T08:00:00Z info  job fw-1: started` or `{"time":...,"level":...,"message":...}`.
 *
 * Secrets are taken out here, at the only door: what secrets.ts knows, and the query of every URL, since any may be its signature.
 */
export function createLog({ level, json }: LogOptions, write: (line: string) => void = toStdout): Log {
  const least = LEVELS.indexOf(level);
  return (level, message, fields) => {
    if (LEVELS.indexOf(level) < least) return;
    const time = new Date().toISOString();
    const safe = Object.entries({ message, ...fields }).map(
      ([name, value]) => [name, typeof value === 'string' ? clean(value) : value] as const,
    );
    const line = json ? JSON.stringify({ time, level, ...Object.fromEntries(safe) }) : textLine(time, level, safe);
    write(`${line}\n`);
  };
}

function textLine(time: string, level: LogLevel, [said, ...pairs]: (readonly [string, unknown])[]): string {
  const fields = pairs.map(([name, value]) => ` ${name}=${plain(`${value}`)}`).join('');
  return `${time.slice(0, 19)}Z ${level.padEnd(5)} ${oneLine(`${said?.[1]}`)}${fields}`;
}

function clean(text: string): string {
  return withoutSecrets(text).replace(/(\bhttps?:\/\/[^\s?"'<>]+\?)[^\s"'<>]+/gi, '$1[removed]');
}

/** A value as it is when that is one word, in quotes when it is not. */
function plain(value: string): string {
  return /^[!#-<>-~\u00a1-\uffff]+$/.test(value) ? value : JSON.stringify(value);
}

/** What a device is told must not look like lines of its own, nor steer a terminal. */
function oneLine(text: string): string {
  // All but what prints. `\p{Cc}` would load Unicode's tables: 150 KB resident.
  return text.replace(/[^ -~\u00a0-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Written at once, without a stream: a line is out before the next effect, and a full or closed pipe stops nothing. */
function toStdout(line: string): void {
  try {
    for (let bytes = Buffer.from(line); bytes.length > 0; ) bytes = bytes.subarray(writeSync(1, bytes));
  } catch {
    // Nobody reads the log (EPIPE) or the reader is behind (EAGAIN): the line is lost, the job is not.
  }
}
