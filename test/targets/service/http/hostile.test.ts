import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readInput } from '../../../../targets/service/http/input.ts';
import { routerOf } from '../../../../targets/service/http/route.ts';
import { readTarget } from '../../../../targets/service/http/target.ts';
import { ModelledError } from '../../../../targets/service/modelledError.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { validate } from '../../../../targets/service/operations/validate.ts';

const RUNS = 2_000;
const route = routerOf(OPERATIONS);

/** Pieces of real requests, so that chance gets far, and pieces that have broken others. */
const piece = fc.oneof(
  fc.constantFrom('things', 'jobs', 'thing-groups', 'addThingToThingGroup', 'cancel', 'principals', 'a', 'T1'),
  fc.constantFrom('', '.', '..', '%2e%2e', '%24next', '%00', '%', '%zz', '%ff', '%C3%BC', '__proto__', '{thingName}'),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const anyPath = fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join('/')}`);
const rowPath = fc
  .tuple(fc.constantFrom(...OPERATIONS), piece, piece)
  .map(([row, first, second]) => [
    row.method,
    row.path.replace(/\{\w+\}/, () => first).replace(/\{\w+\}/, () => second),
  ]);
const start = fc.oneof(rowPath, fc.tuple(fc.constantFrom('GET', 'PUT', 'POST', 'CONNECT'), anyPath)) as fc.Arbitrary<
  [method: string, path: string]
>;
const query = fc
  .array(fc.tuple(fc.constantFrom('maxResults', 'force', 'status', 'nextToken', '__proto__', '%'), piece), {
    maxLength: 4,
  })
  .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
const memberNames = OPERATIONS.flatMap(({ input }) => Object.keys(input));
const body = fc.oneof(
  fc.uint8Array({ maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
  fc
    .dictionary(fc.constantFrom(...memberNames, '__proto__', 'constructor'), fc.jsonValue({ maxDepth: 5 }))
    .map((value) => Buffer.from(JSON.stringify(value))),
);

test('a request of any bytes is refused with a 4xx of the API, or gives input that fits its row', () => {
  let routed = 0;
  fc.assert(
    fc.property(start, query, body, ([method, pathText], queryText, bytes) => {
      const target = readTarget(`${pathText}?${queryText}`);
      const found = target === undefined ? undefined : route(method, target.segments);
      if (target === undefined || found === undefined) return;
      routed += 1;
      try {
        const input = readInput(found, target.query, { 'x-amzn-principal': 'arn:x' }, bytes);
        assert.is(validate(found.operation.input, input).faults.count, 0);
      } catch (error) {
        if (!(error instanceof ModelledError)) throw error;
        assert.equal([error.type, error.status], ['InvalidRequestException', 400]);
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(routed > RUNS / 4, `only ${routed} of ${RUNS} requests were routed: chance does not get far enough`);
});

test.run();
