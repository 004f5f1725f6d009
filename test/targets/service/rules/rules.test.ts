/**
 * Each rule of the specification that is documented, modelled or seen (not inferred) has a test, which the tables beside this
 * name rule by rule. A test that is renamed or lost leaves a rule without one, and this fails. Where the specification lies beside the
 * repository, its tagged sentences are compared with the rows one by one.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CONTROL_PLANE } from './controlPlane.ts';
import { DATA_PLANE } from './dataPlane.ts';
import { EVENTS } from './events.ts';
import { lostRules, NOT_OURS, readSpecification, readTest, type SpecificationFile, tagsIn, tagsOf } from './rule.ts';
import { STATE_MACHINE } from './stateMachine.ts';

const FILES: readonly SpecificationFile[] = [CONTROL_PLANE, DATA_PLANE, STATE_MACHINE, EVENTS];
/** More rows without a test than that would be excuses. */
const NOT_OURS_MAX = 7;

for (const file of FILES) {
  test(`rules: each documented rule of ${file.name} has a test that is there`, () => {
    assert.equal(lostRules(file, readTest), []);
  });

  test(`rules: no tagged sentence of ${file.name} is without its row`, () => {
    const rows = file.sections.map((section) => [section.section, tagsOf(section)] as const);
    for (const { section, tagged, rules } of file.sections) {
      assert.is(tagsOf({ section, tagged, rules }).length, tagged, section);
      assert.is(new Set(rules.map(([, rule]) => rule)).size, rules.length, `${section} has a rule twice`);
    }
    assert.is(new Set(rows.map(([section]) => section)).size, rows.length, 'a section twice');
    const text = readSpecification(file.name);
    if (text === undefined) return;
    const inFile = tagsIn(text);
    assert.equal(Object.fromEntries(rows.filter(([, tags]) => tags.length > 0)), Object.fromEntries(inFile));
  });
}

test('rules: those that no test can hold are few, each with its reason', () => {
  const rules = FILES.flatMap(({ sections }) => sections.flatMap((section) => section.rules));
  const reasons = rules.filter(([, , file]) => file === NOT_OURS).map(([, , , reason]) => reason);
  assert.ok(reasons.length <= NOT_OURS_MAX, `${reasons.length}`);
  for (const reason of reasons) assert.ok(reason.length > 20, reason);
});

test('rules: a test that was renamed, stands in a comment alone, or shares its words with another is noticed', () => {
  const texts: Record<string, string> = {
    there: "test('one holds', () => {});\ntest('two holds', () => {});",
    comment: "// test('one holds', () => {});\n  /** one holds */",
  };
  const lost = (file: string, words: string) =>
    lostRules(
      { name: 'x', sections: [{ section: '§1', tagged: 1, rules: [['D', 'a rule', file, words]] }] },
      (name) => texts[name]!,
    ).length;
  assert.equal([lost('there', 'one holds'), lost('there', 'one held')], [0, 1]);
  assert.equal([lost('comment', 'one holds'), lost('there', 'holds'), lost(NOT_OURS, '')], [1, 1, 1]);
});

test('rules: tags are found in their sections, those of inferred sentences and of code are not', () => {
  const text = [
    '`[M]`',
    '## 1. A',
    'a `[D]`, b `[U]`, c `[D][L]`',
    '### 1.2 B',
    '```',
    '`[M]`',
    '```',
    '| `[M][U for x]` |',
  ];
  const found = tagsIn([...text, '### Sub', '`[L]` `[S]`', '## Sources', '`[D]`'].join('\n'));
  assert.equal(Object.fromEntries(found), { '§1': ['D', 'DL'], '§1.2': ['M', 'L'] });
});

test.run();
