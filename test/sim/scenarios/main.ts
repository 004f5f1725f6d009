import { SCENARIOS } from './scenarios.ts';
import { runScenario } from './stage.ts';

/**
 * node main.mjs [TEXT]: plays the scenarios whose name contains TEXT, each in a world of its own. The last line is what was played, and
 * what was broken; a scenario that broke a promise is told with its story.
 */
const [wanted = ''] = process.argv.slice(2);
const broken: string[] = [];
const chosen = SCENARIOS.filter(({ name }) => name.includes(wanted));
if (chosen.length === 0) {
  console.error(`no scenario has '${wanted}' in its name`);
  process.exit(2);
}
for (const scenario of chosen) {
  const told = await runScenario(scenario, 60);
  if (told.broken === undefined) continue;
  broken.push(scenario.name);
  console.log(`${told.story.join('\n')}\n\nscenario ?: ${told.broken}\nscenario '${scenario.name}': ${told.broken}`);
}
console.log(JSON.stringify({ worlds: chosen.length, ...(broken.length > 0 ? { broken } : {}) }));
process.exit(broken.length > 0 ? 1 : 0);
