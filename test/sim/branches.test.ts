import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { branchesOf } from './branches.mjs';

const named = (code: string) => branchesOf(code).map(({ name }) => name);

test('a branch is called the same, whatever numbers the bundler puts behind its names', () => {
  const written =
    'function take(bytes, run) { if (bytes.length > run.MAX) return { bytes }; return [...run] ?? bytes; }';
  const bundled =
    'function take3(bytes2, run12) { if (bytes2.length > run12.MAX) return { bytes: bytes2 }; return [...run12] ?? bytes2; }';
  assert.equal(named(bundled), named(written));
  assert.is(named(written).length, 4);
});

test('branches that are written alike in one function are told apart', () => {
  const names = named('function f(a) { if (a) g(); if (a) h(); }');
  assert.ok(names.includes('f: if (a)') && names.includes('f: if (a) (2)'), names.join(', '));
});

test.run();
