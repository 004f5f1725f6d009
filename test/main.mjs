/**
 * `npm test [PATTERN]`: installs and builds what is missing, then runs the tests whose path contains PATTERN.
 *
 * ERRAND_TESTS=all   a test whose tool is missing fails instead of being skipped (so in CI)
 */
import { launch } from './launch.mjs';

await launch('run.ts', process.argv.slice(2));
