import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_MEANINGS } from '../../../../runtime/jobs/errorMeanings.ts';
import {
  DATA_ERROR_TYPES,
  DATA_OPERATIONS,
  type DataErrorType,
  type DataOperation,
} from '../../../../targets/service/dataPlane/operations.ts';
import type { InputMember } from '../../../../targets/service/operations/operation.ts';
import type { Member, Shape } from '../../../../targets/service/operations/shape.ts';
import { type ModelShape, readModel } from '../operations/botocore.ts';

/** Every difference between our table and AWS's model that is meant, with its reason. A line that no longer differs fails. */
const CHOSEN: Readonly<Record<string, string>> = {
  'statusDetails: pairsMax 10, model undefined': 'Developer Guide, "Job limits"',
  'stepTimeoutInMinutes: max 10080, model undefined': 'API Reference, UpdateJobExecution',
};
/** Debian 12's model, of 2023, writes the same patterns another way. */
const SPELLING: Readonly<Record<string, string>> = { '[^\\p{C}]*+': '[^\\p{C}]+' };

test('the HTTP counterparts of the error codes are errors of the table, with their status', () => {
  for (const [code, { httpType, httpStatus }] of Object.entries(ERROR_MEANINGS))
    assert.is(httpStatus, DATA_ERROR_TYPES[httpType as DataErrorType], code);
});

const model = readModel('iot-jobs-data/2017-09-29', 'the data plane beside its model');
if (model !== undefined) {
  const { operations, shapes } = model;
  const differences = new Set<string>();

  test('the table has the four operations of the botocore model, and its errors the same status', () => {
    assert.equal(DATA_OPERATIONS.map(({ name }) => name).sort(), Object.keys(operations).sort());
    for (const [type, status] of Object.entries(DATA_ERROR_TYPES))
      assert.is(status, shapes[type]?.error?.httpStatusCode, type);
  });

  for (const operation of DATA_OPERATIONS as readonly DataOperation[])
    test(`${operation.name} has the method, path, members, places, types and errors of the botocore model`, () => {
      const { name, method, path, input, output, errors } = operation;
      const theirs = operations[name]!;
      assert.equal([method, path, 200], [theirs.http.method, theirs.http.requestUri, theirs.http.responseCode ?? 200]);
      assert.equal([...errors].sort(), theirs.errors.map(({ shape }) => shape).sort());
      compareMembers(input, shapes[theirs.input!.shape]!);
      for (const [member, { location }] of Object.entries(shapes[theirs.input!.shape]!.members!))
        assert.is(PLACES[input[member]!.in], location, `${name}.${member}`);
      compareMembers(output!.members, shapes[theirs.output!.shape]!);
    });

  test('ranges and patterns differ from the model only where that was chosen', () => {
    assert.equal([...differences].sort(), Object.keys(CHOSEN).sort());
  });

  const PLACES: Readonly<Record<InputMember['in'], string | undefined>> = {
    path: 'uri',
    query: 'querystring',
    header: 'header',
    body: undefined,
  };

  function compareMembers(members: Readonly<Record<string, Member>>, theirs: ModelShape): void {
    assert.equal(Object.keys(members).sort(), Object.keys(theirs.members ?? {}).sort());
    for (const [name, { shape, required }] of Object.entries(members)) {
      assert.is(required ?? false, theirs.required?.includes(name) ?? false, `${name}: required`);
      compareShape(name, shape, shapes[theirs.members![name]!.shape]!);
    }
  }

  function compareShape(at: string, shape: Shape, theirs: ModelShape): void {
    assert.is(shape.type === 'integer' ? 'long' : shape.type, theirs.type, `${at}: type`);
    if (shape.type === 'structure') return compareMembers(shape.members, theirs);
    if (shape.type === 'list') return compareShape(at, shape.of, shapes[theirs.member!.shape]!);
    if (shape.type === 'map') {
      compareShape(`${at}.key`, shape.key, shapes[theirs.key!.shape]!);
      compareShape(`${at}.value`, shape.value, shapes[theirs.value!.shape]!);
      differ(at, 'pairsMax', shape.pairsMax, theirs.max);
    }
    if (shape.type === 'integer') {
      differ(at, 'min', shape.min, theirs.min);
      differ(at, 'max', shape.max, theirs.max);
    }
    if (shape.type !== 'string') return;
    assert.equal(shape.oneOf, theirs.enum, at);
    differ(at, 'charsMin', shape.charsMin, theirs.min);
    differ(at, 'charsMax', shape.charsMax, theirs.max);
    const pattern = theirs.pattern === undefined ? undefined : (SPELLING[theirs.pattern] ?? theirs.pattern);
    differ(at, 'pattern', shape.pattern, pattern);
  }

  function differ(at: string, what: string, ours: unknown, theirs: unknown): void {
    if (ours !== theirs) differences.add(`${at}: ${what} ${ours}, model ${theirs}`);
  }
}

test.run();
