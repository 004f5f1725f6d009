import { parseArgs } from 'node:util';
import { runDownloadWorld } from './world.ts';

/**
 * node main.mjs --seed N --count N: worlds of a file that is loaded. The last line is what happened, and what was broken. Pauses and
 * reports of progress come a thousand times as often as they would.
 */
const FASTER = 1_000;
const NANOS = 1_000_000_000n;

const later = globalThis.setTimeout;
globalThis.setTimeout = ((happen: () => void, millis = 0) => later(happen, millis / FASTER)) as typeof setTimeout;
const { hrtime } = process;
const faster = (): [number, number] => {
  const nanos = hrtime.bigint() * BigInt(FASTER);
  return [Number(nanos / NANOS), Number(nanos % NANOS)];
};
process.hrtime = Object.assign(faster, { bigint: () => hrtime.bigint() });

const text = { type: 'string' } as const;
const { seed = '1', count = '1' } = parseArgs({ options: { seed: text, count: text, story: text } }).values;
const totals: Record<string, number> = {};
let broken: number | undefined;
for (let i = Number(seed); i < Number(seed) + Number(count) && broken === undefined; i++) {
  const told = await runDownloadWorld(i);
  totals.worlds = (totals.worlds ?? 0) + 1;
  for (const [what, n] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + n;
  if (told.broken === undefined) continue;
  broken = i;
  console.log(`seed ${i}: ${told.broken}\nreplay: npm run sim:downloads -- --seed ${i}`);
}
console.log(JSON.stringify({ ...totals, ...(broken === undefined ? {} : { broken: [broken] }) }));
process.exit(broken === undefined ? 0 : 1);
