import { runWorld } from './world.ts';

const USAGE = `The simulated world: production device cores and the production service on one virtual clock.

  node test/sim/start.mjs [--seed N] [--count N] [--story LINES]

  --seed N       the first seed (default: fresh)
  --count N      how many worlds, one seed after another (default 1)
  --story LINES  how much of what happened is printed when a promise is broken (default 60)
`;

const options = { seed: Date.now() >>> 0, count: 1, story: 60 };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i]!.replace(/^--/, '') as keyof typeof options;
  const value = Number(process.argv[i + 1]);
  if (!(name in options) || !Number.isInteger(value)) {
    console.error(
      name === ('help' as string)
        ? USAGE
        : `sim: --${name} ${process.argv[i + 1] ?? ''}: expected a known option and a whole number\n\n${USAGE}`,
    );
    process.exit(name === ('help' as string) ? 0 : 2);
  }
  options[name] = value;
}

const totals: Record<string, number> = {};
for (let seed = options.seed; seed < options.seed + options.count; seed++) {
  const told = await runWorld(seed, options.story);
  if (told.broken !== undefined) {
    console.log(
      `${told.story.join('\n')}\n\nseed ${seed}: ${told.broken}\nreplay: node test/sim/start.mjs --seed ${seed}`,
    );
    console.log(JSON.stringify({ worlds: seed - options.seed + 1, broken: seed }));
    process.exit(1);
  }
  if (options.count === 1) console.log(`seed ${seed}: trace ${told.hash.toString(16)}`);
  for (const [what, n] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + n;
}
console.log(JSON.stringify({ worlds: options.count, ...totals }));
