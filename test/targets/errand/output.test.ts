import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { draw } from '../../../runtime/random.ts';
import type { CommandError } from '../../../targets/errand/outcome.ts';
import { type Output, render } from '../../../targets/errand/output.ts';
import { readQuery } from '../../../targets/errand/query.ts';
import type { Operation } from '../../../targets/service/operations/operation.ts';
import { runChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';

/** Debian's python, whose packages have the AWS CLI. */
const PYTHON = '/usr/bin/python3';

/** The AWS CLI's own formatters on answers, with their queries, given as lines of JSON. */
const FORMATTERS = `
import argparse, io, jmespath, json, sys
from awscli.formatter import get_formatter
for line in sys.stdin:
    answer, query = json.loads(line)
    arguments = argparse.Namespace(query=query and jmespath.compile(query), color='off')
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

/** What the AWS CLI prints for each, by form. */
async function asTheirs(asked: readonly (readonly [object, string?])[]): Promise<Record<Output, string>[]> {
  const input = asked.map(([answer, query]) => `${JSON.stringify([answer, query ?? null])}\n`).join('');
  const { code, stdout, stderr } = await runChild(PYTHON, ['-c', FORMATTERS], {
    input,
    env: { PATH: process.env.PATH },
  });
  assert.is(code, 0, stderr);
  const said = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<Output, string>);
  assert.is(said.length, asked.length);
  return said;
}

test('json, text and tables are byte for byte those of the AWS CLI, on any answer', async () => {
  if (!hasTool('/usr/bin/aws', 'awscli')) return;
  const answers = anyAnswers(20_261_123, 400);
  const expected = await asTheirs(answers.map((answer) => [answer]));
  for (const [index, answer] of answers.entries())
    for (const form of forms)
      assert.is(render(form, operation, [answer], 80), expected[index]![form], `${form} of ${JSON.stringify(answer)}`);
});

const JOBS = {
  jobs: [
    { jobId: 'b', status: 'COMPLETED', isConcurrent: false, targets: ['x', 'y'], size: 3 },
    { jobId: 'a', status: 'IN_PROGRESS', targets: ['z', 'w'] },
  ],
  text: 'hello',
  count: 5,
};

const QUERIES = `jobs[].jobId | jobs[*].[jobId, status] | jobs[0] | jobs[?status=='COMPLETED'].jobId | sort_by(jobs, &jobId)[].jobId
  | length(jobs) | jobs[].{id: jobId, state: status} | jobs[].targets | jobs[].targets[] | {first: jobs[0].jobId, all: jobs[].targets}
  | jobs[0].isConcurrent | nothing | jobs[5] | text | count | [count, text, nothing] | jobs[?size > \`2\`] | join(',', jobs[].jobId)
  | max_by(jobs, &not_null(size, \`0\`)).jobId | @ | keys(jobs[0]) | jobs[].size`;

test('--query: what is left of an answer is byte for byte that of the AWS CLI', async () => {
  if (!hasTool('/usr/bin/aws', 'awscli')) return;
  const queries = QUERIES.split('\n').flatMap((line) => line.trim().replace(/^\| /, '').split(' | '));
  const expected = await asTheirs(queries.map((query) => [JOBS, query]));
  for (const [index, query] of queries.entries())
    for (const form of forms) {
      const said = render(form, operation, [JOBS], 80, await readQuery(query));
      // A lone scalar in a table: the AWS CLI draws its title and leaves it out.
      if (form === 'table' && isScalar((await readQuery(query))(JOBS))) assert.match(said, /\n\| {2}\S+/, query);
      else assert.is(said, expected[index]![form], `${form} of ${query}`);
    }
});

function isScalar(value: unknown): boolean {
  return typeof value !== 'object';
}

test('--query: rows of unequal width, which the AWS CLI fails at, are filled up', async () => {
  const said = render('table', operation, [{ a: ['x', ['y', 'z']] }], 80, await readQuery('a'));
  assert.match(said, /\|\s+x\s+\|\s+\|\n\|\s+y\s+\|\s+z\s+\|/);
});

test('--query: wants an expression, and functions want what they are made for', async () => {
  const said = async (query: string) => {
    try {
      (await readQuery(query))(JOBS);
      return '';
    } catch (error) {
      return `${(error as CommandError).exitCode} ${(error as Error).message}`;
    }
  };
  assert.match(await said('jobs['), /^252 --query 'jobs\[': /);
  assert.match(await said('length(count)'), /^255 --query 'length\(count\)': .*the request was carried out/);
  assert.is(await said('jobs[].jobId'), '');
});

test('a list is one list in json and in a table; in text every page has its own columns', async () => {
  const pages = [{ things: [{ a: 1 }] }, { things: [{ a: 2, b: 3 }] }];
  assert.equal(JSON.parse(render('json', operation, pages, 80)), { things: [{ a: 1 }, { a: 2, b: 3 }] });
  assert.is(render('text', operation, pages, 80), 'THINGS\t1\nTHINGS\t2\t3\n');
  const query = await readQuery('things[].a');
  assert.equal(JSON.parse(render('json', operation, pages, 80, query)), [1, 2]);
  assert.is(render('text', operation, pages, 80, query), '1\n2\n');
});

test.run();
