import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  createAccessKey,
  findSecretAccessKey,
  firstAccessKey,
} from '../../../../targets/service/registry/accessKeys.ts';
import type { registryHandlers } from '../../../../targets/service/registry/handlers.ts';
import { findPrincipal } from '../../../../targets/service/registry/principals.ts';
import { type Registry, ROWS_SCANNED_MAX } from '../../../../targets/service/registry/registry.ts';
import type { Store } from '../../../../targets/service/store/open.ts';
import { openWorld, refusal } from './world.ts';

interface World {
  store: Store;
  registry: Registry;
  handlers: ReturnType<typeof registryHandlers>;
  /** Sets the clock. */
  at(millis: number): void;
}

const test = suite<World>('registry');
test.before.each(async (world) => {
  Object.assign(world, await openWorld());
});
test.after.each(({ store }) => store.close());

test('CreateThing: the same again answers the same, a difference is 409 and changes nothing', async ({ handlers }) => {
  const attributePayload = { attributes: { a: '1', b: '2' } };
  const first = await handlers.CreateThing({ thingName: 'T', attributePayload });
  assert.is(first.thingArn, 'arn:aws:iot:eu-west-1:111122223333:thing/T');
  assert.match(first.thingId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(
    await handlers.CreateThing({ thingName: 'T', attributePayload: { attributes: { b: '2', a: '1' } } }),
    first,
  );
  assert.match(
    await refusal(handlers.CreateThing({ thingName: 'T' })),
    '409 ResourceAlreadyExistsException: Thing T already exists in account with different attributes',
  );
  const { attributes, version } = await handlers.DescribeThing({ thingName: 'T' });
  assert.equal([attributes, version], [attributePayload.attributes, 1]);
});

test('CreateThing: no more than three attributes; a type that nobody created is 404', async ({ handlers }) => {
  const attributes = { a: '1', b: '2', c: '3', d: '4' };
  assert.match(
    await refusal(handlers.CreateThing({ thingName: 'T', attributePayload: { attributes } })),
    '400 InvalidRequestException: A thing without a type has at most 3 attributes: found 4',
  );
  assert.match(await refusal(handlers.CreateThing({ thingName: 'T', thingTypeName: 'X' })), '404 ResourceNotFound');
  assert.match(await refusal(handlers.DescribeThing({ thingName: 'T' })), '404 ResourceNotFound');
});

test('ListThings: pages through all, each thing once; the last page has no token; filters by attribute and prefix', async ({
  handlers,
}) => {
  for (let n = 1; n <= 7; n += 1)
    await handlers.CreateThing({
      thingName: `T${n}`,
      attributePayload: { attributes: { kind: n % 2 ? 'odd' : 'even' } },
    });
  const names: string[] = [];
  const sizes: number[] = [];
  let nextToken: string | undefined;
  do {
    const page: { things: { thingName: string }[]; nextToken?: string } = await handlers.ListThings({
      maxResults: 3,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    names.push(...page.things.map((thing) => thing.thingName));
    sizes.push(page.things.length);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  assert.equal(names, ['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7']);
  assert.equal(sizes, [3, 3, 1]);
  const even = await handlers.ListThings({ attributeName: 'kind', attributeValue: 'even', maxResults: 2 });
  assert.equal([even.things.map((thing) => thing.thingName), typeof even.nextToken], [['T2', 'T4'], 'string']);
  const rest = await handlers.ListThings({ attributeName: 'kind', attributeValue: 'even', nextToken: even.nextToken! });
  assert.equal([rest.things.map((thing) => thing.thingName), rest.nextToken], [['T6'], undefined]);
  const prefixed = await handlers.ListThings({
    attributeName: 'kind',
    attributeValue: 'o',
    usePrefixAttributeValue: true,
  });
  assert.is(prefixed.things.length, 4);
  assert.match(
    await refusal(handlers.ListThings({ nextToken: 'bm8' })),
    "400 InvalidRequestException: 'nextToken' is not",
  );
});

test('ListThings: a filter that finds nothing for long answers an empty page and where to go on', async ({
  handlers,
  store,
}) => {
  const row = { thing_type: null, attributes: '{}', version: 1, created_at: 0 };
  const rows = Array.from({ length: ROWS_SCANNED_MAX }, (_, n) => ({ ...row, thing_name: `T${n}`, thing_id: `${n}` }));
  for (let from = 0; from < rows.length; from += 1_000)
    await store.db
      .insertInto('thing')
      .values(rows.slice(from, from + 1_000))
      .execute();
  await handlers.CreateThing({ thingName: 'late', attributePayload: { attributes: { kind: 'rare' } } });
  const first = await handlers.ListThings({ attributeName: 'kind' });
  assert.equal(first.things, []);
  const second = await handlers.ListThings({ attributeName: 'kind', nextToken: first.nextToken! });
  assert.equal([second.things.map((thing) => thing.thingName), second.nextToken], [['late'], undefined]);
});

test('CreateThingGroup: repeat, difference, missing parent, depth', async ({ handlers }) => {
  const thingGroupProperties = { thingGroupDescription: 'all of them' };
  const first = await handlers.CreateThingGroup({ thingGroupName: 'G', thingGroupProperties });
  assert.is(first.thingGroupArn, 'arn:aws:iot:eu-west-1:111122223333:thinggroup/G');
  assert.equal(await handlers.CreateThingGroup({ thingGroupName: 'G', thingGroupProperties }), first);
  assert.match(await refusal(handlers.CreateThingGroup({ thingGroupName: 'G' })), '409 ResourceAlreadyExistsException');
  assert.match(
    await refusal(handlers.CreateThingGroup({ thingGroupName: 'H', parentGroupName: 'none' })),
    '400 InvalidRequestException: Parent group none does not exist',
  );
  for (let depth = 2; depth <= 7; depth += 1)
    await handlers.CreateThingGroup({
      thingGroupName: `G${depth}`,
      parentGroupName: depth === 2 ? 'G' : `G${depth - 1}`,
    });
  assert.match(
    await refusal(handlers.CreateThingGroup({ thingGroupName: 'G8', parentGroupName: 'G7' })),
    '400 InvalidRequestException: Group G7 is at depth 7',
  );
});

test('AddThingToThingGroup: once is enough, by name or ARN, at most ten groups, one of each hierarchy', async ({
  handlers,
  store,
}) => {
  await handlers.CreateThing({ thingName: 'T' });
  await handlers.CreateThingGroup({ thingGroupName: 'G1' });
  await handlers.CreateThingGroup({ thingGroupName: 'G1-child', parentGroupName: 'G1' });
  const byArn = {
    thingArn: 'arn:aws:iot:eu-west-1:111122223333:thing/T',
    thingGroupArn: 'arn:aws:iot:eu-west-1:111122223333:thinggroup/G1',
  };
  await handlers.AddThingToThingGroup(byArn);
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'G1' });
  assert.is((await store.db.selectFrom('member').selectAll().execute()).length, 1);
  assert.match(
    await refusal(handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'G1-child' })),
    '400 InvalidRequestException: Thing T is in group G1 of the same hierarchy',
  );
  for (let n = 2; n <= 11; n += 1) await handlers.CreateThingGroup({ thingGroupName: `G${n}` });
  for (let n = 2; n <= 10; n += 1) await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: `G${n}` });
  assert.match(
    await refusal(handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'G11' })),
    '400 InvalidRequestException: Thing T is in 10 groups already',
  );
});

