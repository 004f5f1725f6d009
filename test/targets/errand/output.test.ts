import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { draw } from '../../../runtime/random.ts';
import { type Output, render } from '../../../targets/errand/output.ts';
import type { Operation } from '../../../targets/service/operations/operation.ts';
import { runChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';

/** Debian's python, whose packages have the AWS CLI. */
const PYTHON = '/usr/bin/python3';

/** The AWS CLI's own formatters on answers given as lines of JSON. */
const FORMATTERS = `
import argparse, io, json, sys
from awscli.formatter import get_formatter
arguments = argparse.Namespace(query=None, color='off')
for line in sys.stdin:
    answer = json.loads(line)
    said = {}
    for form in ['json', 'table', 'text']:
        out = io.StringIO()
        get_formatter(form, arguments)('ListThings', answer, out)
        said[form] = out.getvalue()
    print(json.dumps(said))
`;

const operation = { name: 'ListThings', output: { type: 'structure', members: {} } } as unknown as Operation;
const forms: readonly Output[] = ['json', 'table', 'text'];

/** Nested answers as the API has them: objects, lists of objects, lists of scalars. No text of ambiguous width. */
function anyAnswers(seed: number, count: number): object[] {
  const state = { chance: seed };
  const below = (n: number) => Math.floor(draw(state) * n);
  const scalar = (): unknown =>
    ['x', 'two words', 'Nähe', '日本', '', 7, -1, 1.5, true, false, 'a'.repeat(below(40))][below(11)];
  const list = (item: () => unknown) => Array.from({ length: below(4) }, item);
  // A member has one type wherever it is, as in the API.
  const members: Record<string, (depth: number) => unknown> = {
    ...{ jobId: scalar, status: scalar, Zed: scalar, thingName: scalar },
    tags: () => list(scalar),
    executions: (depth) => list(() => object(depth + 1)),
    a: (depth) => object(depth + 1),
  };
  const object = (depth: number): object => {
    const deep = depth > 3;
    const names = Object.keys(members).filter((name) => below(2) === 0 && !(deep && 'executions a'.includes(name)));
    return Object.fromEntries(names.map((name) => [name, members[name]!(depth)]));
  };
  return Array.from({ length: count }, () => object(0));
}

test('json, text and tables are byte for byte those of the AWS CLI, on any answer', async () => {
  if (!hasTool('/usr/bin/aws', 'awscli')) return;
  const answers = anyAnswers(20_261_123, 400);
  const input = answers.map((answer) => `${JSON.stringify(answer)}\n`).join('');
  const { code, stdout, stderr } = await runChild(PYTHON, ['-c', FORMATTERS], {
    input,
    env: { PATH: process.env.PATH },
  });
  assert.is(code, 0, stderr);
  const expected = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<Output, string>);
  assert.is(expected.length, answers.length);
  for (const [index, answer] of answers.entries())
    for (const form of forms)
      assert.is(render(form, operation, [answer], 80), expected[index]![form], `${form} of ${JSON.stringify(answer)}`);
});

test('a list is one list in json and in a table; in text every page has its own columns', () => {
  const pages = [{ things: [{ a: 1 }] }, { things: [{ a: 2, b: 3 }] }];
  assert.equal(JSON.parse(render('json', operation, pages, 80)), { things: [{ a: 1 }, { a: 2, b: 3 }] });
  assert.is(render('text', operation, pages, 80), 'THINGS\t1\nTHINGS\t2\t3\n');
});

test.run();
