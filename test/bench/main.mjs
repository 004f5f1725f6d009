/**
 * `npm run bench -- [OPTIONS]`, `npm run bench:service -- [OPTIONS]`: installs and builds what is missing, then measures.
 * `--help` says what.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureInstalled } from '../../build.mjs';

const isRollout = process.argv[2] === 'rollout';
const here = path.dirname(fileURLToPath(import.meta.url));
const script = isRollout ? 'rollout/run.ts' : 'run.ts';
ensureInstalled();
await build();
// Authorities named here are read by every Node process, before and beside the one that is given: its start would be theirs.
const { NODE_EXTRA_CA_CERTS: _, SSL_CERT_FILE: _file, SSL_CERT_DIR: _folder, ...env } = process.env;
const bench = spawn(
  process.execPath,
  ['--import', 'tsx', path.join(here, script), ...process.argv.slice(isRollout ? 3 : 2)],
  {
    cwd: path.join(here, '../..'),
    stdio: 'inherit',
    env,
  },
);
// Ctrl-C reaches both; this one waits until the other has cleaned up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => bench.kill(signal));
bench.on('exit', (code, signal) => process.exit(signal ? 130 : code));