test('AddThingToThingGroup: refuses what names nothing, two different things, or is elsewhere', async ({
  handlers,
}) => {
  await handlers.CreateThing({ thingName: 'T' });
  await handlers.CreateThingGroup({ thingGroupName: 'G' });
  const add = (input: Parameters<typeof handlers.AddThingToThingGroup>[0]) =>
    refusal(handlers.AddThingToThingGroup(input));
  assert.match(
    await add({ thingName: 'T' }),
    "400 InvalidRequestException: Either 'thingGroupName' or 'thingGroupArn'",
  );
  assert.match(
    await add({ thingName: 'U', thingGroupName: 'G' }),
    '404 ResourceNotFoundException: Thing U does not exist',
  );
  assert.match(
    await add({ thingName: 'T', thingGroupName: 'H' }),
    '404 ResourceNotFoundException: Thing group H does not',
  );
  const arn = 'arn:aws:iot:eu-west-1:111122223333:thing/U';
  assert.match(
    await add({ thingName: 'T', thingArn: arn, thingGroupName: 'G' }),
    "400 InvalidRequestException: 'thingName' is T",
  );
  const elsewhere = 'arn:aws:iot:eu-west-1:999999999999:thing/T';
  assert.match(await add({ thingArn: elsewhere, thingGroupName: 'G' }), 'is not an ARN of the form');
});

