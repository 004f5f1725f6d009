/**
 * Walks through worlds of the serial link (world.ts) with everything that can go wrong, seed after seed.
 *
 *   npm run torture:serial -- [SECONDS] [FIRST_SEED]
 *
 * Prints the seeds that broke a promise, and how much was tried; exit code 1 when there was one.
 */
import { build, startDevice } from './device.ts';
import { brokenPromises, runWorld } from './world.ts';

const [seconds = 60, firstSeed = Math.floor(Math.random() * 2 ** 31)] = process.argv.slice(2).map(Number);
const WINDOWS = [1, 2, 4, 8] as const;
/** Chances per byte, in 1e-6. */
const NOISES = [100, 300, 1_000, 8_000];

const { program, remove } = build('device');
const device = startDevice(program);
const until = performance.now() + seconds * 1_000;
const tried = { worlds: 0, frames: 0, asked: 0, ran: 0, answered: 0, broken: 0 };
console.log(`from seed ${firstSeed} on`);
for (let seed = firstSeed; performance.now() < until; seed += 1) {
  const rate = NOISES[seed % NOISES.length]!;
  const noise = { flip: rate, drop: rate / 2, double: rate / 2, insert: rate / 2 };
  const faults = { noise, resets: rate, unplugs: rate / 4, hosts: rate / 4, faultEvents: 3_000 };
  const outcome = await runWorld(device, {
    seed,
    window: WINDOWS[(seed >> 2) % WINDOWS.length]!,
    requests: 100,
    ...faults,
  });
  const broken = brokenPromises(outcome);
  tried.worlds += 1;
  tried.frames += outcome.frames;
  tried.asked += 100;
  tried.ran += outcome.ran.size;
  tried.answered += outcome.replied.size;
  tried.broken += broken.length;
  if (broken.length > 0) console.log(`seed ${seed}: ${broken.join('; ')}`);
}
console.log(
  Object.entries(tried)
    .map(([what, count]) => `${count} ${what}`)
    .join(', '),
);
await device.end();
remove();
process.exitCode = tried.broken > 0 ? 1 : 0;
