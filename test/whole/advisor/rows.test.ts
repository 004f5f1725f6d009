/**
 * Each row of Device Advisor's checklist has a test, which rows.ts names. A test that is renamed or lost leaves a row without one, and
 * this fails; so does, where the specification lies beside the repository, a row of it that rows.ts does not know.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lostRules, NOT_OURS, readSpecification, readTest } from '../../targets/service/rules/rule.ts';
import { rowsIn } from './row.ts';
import { QUALIFICATION, ROWS } from './rows.ts';

/** More rows without a test than that would be excuses. */
const NOT_OURS_MAX = 5;

test('rows: each row of device-advisor has a test that is there', () => {
  const rules = ROWS.map(([row, file, words]) => ['', row, file, words] as const);
  assert.equal(lostRules({ name: 'device-advisor', sections: [{ section: '', tagged: 0, rules }] }, readTest), []);
});

test('rows: no row of the specification is missing, and what it does not know is said to be our choice', () => {
  const text = readSpecification('device-advisor');
  if (text === undefined) return;
  const inFile = rowsIn(text);
  assert.equal([...new Set(ROWS.map(([row]) => row))], [...inFile.keys()]);
  const chosen = ROWS.filter(([, , , choice]) => choice).map(([row]) => row);
  assert.equal(
    chosen,
    [...inFile].filter(([, isUncertain]) => isUncertain).map(([row]) => row),
  );
});

test('rows: each test of the qualification set is shown by a test of its own name', () => {
  assert.is(new Set(QUALIFICATION).size, 11);
  for (const row of QUALIFICATION) {
    const files = ROWS.filter(([name]) => name === row).map(([, file]) => file);
    assert.ok(files.length > 0 && !files.includes(NOT_OURS), row);
  }
});

test('rows: those that no test can show are few, each with its reason', () => {
  const reasons = ROWS.filter(([, file]) => file === NOT_OURS).map(([, , reason]) => reason);
  assert.ok(reasons.length <= NOT_OURS_MAX, `${reasons.length}`);
  for (const reason of reasons) assert.ok(reason.length > 20, reason);
});

test('rows: tests in headings and tables, points and paragraphs are found, with what nobody has seen', () => {
  const text = [
    '# Title',
    'before',
    '## 1. First',
    '* a point `[U]`',
    '1. another',
    '### Sub',
    'Some **words** of it',
    '| Test id | `head` is in the second |',
    '|---|---|',
    '| `A_B`, `C` | x `[D][U for the rest]` |',
    '## 2. Second `Job_X`',
    '* a point',
    '## Sources',
    'not this',
  ].join('\n');
  assert.equal(Object.fromEntries(rowsIn(text)), {
    '§1.1': true,
    '§1.2': false,
    '§1 Some **words': false,
    '§1 A_B C': true,
    '§2 Job_X': false,
    '§2.1': false,
  });
});

test.run();
