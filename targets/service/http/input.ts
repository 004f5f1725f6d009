import type { IncomingHttpHeaders } from 'node:http';
import { decodeObject, type JsonObject } from '../../../runtime/jobs/json.ts';
import type { Operation } from '../operations/operation.ts';
import { invalidRequest } from '../operations/refusals.ts';
import type { Shape } from '../operations/shape.ts';
import { faultsMessage, validate } from '../operations/validate.ts';
import type { Route } from './route.ts';
import type { Target } from './target.ts';

/**
 * Gathers the members of an operation's input and checks them.
 *
 * @throws ModelledError InvalidRequestException
 */
export function readInput(
  found: Route<Pick<Operation, 'input'>>,
  query: Target['query'],
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): Record<string, unknown> {
  const { value, faults } = validate(found.operation.input, gatherInput(found, query, headers, body));
  if (faults.count > 0) throw invalidRequest(faultsMessage(faults));
  return value;
}

/**
 * Takes the members of an operation's input from where its row says they travel; those not given are undefined.
 *
 * @throws ModelledError InvalidRequestException: the body is no JSON object, a member is given twice
 */
export function gatherInput(
  { operation, labels }: Route<Pick<Operation, 'input'>>,
  query: Target['query'],
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): Record<string, unknown> {
  const members = Object.entries(operation.input);
  const json = members.some(([, member]) => member.in === 'body') ? readBody(body) : {};
  const given: Record<string, unknown> = {};
  for (const [name, member] of members) {
    if (member.in === 'body') given[name] = Object.hasOwn(json, name) ? json[name] : undefined;
    else if (member.in === 'path') given[name] = fromText(member.shape, labels[name]);
    else if (member.in === 'query') given[name] = fromText(member.shape, once(name, query[member.query ?? name]));
    else given[name] = fromText(member.shape, once(name, headers[member.header!]));
  }
  return given;
}

function readBody(body: Uint8Array): JsonObject {
  if (body.length === 0) return {};
  const object = decodeObject(body);
  if (object === undefined) throw invalidRequest('The body is not a JSON object in UTF-8');
  return object;
}

function once(name: string, value: string | string[] | undefined): string | undefined {
  if (Array.isArray(value)) throw invalidRequest(`'${name}' is given ${value.length} times: expected once`);
  return value;
}

/** Text outside of the body as the type of its shape; text that is not one is left for validation to refuse. */
function fromText(shape: Shape, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (shape.type === 'integer' && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (shape.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
