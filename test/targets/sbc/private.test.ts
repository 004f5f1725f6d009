import path from 'node:path';
import { build } from 'esbuild';
import type { Node } from 'typescript/unstable/ast';
import {
  isInterfaceDeclaration,
  isObjectBindingPattern,
  isObjectLiteralExpression,
  isPropertyAccessExpression,
  isTypeAliasDeclaration,
  isTypeLiteralNode,
} from 'typescript/unstable/ast/is';
import { API, type Type } from 'typescript/unstable/sync';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { agentOptions } from '../../../targets/sbc/bundle.mjs';
import { ALL_PARTS } from '../../../targets/sbc/partList.mjs';
import { numberWords, PRIVATE_NAMES, PRIVATE_WORDS, SHORT_NAMES } from '../../../targets/sbc/private.mjs';

const root = path.resolve(import.meta.dirname, '../../..');

/** Where an object is made, read or described. */
const HAS_MEMBERS = [
  isInterfaceDeclaration,
  isObjectBindingPattern,
  isObjectLiteralExpression,
  isTypeAliasDeclaration,
  isTypeLiteralNode,
];

/** The private names of every object that the agent's sources know, by their types; with a place for each. */
function privateMembers(sources: string[]): Map<string, string> {
  const found = new Map<string, string>();
  const names = new Set(PRIVATE_NAMES.flat());
  const api = new API();
  const config = path.join(root, 'tsconfig.json');
  const project = api.updateSnapshot({ openProject: config }).getProject(config)!;
  const { checker, program } = project;
  const note = (type: Type | undefined, where: string) => {
    if (!type) return;
    const parts = type.isUnionType() ? type.getTypes() : [type];
    const members = parts.flatMap((part) => checker.getPropertiesOfType(checker.getApparentType(part) ?? part));
    const own = [...new Set(members.map(({ name }) => name).filter((name) => names.has(name)))].sort();
    if (own.length > 0) found.set(own.join(' '), where);
  };
  for (const where of sources) {
    const file = path.join(root, where);
    const nodes: Node[] = [];
    const visit = (node: Node): undefined => {
      if (isPropertyAccessExpression(node)) nodes.push(node.expression);
      else if (HAS_MEMBERS.some((is) => is(node))) nodes.push(node);
      node.forEachChild(visit);
    };
    program.getSourceFile(file)!.forEachChild(visit);
    for (const type of checker.getTypeAtLocation(nodes)) note(type, where);
  }
  api.close();
  return found;
}

test('private names that can meet in one object stand on one line, so that each has its own short name', async () => {
  const options = { ...agentOptions('0.0.0', ALL_PARTS), absWorkingDir: root, metafile: true } as const;
  const { inputs } = (await build(options)).metafile;
  const members = privateMembers(Object.keys(inputs).filter((file) => file.endsWith('.ts')));
  assert.ok(
    [...members.keys()].some((own) => own.includes('askNext asked')),
    'the state of the runner was seen',
  );
  const apart = [...members].filter(
    ([own]) => !PRIVATE_NAMES.some((line) => own.split(' ').every((name) => line.includes(name))),
  );
  assert.equal(apart, []);
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
