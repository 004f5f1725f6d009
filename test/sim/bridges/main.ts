import { parseArgs } from 'node:util';
import { KINDS } from '../faults.ts';
import { startMcus } from '../serial/mcus.ts';
import { shrink } from '../shrink.ts';
import type { Wish } from '../world.ts';
import { LINE_KINDS, runBridgeWorld } from './world.ts';

const USAGE = `The simulated world with bridges: their microcontrollers are the compiled C library, behind the production service.

  npm run sim:bridges -- [--seed N] [--count N] [--jobs N] [--story LINES] [--keep-going 1]
  npm run sim:bridges -- --seed N [--without KIND,KIND] [--boards N] [--acts N]

  --seed N       the first seed (default: fresh)
  --count N      how many worlds, one seed after another (default 1)
  --jobs N       how many processes share them (default 1)
  --story LINES  how much of what happened is printed when a promise is broken (default 60; 0: and it is not shrunk)
  --without ...  leaves out kinds of faults; --boards and --acts: no more microcontrollers, no more acts of the operator
  --keep-going 1 goes on behind a seed that fails
`;

const NUMBERS = { seed: Date.now() >>> 0, count: 1, story: 60, boards: NaN, acts: NaN, 'keep-going': 0 };
const ALL_KINDS: readonly string[] = [...KINDS, ...LINE_KINDS];

const { mcu: program, without, ...numbers } = readOptions();
const wish: Wish = {
  without,
  storyLines: numbers.story,
  ...(Number.isNaN(numbers.boards) ? {} : { boards: numbers.boards }),
  ...(Number.isNaN(numbers.acts) ? {} : { acts: numbers.acts }),
};
const hasWish = without.length > 0 || wish.boards !== undefined || wish.acts !== undefined;
const totals: Record<string, number> = {};
const failed: number[] = [];
let seed = numbers.seed;
const mcus = startMcus(program, (code) => {
  console.log(`seed ${seed}: the microcontroller's library ended with ${code}`);
  console.log(JSON.stringify({ ...totals, worlds: (totals.worlds ?? 0) + 1, broken: [...failed, seed] }));
  process.exit(1);
});
const run = (which: number, how: Wish) => runBridgeWorld(which, mcus, how);
for (; seed < numbers.seed + numbers.count; seed++) {
  const told = await run(seed, wish);
  totals.worlds = (totals.worlds ?? 0) + 1;
  if (told.broken !== undefined) {
    failed.push(seed);
    if (hasWish) console.log(`${told.story.join('\n')}\n`);
    await report(told.broken);
    if (numbers['keep-going'] === 0) break;
  } else if (numbers.count === 1) console.log(`seed ${seed}: trace ${told.hash.toString(16)}`);
  for (const [what, n] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + n;
}
console.log(JSON.stringify({ ...totals, ...(failed.length > 0 ? { broken: failed } : {}) }));
process.exit(failed.length > 0 ? 1 : 0);

/** What broke, how to see it again, and the story with all else left out. */
async function report(broken: string): Promise<void> {
  console.log(`seed ${seed}: ${broken}\nreplay: npm run sim:bridges -- --seed ${seed}`);
  if (numbers.story === 0 || hasWish) return;
  const shrunk = await shrink(seed, run, ALL_KINDS);
  if (shrunk === undefined) return console.log('it does not fail when it is run again: the world is not repeatable');
  console.log(`\n${shrunk.told.story.slice(-numbers.story).join('\n')}\n`);
  console.log(`shortened: ${shrunk.told.broken}\nreplay: npm run sim:bridges -- --seed ${seed} ${shrunk.options}`);
}

function readOptions() {
  const text = { type: 'string' } as const;
  const options = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, text]));
  try {
    const { values } = parseArgs({ options: { ...options, without: text, mcu: text, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const given = values as Record<string, string | undefined>;
    const numbers = { ...NUMBERS };
    for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
      const value = given[name];
      if (value === undefined) continue;
      if (!/^\d+$/.test(value)) throw new Error(`--${name} ${value}: expected a whole number`);
      numbers[name] = Number(value);
    }
    const kinds = given.without?.split(',') ?? [];
    const unknown = kinds.find((kind) => !ALL_KINDS.includes(kind));
    if (unknown) throw new Error(`there is no fault ${unknown}: expected one of ${ALL_KINDS.join(', ')}`);
    return { ...numbers, without: kinds, mcu: given.mcu ?? '' };
  } catch (error) {
    console.error(`sim: ${(error as Error).message}\n\n${USAGE}`);
    return process.exit(2);
  }
}
