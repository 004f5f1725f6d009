/** Values for members of operations: some fit their shape, some nearly, some not at all. */
import fc from 'fast-check';
import type { NumberShape, Shape } from '../../targets/service/operations/shape.ts';
import { REGION } from '../targets/service/http/controlPlane.ts';

/** Few names, so that what one case made the next ones find. */
export const THINGS = ['T1', 'T2', 'T:3'];
export const GROUPS = ['g1', 'g2', 'g3'];
export const JOBS = ['a', 'b', 'c', 'get', 'update'];

/** Put into a request for what is known only when the service runs. */
export const STANDS_FOR = { certificateId: '@certificate@', accessKeyId: '@key@', csr: '@csr@' };

const ARN = `arn:aws:iot:${REGION}:111122223333`;
const thingArn = fc.constantFrom(...THINGS).map((name) => `${ARN}:thing/${name}`);
const groupArn = fc.constantFrom(...GROUPS).map((name) => `${ARN}:thinggroup/${name}`);
const document = fc.oneof(
  fc.constantFrom(
    '{}',
    '{"version":"1.0","steps":[]}',
    `{"a":"\${aws:iot:parameter:path}"}`,
    `{"a":"\${aws:iot:s3-presigned-url:https://s3.amazonaws.com/b/k}"}`,
    `{"a":"\${aws:iot:s3-presigned-url-upload:https://s3.amazonaws.com/b/\${thingName}/\${thingName}"}`,
    `{"a":"\${aws:iot:package:p:version:1:attributes}"}`,
    `{"a":"\${"}`,
    '{"a":',
    '"text"',
    '[1]',
    '\u0000',
    `{"a":"${'ü'.repeat(20_000)}"}`,
    `${'[`.repeat(9_000)}${`]'.repeat(9_000)}`,
    '{"__proto__":{"a":1},"constructor":1e400}',
  ),
  fc.json(),
);
const when = fc.oneof(
  fc.constantFrom(
    'cron(0 0 ? * * *)',
    'cron(0/7 * * * ? *)',
    'cron(0 0 31 2 ? *)',
    'cron(0 0 ? * SUN#6 2199)',
    'cron(99999999999999999999 * * * ? *)',
    'cron(* * * * * *)',
    'cron()',
    '0 0 * * *',
    '2026-02-30 00:00',
    '9999-12-31 23:59',
    '0000-00-00 00:00',
  ),
  fc
    .integer({ min: 0, max: 400 })
    .map((hours) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16).replace('T', ' ')),
);

/** Provisioning templates, of which the first can be carried out. */
const THING = { Type: 'AWS::IoT::Thing', Properties: { ThingName: { Ref: 'SerialNumber' } } };
const CERTIFICATE = {
  Type: 'AWS::IoT::Certificate',
  Properties: { CertificateId: { Ref: 'AWS::IoT::Certificate::Id' }, Status: 'Active' },
};
const fleetBody = JSON.stringify({
  Parameters: { SerialNumber: { Type: 'String' } },
  Resources: { thing: THING, certificate: CERTIFICATE },
});
const fleet = fc.oneof(
  { weight: 3, arbitrary: fc.constant(fleetBody) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{}',
      '{"Parameters":{},"Resources":{}}',
      `{"Resources":{"thing":{"Type":"AWS::IoT::Thing","Properties":{"ThingName":{"Fn::Join":["",[{"Ref":"a"},{"Ref":"__proto__"}]]}}}}}`,
      `{"Resources":${'{"a":'.repeat(1_500)}1${'}'.repeat(1_500)}}`,
      `${fleetBody.slice(0, -1)},"DeviceConfiguration":${JSON.stringify({ a: 'x'.repeat(9_000) })}}`,
      '[]',
      '{"Resources":',
    ),
  },
);

/** What each name of a member stands for, wherever it occurs. */
const BY_NAME: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  thingName: fc.constantFrom(...THINGS, 'T4'),
  thingGroupName: fc.constantFrom(...GROUPS),
  parentGroupName: fc.constantFrom(...GROUPS),
  parentGroup: fc.constantFrom(...GROUPS),
  jobId: fc.constantFrom(...JOBS),
  jobTemplateId: fc.constantFrom('t1', 't2'),
  targets: fc.array(fc.oneof(thingArn, groupArn), { minLength: 1, maxLength: 4 }),
  thingArn,
  thingGroupArn: groupArn,
  resourceArn: fc.oneof(thingArn, groupArn, fc.constant(`${ARN}:job/a`)),
  jobArn: fc.constantFrom(...JOBS).map((id) => `${ARN}:job/${id}`),
  jobTemplateArn: fc.constantFrom(`${ARN}:jobtemplate/t1`, `arn:aws:iot:${REGION}::jobtemplate/AWS-Reboot:1.0`),
  document,
  startTime: when,
  endTime: when,
  executionNumber: fc.constantFrom(1, 1, 2, 0, -1),
  expectedVersion: fc.constantFrom(1, 2, 3, '2', -1),
  templateName: fc.constantFrom('AWS-Reboot', 'AWS-Run-Command', 'fleet'),
  templateBody: fleet,
  provisioningRoleArn: fc.constant('arn:aws:iam::111122223333:role/fleet'),
  versionId: fc.constantFrom(1, 2, 3, 0),
  defaultVersionId: fc.constantFrom(1, 2, 3, 0),
  endpointType: fc.constantFrom('iot:Jobs', 'iot:Data-ATS', 'iot:Nothing'),
  stepTimeoutInMinutes: fc.constantFrom(1, 5, -1, 0, 10_080, 10_081),
  certificateId: fc.constant(STANDS_FOR.certificateId),
  principal: fc.constant(`${ARN}:cert/${STANDS_FOR.certificateId}`),
  certificateSigningRequest: fc.constant(STANDS_FOR.csr),
  AccessKeyId: fc.constant(STANDS_FOR.accessKeyId),
  faults: fc.constantFrom(
    '{"rules":[]}',
    '{"seed":7,"rules":[{"when":{"thing":"T*"},"every":3,"times":10,"do":{"drop":"answer"}}]}',
    '{"rules":[{"do":{"drop":"everything"}}]}',
  ),
  nextToken: fc.constantFrom('', 'x', 'eyJhIjoxfQ', '2', 'AAAA', '-1', '9007199254740993'),
  thingGroupsToAdd: fc.array(fc.constantFrom(...GROUPS), { maxLength: 3 }),
  thingGroupsToRemove: fc.array(fc.constantFrom(...GROUPS), { maxLength: 3 }),
};

