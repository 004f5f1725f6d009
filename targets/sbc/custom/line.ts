import type { Duplex } from 'node:stream';
import { LINE_CHARS_MAX } from './limits.ts';

/**
 * The agent and the process of a handler talk by lines of JSON on its descriptor 3. Members have no names there, since those of the
 * agent's are shortened in its file:
 *
 *     agent -> handler   [thingName, document, args]                            first of all
 *                        [number, fault or null]                                a download has ended
 *     handler -> agent   ['tell', details]                                      progress
 *                        ['load', number, url, file, sizeBytes, sha256, signature]
 *                        ['done', details or null]  ['fault', reason]           last of all, one of them
 *
 * Whoever sends a longer line than LINE_CHARS_MAX, or anything else than JSON, is no longer listened to.
 *
 * @returns what sends a line
 */
export function talk(line: Duplex, take: (message: readonly unknown[]) => void): (message: readonly unknown[]) => void {
  let open = '';
  line
    .setEncoding('utf8')
    .on('error', () => {}) // the other side has ended: its end is told otherwise
    .on('data', (text: string) => {
      const lines = (open + text).split('\n');
      open = lines.pop()!;
      try {
        if (open.length > LINE_CHARS_MAX) throw open.length;
        for (const one of lines) take(JSON.parse(one));
      } catch {
        line.destroy();
      }
    });
  return (message) => void line.write(`${JSON.stringify(message)}\n`);
}
