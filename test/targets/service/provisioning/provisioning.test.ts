/** Fleet provisioning as the service answers it: templates, claims, certificates that wait, and things made from them. */
import { decode as decodeCbor, Encoder } from 'cbor-x';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseProvisioningTopic } from '../../../../runtime/provisioning/topics.ts';
import { provisioningHandlers } from '../../../../targets/service/provisioning/handlers.ts';
import { PENDING_MAX, TOKEN_MILLIS, VERSIONS_MAX } from '../../../../targets/service/provisioning/limits.ts';
import { sweep } from '../../../../targets/service/provisioning/pending.ts';
import { createProvisioning } from '../../../../targets/service/provisioning/requests.ts';
import { findPrincipal } from '../../../../targets/service/registry/principals.ts';
import { openWorld, refusal, START_MILLIS, type World } from '../registry/world.ts';

const ROLE = 'arn:aws:iam::123456789012:role/fleet';
const ID_REF = { Ref: 'AWS::IoT::Certificate::Id' };
const CREATE = '$aws/certificates/create/json';
const FROM_CSR = '$aws/certificates/create-from-csr/json';

/** A template with what AWS's own example has. */
function bodyOf(thing: object = {}, more: object = {}): string {
  return JSON.stringify({
    Parameters: {
      Serial: { Type: 'String' },
      Site: { Type: 'String', Default: 'berlin' },
      ...{ 'AWS::IoT::Certificate::Id': { Type: 'String' } },
    },
    Resources: {
      certificate: { Type: 'AWS::IoT::Certificate', Properties: { CertificateId: ID_REF, Status: 'Active' } },
      thing: {
        Type: 'AWS::IoT::Thing',
        Properties: {
          ThingName: { 'Fn::Join': ['', ['pump-', { Ref: 'Serial' }]] },
          AttributePayload: { site: { Ref: 'Site' }, made: 'here' },
        },
        ...thing,
      },
      policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyName: 'fleet' } },
    },
    ...more,
  });
}

interface Stage extends World {
  provisioning: ReturnType<typeof provisioningHandlers>;
  /** Publishes as the holder of a certificate does. */
  ask(certificateId: string, topic: string, payload?: object): Promise<{ kind: string; body: Record<string, never> }>;
  template(name?: string, body?: string): Promise<void>;
  /** A claim certificate for `fleet`. */
  claim(templateName?: string): Promise<string>;
}

const test = suite<Stage>('fleet provisioning');
test.before.each(async (stage) => {
  const world = await openWorld();
  const { answer } = createProvisioning(world.registry, () => {});
  const provisioning = provisioningHandlers(world.registry);
  Object.assign(stage, world, {
    provisioning,
    async ask(certificateId, topic, payload) {
      const text = payload === undefined ? '' : JSON.stringify(payload);
      const reply = await answer({
        topic,
        request: parseProvisioningTopic(topic)!,
        payload: Buffer.from(text),
        certificateId,
      });
      return {
        kind: reply.topic.slice(topic.length + 1),
        body: JSON.parse(Buffer.from(reply.payload).toString()),
      };
    },
    async template(templateName = 'fleet', templateBody = bodyOf()) {
      await provisioning.CreateProvisioningTemplate({
        templateName,
        templateBody,
        provisioningRoleArn: ROLE,
        enabled: true,
      });
    },
    async claim(templateName = 'fleet') {
      const made = await world.handlers.CreateKeysAndCertificate({ setAsActive: true });
      await provisioning.AttachProvisioningClaim({ templateName, principal: made.certificateArn });
      return made.certificateId;
    },
  } satisfies Omit<Stage, keyof World>);
});
test.after.each(({ store }) => store.close());

const provisionTopic = (templateName = 'fleet') => `$aws/provisioning-templates/${templateName}/provision/json`;

/** A certificate by CSR, then its thing. */
async function provision(stage: Stage, asker: string, parameters: object = { Serial: '7' }, templateName = 'fleet') {
  const { body } = await stage.ask(asker, FROM_CSR, { certificateSigningRequest: 'CSR' });
  const { certificateId, certificateOwnershipToken } = body as unknown as Record<string, string>;
  const asked = { certificateOwnershipToken, parameters };
  return { certificateId: certificateId!, asked, ...(await stage.ask(asker, provisionTopic(templateName), asked)) };
}