/** What has broken others. */
export const NASTY_TEXTS = [
  '',
  ' ',
  '\u0000',
  '\u007f',
  '\ud800',
  '\u202e',
  '\u{1f4a9}',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  "'; drop table exec; --",
  '%',
  '%00',
  '..',
  '../../etc/passwd',
  '$next',
  '#',
  '+',
  '$aws/things/T1/jobs/get',
  '\n',
  '9007199254740993',
  '1e400',
  'null',
  'x'.repeat(129),
  'é'.repeat(5_000),
];
export const nastyText = fc.oneof(fc.constantFrom(...NASTY_TEXTS), fc.string({ unit: 'binary', maxLength: 40 }));
const nastyNumber = fc.constantFrom(0, -0, -1, 0.5, 1e21, -1e300, 2 ** 31, 2 ** 53, 2 ** 63, Number.MIN_VALUE);

/** Anything that JSON can say. */
const nasty: fc.Arbitrary<unknown> = fc.oneof(
  nastyText,
  nastyNumber,
  fc.constantFrom(null, true, false, [], {}, [[]], [null], { a: null }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that fits the shape. */
function fitting(shape: Shape, name = ''): fc.Arbitrary<unknown> {
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  if (shape.type === 'string') {
    if (shape.oneOf !== undefined) return fc.constantFrom(...shape.oneOf);
    const longest = 'a'.repeat(Math.min(shape.charsMax ?? 64, 4_096));
    return fc.constantFrom('a', 'A1', 'ab_c', longest).map((text) => text.padEnd(shape.charsMin ?? 0, 'a'));
  }
  if (shape.type === 'integer' || shape.type === 'number') {
    const { min = 0, max = 1_000 } = shape as NumberShape;
    return fc.oneof(fc.constantFrom(min, max), fc.integer({ min: Math.ceil(min), max: Math.floor(max) }));
  }
  if (shape.type === 'boolean') return fc.boolean();
  if (shape.type === 'timestamp') return fc.integer({ min: 0, max: 2_000_000_000 });
  if (shape.type === 'list') return fc.array(fitting(shape.of), { minLength: shape.itemsMin ?? 0, maxLength: 3 });
  if (shape.type === 'map')
    return fc.dictionary(fitting(shape.key) as fc.Arbitrary<string>, fitting(shape.value), { maxKeys: 3 });
  if (shape.type === 'structure') return membersOf(shape.members, 20);
  return fc.constant(null);
}

/**
 * An object of members: those required nearly always, the others at times, each with a value that nearly always fits.
 *
 * @param strangeOneIn  so many values for one that does not fit
 */
export function membersOf(
  members: Readonly<Record<string, { readonly shape: Shape; readonly required?: true }>>,
  strangeOneIn: number,
): fc.Arbitrary<Record<string, unknown>> {
  const names = Object.keys(members);
  if (names.length === 0) return fc.constant({});
  const entries = names.map((name) => {
    const { shape, required } = members[name]!;
    const value = fc.oneof(
      { weight: strangeOneIn - 1, arbitrary: fitting(shape, name) },
      { weight: 1, arbitrary: nasty },
    );
    const given = fc.nat(required ? 29 : 7).map((chance) => (required ? chance > 0 : chance === 0));
    return fc.tuple(given, value).map(([is, value]) => (is ? [[name, value] as const] : []));
  });
  return fc.tuple(...entries).map((found) => Object.fromEntries(found.flat()));
}

/** JSON of a value, now and then cut, doubled, nested or otherwise spoiled. */
export function spoiled(json: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const spoil: fc.Arbitrary<(text: string) => Buffer | string> = fc.oneof(
    { weight: 30, arbitrary: fc.constant((text: string) => text) },
    { weight: 1, arbitrary: fc.nat(60).map((at) => (text: string) => text.slice(0, at)) },
    { weight: 1, arbitrary: fc.constant((text: string) => `${text}${text}`) },
    { weight: 1, arbitrary: fc.constant((text: string) => text.replace('{', '{"__proto__":{"status":"x"},')) },
    { weight: 1, arbitrary: fc.constant((text: string) => text.replace(/:("[^"]*"|\d+)/, ':1e999')) },
    { weight: 1, arbitrary: fc.constant((text: string) => text.replace(/:("[^"]*"|\d+)/, `:${'['.repeat(3_000)}`)) },
    { weight: 1, arbitrary: fc.constant((text: string) => `\ufeff${text}`) },
    { weight: 1, arbitrary: fc.constant((text: string) => Buffer.from(text, 'utf16le')) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => () => Buffer.from(bytes)) },
    { weight: 1, arbitrary: nasty.map((value) => () => JSON.stringify(value)) },
  );
  return fc.tuple(json, spoil).map(([text, change]) => Buffer.from(change(text) as string));
}
