import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findPrincipal } from '../../../../targets/service/registry/principals.ts';
import { openWorld, refusal, START_MILLIS, type World } from './world.ts';

const test = suite<World>('certificates');
test.before.each(async (world) => void Object.assign(world, await openWorld()));
test.after.each(({ store }) => store.close());

test('UpdateCertificate: who is connected is disconnected when it is no longer ACTIVE, and not before', async ({
  handlers,
  registry,
  revoked,
  at,
}) => {
  const { certificateId } = await handlers.CreateKeysAndCertificate({});
  const update = (newStatus: 'ACTIVE' | 'INACTIVE' | 'REVOKED') =>
    handlers.UpdateCertificate({ certificateId, newStatus });
  const gets = async () => [(await findPrincipal(registry, certificateId)) !== undefined, revoked.length];
  assert.is(await update('ACTIVE'), undefined);
  assert.equal(await gets(), [true, 0]);
  at(START_MILLIS + 2_000);
  await update('INACTIVE');
  assert.equal(await gets(), [false, 1]);
  await update('INACTIVE');
  assert.equal(await gets(), [false, 1]);
  await update('ACTIVE');
  await update('REVOKED');
  assert.equal(revoked, [certificateId, certificateId]);
  const row = await registry.db.selectFrom('certificate').select(['status', 'modified_at']).executeTakeFirst();
  assert.equal(row, { status: 'REVOKED', modified_at: START_MILLIS + 2_000 });
});

test('UpdateCertificate: states of transfers and registration are refused, an unknown certificate is 404', async ({
  handlers,
}) => {
  const { certificateId } = await handlers.CreateKeysAndCertificate({});
  for (const newStatus of ['PENDING_TRANSFER', 'REGISTER_INACTIVE', 'PENDING_ACTIVATION'] as const)
    assert.match(await refusal(handlers.UpdateCertificate({ certificateId, newStatus })), '400 InvalidRequest');
  const unknown = { certificateId: 'f'.repeat(64) };
  assert.match(await refusal(handlers.UpdateCertificate({ ...unknown, newStatus: 'ACTIVE' })), '404 ResourceNotFound');
  assert.match(await refusal(handlers.DescribeCertificate(unknown)), '404 ResourceNotFoundException');
});

test('principals: attached and detached ones connect anew; listed in pages; one that is not attached is 404', async ({
  handlers,
  revoked,
}) => {
  await handlers.CreateThing({ thingName: 'T' });
  const arns: string[] = [];
  for (const _ of [1, 2, 3]) arns.push((await handlers.CreateKeysAndCertificate({})).certificateArn);
  for (const principal of arns) await handlers.AttachThingPrincipal({ thingName: 'T', principal });
  assert.is(revoked.length, 3);
  const first = await handlers.ListThingPrincipals({ thingName: 'T', maxResults: 2 });
  assert.equal(first.principals, arns.slice(0, 2));
  const rest = await handlers.ListThingPrincipals({ thingName: 'T', nextToken: first.nextToken! });
  assert.equal(rest, { principals: arns.slice(2) });

  const detach = (thingName: string, principal: string) => handlers.DetachThingPrincipal({ thingName, principal });
  assert.equal(await detach('T', arns[0]!), {});
  assert.is(revoked.length, 4);
  assert.is((await handlers.ListThingPrincipals({ thingName: 'T' })).principals.length, 2);
  assert.match(await refusal(detach('T', arns[0]!)), '404 ResourceNotFoundException: Certificate');
  assert.match(await refusal(detach('U', arns[1]!)), '404 ResourceNotFoundException: Thing U');
  assert.match(
    await refusal(detach('T', 'arn:aws:iot:eu-west-1:111122223333:cert/x')),
    '404 ResourceNotFoundException',
  );
  assert.match(await refusal(detach('T', 'x')), '400 InvalidRequestException');
  assert.match(await refusal(handlers.ListThingPrincipals({ thingName: 'U' })), '404 ResourceNotFoundException');
  assert.is(revoked.length, 4);
});

