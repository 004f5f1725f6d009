import * as sdk from '@aws-sdk/client-iot';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_TYPES } from '../../../../targets/service/operations/errorTypes.ts';
import type { InputMember } from '../../../../targets/service/operations/operation.ts';
import type { Member, Shape } from '../../../../targets/service/operations/shape.ts';
import { AWS_OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { type Model, type ModelShape, readModel } from './botocore.ts';

/** Every difference between our table and AWS's model that is meant, with its reason. A line that no longer differs fails. */
const CHOSEN: Readonly<Record<string, string>> = {
  'CreateJob.targets: itemsMax 100, model undefined': 'Developer Guide, "Job limits": 100 targets',
  'CreateJob.document: bytesMax 32768, model undefined': 'the guide counts bytes, the model characters',
  'CreateJob.jobExecutionsRolloutConfig.maximumPerMinute: max 1000, model undefined': 'Developer Guide, "Job limits"',
  'CreateJob.jobExecutionsRolloutConfig.exponentialRate.incrementFactor: decimalsMax 1, model undefined':
    'API Reference, ExponentialRolloutRate: one digit after the point',
  'CreateJob.abortConfig.criteriaList.thresholdPercentage: decimalsMax 2, model undefined':
    'API Reference, AbortCriteria: two digits after the point',
  'CreateJob.timeoutConfig.inProgressTimeoutInMinutes: min 1, model undefined': 'API Reference, TimeoutConfig',
  'CreateJob.timeoutConfig.inProgressTimeoutInMinutes: max 10080, model undefined': 'API Reference, TimeoutConfig',
  'UpdateJob.jobExecutionsRolloutConfig.maximumPerMinute: max 1000, model undefined': 'Developer Guide, "Job limits"',
  'UpdateJob.jobExecutionsRolloutConfig.exponentialRate.incrementFactor: decimalsMax 1, model undefined':
    'API Reference, ExponentialRolloutRate: one digit after the point',
  'UpdateJob.abortConfig.criteriaList.thresholdPercentage: decimalsMax 2, model undefined':
    'API Reference, AbortCriteria: two digits after the point',
  'UpdateJob.timeoutConfig.inProgressTimeoutInMinutes: min 1, model undefined': 'API Reference, TimeoutConfig',
  'UpdateJob.timeoutConfig.inProgressTimeoutInMinutes: max 10080, model undefined': 'API Reference, TimeoutConfig',
  'AssociateTargetsWithJob.targets: itemsMax 100, model undefined': 'Developer Guide, "Job limits": 100 targets',
  'CreateJob.tags: itemsMax 50, model undefined': 'AWS allows 50 tags on a resource',
  'CreateJobTemplate.document: bytesMax 32768, model undefined': 'as CreateJob',
  'CreateJobTemplate.jobExecutionsRolloutConfig.maximumPerMinute: max 1000, model undefined': 'as CreateJob',
  'CreateJobTemplate.jobExecutionsRolloutConfig.exponentialRate.incrementFactor: decimalsMax 1, model undefined':
    'as CreateJob',
  'CreateJobTemplate.abortConfig.criteriaList.thresholdPercentage: decimalsMax 2, model undefined': 'as CreateJob',
  'CreateJobTemplate.timeoutConfig.inProgressTimeoutInMinutes: min 1, model undefined': 'as CreateJob',
  'CreateJobTemplate.timeoutConfig.inProgressTimeoutInMinutes: max 10080, model undefined': 'as CreateJob',
  'CreateJobTemplate.tags: itemsMax 50, model undefined': 'AWS allows 50 tags on a resource',
  'CreateProvisioningTemplate.tags: itemsMax 50, model undefined': 'AWS allows 50 tags on a resource',
  'TagResource.tags: itemsMax 50, model undefined': 'AWS allows 50 tags on a resource',
  'CreateThingGroup.tags: itemsMax 50, model undefined': 'AWS allows 50 tags on a resource',
  'CreateJob.destinationPackageVersions: itemsMax 25, model undefined': 'API Reference, CreateJob: 25 at most',
  'UpdateThing.attributePayload.attributes: pairsMax 50, model undefined': 'Developer Guide: 50 attributes with a type',
  'UpdateThingGroup.thingGroupProperties.attributePayload.attributes: pairsMax 50, model undefined':
    'Developer Guide: 50 attributes',
  'CreateThing.attributePayload.attributes: pairsMax 50, model undefined': 'Developer Guide: 50 attributes with a type',
  'CreateThingGroup.thingGroupProperties.attributePayload.attributes: pairsMax 50, model undefined':
    'Developer Guide: 50 attributes',
  'CancelJobExecution.statusDetails: pairsMax 10, model undefined': 'Developer Guide, "Job limits"',
  'CancelJobExecution.statusDetails.value: charsMax 1024, model undefined':
    'the length that the data plane allows, so that a device can read it back',
};

/** Where the table follows today's model and Debian 12's (2023) was stricter or knew less. */
const SINCE_DEBIAN: readonly string[] = [
  'CreateJob.destinationPackageVersions: itemsMax 25, model undefined', // member is newer
  'CreateJob.documentParameters.value: charsMax 30720, model 512',
  ...[
    'CreateThing',
    'UpdateThing',
    'CreateThingGroup.thingGroupProperties',
    'UpdateThingGroup.thingGroupProperties',
  ].map(
    (at) => `${at}.attributePayload.attributes.value: pattern [a-zA-Z0-9_.,@/:#=\\[\\]-]*, model [a-zA-Z0-9_.,@/:#-]*`,
  ),
  'ListThings.attributeValue: pattern [a-zA-Z0-9_.,@/:#=\\[\\]-]*, model [a-zA-Z0-9_.,@/:#-]*',
];

type SdkSchema = number | readonly unknown[] | (() => SdkSchema);
const schemas = sdk as unknown as Record<string, SdkSchema>;
const resolved = (schema: SdkSchema): SdkSchema => (typeof schema === 'function' ? resolved(schema()) : schema);

/** A structure of the SDK's schemas: members by name with schema, traits and whether it is required. */
function sdkMembers(schema: SdkSchema) {
  const [, , , , names, members, requiredCount = 0] = resolved(schema) as unknown as [
    number,
    string,
    string,
    unknown,
    string[],
    SdkSchema[],
    number?,
  ];
  return new Map(
    names.map((name, index) => {
      const entry = members[index]!;
      const withTraits = Array.isArray(entry) && typeof entry[1] !== 'string';
      const [shape, traits] = withTraits ? (entry as unknown as [SdkSchema, unknown]) : [entry, undefined];
      return [name, { schema: shape, traits, required: index < requiredCount }];
    }),
  );
}

function sdkLocation(traits: unknown): string {
  if (traits === 1) return 'path';
  const named = (traits ?? {}) as { httpQuery?: string; httpHeader?: string };
  if (named.httpQuery !== undefined) return `query ${named.httpQuery}`;
  return named.httpHeader === undefined ? 'body' : `header ${named.httpHeader}`;
}

function ourLocation(name: string, member: InputMember): string {
  if (member.in === 'query') return `query ${member.query ?? name}`;
  return member.in === 'header' ? `header ${member.header}` : member.in;
}

/** The SDK's numbers for simple types; a list is 64 and more, a map 128 and more. */
function sdkType(schema: SdkSchema): string {
  const found = resolved(schema);
  if (typeof found !== 'number') {
    const [kind, , , , type] = found as readonly unknown[];
    if (kind === 0) return sdkType(type as SdkSchema); // a simple type with traits, such as "sensitive"
    return { 1: 'list', 2: 'map', 3: 'structure' }[kind as number] ?? `? ${kind}`;
  }
  if (found >= 128) return 'map';
  if (found >= 64) return 'list';
  return { 0: 'string', 1: 'number', 2: 'boolean', 4: 'timestamp' }[found] ?? `? ${found}`;
}

function compareWithSdk(at: string, members: Readonly<Record<string, Member>>, schema: SdkSchema): void {
  const theirs = sdkMembers(schema);
  assert.equal(Object.keys(members).sort(), [...theirs.keys()].sort(), `${at}: members`);
  for (const [name, member] of Object.entries(members)) {
    const their = theirs.get(name)!;
    assert.is(member.required ?? false, their.required, `${at}.${name}: required`);
    compareShapeWithSdk(`${at}.${name}`, member.shape, their.schema);
  }
}

function compareShapeWithSdk(at: string, shape: Shape, schema: SdkSchema): void {
  assert.is(shape.type === 'integer' ? 'number' : shape.type, sdkType(schema), `${at}: type`);
  const found = resolved(schema);
  if (shape.type === 'structure') compareWithSdk(at, shape.members, schema);
  if (shape.type !== 'list') return;
  const item = typeof found === 'number' ? found - 64 : (found as unknown as SdkSchema[])[4]!;
  compareShapeWithSdk(at, shape.of, Array.isArray(item) && typeof item[1] !== 'string' ? (item[0] as SdkSchema) : item);
}

for (const operation of AWS_OPERATIONS)
  test(`table: ${operation.name} has the method, path, members, places and types of the AWS SDK`, () => {
    const schema = schemas[`${operation.name}$`] as readonly unknown[];
    const [method, path, status] = (schema[3] as { http: [string, string, number] }).http;
    assert.equal([operation.method, operation.path, 200], [method, path, status]);
    const input = schema[4] as SdkSchema;
    compareWithSdk(operation.name, operation.input, input);
    for (const [name, { traits }] of sdkMembers(input))
      assert.is(ourLocation(name, operation.input[name]!), sdkLocation(traits), `${operation.name}.${name}: place`);
    const output = schema[5] as (() => SdkSchema) | undefined;
    const outputSchema = output === undefined ? undefined : resolved(output);
    const empty =
      outputSchema === undefined ||
      (outputSchema as unknown[])[1] === 'unit' ||
      (outputSchema as unknown[])[4] === undefined;
    if (operation.output !== undefined) compareWithSdk(`${operation.name} ->`, operation.output.members, outputSchema!);
    else assert.ok(empty || sdkMembers(outputSchema!).size === 0, `${operation.name}: answers something in the SDK`);
  });

const model = readModel('iot/2015-05-28', 'ranges of the table');
if (model !== undefined) {
  test('errors: each has the status of the botocore model', () => {
    for (const [type, status] of Object.entries(ERROR_TYPES))
      assert.is(status, model.shapes[type]?.error?.httpStatusCode, type);
  });

  test('table: lengths, ranges, patterns, enums and errors are those of the botocore model, or chosen with a reason', () => {
    const differences: string[] = [];
    for (const operation of AWS_OPERATIONS) {
      const { input, errors } = model.operations[operation.name]!;
      assert.equal(
        [...operation.errors].sort(),
        errors.map((error) => error.shape).sort(),
        `${operation.name}: errors`,
      );
      compareMembers(model, operation.name, operation.input, model.shapes[input!.shape]!, differences);
    }
    const meant = (lines: readonly string[]) => lines.filter((line) => !SINCE_DEBIAN.includes(line)).sort();
    assert.equal(meant(differences), meant(Object.keys(CHOSEN)));
  });
}

function compareMembers(
  model: Model,
  at: string,
  members: Readonly<Record<string, Member>>,
  theirs: ModelShape,
  differences: string[],
): void {
  for (const [name, member] of Object.entries(members)) {
    const reference = theirs.members?.[name];
    if (reference === undefined) continue; // Debian's model is older than the SDK, which has been asked above
    compareRanges(model, `${at}.${name}`, member.shape, model.shapes[reference.shape]!, differences);
  }
}

function compareRanges(model: Model, at: string, shape: Shape, their: ModelShape, differences: string[]): void {
  const compare = (key: string, ours: unknown, theirs: unknown) => {
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) differences.push(`${at}: ${key} ${ours}, model ${theirs}`);
  };
  if (shape.type === 'string') {
    compare('charsMin', shape.charsMin, their.min);
    compare('charsMax', shape.charsMax, their.max);
    compare('bytesMax', shape.bytesMax, undefined);
    compare('pattern', shape.pattern, their.pattern);
    compare('oneOf', shape.oneOf && [...shape.oneOf].sort(), their.enum && [...their.enum].sort());
  } else if (shape.type === 'integer' || shape.type === 'number') {
    assert.is(shape.type === 'number', their.type === 'double', `${at}: ${their.type}`);
    compare('min', shape.min, their.min);
    compare('max', shape.max, their.max);
    compare('decimalsMax', shape.decimalsMax, undefined);
  } else if (shape.type === 'list') {
    compare('itemsMin', shape.itemsMin, their.min);
    compare('itemsMax', shape.itemsMax, their.max);
    compareRanges(model, at, shape.of, model.shapes[their.member!.shape]!, differences);
  } else if (shape.type === 'map') {
    compare('pairsMax', shape.pairsMax, their.max);
    compareRanges(model, `${at}.key`, shape.key, model.shapes[their.key!.shape]!, differences);
    compareRanges(model, `${at}.value`, shape.value, model.shapes[their.value!.shape]!, differences);
  } else if (shape.type === 'structure') compareMembers(model, at, shape.members, their, differences);
}

test.run();
