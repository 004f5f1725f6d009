import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openWorld, refusal, START_MILLIS, type World } from './world.ts';

const test = suite<World>('groups');
test.before.each(async (world) => void Object.assign(world, await openWorld()));
test.after.each(({ store }) => store.close());

const arn = (name: string) => `arn:aws:iot:eu-west-1:111122223333:thinggroup/${name}`;
const nameAndArn = (groupName: string) => ({ groupName, groupArn: arn(groupName) });

/** R with A and B below it, A1 below A; S stands alone. */
async function tree({ handlers }: Pick<World, 'handlers'>): Promise<void> {
  await handlers.CreateThingGroup({ thingGroupName: 'R' });
  await handlers.CreateThingGroup({ thingGroupName: 'A', parentGroupName: 'R' });
  await handlers.CreateThingGroup({ thingGroupName: 'B', parentGroupName: 'R' });
  await handlers.CreateThingGroup({ thingGroupName: 'A1', parentGroupName: 'A' });
  await handlers.CreateThingGroup({ thingGroupName: 'S' });
}

test('DescribeThingGroup: the groups above it from the root down; a missing one is 404', async (world) => {
  const { handlers } = world;
  await tree(world);
  const { thingGroupId, ...shown } = await handlers.DescribeThingGroup({ thingGroupName: 'A1' });
  assert.match(thingGroupId, /^[0-9a-f-]{36}$/);
  assert.equal(shown, {
    thingGroupName: 'A1',
    thingGroupArn: arn('A1'),
    version: 1,
    thingGroupProperties: {},
    thingGroupMetadata: {
      parentGroupName: 'A',
      rootToParentThingGroups: [nameAndArn('R'), nameAndArn('A')],
      creationDate: START_MILLIS / 1000,
    },
  });
  const root = await handlers.DescribeThingGroup({ thingGroupName: 'R' });
  assert.equal(root.thingGroupMetadata, { creationDate: START_MILLIS / 1000 });
  assert.match(await refusal(handlers.DescribeThingGroup({ thingGroupName: 'X' })), '404 ResourceNotFoundException');
});

test('UpdateThingGroup: what is given replaces, merge adds, an empty value removes; the version grows and is checked', async ({
  handlers,
}) => {
  await handlers.CreateThingGroup({
    thingGroupName: 'G',
    thingGroupProperties: { thingGroupDescription: 'one', attributePayload: { attributes: { a: '1', b: '2' } } },
  });
  const update = (thingGroupProperties: object, expectedVersion?: number) =>
    handlers.UpdateThingGroup({
      thingGroupName: 'G',
      thingGroupProperties,
      ...(expectedVersion === undefined ? {} : { expectedVersion }),
    });
  assert.equal(await update({ thingGroupDescription: 'two' }, 1), { version: 2 });
  assert.match(await refusal(update({}, 1)), '409 VersionConflictException: Thing group G has version 2: expected 1');
  const properties = async () => (await handlers.DescribeThingGroup({ thingGroupName: 'G' })).thingGroupProperties;
  assert.equal(await properties(), {
    thingGroupDescription: 'two',
    attributePayload: { attributes: { a: '1', b: '2' } },
  });
  await update({ attributePayload: { merge: true, attributes: { a: '', c: '3' } } });
  assert.equal((await properties()).attributePayload, { attributes: { b: '2', c: '3' } });
  assert.equal(await update({ attributePayload: { attributes: { d: '4' } } }), { version: 4 });
  assert.equal((await properties()).attributePayload, { attributes: { d: '4' } });
  assert.match(
    await refusal(handlers.UpdateThingGroup({ thingGroupName: 'X', thingGroupProperties: {} })),
    '404 ResourceNotFoundException',
  );
});