test('CreateCertificateFromCsr: INACTIVE unless asked otherwise; what cannot be certified is 400 and kept nowhere', async ({
  handlers,
  store,
}) => {
  const made = await handlers.CreateCertificateFromCsr({ certificateSigningRequest: 'CSR' });
  assert.equal(Object.keys(made).sort(), ['certificateArn', 'certificateId', 'certificatePem']);
  await handlers.CreateCertificateFromCsr({ certificateSigningRequest: 'CSR', setAsActive: true });
  assert.is(
    await refusal(handlers.CreateCertificateFromCsr({ certificateSigningRequest: 'x' })),
    "400 InvalidRequestException: 'certificateSigningRequest' cannot be certified: it is not one",
  );
  const rows = await store.db.selectFrom('certificate').select('status').orderBy('certificate_id').execute();
  assert.equal(rows, [{ status: 'INACTIVE' }, { status: 'ACTIVE' }]);
});

test('ListCertificates: the newest first or the oldest, in pages that part those of one millisecond; a marker of ours', async ({
  handlers,
  at,
}) => {
  const made: string[] = [];
  for (const [i, later] of [0, 0, 0, 5, 9].entries()) {
    at(START_MILLIS + later);
    made.push((await handlers.CreateKeysAndCertificate({ setAsActive: i === 0 })).certificateId);
  }
  const inOrder = [...made.slice(0, 3).sort(), ...made.slice(3)];
  const all = async (ascendingOrder?: boolean) => {
    const found: string[] = [];
    for (let marker: string | undefined, last = false; !last; last = marker === undefined) {
      const order = ascendingOrder === undefined ? {} : { ascendingOrder };
      const page = await handlers.ListCertificates({ pageSize: 2, ...order, ...(marker && { marker }) });
      if (marker !== undefined) assert.match(marker, /^[A-Za-z0-9+/]+={0,2}$/);
      found.push(...page.certificates.map(({ certificateId }) => certificateId));
      marker = page.nextMarker;
    }
    return found;
  };
  assert.equal(await all(true), inOrder);
  assert.equal(await all(false), inOrder.toReversed());
  assert.equal(await all(), inOrder.toReversed());
  const [newest] = (await handlers.ListCertificates({})).certificates;
  assert.equal(
    [newest!.certificateArn.endsWith(`:cert/${made[4]}`), newest!.status, newest!.creationDate],
    [true, 'INACTIVE', (START_MILLIS + 9) / 1_000],
  );
  assert.match(
    await refusal(handlers.ListCertificates({ marker: 'bm90IG91cnM=' })),
    "400 InvalidRequestException: 'marker'",
  );
});

test('DeleteCertificate: not while ACTIVE, not while attached; ListPrincipalThings in pages', async ({
  handlers,
  store,
}) => {
  const made = await handlers.CreateKeysAndCertificate({ setAsActive: true });
  const { certificateId, certificateArn: principal } = made;
  for (const thingName of ['T2', 'T1', 'T3']) {
    await handlers.CreateThing({ thingName });
    await handlers.AttachThingPrincipal({ thingName, principal });
  }
  const first = await handlers.ListPrincipalThings({ principal, maxResults: 2 });
  assert.equal(first.things, ['T2', 'T1']);
  const rest = await handlers.ListPrincipalThings({ principal, nextToken: first.nextToken! });
  assert.equal(rest, { things: ['T3'] });

  const remove = () => handlers.DeleteCertificate({ certificateId, forceDelete: true });
  assert.match(await refusal(remove()), '406 CertificateStateException');
  await handlers.UpdateCertificate({ certificateId, newStatus: 'INACTIVE' });
  assert.match(await refusal(remove()), '409 DeleteConflictException');
  await store.db.deleteFrom('principal').execute();
  assert.is(await remove(), undefined);
  assert.match(await refusal(remove()), '404 ResourceNotFoundException');
  assert.match(await refusal(handlers.ListPrincipalThings({ principal })), '404 ResourceNotFoundException');
});

test.run();
