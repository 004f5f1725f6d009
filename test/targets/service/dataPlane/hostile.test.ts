import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createDataPlane, OPERATOR } from '../../../../targets/service/dataPlane/plane.ts';
import { readTarget } from '../../../../targets/service/http/target.ts';
import { ModelledError } from '../../../../targets/service/modelledError.ts';

const CASES = 5_000;
const word = fc.oneof(
  fc.constantFrom(
    'things',
    'T',
    'jobs',
    '$next',
    '%24next',
    'j',
    'a%3Ab',
    '',
    '..',
    '%00',
    '%F0%9F%98%80',
    '__proto__',
  ),
  fc.string({ maxLength: 8 }).map(encodeURIComponent),
);
const path = fc.oneof(
  fc.array(word, { maxLength: 6 }),
  fc.tuple(word, word).map(([thing, job]) => ['things', thing, 'jobs', job]),
  word.map((thing) => ['things', thing, 'jobs']),
  word.map((job) => ['things', 'T', 'jobs', job]),
);
const query = fc.array(
  fc
    .tuple(fc.constantFrom('executionNumber', 'includeJobDocument', '__proto__'), word)
    .map(([name, value]) => `${name}=${value}`),
  { maxLength: 2 },
);
const member = fc.constantFrom(
  'status',
  'statusDetails',
  'expectedVersion',
  'stepTimeoutInMinutes',
  'executionNumber',
  'includeJobDocument',
  'includeJobExecutionState',
  '__proto__',
);
const value = fc.oneof(fc.constantFrom('SUCCEEDED', 'FAILED', 1, '1', true, null, -1), fc.jsonValue({ maxDepth: 2 }));
const body = fc.oneof(
  fc.constant('{"status":"FAILED"}'),
  fc.string(),
  fc.jsonValue().map((json) => JSON.stringify(json)),
  fc
    .array(fc.tuple(member, value), { maxLength: 6 })
    .map((members) => `{${members.map(([name, given]) => `"${name}":${JSON.stringify(given)}`).join(',')}}`),
);

test('whatever path, query, body and Prefer come: an answer or a modelled error of the client, never a failure of ours', async () => {
  const failures: unknown[] = [];
  const seen = new Map<string, number>();
  const plane = createDataPlane({
    ask: async (thingName, { operation }) => {
      assert.match(thingName, /^[a-zA-Z0-9:_-]{1,128}$/);
      seen.set(operation, (seen.get(operation) ?? 0) + 1);
      return { answer: { kind: 'accepted', body: { timestamp: 1 } } };
    },
    heldMax: 10,
    onFailure: (failure) => failures.push(failure),
    after: (_millis, run) => {
      queueMicrotask(run);
      return () => {};
    },
  });
  const method = fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD');
  const prefer = fc.oneof(fc.string(), fc.constantFrom('wait=1', 'wait=99', 'wait', 'wait=,wait=1', ';;wait=1'));
  await fc.assert(
    fc.asyncProperty(method, path, query, body, prefer, async (method, segments, pairs, text, prefer) => {
      const target = readTarget(`/${segments.join('/')}?${pairs.join('&')}`);
      if (target === undefined) return;
      const arrived = {
        id: 'id',
        method,
        target,
        headers: { prefer },
        body: Buffer.from(text),
        onGone: () => {},
        cut: () => {},
      };
      const error = await plane.answer(arrived, OPERATOR).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (error === undefined) return;
      assert.instance(error, ModelledError);
      assert.ok([400, 404].includes((error as ModelledError).status), String(error));
    }),
    { numRuns: CASES },
  );
  assert.equal([failures, plane.held()], [[], 0]);
  assert.is(seen.size, 4, `of the four operations only ${[...seen.keys()].join(', ')} were reached`);
});

test.run();
