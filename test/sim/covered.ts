import { runBridgeWorld } from './bridges/world.ts';
import { SCENARIOS } from './scenarios/scenarios.ts';
import { runScenario } from './scenarios/stage.ts';
import { runBusWorld } from './serial/bus.ts';
import { type Mcus, startMcus } from './serial/mcus.ts';
import { playStrangeDevices } from './serial/strange.ts';
import { runSerialWorld } from './serial/world.ts';
import { runWorld } from './world.ts';

/**
 * node covered.mjs boards|serial|bridges SEED COUNT [PROGRAM]: worlds of one kind from a seed on, and the named scenarios of that kind;
 * coverage.mjs looks at what they run. All but boards take the microcontroller's library as it is compiled.
 */
const [kind = '', seed = '1', count = '0', program = ''] = process.argv.slice(2);
/** Lines that several devices share. */
const BUS_SEEDS = 20;
const broken: string[] = [];
const seeds = Array.from({ length: Number(count) }, (_, i) => Number(seed) + i);
switch (kind) {
  case 'boards':
    for (const one of seeds) note(`seed ${one}`, await runWorld(one));
    for (const scenario of SCENARIOS) note(scenario.name, await runScenario(scenario));
    break;
  case 'serial': {
    const mcus = start();
    for (const one of seeds) note(`seed ${one}`, await runSerialWorld(one, mcus.mcu(0)));
    for (let one = 1; one <= BUS_SEEDS; one++) note('bus', { broken: await runBusWorld(one) });
    await playStrangeDevices();
    break;
  }
  case 'bridges': {
    const mcus = start();
    for (const one of seeds) note(`seed ${one}`, await runBridgeWorld(one, mcus));
    break;
  }
}
process.exit(broken.length > 0 ? 1 : 0);

function start(): Mcus {
  return startMcus(program, (code) => {
    console.log(`the microcontroller's library ended with ${code}`);
    process.exit(1);
  });
}

function note(which: string, told: { broken: string | undefined }): void {
  if (told.broken === undefined) return;
  broken.push(told.broken);
  console.log(`${kind}, ${which}: ${told.broken}`);
}