const code = ({ kind, body }: { kind: string; body: Record<string, unknown> }) =>
  `${kind} ${body.statusCode} ${body.errorCode}`;

test('a board comes with a claim and leaves with a thing and a certificate that speaks for it', async (stage) => {
  await stage.template();
  const claim = await stage.claim();
  assert.equal(await findPrincipal(stage.registry, claim), { certificateId: claim, thingNames: [], claims: ['fleet'] });
  const { kind, body, certificateId } = await provision(stage, claim);
  assert.equal([kind, body], ['accepted', { thingName: 'pump-7', deviceConfiguration: {} }]);
  assert.equal(await findPrincipal(stage.registry, certificateId), { certificateId, thingNames: ['pump-7'] });
  const thing = await stage.handlers.DescribeThing({ thingName: 'pump-7' });
  assert.equal(thing.attributes, { site: 'berlin', made: 'here' });
  const again = await stage.ask(claim, CREATE);
  assert.equal(Object.keys(again.body), ['certificateId', 'certificatePem', 'privateKey', 'certificateOwnershipToken']);
  assert.is(await findPrincipal(stage.registry, again.body.certificateId!), undefined);
  const { certificates } = await stage.handlers.ListCertificates({});
  const waiting = certificates.find(({ certificateId }) => certificateId === again.body.certificateId);
  assert.is(waiting?.status, 'PENDING_ACTIVATION');
});

test('the same board again: the same thing, whether it repeats its request or begins anew', async (stage) => {
  await stage.template();
  const claim = await stage.claim();
  const first = await provision(stage, claim);
  assert.equal(await stage.ask(claim, provisionTopic(), first.asked), { kind: 'accepted', body: first.body });
  const second = await provision(stage, claim);
  assert.equal(second.body, first.body);
  const { things } = await stage.handlers.ListThings({});
  assert.equal(
    things.map(({ thingName }) => thingName),
    ['pump-7'],
  );
  assert.is((await stage.handlers.ListThingPrincipals({ thingName: 'pump-7' })).principals.length, 2);
  const other = { ...first.asked, parameters: { Serial: '8' } };
  assert.is(code(await stage.ask(claim, provisionTopic(), other)), 'rejected 400 InvalidCertificateOwnershipToken');
  assert.is((await stage.handlers.ListThings({})).things.length, 1);
});

test('a token is its asker’s alone, and for an hour; then the certificate is gone', async (stage) => {
  await stage.template();
  const [claim, another] = [await stage.claim(), await stage.claim()];
  const made = (await stage.ask(claim, FROM_CSR, { certificateSigningRequest: 'CSR' })).body;
  const asked = { certificateOwnershipToken: made.certificateOwnershipToken, parameters: { Serial: '7' } };
  const invalid = 'rejected 400 InvalidCertificateOwnershipToken';
  assert.is(code(await stage.ask(another, provisionTopic(), asked)), invalid);
  assert.is(code(await stage.ask(claim, provisionTopic(), { parameters: {} })), invalid);
  stage.at(START_MILLIS + TOKEN_MILLIS);
  assert.is(code(await stage.ask(claim, provisionTopic(), asked)), invalid);
  await sweep(stage.registry);
  const gone = stage.handlers.DescribeCertificate({ certificateId: made.certificateId! });
  assert.match(await refusal(gone), '404');
  assert.ok(await findPrincipal(stage.registry, claim), 'a claim without end stays');
});

test('a certificate that got its thing outlives its token', async (stage) => {
  await stage.template();
  const { certificateId } = await provision(stage, await stage.claim());
  stage.at(START_MILLIS + TOKEN_MILLIS);
  await sweep(stage.registry);
  assert.equal((await findPrincipal(stage.registry, certificateId))?.thingNames, ['pump-7']);
});

