/**
 * What the job agents on other clients have alike, so that they differ in their client alone:
 *
 *   node PEER.cjs HOST PORT CA CERT KEY THING WARMUP JOBS [program=NAME] [tell] [nodelay]
 *
 * A job is nothing, or with `program=` a start of that program. After WARMUP + JOBS jobs they print what one took; with `tell` each end too.
 */
import { spawn } from 'node:child_process';
import { createCounter } from '../job-counter.ts';

const [host = '', port, ca = '', cert = '', key = '', thingName = '', warmup, jobs, ...words] = process.argv.slice(2);
const program = words.find((word) => word.startsWith('program='))?.slice('program='.length);
const tell = words.includes('tell');
const count = createCounter(Number(warmup), Number(jobs));

/** Files are PEM. */
export const access = { host, port: Number(port), ca, cert, key, thingName };

/** Whether TCP_NODELAY is to be set by hand. */
export const noDelay = words.includes('nodelay');

/** Does the job, then calls `done`. */
export function work(done: () => void): void {
  if (program === undefined) done();
  else spawn(program, { stdio: ['ignore', 'pipe', 'pipe'], detached: true }).on('close', done);
}

/** To be called when the service has the result. */
export function ended(jobId: string): void {
  if (tell) console.log(`${jobId}: SUCCEEDED`);
  count();
}

/** To be called when it is subscribed. */
export function connected(): void {
  console.log('connected');
}

/** It was refused: no figure can come of that. */
export function refused(what: unknown): never {
  console.error('refused:', what);
  process.exit(1);
}