test('ListThingGroups: all, roots only, children, all below, by prefix where _ is no wildcard; in pages', async (world) => {
  const { handlers } = world;
  await tree(world);
  await handlers.CreateThingGroup({ thingGroupName: 'A_1' });
  const names = async (input: Parameters<typeof handlers.ListThingGroups>[0]) =>
    (await handlers.ListThingGroups(input)).thingGroups.map(({ groupName }) => groupName);
  assert.equal(await names({}), ['A', 'A1', 'A_1', 'B', 'R', 'S']);
  assert.equal(await names({ recursive: false }), ['A_1', 'R', 'S']);
  assert.equal(await names({ parentGroup: 'R' }), ['A', 'B']);
  assert.equal(await names({ parentGroup: 'R', recursive: true }), ['A', 'A1', 'B']);
  assert.equal(await names({ parentGroup: 'R', recursive: true, namePrefixFilter: 'A' }), ['A', 'A1']);
  assert.equal(await names({ namePrefixFilter: 'A_' }), ['A_1']);
  assert.match(await refusal(handlers.ListThingGroups({ parentGroup: 'X' })), '404 ResourceNotFoundException');

  const pages: string[][] = [];
  let nextToken: string | undefined;
  do {
    const page: Awaited<ReturnType<typeof handlers.ListThingGroups>> = await handlers.ListThingGroups({
      maxResults: 2,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    pages.push(page.thingGroups.map(({ groupName }) => groupName));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  assert.equal(pages, [
    ['A', 'A1'],
    ['A_1', 'B'],
    ['R', 'S'],
  ]);
  assert.match(await refusal(handlers.ListThingGroups({ nextToken: 'e30' })), '400 InvalidRequestException');
});

test('DeleteThingGroup: not above others, not of another version; a missing one succeeds; its things stay', async (world) => {
  const { handlers, told } = world;
  await tree(world);
  await handlers.CreateThing({ thingName: 'T' });
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'A1' });
  told.length = 0;
  assert.is(
    await refusal(handlers.DeleteThingGroup({ thingGroupName: 'A' })),
    '400 InvalidRequestException: Cannot delete thing group : A when there are still child groups attached to it.',
  );
  assert.match(await refusal(handlers.DeleteThingGroup({ thingGroupName: 'A1', expectedVersion: 2 })), '409 Version');
  assert.equal(told, []);
  assert.equal(await handlers.DeleteThingGroup({ thingGroupName: 'A1', expectedVersion: 1 }), {});
  assert.equal(told, ['groupDeleted A1: 1 in A1', 'committed ']);
  assert.equal(await handlers.DeleteThingGroup({ thingGroupName: 'A1' }), {});
  assert.is(told.length, 2);
  assert.equal(await handlers.ListThingGroupsForThing({ thingName: 'T' }), { thingGroups: [] });
  assert.equal(await handlers.DeleteThingGroup({ thingGroupName: 'A' }), {});
  assert.is((await handlers.DescribeThing({ thingName: 'T' })).version, 1);
});

test('DeleteThing: leaves its groups, is told in the same transaction, refused with a certificate or another version', async ({
  handlers,
  registry,
  told,
  store,
}) => {
  await handlers.CreateThing({ thingName: 'T' });
  await handlers.CreateThingGroup({ thingGroupName: 'G' });
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'G' });
  const { certificateArn: principal } = await handlers.CreateKeysAndCertificate({ setAsActive: true });
  await handlers.AttachThingPrincipal({ thingName: 'T', principal });
  assert.match(
    await refusal(handlers.DeleteThing({ thingName: 'T' })),
    '400 InvalidRequestException: Cannot delete. Thing T is still attached to one or more principals',
  );
  await store.db.deleteFrom('principal').execute();
  assert.match(await refusal(handlers.DeleteThing({ thingName: 'T', expectedVersion: 7 })), '409 VersionConflict');

  const { membership } = registry;
  registry.membership = { ...membership, thingDeleted: () => Promise.reject(new Error('power')) };
  told.length = 0;
  assert.match(await refusal(handlers.DeleteThing({ thingName: 'T' })), 'power');
  assert.is((await handlers.DescribeThing({ thingName: 'T' })).thingName, 'T');
  assert.equal(told, []);
  registry.membership = membership;

  assert.equal(await handlers.DeleteThing({ thingName: 'T', expectedVersion: 1 }), {});
  assert.equal(told, ['thingDeleted 1: 1 in G', 'committed ']);
  assert.match(await refusal(handlers.DescribeThing({ thingName: 'T' })), '404 ResourceNotFoundException');
  assert.equal(await handlers.ListThingsInThingGroup({ thingGroupName: 'G' }), { things: [] });
  assert.equal(await handlers.DeleteThing({ thingName: 'T' }), {});
});

test('UpdateThing: replace, merge, remove; the version grows and is checked; a type is 404; three attributes at most', async ({
  handlers,
}) => {
  await handlers.CreateThing({ thingName: 'T', attributePayload: { attributes: { a: '1', b: '2' } } });
  const shown = async () => {
    const { attributes, version } = await handlers.DescribeThing({ thingName: 'T' });
    return [attributes, version];
  };
  assert.equal(
    await handlers.UpdateThing({ thingName: 'T', attributePayload: { merge: true, attributes: { a: '', c: '3' } } }),
    {},
  );
  assert.equal(await shown(), [{ b: '2', c: '3' }, 2]);
  await handlers.UpdateThing({ thingName: 'T', attributePayload: { attributes: { d: '4' } }, expectedVersion: 2 });
  assert.equal(await shown(), [{ d: '4' }, 3]);
  await handlers.UpdateThing({ thingName: 'T', removeThingType: true });
  assert.equal(await shown(), [{ d: '4' }, 4]);
  const update = (more: object) => refusal(handlers.UpdateThing({ thingName: 'T', ...more }));
  assert.match(await update({ expectedVersion: 3 }), '409 VersionConflictException: Thing T has version 4: expected 3');
  assert.match(await update({ thingTypeName: 'X' }), '404 ResourceNotFoundException: Thing type');
  const attributes = { a: '1', b: '2', c: '3' };
  assert.match(
    await update({ attributePayload: { merge: true, attributes } }),
    '400 InvalidRequestException: A thing without a type has at most 3 attributes: found 4',
  );
  assert.match(await refusal(handlers.UpdateThing({ thingName: 'X' })), '404 ResourceNotFoundException');
  assert.equal(await shown(), [{ d: '4' }, 4]);
});

