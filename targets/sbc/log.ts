import { writeSync } from 'node:fs';
import type { LogLevel } from '../../runtime/effects.ts';
import { withoutSecrets } from '../../runtime/jobs/secrets.ts';

/** `jobId`: the job that it is about, for machines; people find it in the message. */
export type Log = (level: LogLevel, message: string, jobId?: string) => void;

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
export function createLog({ level, json }: LogOptions, write: (line: string) => void = print): Log {
  const least = LEVELS.indexOf(level);
  return (level, said, jobId) => {
    if (LEVELS.indexOf(level) < least) return;
    const time = new Date().toISOString();
    const message = withoutSecrets(said).replace(/(\bhttps?:\/\/[^\s?"'<>]+\?)[^\s"'<>]+/gi, '$1[removed]');
    const text = `${time.slice(0, 19)}Z ${level.padEnd(5)} ${oneLine(message)}`;
    write(`${json ? JSON.stringify({ time, level, message, jobId }) : text}\n`);
  };
}

/** What a device is told must not look like lines of its own, nor steer a terminal. */
function oneLine(text: string): string {
  // All but what prints. `\p{Cc}` would load Unicode's tables: 150 KB resident.
  return text.replace(/[^ -~\u00a0-\uffff]/g, encodeURI);
}

/**
 * Written at once, without a stream: a line is out before the next effect, and a full disk or a closed pipe stops nothing.
 *
 * @param fd  stdout, or 2: stderr
 */
export function print(text: string, fd = 1): void {
  try {
    for (let bytes = Buffer.from(text); bytes.length > 0; ) bytes = bytes.subarray(writeSync(fd, bytes));
  } catch {
    // Nobody takes it (EPIPE, ENOSPC) or the reader is behind (EAGAIN): the line is lost, the job or the exit code is not.
  }
}