test('what a request is wrong in is said, and nothing is made', async (stage) => {
  await stage.template();
  await stage.template('off');
  await stage.template('bad', bodyOf({ Properties: { ThingName: { Ref: 'Serial' }, ThingGroups: ['nowhere'] } }));
  await stage.provisioning.UpdateProvisioningTemplate({ templateName: 'off', enabled: false });
  const claim = await stage.claim();
  const { certificateArn } = { certificateArn: `arn:aws:iot:eu-west-1:111122223333:cert/${claim}` };
  for (const templateName of ['off', 'bad'])
    await stage.provisioning.AttachProvisioningClaim({ templateName, principal: certificateArn });
  const token = (await stage.ask(claim, FROM_CSR, { certificateSigningRequest: 'CSR' })).body.certificateOwnershipToken;
  const by = async (parameters: object, name = 'fleet') =>
    code(await stage.ask(claim, provisionTopic(name), { certificateOwnershipToken: token, parameters }));
  assert.is(await by({}), 'rejected 400 InvalidParameters');
  assert.is(await by({ Serial: '7', Colour: 'red' }), 'rejected 400 InvalidParameters');
  assert.is(await by({ Serial: 'a b' }), 'rejected 400 InvalidParameters');
  assert.is(await by({ Serial: 7 }), 'rejected 400 InvalidParameters');
  assert.is(await by({ 'AWS::IoT::Certificate::Id': 'x', Serial: '7' }), 'rejected 400 InvalidParameters');
  assert.is(await by({ Serial: '7' }, 'off'), 'rejected 400 InvalidParameters');
  assert.is(await by({ Serial: '7' }, 'none'), 'rejected 404 ResourceNotFound');
  assert.is(await by({ Serial: '7' }, 'bad'), 'rejected 404 ResourceNotFound');
  assert.is(
    code(await stage.ask(claim, FROM_CSR, { certificateSigningRequest: 'no' })),
    'rejected 400 InvalidCertificateSigningRequest',
  );
  assert.is(code(await stage.ask(claim, FROM_CSR, {})), 'rejected 400 InvalidPayload');
  assert.equal((await stage.handlers.ListThings({})).things, []);
  assert.is(await by({ Serial: '7' }), 'accepted undefined undefined', 'the token is still good');
});

test("with a thing's own certificate another one can be had for this thing, and for no other", async (stage) => {
  await stage.template();
  const { certificateId } = await provision(stage, await stage.claim());
  const next = await provision(stage, certificateId);
  assert.equal(next.body, { thingName: 'pump-7', deviceConfiguration: {} });
  assert.is(code(await provision(stage, certificateId, { Serial: '8' })), 'rejected 403 AccessDenied');
  assert.equal((await findPrincipal(stage.registry, next.certificateId))?.thingNames, ['pump-7']);
});

test('a claim that was detached, deactivated or is over reaches nothing, and never speaks for a thing', async (stage) => {
  await stage.template();
  const claim = await stage.claim();
  const principal = `arn:aws:iot:eu-west-1:111122223333:cert/${claim}`;
  await stage.handlers.CreateThing({ thingName: 'T' });
  const attach = (to: string) => refusal(stage.handlers.AttachThingPrincipal({ thingName: 'T', principal: to }));
  assert.match(await attach(principal), 'is a provisioning claim');
  assert.match(
    await refusal(stage.provisioning.DeleteProvisioningTemplate({ templateName: 'fleet' })),
    '409 DeleteConflict',
  );
  await stage.provisioning.DetachProvisioningClaim({ templateName: 'fleet', principal });
  assert.is(await findPrincipal(stage.registry, claim), undefined);
  assert.is(code(await provision(stage, claim)), 'rejected 403 AccessDenied');
  const mine = await stage.handlers.CreateKeysAndCertificate({ setAsActive: true });
  assert.is(await attach(mine.certificateArn), 'no refusal');
  const asClaim = { templateName: 'fleet', principal: mine.certificateArn };
  assert.match(await refusal(stage.provisioning.AttachProvisioningClaim(asClaim)), 'attached to a thing');

  const short = await stage.provisioning.CreateProvisioningClaim({ templateName: 'fleet' });
  assert.is(short.expiration, (START_MILLIS + 300_000) / 1000);
  assert.is((await provision(stage, short.certificateId)).kind, 'accepted');
  stage.at(START_MILLIS + 300_000);
  assert.is(await findPrincipal(stage.registry, short.certificateId), undefined);
  assert.is(code(await provision(stage, short.certificateId)), 'rejected 403 AccessDenied');
  await sweep(stage.registry);
  const gone = stage.handlers.DescribeCertificate({ certificateId: short.certificateId });
  assert.match(await refusal(gone), '404');
});

