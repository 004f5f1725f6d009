/**
 * `npm run torture`, `torture:service` and `torture:network`, `-- [OPTIONS]`: installs and builds what is missing, then does its worst.
 * `--help` says what.
 */
import { launch } from '../launch.mjs';

const SCRIPTS = { agent: 'torture/agent/run.ts', service: 'torture/run.ts', network: 'torture/network/run.ts' };
const [what, ...options] = process.argv.slice(2);
// Agents in a group of their own, so that Ctrl-C reaches none of them and not their service: what has happened so far is still judged.
await launch(SCRIPTS[what], options, { detached: what === 'agent' });
