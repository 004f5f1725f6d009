import * as sdk from '@aws-sdk/client-iot';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeCsr } from '../identity/csr.ts';
import { arn, type ControlPlane, REGION, startControlPlane } from './controlPlane.ts';
import { FLEET } from './fleetTemplate.ts';

const test = suite<{ plane: ControlPlane }>('the registry through clients of AWS');
test.before.each(async (world) => {
  world.plane = await startControlPlane();
});
test.after.each(({ plane }) => plane.close());

async function failure(answer: Promise<unknown>): Promise<unknown> {
  try {
    await answer;
  } catch (error) {
    return error;
  }
  return undefined;
}

test('the AWS SDK: things and groups from their making to their end, errors as its own classes', async ({ plane }) => {
  const client = plane.client();
  for (const thingName of ['T1', 'T2']) await client.send(new sdk.CreateThingCommand({ thingName }));
  await client.send(new sdk.UpdateThingCommand({ thingName: 'T1', attributePayload: { attributes: { a: '1' } } }));
  const stale = new sdk.UpdateThingCommand({ thingName: 'T1', expectedVersion: 1 });
  assert.instance(await failure(client.send(stale)), sdk.VersionConflictException);

  await client.send(new sdk.CreateThingGroupCommand({ thingGroupName: 'R' }));
  await client.send(new sdk.CreateThingGroupCommand({ thingGroupName: 'A', parentGroupName: 'R' }));
  const thingGroupProperties = { thingGroupDescription: 'the first ones' };
  const updated = await client.send(
    new sdk.UpdateThingGroupCommand({ thingGroupName: 'A', thingGroupProperties, expectedVersion: 1 }),
  );
  assert.is(updated.version, 2);
  const shown = await client.send(new sdk.DescribeThingGroupCommand({ thingGroupName: 'A' }));
  assert.equal(shown.thingGroupProperties, thingGroupProperties);
  assert.equal(shown.thingGroupMetadata?.rootToParentThingGroups, [
    { groupName: 'R', groupArn: arn('thinggroup', 'R') },
  ]);
  assert.ok(Math.abs(shown.thingGroupMetadata!.creationDate!.getTime() - Date.now()) < 60_000);
  const below = await client.send(new sdk.ListThingGroupsCommand({ parentGroup: 'R', recursive: true }));
  assert.equal(
    below.thingGroups?.map(({ groupName }) => groupName),
    ['A'],
  );

  await client.send(new sdk.UpdateThingGroupsForThingCommand({ thingName: 'T1', thingGroupsToAdd: ['A'] }));
  await client.send(new sdk.AddThingToThingGroupCommand({ thingName: 'T2', thingGroupName: 'R' }));
  const things: string[] = [];
  for await (const page of sdk.paginateListThingsInThingGroup(
    { client, pageSize: 1 },
    { thingGroupName: 'R', recursive: true },
  ))
    things.push(...(page.things ?? []));
  assert.equal(things, ['T1', 'T2']);
  const groups = await client.send(new sdk.ListThingGroupsForThingCommand({ thingName: 'T1' }));
  assert.equal(groups.thingGroups, [{ groupName: 'A', groupArn: arn('thinggroup', 'A') }]);
  await client.send(new sdk.RemoveThingFromThingGroupCommand({ thingName: 'T1', thingGroupName: 'A' }));

  const above = await failure(client.send(new sdk.DeleteThingGroupCommand({ thingGroupName: 'R' })));
  assert.instance(above, sdk.InvalidRequestException);
  assert.match((above as Error).message, 'Cannot delete thing group : R when there are still child groups');
  for (const thingGroupName of ['A', 'R']) await client.send(new sdk.DeleteThingGroupCommand({ thingGroupName }));
  for (const thingName of ['T1', 'T1']) await client.send(new sdk.DeleteThingCommand({ thingName }));
  const gone = client.send(new sdk.DescribeThingCommand({ thingName: 'T1' }));
  assert.instance(await failure(gone), sdk.ResourceNotFoundException);
});