test('a thing that is there already keeps its attributes and groups unless the template says otherwise', async (stage) => {
  const { handlers } = stage;
  for (const thingGroupName of ['old', 'new']) await handlers.CreateThingGroup({ thingGroupName });
  const overrides = {
    keep: {},
    replace: { AttributePayload: 'REPLACE', ThingGroups: 'REPLACE' },
    merge: { AttributePayload: 'MERGE' },
    fail: { AttributePayload: 'FAIL' },
  };
  const Properties = { ThingName: { Ref: 'Serial' }, AttributePayload: { b: '2' }, ThingGroups: ['new'] };
  for (const [name, OverrideSettings] of Object.entries(overrides)) {
    await stage.template(name, bodyOf({ Properties, OverrideSettings }));
    await handlers.CreateThing({ thingName: name, attributePayload: { attributes: { a: '1' } } });
    await handlers.AddThingToThingGroup({ thingName: name, thingGroupName: 'old' });
    const done = await provision(stage, await stage.claim(name), { Serial: name }, name);
    assert.is(done.kind, name === 'fail' ? 'rejected' : 'accepted', name);
  }
  const state = async (thingName: string) => [
    (await handlers.DescribeThing({ thingName })).attributes,
    (await handlers.ListThingGroupsForThing({ thingName })).thingGroups.map(({ groupName }) => groupName),
  ];
  assert.equal(await state('keep'), [{ a: '1' }, ['old']]);
  assert.equal(await state('replace'), [{ b: '2' }, ['new']]);
  assert.equal(await state('merge'), [{ a: '1', b: '2' }, ['old']]);
  assert.equal(await state('fail'), [{ a: '1' }, ['old']]);
  assert.equal((await handlers.ListThingPrincipals({ thingName: 'fail' })).principals, []);
  const fresh = await provision(stage, await stage.claim('keep'), { Serial: 'fresh' }, 'keep');
  assert.is(fresh.kind, 'accepted');
  assert.equal(await state('fresh'), [{ b: '2' }, ['new']]);
  assert.ok(
    stage.told.some((line) => line.startsWith('thingJoined 5 new')),
    stage.told.join('\n'),
  );
});

test('functions of a template: Join, Sub, Select of Split, FindInMap; a default; a configuration for the board', async (stage) => {
  const body = bodyOf(
    {
      Properties: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template's own
        ThingName: { 'Fn::Sub': '${Site}_${Serial}' },
        AttributePayload: { part: { 'Fn::Select': ['1', { 'Fn::Split': ['-', { Ref: 'Serial' }] }] } },
      },
    },
    {
      Mappings: { Sites: { berlin: { url: 'https://b.example.com' } } },
      DeviceConfiguration: { url: { 'Fn::FindInMap': ['Sites', { Ref: 'Site' }, 'url'] }, fixed: '1' },
    },
  );
  await stage.template('fleet', body);
  const claim = await stage.claim();
  const { body: answer } = await provision(stage, claim, { Serial: 'a-b' });
  assert.equal(answer, { thingName: 'berlin_a-b', deviceConfiguration: { url: 'https://b.example.com', fixed: '1' } });
  assert.equal((await stage.handlers.DescribeThing({ thingName: 'berlin_a-b' })).attributes, { part: 'b' });
  assert.is(code(await provision(stage, claim, { Serial: 'a-b', Site: 'rome' })), 'rejected 400 InvalidParameters');
});

