import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isGone } from './accounting.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import type { Report } from './figure.ts';
import { temporaryFolder, untilLines } from './processes.ts';
import { interleaved } from './rounds.ts';
import { agentArgs, startNode } from './site.ts';

/** From the operator's CancelJob being sent until the running program's process is gone. */
export async function cancel(bench: Bench): Promise<Omit<Report, 'family'>> {
  const site = await bench.site();
  const data = temporaryFolder();
  const device = startNode(...agentArgs(await site.thing('cancelled'), data));
  await device.line(/connected/);
  let serial = 0;
  const measure = async (script: string) => {
    const name = `cancelled-${++serial}`;
    const pidFile = path.join(data, name);
    const jobsEnded = device.lines.filter((line) => / ended: | CANCELED/.test(line)).length;
    await site.createJobs(name, 1, 'cancelled', `sh,-c,${script.replace('PIDFILE', pidFile)}`);
    const pid = Number(await poll(() => /^(\d+)\n/.exec(read(pidFile))?.[1]));
    const began = performance.now();
    const answered = site.control('CancelJob', { jobId: `${name}-1`, force: true });
    await poll(() => (isGone(pid) ? 'gone' : undefined));
    const millis = performance.now() - began;
    await answered;
    await untilLines(device, / ended: | CANCELED/, jobsEnded + 1);
    return { millis };
  };
  const { obedient, stubborn } = await interleaved(
    bench.rounds(5, 3),
    {
      obedient: () => measure('echo $$ > PIDFILE; exec sleep 600'),
      // Ignored by the shell, TERM is ignored by all that it starts.
      stubborn: () => measure("trap '' TERM; echo $$ > PIDFILE; exec sleep 600"),
    },
    bench.progress,
  );
  await device.kill('SIGTERM');
  const budget = BUDGETS.cancelMillis;
  return {
    figures: [
      { name: 'cancel to process gone', unit: 'ms', ours: obedient.millis, beside: [], budget },
      { name: 'the same, TERM ignored', unit: 'ms', ours: stubborn.millis, beside: [], budget },
    ],
  };
}

/** Looks again each millisecond: another process tells nobody. */
async function poll(look: () => string | undefined): Promise<string> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
