import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { routerOf } from '../../../../targets/service/http/route.ts';
import { readTarget } from '../../../../targets/service/http/target.ts';
import type { Operation } from '../../../../targets/service/operations/operation.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';

const row = (name: string, path: string): Operation => ({
  name,
  method: 'GET',
  path,
  about: '',
  input: {},
  errors: [],
});

test('routerOf: a literal wins over a label in its place, in whatever order the rows stand', () => {
  const rows = [row('label', '/g/{a}'), row('literal', '/g/add'), row('deep', '/g/{a}/z'), row('deeper', '/g/add/{b}')];
  for (const order of [rows, rows.toReversed()]) {
    const find = (...segments: string[]) => routerOf(order)('GET', segments);
    assert.is(find('g', 'add')?.operation.name, 'literal');
    assert.equal(find('g', 'other')?.labels, { a: 'other' });
    assert.is(find('g', 'add', 'z')?.operation.name, 'deeper');
    assert.is(find('g', 'other', 'z')?.operation.name, 'deep');
    assert.is(find('g'), undefined);
    assert.is(routerOf(order)('PUT', ['g', 'add']), undefined);
  }
});

test('routerOf: every row of the table is found at its own path', () => {
  const find = routerOf(OPERATIONS);
  for (const { name, method, path } of OPERATIONS)
    assert.is(
      find(
        method,
        path
          .slice(1)
          .replaceAll(/\{\w+\}/g, 'x')
          .split('/'),
      )?.operation.name,
      name,
    );
});

test('readTarget: labels are decoded after the path is split, the query keeps + and repeated names', () => {
  const { segments, query, path } = readTarget('/things/a%2Fb%3A/jobs/%24next?a=1+2&b=%C3%BC&a=3&c&__proto__=x')!;
  assert.equal([path, segments], ['/things/a%2Fb%3A/jobs/%24next', ['things', 'a/b:', 'jobs', '$next']]);
  assert.equal(Object.entries(query), [
    ['a', ['1+2', '3']],
    ['b', 'ü'],
    ['c', ''],
    ['__proto__', 'x'],
  ]);
  for (const url of ['things', 'http://x/things', '/%', '/%ff', '/a?b=%zz', '*'])
    assert.is(readTarget(url), undefined, url);
});

test.run();
