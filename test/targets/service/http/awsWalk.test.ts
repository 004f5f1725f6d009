/** Debian's AWS CLI through every operation that it and the service have: done, and refused with an error of the model. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hyphenated } from '../../../../targets/service/operations/operation.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { hasTool } from '../../../tools.ts';
import { makeCsr } from '../identity/csr.ts';
import { type AwsCli, startAwsCli } from './awsCli.ts';
import { arn, type ControlPlane, startControlPlane } from './controlPlane.ts';
import { FLEET } from './fleetTemplate.ts';

// biome-ignore lint/suspicious/noExplicitAny: read as it came
type Answer = any;

const test = suite('a walk by the AWS CLI');
/** Operations of our own, which the AWS CLI does not have. */
const OURS = /AccessKey|Artifact|Faults|(Attach|Detach)ProvisioningClaim/;

if (hasTool('/usr/bin/aws', 'awscli')) {
  let plane: ControlPlane;
  let cli: AwsCli;
  const done = new Set<string>();
  const refusedOnce = new Set<string>();

  test.before(async () => {
    plane = await startControlPlane();
    cli = startAwsCli(plane);
  });
  test.after(async () => {
    await cli?.end();
    await plane?.close();
  });

  /** `create-job --job-id x --targets 'a b'` by words; texts with blanks come as further arguments. */
  async function aws(words: string, ...more: string[]): Promise<Answer> {
    const args = [...words.split(' '), ...more];
    const { code, stdout, stderr } = await cli.iot(...args);
    assert.is(code, 0, `aws iot ${args.join(' ')}: ${stderr}`);
    done.add(args[0]!);
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  }

  async function refused(type: string, words: string, ...more: string[]): Promise<void> {
    const args = [...words.split(' '), ...more];
    const { code, stderr } = await cli.iot(...args);
    assert.is(code, 254, `aws iot ${args.join(' ')}: ${stderr}`);
    assert.match(stderr, `An error occurred (${type}) when calling the `, `${args.join(' ')}: ${stderr}`);
    refusedOnce.add(args[0]!);
  }

  const names = (list: Answer[], member: string) => list.map((one) => one[member]);

  test('things and groups', async () => {
    await aws('create-thing --thing-name T1 --attribute-payload attributes={site=a}');
    await aws('create-thing --thing-name T2');
    await refused('ResourceAlreadyExistsException', 'create-thing --thing-name T1');
    assert.equal((await aws('describe-thing --thing-name T1')).attributes, { site: 'a' });
    await refused('ResourceNotFoundException', 'describe-thing --thing-name none');
    await aws('update-thing --thing-name T1 --attribute-payload attributes={floor=2},merge=true');
    await refused('VersionConflictException', 'update-thing --thing-name T1 --expected-version 1');
    const { things, NextToken } = await aws('list-things --max-items 1');
    assert.equal([things.length, typeof NextToken], [1, 'string']);
    await refused('InvalidRequestException', 'list-things --next-token nonsense');
    await aws('create-thing-group --thing-group-name G --tags Key=team,Value=ops');
    await refused('InvalidRequestException', 'create-thing-group --thing-group-name H --parent-group-name none');
    await aws('create-thing-group --thing-group-name H --parent-group-name G');
    await aws('update-thing-group --thing-group-name H --thing-group-properties thingGroupDescription=below');
    await refused(
      'ResourceNotFoundException',
      'update-thing-group --thing-group-name none --thing-group-properties thingGroupDescription=x',
    );
    const group = await aws('describe-thing-group --thing-group-name H');
    assert.is(group.thingGroupMetadata.parentGroupName, 'G');
    assert.is(typeof group.thingGroupMetadata.creationDate, 'string');
    await refused('ResourceNotFoundException', 'describe-thing-group --thing-group-name none');
    assert.equal(names((await aws('list-thing-groups')).thingGroups, 'groupName'), ['G', 'H']);
    await refused('ResourceNotFoundException', 'list-thing-groups --parent-group none');
    await aws('add-thing-to-thing-group --thing-name T1 --thing-group-name G');
    await refused('ResourceNotFoundException', 'add-thing-to-thing-group --thing-name none --thing-group-name G');
    await aws('update-thing-groups-for-thing --thing-name T2 --thing-groups-to-add H');
    await refused(
      'ResourceNotFoundException',
      'update-thing-groups-for-thing --thing-name none --thing-groups-to-add H',
    );
    assert.equal((await aws('list-things-in-thing-group --thing-group-name G --recursive')).things, ['T1', 'T2']);
    await refused('ResourceNotFoundException', 'list-things-in-thing-group --thing-group-name none');
    const groups = (await aws('list-thing-groups-for-thing --thing-name T2')).thingGroups;
    assert.equal(names(groups, 'groupName'), ['H']);
    await refused('ResourceNotFoundException', 'list-thing-groups-for-thing --thing-name none');
    await aws('remove-thing-from-thing-group --thing-name T2 --thing-group-name H');
    await refused('ResourceNotFoundException', 'remove-thing-from-thing-group --thing-name none --thing-group-name H');
  });

  test('certificates', async () => {
    const file = (name: string) => path.join(plane.folder, name);
    const made = await aws('create-keys-and-certificate --set-as-active --certificate-pem-outfile', file('c.pem'));
    assert.is(readFileSync(file('c.pem'), 'utf8'), made.certificatePem);
    writeFileSync(file('r.csr'), await makeCsr());
    const signed = await aws('create-certificate-from-csr --certificate-signing-request', `file://${file('r.csr')}`);
    await refused('InvalidRequestException', 'create-certificate-from-csr --certificate-signing-request nonsense');
    const { certificateId: id, certificateArn: principal } = made;
    assert.is((await aws(`describe-certificate --certificate-id ${id}`)).certificateDescription.status, 'ACTIVE');
    const none = '0'.repeat(64);
    await refused('ResourceNotFoundException', `describe-certificate --certificate-id ${none}`);
    assert.equal((await aws('list-certificates')).certificates.length, 2);
    await refused('InvalidRequestException', 'list-certificates --marker nonsense');
    await aws(`attach-thing-principal --thing-name T1 --principal ${principal}`);
    await refused('ResourceNotFoundException', `attach-thing-principal --thing-name none --principal ${principal}`);
    assert.equal((await aws('list-thing-principals --thing-name T1')).principals, [principal]);
    await refused('ResourceNotFoundException', 'list-thing-principals --thing-name none');
    assert.equal((await aws(`list-principal-things --principal ${principal}`)).things, ['T1']);
    await refused('ResourceNotFoundException', `list-principal-things --principal ${arn('cert', none)}`);
    await refused('CertificateStateException', `delete-certificate --certificate-id ${id}`);
    await aws(`detach-thing-principal --thing-name T1 --principal ${principal}`);
    await refused('ResourceNotFoundException', `detach-thing-principal --thing-name none --principal ${principal}`);
    await aws(`update-certificate --certificate-id ${id} --new-status INACTIVE`);
    await refused('ResourceNotFoundException', `update-certificate --certificate-id ${none} --new-status INACTIVE`);
    await aws(`delete-certificate --certificate-id ${id}`);
    assert.is(signed.certificateId.length, 64);
  });

  test('provisioning templates', async () => {
    const role = '--provisioning-role-arn arn:aws:iam::123456789012:role/fleet';
    const create = `create-provisioning-template --template-name fleet --enabled ${role} --template-body`;
    await aws(create, FLEET);
    await refused('ResourceAlreadyExistsException', create, FLEET);
    assert.is((await aws('describe-provisioning-template --template-name fleet')).templateBody, FLEET);
    await refused('ResourceNotFoundException', 'describe-provisioning-template --template-name none');
    assert.equal(names((await aws('list-provisioning-templates')).templates, 'templateName'), ['fleet']);
    await refused('InvalidRequestException', 'list-provisioning-templates --next-token nonsense');
    await aws('update-provisioning-template --template-name fleet --description pumps');
    await refused('ResourceNotFoundException', 'update-provisioning-template --template-name none --enabled');
    const version = 'create-provisioning-template-version --set-as-default --template-name';
    assert.is((await aws(`${version} fleet --template-body`, FLEET)).versionId, 2);
    await refused('ResourceNotFoundException', `${version} none --template-body`, FLEET);
    const second = await aws('describe-provisioning-template-version --template-name fleet --version-id 2');
    assert.is(second.isDefaultVersion, true);
    await refused(
      'ResourceNotFoundException',
      'describe-provisioning-template-version --template-name fleet --version-id 9',
    );
    const { versions } = await aws('list-provisioning-template-versions --template-name fleet');
    assert.equal(names(versions, 'versionId').sort(), [1, 2]);
    await refused('ResourceNotFoundException', 'list-provisioning-template-versions --template-name none');
    await refused(
      'DeleteConflictException',
      'delete-provisioning-template-version --template-name fleet --version-id 2',
    );
    await aws('delete-provisioning-template-version --template-name fleet --version-id 1');
    assert.match((await aws('create-provisioning-claim --template-name fleet')).keyPair.PrivateKey, 'PRIVATE KEY');
    await refused('ResourceNotFoundException', 'create-provisioning-claim --template-name none');
    await aws('delete-provisioning-template --template-name fleet');
    await refused('ResourceNotFoundException', 'delete-provisioning-template --template-name fleet');
  });

  test('tags, endpoints and events', async () => {
    const resource = `--resource-arn ${arn('thinggroup', 'G')}`;
    const none = `--resource-arn ${arn('thinggroup', 'none')}`;
    await aws(`tag-resource ${resource} --tags Key=site,Value=a`);
    await refused('ResourceNotFoundException', `tag-resource ${none} --tags Key=site,Value=a`);
    const tagged = (await aws(`list-tags-for-resource ${resource}`)).tags;
    assert.equal(names(tagged, 'Key').sort(), ['site', 'team']);
    await aws(`untag-resource ${resource} --tag-keys team`);
    await refused('ResourceNotFoundException', `untag-resource ${none} --tag-keys team`);
    assert.equal((await aws(`list-tags-for-resource ${resource}`)).tags, [{ Key: 'site', Value: 'a' }]);
    await refused('ResourceNotFoundException', `list-tags-for-resource ${none}`);
    assert.is((await aws('describe-endpoint --endpoint-type iot:Jobs')).endpointAddress, 'localhost:8443');
    await refused('InvalidRequestException', 'describe-endpoint --endpoint-type iot:Nothing');
    await aws('update-event-configurations --event-configurations', '{"JOB":{"Enabled":true}}');
    await refused(
      'InvalidRequestException',
      'update-event-configurations --event-configurations',
      '{"NO":{"Enabled":true}}',
    );
    assert.is((await aws('describe-event-configurations')).eventConfigurations.JOB.Enabled, true);
  });

  test('templates of jobs', async () => {
    const create = 'create-job-template --job-template-id K --description k --document';
    await aws(create, '{"a":1}');
    await refused('ConflictException', create, '{"a":2}');
    assert.is((await aws('describe-job-template --job-template-id K')).document, '{"a":1}');
    await refused('ResourceNotFoundException', 'describe-job-template --job-template-id none');
    assert.equal(names((await aws('list-job-templates')).jobTemplates, 'jobTemplateId'), ['K']);
    await refused('InvalidRequestException', 'list-job-templates --next-token nonsense');
    assert.is((await aws('describe-managed-job-template --template-name AWS-Reboot')).templateVersion, '1.0');
    await refused('ResourceNotFoundException', 'describe-managed-job-template --template-name AWS-None');
    assert.is((await aws('list-managed-job-templates')).managedJobTemplates.length, 8);
    await refused('InvalidRequestException', 'list-managed-job-templates --next-token nonsense');
  });

  test('jobs and their executions', async () => {
    const job = (id: string, target: string) => `create-job --job-id ${id} --targets ${target} --document`;
    await aws(`${job('J', arn('thing', 'T1'))} {}`);
    await refused('ResourceAlreadyExistsException', `${job('J', arn('thing', 'T1'))} {"a":1}`);
    await aws(`create-job --job-id M --targets ${arn('thing', 'T2')} --job-template-arn ${arn('jobtemplate', 'K')}`);
    await aws(`${job('C', arn('thinggroup', 'H'))} {} --target-selection CONTINUOUS`);
    await plane.jobs.tick();
    assert.is((await aws('describe-job --job-id J')).job.status, 'IN_PROGRESS');
    assert.is((await aws('describe-job --job-id M')).job.jobTemplateArn, arn('jobtemplate', 'K'));
    await refused('ResourceNotFoundException', 'describe-job --job-id none');
    assert.is((await aws('get-job-document --job-id M')).document, '{"a":1}');
    await refused('ResourceNotFoundException', 'get-job-document --job-id none');
    assert.equal(names((await aws('list-jobs --status IN_PROGRESS')).jobs, 'jobId').sort(), ['C', 'J', 'M']);
    await refused('ResourceNotFoundException', 'list-jobs --thing-group-name none');
    await aws('update-job --job-id J --description changed');
    await refused('ResourceNotFoundException', 'update-job --job-id none --description x');
    await aws(`associate-targets-with-job --job-id C --targets ${arn('thinggroup', 'G')}`);
    await refused(
      'ResourceNotFoundException',
      `associate-targets-with-job --job-id none --targets ${arn('thinggroup', 'G')}`,
    );
    await plane.jobs.tick();
    const ofJob = await aws('list-job-executions-for-job --job-id C');
    assert.equal(names(ofJob.executionSummaries, 'thingArn'), [arn('thing', 'T1')]);
    await refused('ResourceNotFoundException', 'list-job-executions-for-job --job-id none');
    const ofThing = await aws('list-job-executions-for-thing --thing-name T1 --status QUEUED');
    assert.equal(names(ofThing.executionSummaries, 'jobId').sort(), ['C', 'J']);
    await refused('ResourceNotFoundException', 'list-job-executions-for-thing --thing-name none');
    assert.is((await aws('describe-job-execution --job-id J --thing-name T1')).execution.status, 'QUEUED');
    await refused('ResourceNotFoundException', 'describe-job-execution --job-id J --thing-name T2');
    await aws('cancel-job-execution --job-id J --thing-name T1 --expected-version 1');
    await refused('InvalidStateTransitionException', 'cancel-job-execution --job-id J --thing-name T1');
    await refused('InvalidStateTransitionException', 'delete-job --job-id C');
    await aws('delete-job-execution --job-id J --thing-name T1 --execution-number 1');
    await refused('ResourceNotFoundException', 'delete-job-execution --job-id J --thing-name T1 --execution-number 1');
    await aws('cancel-job --job-id C --comment enough --force');
    await refused('ResourceNotFoundException', 'cancel-job --job-id none');
    await aws('delete-job --job-id M --force');
    await plane.jobs.tick();
  });

  test('the end of all of it', async () => {
    await aws('delete-job-template --job-template-id K');
    await refused('ResourceNotFoundException', 'delete-job-template --job-template-id K');
    await refused('VersionConflictException', 'delete-thing --thing-name T2 --expected-version 9');
    await aws('delete-thing --thing-name T2');
    await refused('VersionConflictException', 'delete-thing-group --thing-group-name H --expected-version 9');
    await aws('delete-thing-group --thing-group-name H');
  });

  test('no operation was left out: each was carried out, and refused once', () => {
    const all = OPERATIONS.filter(({ name }) => !OURS.test(name)).map(({ name }) => hyphenated(name));
    assert.equal(
      all.filter((command) => !done.has(command)),
      [],
      'never carried out',
    );
    // What has no input that the service could refuse.
    const never = ['create-keys-and-certificate', 'describe-event-configurations'];
    assert.equal(
      all.filter((command) => !refusedOnce.has(command)),
      never,
      'never refused',
    );
    assert.equal(plane.failures, [], 'nothing failed inside');
  });
}

test.run();