test('the AWS SDK: certificates from a signing request to their end', async ({ plane }) => {
  const client = plane.client();
  await client.send(new sdk.CreateThingCommand({ thingName: 'T' }));
  const certificateSigningRequest = await makeCsr();
  const made = await client.send(new sdk.CreateCertificateFromCsrCommand({ certificateSigningRequest }));
  const { certificateId, certificateArn: principal } = made;
  const describe = new sdk.DescribeCertificateCommand({ certificateId });
  const { certificateDescription } = await client.send(describe);
  assert.equal(
    [certificateDescription?.status, certificateDescription?.certificatePem],
    ['INACTIVE', made.certificatePem],
  );
  assert.ok(certificateDescription!.validity!.notAfter!.getTime() > Date.now() + 9 * 365 * 24 * 3600_000);
  await client.send(new sdk.UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
  await client.send(new sdk.AttachThingPrincipalCommand({ thingName: 'T', principal }));
  const { principals } = await client.send(new sdk.ListThingPrincipalsCommand({ thingName: 'T' }));
  assert.equal(principals, [principal]);
  const attached = client.send(new sdk.DeleteThingCommand({ thingName: 'T' }));
  assert.instance(await failure(attached), sdk.InvalidRequestException);
  await client.send(new sdk.DetachThingPrincipalCommand({ thingName: 'T', principal }));
  await client.send(new sdk.DeleteThingCommand({ thingName: 'T' }));
  await client.send(new sdk.UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }));
  assert.is((await client.send(describe)).certificateDescription?.status, 'REVOKED');
  await client.send(new sdk.UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
  const oldest = await client.send(new sdk.ListCertificatesCommand({ ascendingOrder: true, pageSize: 250 }));
  assert.equal([oldest.certificates!.at(-1)?.certificateId, oldest.nextMarker], [certificateId, undefined]);
  const newest = await client.send(new sdk.ListCertificatesCommand({}));
  assert.instance(newest.certificates![0]!.creationDate, Date);
  assert.is(newest.certificates![0]!.certificateId, certificateId);
  const active = client.send(new sdk.DeleteCertificateCommand({ certificateId }));
  assert.instance(await failure(active), sdk.CertificateStateException);
  await client.send(new sdk.UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }));
  await client.send(new sdk.DeleteCertificateCommand({ certificateId }));
  assert.instance(await failure(client.send(describe)), sdk.ResourceNotFoundException);
  const unreadable = client.send(new sdk.CreateCertificateFromCsrCommand({ certificateSigningRequest: 'x' }));
  assert.instance(await failure(unreadable), sdk.InvalidRequestException);
});

test('the AWS SDK: provisioning templates, their versions and a claim, errors as its own classes', async ({
  plane,
}) => {
  const client = plane.client();
  const templateBody = FLEET;
  const templateName = 'fleet';
  const provisioningRoleArn = 'arn:aws:iam::123456789012:role/fleet';
  const tags = [{ Key: 'team', Value: 'ops' }];
  const create = new sdk.CreateProvisioningTemplateCommand({ templateName, templateBody, provisioningRoleArn, tags });
  const { templateArn, defaultVersionId } = await client.send(create);
  assert.equal([templateArn, defaultVersionId], [arn('provisioningtemplate', templateName), 1]);
  assert.instance(await failure(client.send(create)), sdk.ResourceAlreadyExistsException);
  assert.equal((await client.send(new sdk.ListTagsForResourceCommand({ resourceArn: templateArn }))).tags, tags);
  const wrong = { templateName: 'x', templateBody: '{}', provisioningRoleArn };
  const refused = await failure(client.send(new sdk.CreateProvisioningTemplateCommand(wrong)));
  assert.instance(refused, sdk.InvalidRequestException);
  await client.send(new sdk.UpdateProvisioningTemplateCommand({ templateName, enabled: true, description: 'pumps' }));
  const { versionId, isDefaultVersion } = await client.send(
    new sdk.CreateProvisioningTemplateVersionCommand({ templateName, templateBody, setAsDefault: true }),
  );
  assert.equal([versionId, isDefaultVersion], [2, true]);
  const remove = (versionId: number) =>
    client.send(new sdk.DeleteProvisioningTemplateVersionCommand({ templateName, versionId }));
  assert.instance(await failure(remove(2)), sdk.DeleteConflictException);
  const numbers: (number | undefined)[] = [];
  for await (const page of sdk.paginateListProvisioningTemplateVersions({ client, pageSize: 1 }, { templateName }))
    numbers.push(...(page.versions ?? []).map((version) => version.versionId));
  assert.equal(numbers, [1, 2]);
  await remove(1);
  const shown = await client.send(new sdk.DescribeProvisioningTemplateCommand({ templateName }));
  assert.equal(
    [shown.enabled, shown.description, shown.templateBody, shown.defaultVersionId, shown.type],
    [true, 'pumps', templateBody, 2, 'FLEET_PROVISIONING'],
  );
  const one = await client.send(new sdk.DescribeProvisioningTemplateVersionCommand({ templateName, versionId: 2 }));
  assert.equal([one.templateBody, one.isDefaultVersion], [templateBody, true]);
  const claim = await client.send(new sdk.CreateProvisioningClaimCommand({ templateName }));
  assert.match(claim.keyPair!.PrivateKey!, /BEGIN PRIVATE KEY/);
  assert.instance(claim.expiration, Date);
  await client.send(new sdk.DeleteProvisioningTemplateCommand({ templateName }));
  const gone = client.send(new sdk.CreateProvisioningClaimCommand({ templateName }));
  assert.instance(await failure(gone), sdk.ResourceNotFoundException);
  assert.equal((await client.send(new sdk.ListProvisioningTemplatesCommand({}))).templates, []);
});

