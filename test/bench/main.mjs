/**
 * `npm run bench -- [OPTIONS]`, `npm run bench:service -- [OPTIONS]`: installs and builds what is missing, then measures.
 * `--help` says what.
 */
import { launch } from '../launch.mjs';

const isRollout = process.argv[2] === 'rollout';
// Authorities named here are read by every Node process, before and beside the one that is given: its start would be theirs.
const { NODE_EXTRA_CA_CERTS: _, SSL_CERT_FILE: _file, SSL_CERT_DIR: _folder, ...env } = process.env;
await launch(isRollout ? 'bench/rollout/run.ts' : 'bench/run.ts', process.argv.slice(isRollout ? 3 : 2), { env });
