/** `npm run fuzz` and `npm run fuzz:coverage`, `-- [OPTIONS]`: installs what is missing, then sends hostile input. `--help` says what. */
import { launch } from '../launch.mjs';

const isByCoverage = process.argv[2] === 'coverage';
const script = isByCoverage ? 'fuzz/coverage/main.ts' : 'fuzz/run.ts';
await launch(script, process.argv.slice(isByCoverage ? 3 : 2), { builds: false });
