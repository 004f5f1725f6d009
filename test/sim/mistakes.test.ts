import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';
import { MISTAKES, misfits } from './mistakes.mjs';

const script = fileURLToPath(new URL('mistakes.mjs', import.meta.url));
const run = (...args: string[]) => runChild(process.execPath, [script, ...args]);

test('every planted mistake still fits the code, once', async () => {
  assert.equal(await misfits(), []);
});

test('no two planted mistakes are called the same, and each changes something', () => {
  assert.is(new Set(MISTAKES.map(({ name }) => name)).size, MISTAKES.length);
  for (const { name, find, replace } of MISTAKES) assert.is.not(find, replace, name);
});

test('every part of the product has planted mistakes of its own', () => {
  const counts = new Map<string, number>();
  for (const { part } of MISTAKES) counts.set(part, (counts.get(part) ?? 0) + 1);
  for (const [part, count] of counts) assert.ok(count >= 2, `${part} has ${count}`);
  assert.ok(MISTAKES.length >= 85);
});

test('the table says of each mistake its part, how many seeds it took and by what it was noticed', async () => {
  const { code, stdout } = await run('--only', 'do not count the version up', '--format', 'markdown');
  assert.is(code, 0);
  assert.match(stdout, /^\| store \| do not count the version up \| \d+ \| .*invariant 2.* \| \d+ \|$/m);
  assert.match(stdout, /^1 of 1 mistakes were noticed, in .* minutes; most seeds, \d+, were needed for: do not count/m);
});

test('a mistake that gets away is told, and the exit code is 1', async () => {
  const { code, stdout } = await run('--only', 'do not count the version up', '--seeds', '0');
  assert.is(code, 1);
  assert.match(stdout, /NOT CAUGHT in 0 seeds/);
});

test('a name that no mistake has, and a format that is not there, are refused in a sentence', async () => {
  const unknown = await run('--only', 'nothing of the kind');
  assert.is(unknown.code, 2);
  assert.match(unknown.stderr, /^--only nothing of the kind: no mistake has it in its name/);
  const format = await run('--format', 'html');
  assert.is(format.code, 2);
  assert.match(format.stderr, /^--format html: expected text or markdown;/);
});

test.run();
