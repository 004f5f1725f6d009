import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openWorld, refusal, START_MILLIS, type World } from './world.ts';

const test = suite<World>('tags and events');
test.before.each(async (world) => void Object.assign(world, await openWorld()));
test.after.each(({ store }) => store.close());

const GROUP = 'arn:aws:iot:eu-west-1:111122223333:thinggroup/G';

test('tags: those of CreateThingGroup are there; a key given again is replaced, one taken twice is no fault', async ({
  handlers,
}) => {
  await handlers.CreateThingGroup({ thingGroupName: 'G', tags: [{ Key: 'team', Value: 'ops' }, { Key: 'bare' }] });
  const tags = async () => (await handlers.ListTagsForResource({ resourceArn: GROUP })).tags;
  assert.equal(await tags(), [{ Key: 'bare' }, { Key: 'team', Value: 'ops' }]);
  assert.equal(
    await handlers.TagResource({
      resourceArn: GROUP,
      tags: [
        { Key: 'team', Value: 'dev' },
        { Key: 'a', Value: '' },
      ],
    }),
    {},
  );
  for (const _twice of [1, 2]) await handlers.UntagResource({ resourceArn: GROUP, tagKeys: ['bare', 'none'] });
  await handlers.UntagResource({ resourceArn: GROUP, tagKeys: [] });
  assert.equal(await tags(), [
    { Key: 'a', Value: '' },
    { Key: 'team', Value: 'dev' },
  ]);
});

test('CreateThingGroup: the same tags again are the same group, other tags are 409; without tags they do not matter', async ({
  handlers,
}) => {
  const first = await handlers.CreateThingGroup({ thingGroupName: 'G', tags: [{ Key: 'a' }, { Key: 'b' }] });
  assert.equal(await handlers.CreateThingGroup({ thingGroupName: 'G', tags: [{ Key: 'b' }, { Key: 'a' }] }), first);
  assert.equal(await handlers.CreateThingGroup({ thingGroupName: 'G' }), first);
  assert.match(
    await refusal(handlers.CreateThingGroup({ thingGroupName: 'G', tags: [{ Key: 'a', Value: '1' }] })),
    '409 ResourceAlreadyExistsException',
  );
});

test('tags: more than 50 are refused with 410 and change nothing; they go with their group', async ({
  handlers,
  store,
}) => {
  await handlers.CreateThingGroup({ thingGroupName: 'G' });
  const some = (from: number, count: number) => Array.from({ length: count }, (_, n) => ({ Key: `k${from + n}` }));
  await handlers.TagResource({ resourceArn: GROUP, tags: some(0, 50) });
  await handlers.TagResource({ resourceArn: GROUP, tags: some(0, 50) });
  assert.is(
    await refusal(handlers.TagResource({ resourceArn: GROUP, tags: some(49, 2) })),
    '410 LimitExceededException: A resource has at most 50 tags: this would make 51',
  );
  assert.is((await handlers.ListTagsForResource({ resourceArn: GROUP })).tags.length, 50);
  await handlers.DeleteThingGroup({ thingGroupName: 'G' });
  assert.equal(await store.db.selectFrom('tag').selectAll().execute(), []);
});

test('tags: a resource that does not exist is 404, one that has no tags is 400', async ({ handlers }) => {
  const list = (resourceArn: string) => refusal(handlers.ListTagsForResource({ resourceArn }));
  for (const kind of ['thinggroup', 'job', 'jobtemplate'])
    assert.is(
      await list(`arn:aws:iot:eu-west-1:111122223333:${kind}/X`),
      `404 ResourceNotFoundException: There is no ${kind} X`,
    );
  for (const arn of ['G', 'arn:aws:iot:eu-west-1:111122223333:thing/T', GROUP.replace('eu', 'us'), GROUP.slice(0, -1)])
    assert.match(await list(arn), '400 InvalidRequestException');
  const nowhere = { resourceArn: GROUP };
  assert.match(await refusal(handlers.TagResource({ ...nowhere, tags: [] })), '404 ResourceNotFoundException');
  assert.match(await refusal(handlers.UntagResource({ ...nowhere, tagKeys: [] })), '404 ResourceNotFoundException');
});

test('events: all off at first; what is turned on stays on beside later changes, with its dates', async ({
  handlers,
  at,
}) => {
  const first = await handlers.DescribeEventConfigurations();
  assert.is(Object.keys(first.eventConfigurations).length, 11);
  assert.ok(Object.values(first.eventConfigurations).every(({ Enabled }) => !Enabled));
  assert.not.ok('creationDate' in first);
  assert.equal(await handlers.UpdateEventConfigurations({ eventConfigurations: { JOB: { Enabled: true } } }), {});
  at(START_MILLIS + 1_500);
  const off = { JOB_EXECUTION: { Enabled: false }, THING: { Enabled: false }, CERTIFICATE: {} };
  await handlers.UpdateEventConfigurations({ eventConfigurations: off });
  const { eventConfigurations, ...dates } = await handlers.DescribeEventConfigurations();
  const on = Object.entries(eventConfigurations).filter(([, { Enabled }]) => Enabled);
  assert.equal(on, [['JOB', { Enabled: true }]]);
  assert.equal(dates, { creationDate: START_MILLIS / 1000, lastModifiedDate: START_MILLIS / 1000 + 1.5 });
  await handlers.UpdateEventConfigurations({ eventConfigurations: { JOB: { Enabled: false } } });
  assert.not.ok((await handlers.DescribeEventConfigurations()).eventConfigurations.JOB!.Enabled);
});

test('events: a kind that is never published cannot be turned on, and nothing else is with it', async ({
  handlers,
}) => {
  const eventConfigurations = { JOB: { Enabled: true }, POLICY: { Enabled: true } };
  assert.is(
    await refusal(handlers.UpdateEventConfigurations({ eventConfigurations })),
    '400 InvalidRequestException: This service publishes no events of POLICY: expected JOB or JOB_EXECUTION',
  );
  assert.not.ok((await handlers.DescribeEventConfigurations()).eventConfigurations.JOB!.Enabled);
});

test.run();
