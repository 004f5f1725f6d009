import { SCENARIOS } from './scenarios/scenarios.ts';
import { runScenario } from './scenarios/stage.ts';
import { runBusWorld } from './serial/bus.ts';
import { startMcus } from './serial/mcus.ts';
import { playStrangeDevices } from './serial/strange.ts';
import { runSerialWorld } from './serial/world.ts';
import { runWorld } from './world.ts';

/** node covered.mjs boards COUNT | serial COUNT PROGRAM: worlds of seeds 1 to COUNT; coverage.mjs looks at what they run. */
const [kind = '', count = '0', program = ''] = process.argv.slice(2);
/** Lines that several devices share. */
const BUS_SEEDS = 20;
const broken: string[] = [];
if (kind === 'boards') {
  for (let seed = 1; seed <= Number(count); seed++) note(`seed ${seed}`, await runWorld(seed));
  for (const scenario of SCENARIOS) note(scenario.name, await runScenario(scenario));
} else {
  const mcus = startMcus(program, (code) => {
    console.log(`the microcontroller's library ended with ${code}`);
    process.exit(1);
  });
  for (let seed = 1; seed <= Number(count); seed++) note(`seed ${seed}`, await runSerialWorld(seed, mcus.mcu(0)));
  for (let seed = 1; seed <= BUS_SEEDS; seed++) note('bus', { broken: await runBusWorld(seed) });
  await playStrangeDevices();
}
process.exit(broken.length > 0 ? 1 : 0);

function note(which: string, told: { broken: string | undefined }): void {
  if (told.broken === undefined) return;
  broken.push(told.broken);
  console.log(`${kind}, ${which}: ${told.broken}`);
}
