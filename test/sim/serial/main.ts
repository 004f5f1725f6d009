import { startMcus } from './mcus.ts';
import { runSerialWorld } from './world.ts';

/** node main.mjs PROGRAM SEED COUNT STORY: worlds of one serial line with the compiled library in PROGRAM (start.mjs makes it). */
const [program = '', seed = '', count = '1', story = '60'] = process.argv.slice(2);
const mcu = startMcus(program, (code) => {
  console.log(
    `seed ?: the microcontroller's library ended with ${code}\n${JSON.stringify({ ...totals, worlds: (totals.worlds ?? 0) + 1, broken: [-1] })}`,
  );
  process.exit(1);
}).mcu(0);
const totals: Record<string, number> = {};
let broken: number | undefined;
for (let i = Number(seed); i < Number(seed) + Number(count) && broken === undefined; i++) {
  const told = await runSerialWorld(i, mcu, { story: Number(story) });
  totals.worlds = (totals.worlds ?? 0) + 1;
  for (const [what, n] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + n;
  if (told.broken !== undefined) {
    broken = i;
    console.log(`${told.story.join('\n')}\n\nseed ${i}: ${told.broken}\nreplay: npm run sim:serial -- --seed ${i}`);
  } else if (count === '1') console.log(`seed ${i}: trace ${told.hash.toString(16)}`);
}
console.log(JSON.stringify({ ...totals, ...(broken === undefined ? {} : { broken: [broken] }) }));
process.exit(broken === undefined ? 0 : 1);
