/** The corpora of `npm run fuzz:coverage`, replayed; fuzzing itself goes on for as long as one lets it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { bytesOfLine, lineOf, readCorpus } from './corpus.ts';
import { bundleTarget, type Mistake } from './instrument.ts';
import type { Target } from './target.ts';
import { TARGET_NAMES, type TargetName } from './targets.ts';

const test = suite('fuzzing by coverage');
/** Of all branches, how many more may be unreached than when the corpus was written: code changes, and its corpus a little later. */
const SHARE_LOST_MAX = 0.02;
const CORPORA_BYTES_MAX = 100_000;

/** Within so many executions a planted mistake is found. */
const EXECUTIONS_MAX = 10_000;
/** One for each target: a reader that is a little too trusting. */
const MISTAKES: Record<TargetName, Mistake> = {
  'device-mqtt': {
    file: 'runtime/mqtt/framer.ts',
    find: 'framer.at += part.length;',
    replace: 'framer.at = chunk.length;',
  },
  'service-mqtt': {
    file: 'targets/service/gateway/packet.ts',
    find: 'if (length !== expected)',
    replace: 'if (false)',
  },
  payloads: { file: 'runtime/jobs/statusDetails.ts', find: 'String(given)', replace: 'given as string' },
  documents: {
    file: 'runtime/jobs/document.ts',
    find: "` === 'true';",
    replace: '` as never;',
  },
  http: {
    file: 'targets/service/operations/validate.ts',
    find: 'else if (required) addFault',
    replace: 'else if (false) addFault',
  },
  provisioning: {
    file: 'targets/service/provisioning/requests.ts',
    find: 'if (isObject(value)) return value;',
    replace: 'return value as never;',
  },
  link: { file: 'runtime/serial/cobs.ts', find: 'if (end > stuffed.length) return undefined;', replace: '' },
};

const folder = mkdtempSync(path.join(tmpdir(), 'errand-fuzz-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

async function load(name: TargetName, mistake?: Mistake) {
  const { bundle, ...made } = await bundleTarget(name, folder, mistake);
  const { target, ...loop } = (await import(bundle)) as typeof import('./loop.ts') & { target: Target };
  const { compare, ...alone } = target;
  // The link's two languages are compared where there is a compiler for the second.
  return { ...made, ...loop, target: name !== 'link' || hasTool('gcc', 'gcc libc6-dev') ? target : alone };
}

for (const name of TARGET_NAMES) {
  test(`${name}: no input of its corpus breaks a promise, and they reach what they reached when they were kept`, async () => {
    const { target, replay, branches } = await load(name);
    const before = readCorpus(name);
    const { taken, finds } = await replay(target, before.inputs, branches.length);
    target.close?.();
    assert.equal(
      finds.map(({ input, error }) => `${lineOf(input)}: ${error.message}`),
      [],
    );
    const reached = new Set(taken.flatMap((places) => [...places])).size;
    const were = `${before.reached} of ${before.branches}`;
    console.log(`  ${name}: ${reached} of ${branches.length} branches by ${before.inputs.length} inputs`);
    assert.ok(
      reached / branches.length >= before.reached / before.branches - SHARE_LOST_MAX,
      `${reached} of ${branches.length} branches, they were ${were}: npm run fuzz:coverage -- --target ${name}`,
    );
  });

  test(`${name}: a mistake planted in its reader is found soon`, async () => {
    const { target, createLoop, branches, words } = await load(name, MISTAKES[name]);
    const loop = createLoop(target, { branches: branches.length, words, seed: 1 });
    await loop.begin([...readCorpus(name).inputs, ...target.seeds]);
    while (loop.finds.size === 0 && loop.progress().executions < EXECUTIONS_MAX) await loop.go();
    target.close?.();
    assert.ok(loop.finds.size > 0, `not in ${loop.progress().executions} executions`);
  });
}

test('corpora are small, and a line is exactly one input', () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assert.equal(bytesOfLine(lineOf(every)), every);
  const inputs = TARGET_NAMES.flatMap((name) => readCorpus(name).inputs);
  assert.ok(inputs.reduce((sum, input) => sum + lineOf(input).length + 1, 0) <= CORPORA_BYTES_MAX);
});

test.run();