test('the AWS SDK: tags of a group, a job and a template, which go with them; events', async ({ plane }) => {
  const client = plane.client();
  const tags = [{ Key: 'team', Value: 'ops' }];
  await client.send(new sdk.CreateThingGroupCommand({ thingGroupName: 'G', tags }));
  const target = arn('thinggroup', 'G');
  await client.send(new sdk.CreateJobCommand({ jobId: 'J', targets: [target], document: '{}', tags }));
  const template = { jobTemplateId: 'K', description: 'k', document: '{}', tags };
  await client.send(new sdk.CreateJobTemplateCommand(template));
  for (const resourceArn of [target, arn('job', 'J'), arn('jobtemplate', 'K')]) {
    const list = () => client.send(new sdk.ListTagsForResourceCommand({ resourceArn }));
    assert.equal((await list()).tags, tags);
    await client.send(new sdk.TagResourceCommand({ resourceArn, tags: [{ Key: 'ä b', Value: '' }] }));
    await client.send(new sdk.UntagResourceCommand({ resourceArn, tagKeys: ['team'] }));
    assert.equal((await list()).tags, [{ Key: 'ä b', Value: '' }]);
  }
  await client.send(new sdk.DeleteJobCommand({ jobId: 'J', force: true }));
  await plane.jobs.tick();
  await client.send(new sdk.DeleteJobTemplateCommand({ jobTemplateId: 'K' }));
  await client.send(new sdk.DeleteThingGroupCommand({ thingGroupName: 'G' }));
  assert.equal(await plane.store.db.selectFrom('tag').selectAll().execute(), []);

  await client.send(
    new sdk.UpdateEventConfigurationsCommand({ eventConfigurations: { JOB_EXECUTION: { Enabled: true } } }),
  );
  const events = await client.send(new sdk.DescribeEventConfigurationsCommand({}));
  assert.equal(
    [events.eventConfigurations?.JOB_EXECUTION, events.eventConfigurations?.JOB],
    [{ Enabled: true }, { Enabled: false }],
  );
  assert.instance(events.lastModifiedDate, Date);
});

test('the AWS SDK: job templates, own and managed, and jobs from them', async ({ plane }) => {
  const client = plane.client();
  const { thingArn } = await client.send(new sdk.CreateThingCommand({ thingName: 'T' }));
  const template = { jobTemplateId: 'K', description: 'k', document: '{"a":1}' };
  const made = await client.send(
    new sdk.CreateJobTemplateCommand({ ...template, timeoutConfig: { inProgressTimeoutInMinutes: 5 } }),
  );
  const again = await failure(client.send(new sdk.CreateJobTemplateCommand(template)));
  assert.instance(again, sdk.ConflictException);
  assert.is((again as sdk.ConflictException).resourceId, 'K');
  const shown = await client.send(new sdk.DescribeJobTemplateCommand({ jobTemplateId: 'K' }));
  assert.equal([shown.document, shown.timeoutConfig], ['{"a":1}', { inProgressTimeoutInMinutes: 5 }]);
  const targets = [thingArn!];
  const { jobTemplateArn } = made;
  await client.send(new sdk.CreateJobCommand({ jobId: 'own', targets, jobTemplateArn }));
  const { job } = await client.send(new sdk.DescribeJobCommand({ jobId: 'own' }));
  assert.equal([job?.description, job?.jobTemplateArn], ['k', jobTemplateArn]);
  await client.send(new sdk.CreateJobTemplateCommand({ jobTemplateId: 'L', description: 'l', jobArn: job!.jobArn! }));
  const listed = await client.send(new sdk.ListJobTemplatesCommand({}));
  assert.equal(
    listed.jobTemplates?.map(({ jobTemplateId }) => jobTemplateId),
    ['K', 'L'],
  );

  const names: (string | undefined)[] = [];
  for await (const { managedJobTemplates } of sdk.paginateListManagedJobTemplates({ client, pageSize: 3 }, {}))
    names.push(...managedJobTemplates!.map(({ templateName }) => templateName));
  assert.is(names.length, 8);
  const run = await client.send(new sdk.DescribeManagedJobTemplateCommand({ templateName: 'AWS-Run-Command' }));
  assert.is(run.templateArn, `arn:aws:iot:${REGION}::jobtemplate/AWS-Run-Command:1.0`);
  const managed = { jobId: 'managed', targets, jobTemplateArn: run.templateArn! };
  assert.instance(await failure(client.send(new sdk.CreateJobCommand(managed))), sdk.InvalidRequestException);
  const documentParameters = { command: 'echo,"hi"' };
  await client.send(new sdk.CreateJobCommand({ ...managed, documentParameters }));
  const { document } = await client.send(new sdk.GetJobDocumentCommand({ jobId: 'managed' }));
  assert.is(JSON.parse(document!).steps[0].action.input.command, 'echo,"hi"');
});

test.run();
