import { parseArgs } from 'node:util';
import { shrink } from './shrink.ts';
import { runWorld, type Wish } from './world.ts';

const USAGE = `The simulated world: production device cores and the production service on one virtual clock.

  npm run sim -- [--seed N] [--count N] [--seconds N] [--jobs N] [--story LINES] [--keep-going 1]
  npm run sim -- --seed N [--without KIND,KIND] [--boards N] [--acts N]

  --seed N       the first seed (default: fresh)
  --count N      how many worlds, one seed after another (default 1)
  --seconds N    goes on to further seeds for so long
  --jobs N       how many processes share them (default 1)
  --story LINES  how much of what happened is printed when a promise is broken (default 60; 0: and it is not shrunk)
  --without ...  leaves out kinds of faults; --boards and --acts: no more boards, no more acts of the operator
  --keep-going 1 goes on behind a seed that fails
`;

const SETTINGS = { seed: Date.now() >>> 0, count: 1, seconds: 0, story: 60, boards: NaN, acts: NaN, 'keep-going': 0 };

function refuse(sentence: string): never {
  console.error(`sim: ${sentence}\n\n${USAGE}`);
  process.exit(2);
}

function readOptions() {
  const text = { type: 'string' } as const;
  const options = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, text]));
  try {
    const { values } = parseArgs({ options: { ...options, without: text, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const numbers = { ...SETTINGS };
    for (const name of Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]) {
      const value = (values as Record<string, string | undefined>)[name];
      if (value === undefined) continue;
      if (!/^\d+$/.test(value)) refuse(`--${name} ${value}: expected a whole number`);
      numbers[name] = Number(value);
    }
    return { ...numbers, without: values.without === undefined ? [] : (values.without as string).split(',') };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** A failure as somebody needs it who was not there: what broke, how to see it again, and the story with all else left out. */
async function report(seed: number, broken: string): Promise<void> {
  console.log(`seed ${seed}: ${broken}\nreplay: npm run sim -- --seed ${seed}`);
  if (options.story === 0 || hasWish) return;
  const shrunk = await shrink(seed);
  if (shrunk === undefined) return console.log('it does not fail when it is run again: the world is not repeatable');
  console.log(`\n${shrunk.told.story.slice(-options.story).join('\n')}\n`);
  console.log(`shortened: ${shrunk.told.broken}\nreplay: npm run sim -- --seed ${seed} ${shrunk.options}`);
}

const options = readOptions();
const wish: Wish = {
  without: options.without,
  storyLines: options.story,
  ...(Number.isNaN(options.boards) ? {} : { boards: options.boards }),
  ...(Number.isNaN(options.acts) ? {} : { acts: options.acts }),
};
const hasWish = options.without.length > 0 || !Number.isNaN(options.boards) || !Number.isNaN(options.acts);
const totals: Record<string, number> = {};
const failed: number[] = [];
const until = performance.now() + options.seconds * 1_000;
for (let seed = options.seed; seed < options.seed + options.count || performance.now() < until; seed++) {
  const told = await runWorld(seed, wish);
  totals.worlds = (totals.worlds ?? 0) + 1;
  if (told.broken !== undefined) {
    failed.push(seed);
    if (hasWish) console.log(`${told.story.join('\n')}\n`);
    await report(seed, told.broken);
    if (options['keep-going'] === 0) break;
  } else if (options.count === 1) console.log(`seed ${seed}: trace ${told.hash.toString(16)}`);
  for (const [what, n] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + n;
}
console.log(JSON.stringify({ ...totals, ...(failed.length > 0 ? { broken: failed } : {}) }));
process.exitCode = failed.length > 0 ? 1 : 0;
