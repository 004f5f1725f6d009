/**
 * Runs the README's shell blocks as they stand, in their order, in a folder that looks like a fresh clone. Started by
 * readme.test.ts in a network namespace of its own, where the default ports are free.
 *
 *   ```sh           runs to its end and has to succeed
 *   ```sh service   goes on; the next block runs once it is ready
 *   ```sh agent     goes on; the next block runs once it is connected
 *   ```sh board     goes on; the next block runs once it is ready
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, runChild, startChild } from '../child.ts';

const READY: Record<string, RegExp> = { service: / ready: /, agent: / connected/, board: /^ready/ };

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-readme-'));
for (const name of ['build.mjs', 'dist', 'examples', 'targets', 'test'])
  symlinkSync(path.join(root, name), path.join(folder, name));
const env = { ...process.env };
for (const name of Object.keys(env)) if (name.startsWith('ERRAND_') || name.startsWith('AWS_')) delete env[name];

const running: Child[] = [];
let failed = false;
try {
  for (const [, kind = '', script = ''] of readFileSync(path.join(root, 'README.md'), 'utf8').matchAll(
    /```sh ?(\w*)\n(.*?)```/gs,
  )) {
    if (script.includes('npm start')) continue; // the two commands on top: shown by the tests that install
    if (script === 'node build.mjs\n') continue; // dist is built, and others use it now
    if (READY[kind] === undefined) await runToEnd(script);
    else await runOn(script, READY[kind]);
  }
  await hasCompleted('hello');
  await hasCompleted('file');
} catch (error) {
  failed = true;
  console.log((error as Error).message);
} finally {
  for (const child of running.reverse()) await child.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

async function runToEnd(script: string): Promise<void> {
  const { code, stdout, stderr } = await runChild('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env });
  console.log(`${script}--> ${code}\n${stdout}${stderr}`);
  if (code !== 0) throw new Error(`this block of the README failed with ${code}:\n${script}\n${stdout}${stderr}`);
}

/** The job that the README creates ends well; asked again as soon as the last asking is answered. */
async function hasCompleted(jobId: string): Promise<void> {
  const ask = () =>
    runChild(process.execPath, ['dist/errand.mjs', 'describe-job', '--job-id', jobId], { cwd: folder, env });
  for (;;) {
    const { job } = JSON.parse((await ask()).stdout) as { job: { status: string; jobProcessDetails: object } };
    if (job.status === 'IN_PROGRESS') continue;
    console.log(`${jobId}: ${JSON.stringify(job.jobProcessDetails)}`);
    return;
  }
}

async function runOn(script: string, ready: RegExp): Promise<void> {
  const child = startChild('bash', ['-c', `exec ${script}`], { cwd: folder, env });
  running.push(child);
  console.log(`${script}--> ${await child.line(ready)}\n`);
}
