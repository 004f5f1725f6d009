import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { matches } from '../../../../targets/service/operations/shape.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { faultsMessage, validate } from '../../../../targets/service/operations/validate.ts';

const ROWS: { name: string; operation: string; given: Record<string, unknown>; message: string }[] = [
  {
    name: 'a required member that is absent',
    operation: 'CreateJob',
    given: { jobId: 'a' },
    message:
      "1 validation error detected: Value null at 'targets' failed to satisfy constraint: Member must not be null",
  },
  {
    name: 'null, which counts as absent',
    operation: 'DescribeThing',
    given: { thingName: null },
    message:
      "1 validation error detected: Value null at 'thingName' failed to satisfy constraint: Member must not be null",
  },
  {
    name: 'a pattern',
    operation: 'DescribeJob',
    given: { jobId: '$next' },
    message:
      "1 validation error detected: Value '$next' at 'jobId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
  },
  {
    name: 'a line feed behind a name that is right',
    operation: 'DescribeJob',
    given: { jobId: 'a\n' },
    message:
      "1 validation error detected: Value 'a\n' at 'jobId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
  },
  {
    name: 'a length',
    operation: 'DescribeJob',
    given: { jobId: 'a'.repeat(65) },
    message: `1 validation error detected: Value '${'a'.repeat(65)}' at 'jobId' failed to satisfy constraint: Member must have length less than or equal to 64`,
  },
  {
    name: 'bytes where characters would be few enough',
    operation: 'CreateJob',
    given: { jobId: 'a', targets: ['x'], document: 'é'.repeat(16_385) },
    message: `1 validation error detected: Value '${'é'.repeat(128)}...' at 'document' failed to satisfy constraint: Member must have at most 32768 bytes in UTF-8`,
  },
  {
    name: 'an enum',
    operation: 'CreateJob',
    given: { jobId: 'a', targets: ['x'], targetSelection: 'ALL' },
    message:
      "1 validation error detected: Value 'ALL' at 'targetSelection' failed to satisfy constraint: Member must satisfy enum value set: [CONTINUOUS, SNAPSHOT]",
  },
  {
    name: 'a member deep inside, and two at once',
    operation: 'CreateJob',
    given: {
      jobId: 'a',
      targets: ['x'],
      jobExecutionsRetryConfig: {
        criteriaList: [{ failureType: 'FAILED', numberOfRetries: 11 }, { numberOfRetries: 1 }],
      },
    },
    message:
      "2 validation errors detected: Value '11' at 'jobExecutionsRetryConfig.criteriaList.1.member.numberOfRetries' failed to satisfy constraint: Member must have value less than or equal to 10; Value null at 'jobExecutionsRetryConfig.criteriaList.2.member.failureType' failed to satisfy constraint: Member must not be null",
  },
  {
    name: 'digits after the point',
    operation: 'CreateJob',
    given: {
      jobId: 'a',
      targets: ['x'],
      jobExecutionsRolloutConfig: {
        exponentialRate: { baseRatePerMinute: 5, incrementFactor: 1.25, rateIncreaseCriteria: {} },
      },
    },
    message:
      "1 validation error detected: Value '1.25' at 'jobExecutionsRolloutConfig.exponentialRate.incrementFactor' failed to satisfy constraint: Member must have at most 1 digit after the point",
  },
  {
    name: 'a list too long',
    operation: 'CreateJob',
    given: { jobId: 'a', targets: new Array(101).fill('x') },
    message:
      "1 validation error detected: Value [101 items] at 'targets' failed to satisfy constraint: Member must have length less than or equal to 100",
  },
  {
    name: 'a map value and its key',
    operation: 'CancelJobExecution',
    given: { jobId: 'a', thingName: 't', statusDetails: { 'a b': 'x', c: '\n' } },
    message:
      "2 validation errors detected: Value 'a b' at 'statusDetails.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9:_-]+; Value '\n' at 'statusDetails.c.value' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\p{C}]+",
  },
  {
    name: 'types: text for a number, a number for text, a list for an object',
    operation: 'CancelJobExecution',
    given: { jobId: 1, thingName: 't', expectedVersion: '2', statusDetails: [] },
    message:
      "3 validation errors detected: Value '1' at 'jobId' failed to satisfy constraint: Member must be a string; Value '2' at 'expectedVersion' failed to satisfy constraint: Member must be an integer; Value [0 items] at 'statusDetails' failed to satisfy constraint: Member must be an object",
  },
];

for (const { name, operation, given, message } of ROWS)
  test(`validate: refuses ${name}`, () => {
    const { input } = OPERATIONS.find((row) => row.name === operation)!;
    assert.is(faultsMessage(validate(input, given).faults), message);
  });

test('validate: gives known members only, absent ones left out, and keeps a map key that JavaScript has a meaning for', () => {
  const { input } = OPERATIONS.find((row) => row.name === 'CreateThing')!;
  const { value, faults } = validate(input, {
    thingName: 't',
    thingTypeName: undefined,
    attributePayload: JSON.parse('{"attributes":{"__proto__":"x"},"unknown":1}'),
    unknown: 1,
  });
  assert.is(faults.count, 0);
  assert.equal(Object.keys(value), ['thingName', 'attributePayload']);
  assert.is(JSON.stringify(value.attributePayload), '{"attributes":{"__proto__":"x"}}');
});

test('validate: names a few of many faults, counts the rest, and does not walk into what it quotes', () => {
  const { input } = OPERATIONS.find((row) => row.name === 'CreateJob')!;
  const deep = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
  const { faults } = validate(input, {
    jobId: 'a',
    targets: ['x'],
    description: deep,
    abortConfig: { criteriaList: new Array(100_000).fill({}) },
  });
  assert.is(faults.count, 400_001);
  assert.is(faults.lines.length, 10);
});

test('matches: POSIX classes of the model are ASCII, \\p{C} is Unicode', () => {
  assert.ok(matches('[\\p{Upper}\\p{Digit}_]+', 'AB_9'));
  assert.not.ok(matches('[\\p{Upper}\\p{Digit}_]+', 'É'));
  assert.ok(matches('[\\p{Graph}\\x20]*', 'a ~'));
  assert.not.ok(matches('[\\p{Graph}\\x20]*', 'é'));
  assert.ok(matches('[^\\p{C}]+', 'é'));
  assert.not.ok(matches('[^\\p{C}]+', 'a\u0000'));
});

test.run();
