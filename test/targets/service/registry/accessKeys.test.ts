import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ACCESS_KEYS_MAX,
  findSecretAccessKey,
  firstAccessKey,
} from '../../../../targets/service/registry/accessKeys.ts';
import { openWorld, refusal, START_MILLIS, type World } from './world.ts';

const test = suite<World>('access keys');
test.before.each(async (world) => void Object.assign(world, await openWorld()));
test.after.each(({ store }) => store.close());

test('access keys: one more is made, its secret shown once; deactivated and deleted ones sign nothing', async ({
  handlers,
  registry,
  at,
}) => {
  const first = await firstAccessKey(registry);
  at(START_MILLIS + 1_500);
  const { AccessKey } = await handlers.CreateAccessKey();
  const { SecretAccessKey, ...shown } = AccessKey;
  const { AccessKeyId } = shown;
  assert.is(SecretAccessKey.length, 40);
  assert.is(await findSecretAccessKey(registry, AccessKeyId), SecretAccessKey);
  const list = async () => (await handlers.ListAccessKeys()).AccessKeyMetadata;
  assert.equal(await list(), [
    { AccessKeyId: first.accessKeyId, Status: 'Active', CreateDate: START_MILLIS / 1000 },
    { AccessKeyId, Status: 'Active', CreateDate: START_MILLIS / 1000 + 1.5 },
  ]);
  assert.is(await handlers.UpdateAccessKey({ AccessKeyId: first.accessKeyId, Status: 'Inactive' }), undefined);
  assert.is(await findSecretAccessKey(registry, first.accessKeyId), undefined);
  assert.is((await firstAccessKey(registry)).accessKeyId, AccessKeyId);
  await handlers.DeleteAccessKey({ AccessKeyId: first.accessKeyId });
  assert.equal(await list(), [shown]);
});

test('access keys: the last active one can be neither deactivated nor deleted, whatever inactive ones there are', async ({
  handlers,
  registry,
}) => {
  const { accessKeyId } = await firstAccessKey(registry);
  const other = (await handlers.CreateAccessKey()).AccessKey.AccessKeyId;
  await handlers.UpdateAccessKey({ AccessKeyId: other, Status: 'Inactive' });
  const expected = `409 ConflictException: ${accessKeyId} is the last active access key: make another one first`;
  const deactivate = { AccessKeyId: accessKeyId, Status: 'Inactive' as const };
  assert.is(await refusal(handlers.UpdateAccessKey(deactivate)), expected);
  assert.is(await refusal(handlers.DeleteAccessKey({ AccessKeyId: accessKeyId })), expected);
  await handlers.UpdateAccessKey({ AccessKeyId: accessKeyId, Status: 'Active' });
  await handlers.UpdateAccessKey({ AccessKeyId: other, Status: 'Active' });
  const both = await Promise.all(
    [accessKeyId, other].map((AccessKeyId) => refusal(handlers.DeleteAccessKey({ AccessKeyId }))),
  );
  assert.is(both.filter((answer) => answer === 'no refusal').length, 1);
});

test('access keys: an unknown one is 404, and there are not more than a hundred', async ({ handlers, registry }) => {
  await firstAccessKey(registry);
  const AccessKeyId = 'AKIAAAAAAAAAAAAAAAAA';
  assert.match(await refusal(handlers.UpdateAccessKey({ AccessKeyId, Status: 'Active' })), '404 ResourceNotFound');
  assert.match(await refusal(handlers.DeleteAccessKey({ AccessKeyId })), '404 ResourceNotFoundException');
  for (let n = 1; n < ACCESS_KEYS_MAX; n += 1) await handlers.CreateAccessKey();
  assert.match(await refusal(handlers.CreateAccessKey()), '410 LimitExceededException: There are 100 access keys');
});

test.run();