test('RemoveThingFromThingGroup: by name or ARN, once more changes nothing, what is missing is 404', async (world) => {
  const { handlers, told } = world;
  await tree(world);
  await handlers.CreateThing({ thingName: 'T' });
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'A' });
  told.length = 0;
  const thingArn = 'arn:aws:iot:eu-west-1:111122223333:thing/T';
  for (const _twice of [1, 2])
    assert.equal(await handlers.RemoveThingFromThingGroup({ thingArn, thingGroupArn: arn('A') }), {});
  assert.equal(told, ['thingLeaves 1 A: 1 in A', 'committed 1']);
  const remove = (thingName: string, thingGroupName: string) =>
    refusal(handlers.RemoveThingFromThingGroup({ thingName, thingGroupName }));
  assert.match(await remove('U', 'A'), '404 ResourceNotFoundException: Thing U');
  assert.match(await remove('T', 'X'), '404 ResourceNotFoundException: Thing group X');
});

test('UpdateThingGroupsForThing: moves inside a hierarchy, tells once, and when one group refuses nothing is changed', async (world) => {
  const { handlers, told } = world;
  await tree(world);
  await handlers.CreateThing({ thingName: 'T' });
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'A' });
  told.length = 0;
  const update = (thingGroupsToAdd: string[], thingGroupsToRemove: string[]) =>
    handlers.UpdateThingGroupsForThing({ thingName: 'T', thingGroupsToAdd, thingGroupsToRemove });
  const groups = async () =>
    (await handlers.ListThingGroupsForThing({ thingName: 'T' })).thingGroups.map(({ groupName }) => groupName);
  assert.match(await refusal(update(['S', 'B'], [])), '400 InvalidRequestException: Thing T is in group A of the same');
  assert.match(await refusal(update(['S', 'X'], ['A'])), '404 ResourceNotFoundException: Thing group X');
  assert.equal(await groups(), ['A']);
  assert.not.ok(told.some((line) => line.startsWith('committed')));
  told.length = 0;
  assert.equal(await update(['S', 'B', 'S'], ['A', 'A1']), {});
  assert.equal(await groups(), ['B', 'S']);
  assert.equal(told, [
    'thingJoined 1 S: 1 in A, 1 in S',
    'thingJoined 1 B: 1 in A, 1 in B, 1 in S',
    'thingLeaves 1 A: 1 in A, 1 in B, 1 in S',
    'committed 1,1,1',
  ]);
  assert.match(await refusal(update(['S'], ['S'])), '400 InvalidRequestException: Group S is in');
  assert.match(await refusal(handlers.UpdateThingGroupsForThing({})), "400 InvalidRequestException: 'thingName' is");
});

test('ListThingsInThingGroup: the group alone or with all below it, each thing once, in pages', async (world) => {
  const { handlers } = world;
  await tree(world);
  const homes = { T1: 'A1', T2: 'R', T3: 'A1', T4: 'B', T5: 'R', T6: 'S' };
  for (const [thingName, thingGroupName] of Object.entries(homes)) {
    await handlers.CreateThing({ thingName });
    await handlers.AddThingToThingGroup({ thingName, thingGroupName });
  }
  assert.equal(await handlers.ListThingsInThingGroup({ thingGroupName: 'R' }), { things: ['T2', 'T5'] });
  for (const maxResults of [1, 2, 3, 4, 5, 6]) {
    const things: string[] = [];
    let nextToken: string | undefined;
    do {
      const page: Awaited<ReturnType<typeof handlers.ListThingsInThingGroup>> = await handlers.ListThingsInThingGroup({
        thingGroupName: 'R',
        recursive: true,
        maxResults,
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      assert.ok(page.things.length === maxResults || page.nextToken === undefined);
      things.push(...page.things);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    assert.equal(things, ['T1', 'T3', 'T4', 'T2', 'T5']);
  }
  assert.match(await refusal(handlers.ListThingsInThingGroup({ thingGroupName: 'X' })), '404 ResourceNotFound');
});

test('ListThingGroupsForThing: only groups, also while a job names the thing itself; in pages', async ({
  handlers,
  store,
}) => {
  await handlers.CreateThing({ thingName: 'T' });
  for (const thingGroupName of ['G3', 'G1', 'G2']) {
    await handlers.CreateThingGroup({ thingGroupName });
    await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName });
  }
  await store.db.insertInto('member').values({ grp: '/job/j', seq: 1, thing_no: 1, added_at: 0 }).execute();
  const first = await handlers.ListThingGroupsForThing({ thingName: 'T', maxResults: 2 });
  assert.equal(first.thingGroups, [nameAndArn('G1'), nameAndArn('G2')]);
  const last = await handlers.ListThingGroupsForThing({ thingName: 'T', nextToken: first.nextToken! });
  assert.equal(last, { thingGroups: [nameAndArn('G3')] });
  assert.match(await refusal(handlers.ListThingGroupsForThing({ thingName: 'U' })), '404 ResourceNotFoundException');
});

test.run();
