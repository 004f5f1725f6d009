/**
 * node torture.mjs PROGRAM SEED FRAMES KIND STORY: worlds of one kind of noise (its place in NOISES) from SEED on, many side by side,
 * until FRAMES frames were sent and an image has started; with STORY lines of it the one world of SEED. Prints a line of JSON: what was counted, and the seeds
 * that broke a promise (tortureMain.mjs makes PROGRAM and has the table). Its only word `names`: those of the kinds.
 */
import { startMcus } from './mcus.ts';
import { NOISES } from './noise.ts';
import { runSerialWorld } from './world.ts';

/** Worlds that share each way to the microcontrollers' process and back; a world has some 6,000 frames. */
const SIDE_BY_SIDE_MAX = 32;
const FRAMES_OF_WORLD = 6_000;
/** A world may have a single image, which a liar spoils: of so many one must come through. */
const WORLDS_TO_IMAGE_MAX = 8;

const [program = '', firstSeed = '', frames = '', kind = '', story = '0'] = process.argv.slice(2);
if (program === 'names') {
  console.log(JSON.stringify(NOISES.map(({ name }) => name)));
  process.exit(0);
}
const noise = NOISES[Number(kind)]!;
const sideBySide = story === '0' ? Math.min(Math.ceil(Number(frames) / FRAMES_OF_WORLD), SIDE_BY_SIDE_MAX) : 1;
const mcus = startMcus(program, (code) => {
  console.log(JSON.stringify({ counts, broken: [{ seed, why: `the microcontroller's library ended with ${code}` }] }));
  process.exit(1);
});
const counts: Record<string, number> = {};
const broken: { seed: number; why: string }[] = [];
let seed = Number(firstSeed);

async function live(index: number): Promise<void> {
  do {
    const mine = seed++;
    const told = await runSerialWorld(mine, mcus.mcu(index), { noise, story: Number(story) });
    for (const [what, n] of Object.entries({ ...told.counts, worlds: 1 })) counts[what] = (counts[what] ?? 0) + n;
    if (told.broken !== undefined) broken.push({ seed: mine, why: told.broken });
    if (story !== '0') console.log(told.story.join('\n'));
  } while (story === '0' && ((counts.frames ?? 0) < Number(frames) || isWithoutImage()));
}

function isWithoutImage(): boolean {
  return !counts['images started'] && counts.worlds! < WORLDS_TO_IMAGE_MAX;
}

await Promise.all(Array.from({ length: sideBySide }, (_, index) => live(index)));
mcus.end();
console.log(JSON.stringify({ counts, broken }));
process.exitCode = broken.length > 0 ? 1 : 0;
