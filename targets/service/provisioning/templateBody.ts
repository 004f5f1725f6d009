import { isObject, type JsonObject, type JsonValue } from '../../../runtime/jobs/json.ts';
import { NESTING_MAX, PARAMETER_CHARS_MAX, PARAMETERS_MAX } from './limits.ts';

/** What a board gets: the members of the resources of a template, with its parameters put in. */
export interface Provision {
  thingName: string;
  attributes: Record<string, string>;
  thingGroups: string[];
  /** What becomes of a thing that is there already. */
  overrides: { attributes: Override; thingGroups: Override };
  certificateStatus: 'ACTIVE' | 'INACTIVE';
  deviceConfiguration: Record<string, string>;
}

export type Override = (typeof OVERRIDES)[number];
const OVERRIDES = ['DO_NOTHING', 'REPLACE', 'FAIL', 'MERGE'] as const;

/** What a template is wrong in, or a request by it: one sentence. */
export class TemplateFault extends Error {}

/** Always there: the certificate that the request is for. */
const CERTIFICATE_ID = 'AWS::IoT::Certificate::Id';

interface Template {
  /** Names, and defaults where they have one. */
  parameters: Map<string, string | undefined>;
  mappings: JsonObject;
  thing: Resource;
  certificate: Resource;
  deviceConfiguration: JsonObject;
}

interface Resource {
  properties: JsonObject;
  overrides: JsonObject;
}

/**
 * Checks the body of a template as far as that can be done without a board. `AWS::IoT::Policy` resources are taken, so that a
 * template of AWS need not be changed, and have no effect: a device of this service may what its thing may.
 *
 * @throws TemplateFault
 */
export function checkBody(body: string): void {
  const template = readBody(body);
  const values = Object.fromEntries([...template.parameters.keys()].map((name) => [name, 'x']));
  evaluate(template, { ...values, [CERTIFICATE_ID]: 'x' }, true);
}

/**
 * Puts a board's parameters into a template.
 *
 * @param given  of the request, by name
 * @throws TemplateFault: a parameter that the template does not declare, or one without default that is not given
 */
export function provisionBy(body: string, given: Readonly<Record<string, string>>, certificateId: string): Provision {
  const template = readBody(body);
  const unknown = Object.keys(given).find((name) => !template.parameters.has(name) || name === CERTIFICATE_ID);
  if (unknown !== undefined) throw new TemplateFault(`the template has no parameter '${unknown.slice(0, 64)}'`);
  const values: Record<string, string> = { [CERTIFICATE_ID]: certificateId };
  for (const [name, fallback] of template.parameters) {
    const value = Object.hasOwn(given, name) ? given[name] : fallback;
    if (value !== undefined && name !== CERTIFICATE_ID) values[name] = value;
  }
  return evaluate(template, values, false);
}

function readBody(body: string): Template {
  let text: unknown;
  try {
    text = JSON.parse(body);
  } catch {
    throw new TemplateFault('the template is not JSON');
  }
  const { Parameters = {}, Resources, Mappings = {}, DeviceConfiguration = {} } = object(text, 'the template');
  const parameters = new Map<string, string | undefined>();
  for (const [name, declared] of Object.entries(object(Parameters, 'Parameters'))) {
    const { Type, Default } = object(declared, `Parameters.${name}`);
    if (Type !== 'String') throw new TemplateFault(`Parameters.${name}.Type: expected String`);
    parameters.set(name, Default === undefined ? undefined : string(Default, `Parameters.${name}.Default`));
  }
  if (parameters.size > PARAMETERS_MAX) throw new TemplateFault(`Parameters: at most ${PARAMETERS_MAX}`);
  const found: Record<string, Resource[]> = {
    'AWS::IoT::Thing': [],
    'AWS::IoT::Certificate': [],
    'AWS::IoT::Policy': [],
  };
  for (const [name, resource] of Object.entries(object(Resources, 'Resources'))) {
    const { Type, Properties = {}, OverrideSettings = {} } = object(resource, `Resources.${name}`);
    const kind = typeof Type === 'string' && Object.hasOwn(found, Type) ? found[Type] : undefined;
    if (kind === undefined)
      throw new TemplateFault(`Resources.${name}.Type: expected ${Object.keys(found).join(', ')}`);
    kind.push({
      properties: object(Properties, `Resources.${name}.Properties`),
      overrides: object(OverrideSettings, `Resources.${name}.OverrideSettings`),
    });
  }
  const only = (type: string): Resource => {
    const [one, another] = found[type]!;
    if (one === undefined || another !== undefined) throw new TemplateFault(`Resources: expected one ${type}`);
    return one;
  };
  return {
    parameters,
    mappings: object(Mappings, 'Mappings'),
    thing: only('AWS::IoT::Thing'),
    certificate: only('AWS::IoT::Certificate'),
    deviceConfiguration: object(DeviceConfiguration, 'DeviceConfiguration'),
  };
}

/** Properties of a thing that this registry does not know. */
const UNKNOWN = ['ThingTypeName', 'BillingGroup', 'PackageVersions'];

