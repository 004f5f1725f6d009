import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { numberWords, PRIVATE_NAMES, PRIVATE_WORDS, SHORT_NAMES } from '../../../targets/sbc/private.mjs';
import { agentSources, withProject } from '../../../targets/sbc/privateTypes.mjs';

const root = path.resolve(import.meta.dirname, '../../..');
const config = path.join(root, 'tsconfig.json');

const crossings = path.join(import.meta.dirname, 'crossings.ts');
const client = path.join(root, 'runtime/mqtt/client.ts');
const sources = await agentSources(root);
// One start of the type checker for all of it: that takes longest.
const { ofAgent, ofCrossings, ofApart } = withProject(config, (faultsOf) => ({
  ofAgent: faultsOf(sources),
  ofCrossings: faultsOf([crossings], [['operation'], ['servername']]),
  ofApart: faultsOf([client], [...PRIVATE_NAMES.map((line) => line.filter((name) => name !== 'framer')), ['framer']]),
}));

test('private names that can meet in one object stand on one line, and none goes over the border of the bundle', () => {
  assert.equal(ofAgent, []);
});

test('a private name that goes over the border is named with file and line, whichever way it goes', () => {
  const lines = readFileSync(crossings, 'utf8').split('\n');
  const expected = lines.flatMap((line, i) => (line.endsWith('// crosses') ? [`${i + 1}`] : []));
  assert.equal([...new Set(ofCrossings.map((fault) => /crossings\.ts:(\d+): '/.exec(fault)?.[1]))].sort(), expected);
});

test('private names that meet in one object, but stand on no line together, are named with file and line', () => {
  assert.match(ofApart.join('\n'), /client\.ts:\d+: .*framer and .* meet in one object/);
});

test('of the names and of the words of one line no two are the same in the bundle', () => {
  for (const line of PRIVATE_NAMES) assert.is(new Set(line.map((name) => SHORT_NAMES[name])).size, line.length);
  const numbers = (line: string[]) => line.map((word) => JSON.stringify(numbered({ type: 'ReturnStatement' }, word)));
  for (const line of PRIVATE_WORDS) assert.is(new Set(numbers(line)).size, line.length);
});

test('a private word that could leave the bundle is refused: in a sum, in a list, told to a method; an event, to any function', () => {
  assert.is(numbered({ type: 'SwitchCase' }, 'idle'), 1);
  assert.is(numbered({ type: 'SwitchCase' }, 'QUEUED'), 'QUEUED');
  const method = { type: 'CallExpression', callee: { type: 'MemberExpression' } };
  const sum = { type: 'BinaryExpression', operator: '+' };
  for (const parent of [method, sum, { type: 'ArrayExpression' }, { type: 'TemplateLiteral' }])
    assert.throws(() => numbered(parent, 'idle'), /'idle' stands in a .*: it could leave the agent/);
  const call = { type: 'CallExpression', callee: { type: 'Identifier' } };
  assert.is(numbered(call, 'idle'), 1);
  assert.throws(() => numbered(call, 'opened'), /'opened' stands in a CallExpression/);
});

/** What stands in the place of `word` under `parent`. */
function numbered(parent: { type: string }, word: string): unknown {
  const literal = { type: 'Literal', value: word };
  numberWords({ ...parent, argument: literal });
  return literal.value;
}

test.run();