test("member.seq: only grows, also when the last member has left or the clock goes back, so a roll-out's cursor misses nobody", async ({
  handlers,
  store,
  registry,
  at,
}) => {
  await handlers.CreateThingGroup({ thingGroupName: 'G' });
  const join = async (thingName: string) => {
    await handlers.CreateThing({ thingName });
    await handlers.AddThingToThingGroup({ thingName, thingGroupName: 'G' });
    const rows = await store.db.selectFrom('member').select('seq').orderBy('seq', 'desc').execute();
    return rows[0]!.seq;
  };
  const first = await join('T1');
  at(registry.nowMillis() - 60_000);
  const second = await join('T2');
  assert.ok(second > first);
  await store.db.deleteFrom('member').where('seq', '=', second).execute();
  at(registry.nowMillis() + 60_001);
  assert.ok((await join('T3')) > second - 1);
  await store.db.deleteFrom('member').execute();
  at(registry.nowMillis() + 10);
  assert.ok((await join('T4')) > second);
});

test('things that join a group at the same moment all get in, each with a seq of its own', async ({
  handlers,
  store,
}) => {
  await handlers.CreateThingGroup({ thingGroupName: 'G' });
  const names = Array.from({ length: 40 }, (_, n) => `T${n}`);
  await Promise.all(names.map((thingName) => handlers.CreateThing({ thingName })));
  await Promise.all(
    [...names, ...names].map((thingName) => handlers.AddThingToThingGroup({ thingName, thingGroupName: 'G' })),
  );
  const members = await store.db.selectFrom('member').selectAll().execute();
  assert.is(members.length, names.length);
  assert.is(new Set(members.map(({ seq }) => seq)).size, names.length);
});

test('a principal: only an ACTIVE certificate speaks, for the things that it is attached to', async ({
  handlers,
  registry,
}) => {
  const inactive = await handlers.CreateKeysAndCertificate({});
  const active = await handlers.CreateKeysAndCertificate({ setAsActive: true });
  assert.is(active.certificateArn, `arn:aws:iot:eu-west-1:111122223333:cert/${active.certificateId}`);
  assert.is(await findPrincipal(registry, inactive.certificateId), undefined);
  assert.is(await findPrincipal(registry, 'f'.repeat(64)), undefined);
  assert.equal(await findPrincipal(registry, active.certificateId), {
    certificateId: active.certificateId,
    thingNames: [],
  });
  for (const thingName of ['T1', 'T2']) {
    await handlers.CreateThing({ thingName });
    for (const _twice of [1, 2]) await handlers.AttachThingPrincipal({ thingName, principal: active.certificateArn });
  }
  assert.equal((await findPrincipal(registry, active.certificateId))?.thingNames, ['T1', 'T2']);
  const attach = (thingName: string, principal: string) =>
    refusal(handlers.AttachThingPrincipal({ thingName, principal }));
  assert.match(await attach('T3', active.certificateArn), '404 ResourceNotFoundException: Thing T3');
  assert.match(
    await attach('T1', active.certificateArn.replace(/.$/, 'x')),
    '404 ResourceNotFoundException: Certificate',
  );
  assert.match(await attach('T1', active.certificateId), '400 InvalidRequestException');
});

test('the private key of a device is in the answer and nowhere in the store', async ({ handlers, store }) => {
  const { keyPair } = await handlers.CreateKeysAndCertificate({ setAsActive: true });
  assert.is(keyPair.PrivateKey, 'private');
  assert.not.match(JSON.stringify(await store.db.selectFrom('certificate').selectAll().execute()), 'private');
});

test('access keys: the first is made once; an inactive or unknown one has no secret', async ({ registry, store }) => {
  const first = await firstAccessKey(registry);
  assert.match(first.accessKeyId, /^AKIA[A-Z2-7]{16}$/);
  assert.is(first.secretAccessKey.length, 40);
  assert.equal(await firstAccessKey(registry), first);
  const second = await createAccessKey(registry);
  assert.is(await findSecretAccessKey(registry, second.accessKeyId), second.secretAccessKey);
  await store.db
    .updateTable('access_key')
    .set({ status: 'Inactive' })
    .where('access_key_id', '=', second.accessKeyId)
    .execute();
  assert.is(await findSecretAccessKey(registry, second.accessKeyId), undefined);
  assert.is(await findSecretAccessKey(registry, 'AKIANOBODY'), undefined);
});

test('DescribeEndpoint: the address of the listener behind each type; an unknown type is 400', async ({ handlers }) => {
  assert.equal(await handlers.DescribeEndpoint({}), { endpointAddress: 'localhost:8883' });
  assert.equal(await handlers.DescribeEndpoint({ endpointType: 'iot:Data-ATS' }), {
    endpointAddress: 'localhost:8883',
  });
  assert.match(
    await refusal(handlers.DescribeEndpoint({ endpointType: 'iot:CredentialProvider' })),
    '400 InvalidRequest',
  );
  assert.match(await refusal(handlers.DescribeEndpoint({ endpointType: 'iot:Jobs' })), '500 InternalFailureException');
});

test.run();