/** @param trial  the values stand for others: what would be of a wrong form or no entry with them is not looked at */
function evaluate(template: Template, values: Readonly<Record<string, string>>, trial: boolean): Provision {
  const { thing, certificate, mappings } = template;
  const put = (value: JsonValue | undefined, at: string) => text({ values, mappings, trial }, value, at, 0);
  const { ThingName, AttributePayload = {}, ThingGroups = [], ...more } = thing.properties;
  const unknown = Object.keys(more).find((name) => UNKNOWN.includes(name));
  if (unknown) throw new TemplateFault(`${unknown} is not served here: this registry has none`);
  if (!Array.isArray(ThingGroups)) throw new TemplateFault('ThingGroups: expected a list');
  const { CertificateId, Status = 'ACTIVE' } = certificate.properties;
  if (CertificateId !== undefined && (!isObject(CertificateId) || CertificateId.Ref !== CERTIFICATE_ID))
    throw new TemplateFault(`CertificateId: expected {"Ref": "${CERTIFICATE_ID}"}`);
  const status = put(Status, 'Status').toUpperCase();
  if (!trial && status !== 'ACTIVE' && status !== 'INACTIVE')
    throw new TemplateFault(`Status is '${status.slice(0, 32)}': expected ACTIVE or INACTIVE`);
  return {
    thingName: put(ThingName, 'ThingName'),
    attributes: texts(object(AttributePayload, 'AttributePayload'), put),
    thingGroups: ThingGroups.map((group, i) => put(group, `ThingGroups[${i}]`)),
    overrides: {
      attributes: override(thing.overrides, 'AttributePayload', OVERRIDES),
      thingGroups: override(thing.overrides, 'ThingGroups', OVERRIDES.slice(0, 3)),
    },
    certificateStatus: status as Provision['certificateStatus'],
    deviceConfiguration: texts(template.deviceConfiguration, put),
  };
}

/** What is not said is left as it is. */
function override(overrides: JsonObject, name: string, allowed: readonly Override[]): Override {
  const { [name]: value = 'DO_NOTHING' } = overrides;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new TemplateFault(`OverrideSettings.${name}: expected ${allowed.join(', ')}`);
  return found;
}

function texts(members: JsonObject, put: (value: JsonValue, at: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, put(value, name)]));
}

interface Scope {
  values: Readonly<Record<string, string>>;
  mappings: JsonObject;
  trial: boolean;
}

/** A text, or a function that gives one: Ref, Fn::Join, Fn::Sub, Fn::Select, Fn::FindInMap. */
function text(scope: Scope, value: JsonValue | undefined, at: string, depth: number): string {
  if (typeof value === 'string') return value;
  if (depth > NESTING_MAX) throw new TemplateFault(`${at}: functions in functions, at most ${NESTING_MAX} deep`);
  const [[name, argument] = ['']] = isObject(value) && Object.keys(value).length === 1 ? Object.entries(value) : [];
  const inner = (one: JsonValue | undefined) => text(scope, one, at, depth + 1);
  switch (name) {
    case 'Ref':
      return lookUp(scope, string(argument, `${at}: Ref`), at);
    case 'Fn::Join': {
      const [separator, parts] = pair(argument, `${at}: Fn::Join`);
      return list(scope, parts, at, depth + 1).join(inner(separator));
    }
    case 'Fn::Sub':
      return string(argument, `${at}: Fn::Sub`).replace(/\$\{([^}]*)\}/g, (_, ref: string) => lookUp(scope, ref, at));
    case 'Fn::Select': {
      const [index, parts] = pair(argument, `${at}: Fn::Select`);
      const selected = list(scope, parts, at, depth + 1)[Number(index)];
      if (selected === undefined && !scope.trial)
        throw new TemplateFault(`${at}: Fn::Select: there is no part ${index}`);
      return selected ?? '';
    }
    case 'Fn::FindInMap': {
      const [map, first, second] = Array.isArray(argument) ? argument.map(inner) : [];
      const found = own(own(own(scope.mappings, map), first), second);
      if (found === undefined && !scope.trial)
        throw new TemplateFault(`${at}: Fn::FindInMap: there is no ${map}.${first}.${second} in Mappings`);
      return found === undefined ? '' : string(found, at);
    }
    default:
      throw new TemplateFault(
        `${at}: expected text, or one of Ref, Fn::Join, Fn::Sub, Fn::Select, Fn::Split (in a list) and Fn::FindInMap`,
      );
  }
}

/** A list of texts, or Fn::Split, which gives one. */
function list(scope: Scope, value: JsonValue | undefined, at: string, depth: number): string[] {
  if (Array.isArray(value)) return value.map((one) => text(scope, one, at, depth));
  if (!isObject(value) || value['Fn::Split'] === undefined)
    throw new TemplateFault(`${at}: expected a list, or Fn::Split`);
  const [separator, whole] = pair(value['Fn::Split'], `${at}: Fn::Split`);
  return text(scope, whole, at, depth + 1).split(text(scope, separator, at, depth + 1));
}

function lookUp({ values, trial }: Scope, name: string, at: string): string {
  if (Object.hasOwn(values, name)) return values[name]!;
  throw new TemplateFault(
    trial ? `${at}: '${name.slice(0, 64)}' is not in Parameters` : `parameter '${name}' is missing: it has no default`,
  );
}

function own(value: JsonValue | undefined, name: string | undefined): JsonValue | undefined {
  return isObject(value) && name !== undefined && Object.hasOwn(value, name) ? value[name] : undefined;
}

function pair(value: JsonValue | undefined, at: string): JsonValue[] {
  if (Array.isArray(value) && value.length === 2) return value;
  throw new TemplateFault(`${at}: expected a list of two`);
}

function object(value: unknown, at: string): JsonObject {
  if (isObject(value)) return value;
  throw new TemplateFault(`${at}: expected an object`);
}

function string(value: unknown, at: string): string {
  if (typeof value === 'string' && value.length <= PARAMETER_CHARS_MAX) return value;
  throw new TemplateFault(`${at}: expected text`);
}
