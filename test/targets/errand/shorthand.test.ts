import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { optionValue } from '../../../targets/errand/optionValue.ts';
import { readShorthand, type Tree } from '../../../targets/errand/shorthand.ts';
import { OPERATIONS } from '../../../targets/service/operations/table.ts';

const READ: [text: string, value: Tree][] = [
  ['a=b', { a: 'b' }],
  ['a=', { a: '' }],
  ['Key=team,Value=ops and more', { Key: 'team', Value: 'ops and more' }],
  ['a=b,c,d=e', { a: ['b', 'c'], d: 'e' }],
  ['a=[b,c],d=[],e={}', { a: ['b', 'c'], d: [], e: {} }],
  ['a={b=c,d={e=[{f=g},{h=i,j=k}]}},l=m', { a: { b: 'c', d: { e: [{ f: 'g' }, { h: 'i', j: 'k' }] } }, l: 'm' }],
  ['a="x,y=z",b=\'{}\'', { a: 'x,y=z', b: '{}' }],
  ['a="say \\"hi\\""', { a: 'say "hi"' }],
  ['a=x\\,y', { a: 'x,y' }],
  ['a:b/c.d=https://x/?q=1', { 'a:b/c.d': 'https://x/?q=1' }],
];
for (const [text, value] of READ) test(`readShorthand: ${text}`, () => assert.equal(readShorthand(text, '--x'), value));

const REFUSED: [text: string, message: string][] = [
  ['', "--x: found the end at character 1 of '': expected a key"],
  ['a', "--x: found the end at character 2 of 'a': expected '='"],
  ['a={b=c', "--x: found the end at character 7 of 'a={b=c': expected ',' or '}'"],
  ['a=[b', "--x: found the end at character 5 of 'a=[b': expected ',' or ']'"],
  ['a="b', '--x: found the end at character 5 of \'a="b\': expected the closing "'],
  ['a=[b]c', "--x: found 'c' at character 6 of 'a=[b]c': expected ','"],
  ['=a', "--x: found '=' at character 1 of '=a': expected a key"],
];
for (const [text, message] of REFUSED)
  test(`readShorthand: refuses ${text === '' ? 'nothing' : text}`, () => {
    assert.throws(
      () => readShorthand(text, '--x'),
      (error: Error) => error.message === message || assert.is(error.message, message),
    );
  });

test('readShorthand: nesting is bounded', () => {
  for (const deep of [`a=${'{a='.repeat(100_000)}`, `a=${'['.repeat(100_000)}`])
    assert.throws(() => readShorthand(deep, '--x'), /expected at most 16 levels/);
});

const shapeOf = (operation: string, member: string) =>
  OPERATIONS.find(({ name }) => name === operation)!.input[member]!.shape;

test('optionValue: shorthand and JSON give the same value, with the types of the table', () => {
  const abort = shapeOf('CreateJob', 'abortConfig');
  const value = {
    criteriaList: [
      { failureType: 'FAILED', action: 'CANCEL', thresholdPercentage: 12.5, minNumberOfExecutedThings: 3 },
    ],
  };
  const shorthand =
    'criteriaList=[{failureType=FAILED,action=CANCEL,thresholdPercentage=12.5,minNumberOfExecutedThings=3}]';
  assert.equal(optionValue(abort, '--abort-config', [shorthand]), value);
  assert.equal(optionValue(abort, '--abort-config', [JSON.stringify(value)]), value);
  const tags = shapeOf('CreateJob', 'tags');
  const pairs = [
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: '2' },
  ];
  assert.equal(optionValue(tags, '--tags', ['Key=a,Value=1', 'Key=b,Value=2']), pairs);
  assert.equal(optionValue(tags, '--tags', [JSON.stringify(pairs)]), pairs);
  const details = shapeOf('CancelJobExecution', 'statusDetails');
  assert.equal(optionValue(details, '--status-details', ['n=1,ok=true']), { n: '1', ok: 'true' });
});

test('optionValue: a misspelt member is refused wherever it stands, with the names there are', () => {
  const rollout = shapeOf('CreateJob', 'jobExecutionsRolloutConfig');
  for (const text of ['{"exponentialRate":{"baseRate":1}}', 'exponentialRate={baseRate=1}'])
    assert.throws(
      () => optionValue(rollout, '--job-executions-rollout-config', [text]),
      /exponentialRate: no member 'baseRate': expected one of baseRatePerMinute, incrementFactor/,
    );
});

test('optionValue: what is not of the type is refused', () => {
  const size = shapeOf('ListJobs', 'maxResults');
  assert.throws(
    () => optionValue(size, '--max-results', ['many']),
    /--max-results: found 'many': expected a whole number/,
  );
  assert.throws(() => optionValue(size, '--max-results', []), /--max-results: expected a value behind it/);
  assert.throws(() => optionValue(size, '--max-results', ['1', '2']), /expected one value, found 2/);
  const document = shapeOf('CreateJob', 'document');
  assert.throws(
    () => optionValue(document, '--document', ['file:///nowhere']),
    /--document: cannot read \/nowhere: it is not there \(ENOENT\)/,
  );
});

test.run();
