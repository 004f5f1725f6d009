import type { Progress } from '../../runtime/serial/task.ts';
import { clock } from './clock.ts';

const CELLS = 30;

/** On a terminal one line that is drawn again; elsewhere a line for each tenth. Goes to stderr. */
export function progressBar(total: number, out: NodeJS.WriteStream = process.stderr) {
  const began = clock();
  let from: number | undefined;
  let lastTenth = -1;
  return {
    show({ percent = 0, bytes, words }: Progress): void {
      if (bytes !== undefined) from ??= bytes;
      const seconds = (clock() - began) / 1000;
      const rate = bytes !== undefined && seconds > 0 ? `  ${((bytes - from!) / 1024 / seconds).toFixed(1)} KB/s` : '';
      const text = words ?? `${bytes ?? 0} of ${total} bytes${rate}`;
      if (out.isTTY) {
        const full = Math.round((CELLS * percent) / 100);
        out.write(`\r[${'#'.repeat(full)}${'.'.repeat(CELLS - full)}] ${`${percent}`.padStart(3)} %  ${text}\x1b[K`);
      } else if (Math.floor(percent / 10) !== lastTenth || words !== undefined) {
        lastTenth = Math.floor(percent / 10);
        out.write(`${`${percent}`.padStart(3)} %  ${text}\n`);
      }
    },
    end(): void {
      if (out.isTTY) out.write('\n');
    },
  };
}
