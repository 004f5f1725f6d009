import type { LogLevel } from '../../runtime/effects.ts';
import { withoutSecrets } from '../../runtime/jobs/secrets.ts';

export type Log = (level: LogLevel, message: string, fields?: Record<string, string | number>) => void;

/** One line per event on stdout, readable or as JSON; secrets are taken out here, at the only door. */
export function createLog({ json, debug }: { json: boolean; debug: boolean }): Log {
  return (level, message, fields = {}) => {
    if (level === 'debug' && !debug) return;
    const time = new Date().toISOString();
    const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
    const line = json
      ? JSON.stringify({ time, level, message, ...fields })
      : `${time} ${level.padEnd(5)} ${message}${pairs.join('')}`;
    process.stdout.write(`${withoutSecrets(line).replaceAll('\n', '\n    ')}\n`);
  };
}
