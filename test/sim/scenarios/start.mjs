/**
 * Plays named scenarios of the simulated world, each told the same every time.
 *
 *   npm run sim:scenarios -- [TEXT]     those whose name contains TEXT; all of them unless given
 */
import { playScenarios } from '../mistakes.mjs';

const { code, stdout } = await playScenarios(process.argv[2] ?? '');
process.stdout.write(stdout);
process.exitCode = code;
