import { spawn } from 'node:child_process';
import { type Process, runSerialWorld } from './world.ts';

/** node main.mjs PROGRAM SEED COUNT STORY: worlds of one serial line with the compiled library in PROGRAM (start.mjs makes it). */
const [program = '', seed = '', count = '1', story = '60'] = process.argv.slice(2);
const mcu = startProcess(program);
const totals: Record<string, number> = {};
let broken: number | undefined;
for (let i = Number(seed); i < Number(seed) + Number(count) && broken === undefined; i++) {
  const told = await runSerialWorld(i, mcu, Number(story));
  totals.worlds = (totals.worlds ?? 0) + 1;
  for (const [what, n] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + n;
  if (told.broken !== undefined) {
    broken = i;
    console.log(`${told.story.join('\n')}\n\nseed ${i}: ${told.broken}\nreplay: npm run sim:serial -- --seed ${i}`);
  } else if (count === '1') console.log(`seed ${i}: trace ${told.hash.toString(16)}`);
}
console.log(JSON.stringify({ ...totals, ...(broken === undefined ? {} : { broken: [broken] }) }));
process.exit(broken === undefined ? 0 : 1);

/** One answer a command. When the process dies, so do we, with what the sanitizer said. */
function startProcess(file: string): Process {
  const child = spawn(file, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  let answered: ((lines: string[]) => void) | undefined;
  child.stdout.setEncoding('utf8').on('data', (part) => {
    text += part;
    if (text !== '.\n' && !text.endsWith('\n.\n')) return;
    const lines = text.split('\n').slice(0, -2);
    text = '';
    answered?.(lines);
  });
  child.on('close', (code) => {
    console.log(
      `seed ?: the microcontroller's library ended with ${code}\n${JSON.stringify({ ...totals, broken: [-1] })}`,
    );
    process.exit(1);
  });
  child.stdin.on('error', () => {}); // 'close' tells it
  return {
    ask: (command) =>
      new Promise((resolve) => {
        answered = resolve;
        child.stdin.write(`${command}\n`);
      }),
  };
}