test('templates: their versions, pages, bounds, and why a body is refused', async (stage) => {
  const { provisioning } = stage;
  const make = (templateBody: string, more: object = {}) =>
    refusal(
      provisioning.CreateProvisioningTemplate({ templateName: 'x', templateBody, provisioningRoleArn: ROLE, ...more }),
    );
  assert.match(await make('{'), "'templateBody': the template is not JSON");
  assert.match(await make('{"Resources":{}}'), 'expected one AWS::IoT::Thing');
  assert.match(await make(bodyOf({ Properties: { ThingName: { Ref: 'Nobody' } } })), "'Nobody' is not in Parameters");
  assert.match(
    await make(bodyOf({ Properties: { ThingName: 'a', ThingTypeName: 'T' } })),
    'ThingTypeName is not served',
  );
  assert.match(await make(bodyOf({ Properties: { ThingName: { 'Fn::Rot13': 'a' } } })), 'expected text, or one of Ref');
  assert.match(
    await make(bodyOf({ OverrideSettings: { ThingGroups: 'MERGE' } })),
    'expected DO_NOTHING, REPLACE, FAIL',
  );
  assert.match(await make(bodyOf(), { type: 'JITP' }), "'type' JITP is not served here");
  assert.match(await make(bodyOf(), { preProvisioningHook: { targetArn: 'arn' } }), 'no Lambda functions');
  await stage.template('x');
  assert.match(await make(bodyOf()), '409 ResourceAlreadyExistsException');

  const second = bodyOf({ Properties: { ThingName: 'second' } });
  const added = await provisioning.CreateProvisioningTemplateVersion({
    templateName: 'x',
    templateBody: second,
    setAsDefault: true,
  });
  assert.equal([added.versionId, added.isDefaultVersion], [2, true]);
  assert.is((await provisioning.DescribeProvisioningTemplate({ templateName: 'x' })).templateBody, second);
  const remove = (versionId: number) =>
    refusal(provisioning.DeleteProvisioningTemplateVersion({ templateName: 'x', versionId }));
  assert.match(await remove(2), '409 DeleteConflictException');
  assert.is(await remove(1), 'no refusal');
  assert.match(await remove(1), '404');
  const makeVersion = () => provisioning.CreateProvisioningTemplateVersion({ templateName: 'x', templateBody: second });
  for (let n = 1; n < VERSIONS_MAX; n += 1) assert.is((await makeVersion()).versionId, n + 2, 'no number twice');
  assert.match(await refusal(makeVersion()), '409 VersionsLimitExceededException');
  assert.match(
    await refusal(provisioning.UpdateProvisioningTemplate({ templateName: 'x', defaultVersionId: 1 })),
    '404',
  );
  const page = await provisioning.ListProvisioningTemplateVersions({ templateName: 'x', maxResults: 3 });
  assert.equal(
    page.versions.map(({ versionId }) => versionId),
    [2, 3, 4],
  );
  const rest = await provisioning.ListProvisioningTemplateVersions({ templateName: 'x', nextToken: page.nextToken! });
  assert.equal(
    rest.versions.map(({ versionId }) => versionId),
    [5, 6],
  );
  await provisioning.DeleteProvisioningTemplate({ templateName: 'x' });
  assert.equal((await provisioning.ListProvisioningTemplates({})).templates, []);
});

test('CBOR on its own topics', async (stage) => {
  await stage.template();
  const claim = await stage.claim();
  const { answer } = createProvisioning(stage.registry, () => {});
  const ask = async (topic: string, payload: Uint8Array) => {
    const reply = await answer({ topic, request: parseProvisioningTopic(topic)!, payload, certificateId: claim });
    return { kind: reply.topic.split('/').at(-1), body: decodeCbor(reply.payload) };
  };
  const encoder = new Encoder({ useRecords: false });
  const made = await ask(
    '$aws/certificates/create-from-csr/cbor',
    encoder.encode({ certificateSigningRequest: 'CSR' }),
  );
  assert.is(made.kind, 'accepted');
  const { certificateOwnershipToken } = made.body;
  const given = encoder.encode({ certificateOwnershipToken, parameters: { Serial: '9' } });
  const done = await ask('$aws/provisioning-templates/fleet/provision/cbor', given);
  assert.equal(done.body, { thingName: 'pump-9', deviceConfiguration: {} });
  assert.is(
    (await ask('$aws/certificates/create-from-csr/cbor', Uint8Array.of(0xff))).body.errorCode,
    'InvalidPayload',
  );
});

test('so many certificates wait for their thing, and no more', async (stage) => {
  await stage.template();
  const claim = await stage.claim();
  const rows = Array.from({ length: PENDING_MAX }, (_, i) => ({
    token_sha256: `${i}`,
    certificate_id: `${i}`,
    asked_by: 'x',
    expires_at: START_MILLIS + 1,
    answer: null,
  }));
  for (let i = 0; i < rows.length; i += 1000)
    await stage.store.db
      .insertInto('ownership')
      .values(rows.slice(i, i + 1000))
      .execute();
  assert.is(code(await stage.ask(claim, CREATE)), 'rejected 429 Throttled');
  stage.at(START_MILLIS + 1);
  assert.is((await stage.ask(claim, CREATE)).kind, 'accepted');
});

test.run();
