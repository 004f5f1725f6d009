/**
 * Plants mistakes into the product, one at a time, and runs worlds until one of them notices.
 *
 *   node test/sim/mistakes.mjs [--seeds N]     at most N seeds for each (default 1500); exit code 1 when one gets away
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSim } from './bundle.mjs';

const RUNNER = 'runtime/jobs/runner';

/** Each is what somebody could write on a tired day: `find` stands once in `file` and is replaced. */
export const MISTAKES = [
  {
    name: 'run a step before its record is written',
    file: `${RUNNER}/work.ts`,
    find: "persist(runner, { phase: 'running', step, name: nameStep(document, step) });",
    replace: "launch(runner);\n  persist(runner, { phase: 'running', step, name: nameStep(document, step) });",
  },
  {
    name: 'forget the outcome before the service has answered',
    file: `${RUNNER}/work.ts`,
    find: "runner.at = 'reporting';\n      return;",
    replace: "runner.at = 'reporting';\n      persist(runner);\n      return;",
  },
  {
    name: 'take any answer for the one asked for (no clientToken check)',
    file: `${RUNNER}/answer.ts`,
    find: 'if (asked?.request.clientToken !== clientToken) return undefined;',
    replace: 'if (asked === undefined) return undefined;',
  },
  {
    name: 'do not count the version up',
    file: 'targets/service/store/executions.ts',
    find: 'ver = r.ver + 1,',
    replace: 'ver = r.ver,',
  },
  {
    name: 'let a device leave a terminal status',
    file: 'runtime/jobs/execution.ts',
    find: 'return NEXT[from]?.[by].includes(to) ?? false;',
    replace: "return NEXT[from]?.[by].includes(to) ?? by === 'device';",
  },
  {
    name: 'run the step that was interrupted once more',
    file: `${RUNNER}/work.ts`,
    find: "case 'running':\n      return fail(",
    replace:
      "case 'running':\n      if (record.step >= 0) {\n        runner.at = 'resuming';\n        runner.step = record.step;\n        return;\n      }\n      return fail(",
  },
  {
    name: 'begin at the first step after every boot',
    file: `${RUNNER}/work.ts`,
    find: 'runner.step = record.step;',
    replace: 'runner.step = 0;',
  },
  {
    name: 'never repeat a request that got no answer',
    file: `${RUNNER}/ask.ts`,
    find: 'if (online && asked && !lookAgain(runner)) send(runner, asked);',
    replace: 'if (online && asked) asked.repeatAt = Number.MAX_VALUE;',
  },
  {
    name: 'report without the expected version',
    file: `${RUNNER}/ask.ts`,
    find: "return { operation: 'UpdateJobExecution', jobId, status, executionNumber, expectedVersion, statusDetails };",
    replace: "return { operation: 'UpdateJobExecution', jobId, status, executionNumber, statusDetails };",
  },
  {
    name: 'read a record without looking at its checksum',
    file: 'runtime/device/slots.ts',
    find: "if (view.getUint32(end) !== crc32(bytes.subarray(0, end))) return 'broken';",
    replace: '',
  },
  {
    name: 'keep a job running that the service no longer holds',
    file: `${RUNNER}/work.ts`,
    find: "signal(runner, 'SIGTERM');",
    replace: 'return;',
  },
];

/** Runs worlds with one mistake in them. Resolves to the count of seeds until it was noticed, or undefined. */
export async function seedsUntilCaught(mistake, seeds, firstSeed = 1) {
  const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../dist/sim');
  const bundle = await bundleSim(path.join(folder, `${mistake.name.replace(/\W+/g, '-')}.mjs`), mistake);
  const child = spawn(process.execPath, [bundle, '--seed', `${firstSeed}`, '--count', `${seeds}`, '--story', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  const { worlds, broken } = JSON.parse(out.trim().split('\n').at(-1));
  const why = /^seed \d+: (.*)$/m.exec(out)?.[1];
  return code === 1 && broken !== undefined ? { worlds, why } : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const seeds = Number(process.argv[process.argv.indexOf('--seeds') + 1]) || 1500;
  let away = 0;
  for (const mistake of MISTAKES) {
    const caught = await seedsUntilCaught(mistake, seeds);
    if (caught === undefined) away++;
    console.log(
      `${mistake.name.padEnd(66)} ${caught === undefined ? `NOT CAUGHT in ${seeds} seeds` : `${`${caught.worlds}`.padStart(4)} seeds   ${caught.why}`}`,
    );
  }
  process.exit(away > 0 ? 1 : 0);
}
