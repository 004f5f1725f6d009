import { ERROR_MEANINGS } from '../../../../runtime/jobs/errorMeanings.ts';
import { DATA_ERROR_TYPES, DATA_OPERATIONS } from '../../../../targets/service/dataPlane/operations.ts';
import { createDataPlane, OPERATOR } from '../../../../targets/service/dataPlane/plane.ts';
import { readInput } from '../../../../targets/service/http/input.ts';
import type { Arrived } from '../../../../targets/service/http/listener.ts';
import { routerOf } from '../../../../targets/service/http/route.ts';
import { readClaim } from '../../../../targets/service/http/signature.ts';
import { readTarget } from '../../../../targets/service/http/target.ts';
import { rejected } from '../../../../targets/service/jobs/decide.ts';
import { ModelledError } from '../../../../targets/service/modelledError.ts';
import { ERROR_TYPES } from '../../../../targets/service/operations/errorTypes.ts';
import type { Operation } from '../../../../targets/service/operations/operation.ts';
import type { Shape } from '../../../../targets/service/operations/shape.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { validate } from '../../../../targets/service/operations/validate.ts';
import { bytes } from '../bytes.ts';
import { holds, same, type Target } from '../target.ts';

const NOW_MILLIS = Date.UTC(2026, 10, 23, 12);
const REGION = 'eu-central-1';
const SIGNED = `AWS4-HMAC-SHA256 Credential=AKID/20261123/${REGION}/iot/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;
const HEADERS = `host: h\nx-amz-date: 20261123T120000Z\nauthorization: ${SIGNED}`;
/** A message is for a person: what of the request is repeated in it is cut short. */
const MESSAGE_CHARS_MAX = 16_384;

const control = routerOf<Operation>(OPERATIONS);
const data = routerOf(DATA_OPERATIONS);

/** A request's first line, its headers, an empty line and the body. */
export const target: Target = {
  name: 'http',
  about: "paths, queries, headers and bodies of HTTP, as far as an operation's checked input",
  inputs: 'json',
  bytesMax: 3_000,
  seeds: [
    ...[...OPERATIONS, ...DATA_OPERATIONS].map((row) => seedOf(row as Operation)),
    bytes('GET /things/T/jobs HTTP/1.1\nprefer: wait=30\n\n'),
    bytes(`PUT /things/T/jobs/%24next HTTP/1.1\n${HEADERS}\n\n{"stepTimeoutInMinutes":1}`),
    bytes('GET /jobs?maxResults=1&maxResults=2&status=IN_PROGRESS HTTP/1.1\n\n'),
  ],
  words: [
    '%24',
    '%2F',
    '%',
    '..',
    '&',
    '=',
    '?',
    '//',
    '/',
    'wait=',
    'iot-jobs-data',
    'execute-api',
    'x-amz-content-sha256: ',
    'x-amz-date: ',
    '20261123T120000Z',
    SIGNED,
    '\n',
    '\n\n',
    'respond-async, ',
  ],
  async run(input) {
    const { method, url, headers, body } = requestIn(input);
    const found = readTarget(url);
    modelled({ ...ERROR_TYPES, ...BEFORE }, () => void readClaim(headers, REGION, NOW_MILLIS));
    if (found === undefined) return;
    holds('a path with other segments', found.segments.length === found.path.split('/').length - 1);
    const route = control(method, found.segments);
    if (route !== undefined) {
      const given = modelled(ERROR_TYPES, () => readInput(route, found.query, headers, body));
      if (given !== undefined) checkInput(route.operation, given);
    }
    await askData({ id: 'i', method, target: found, headers, body, onGone: () => {}, cut: () => {} });
  },
};

const BEFORE = { MissingAuthenticationTokenException: 403, InvalidSignatureException: 403 };

function seedOf({ name, method, path, input }: Operation): Uint8Array {
  const members = Object.entries(input).filter(([member]) => member !== 'nextToken');
  const query = members
    .filter(([, member]) => member.in === 'query')
    .map(([member, { query, shape }]) => `${query ?? member}=${exampleOf(shape)}`);
  const body = Object.fromEntries(
    members.filter(([, member]) => member.in === 'body').map(([member, { shape }]) => [member, exampleOf(shape)]),
  );
  const filled = path.replace(/\{(\w+)\}/g, (_, label: string) => String(exampleOf(input[label]!.shape)));
  const inHeaders = members
    .filter(([, member]) => member.in === 'header')
    .map(([, { header, shape }]) => `${header}: ${exampleOf(shape)}\n`);
  const json = Object.keys(body).length > 0 ? JSON.stringify(body) : '';
  return bytes(
    `${method} ${filled}${query.length > 0 ? `?${query.join('&')}` : ''} ${name}\n${inHeaders.join('')}\n${json}`,
  );
}

/** A value of the shape, where its pattern is not too special. */
function exampleOf(shape: Shape): unknown {
  switch (shape.type) {
    case 'string':
      return shape.oneOf?.[0] ?? 'a'.repeat(Math.max(shape.charsMin ?? 1, 1));
    case 'integer':
    case 'number':
      return Math.max(shape.min ?? 1, 1);
    case 'timestamp':
      return 1_700_000_000;
    case 'boolean':
      return true;
    case 'list':
      return [exampleOf(shape.of)];
    case 'map':
      return { a: exampleOf(shape.value) };
    case 'structure':
      return Object.fromEntries(Object.entries(shape.members).map(([name, member]) => [name, exampleOf(member.shape)]));
  }
}

function requestIn(input: Uint8Array) {
  const text = Buffer.from(input).toString('latin1');
  const end = text.indexOf('\n\n');
  const [first = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\n');
  const [method = '', url = ''] = first.split(' ');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    // As Node gives them: names in lower case, values without blanks around them.
    if (/^[\w-]+$/.test(line.slice(0, colon)))
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { method, url, headers, body: Buffer.from(input.subarray(end < 0 ? input.length : end + 2)) };
}

/** @returns what `read` gives; undefined when it refuses as the model has it */
function modelled<T>(statuses: Readonly<Record<string, number>>, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    checkRefusal(error, statuses);
    return undefined;
  }
}

function checkRefusal(error: unknown, statuses: Readonly<Record<string, number>>): void {
  if (!(error instanceof ModelledError)) throw error;
  const { type, status, message } = error;
  same('the status of a refusal', [type, status], [type, statuses[type]]);
  holds(`a refusal with status ${status}`, status >= 400 && status < 500);
  holds(`a refusal of ${message.length} characters`, message.length > 0 && message.length <= MESSAGE_CHARS_MAX);
}

/** Input that was taken holds what its shapes say, and taken again is the same. */
function checkInput({ name, input }: Operation, given: Record<string, unknown>): void {
  for (const member of Object.keys(given)) holds(`${name}: a member that it has not`, Object.hasOwn(input, member));
  for (const [member, { required }] of Object.entries(input))
    holds(`${name}: ${member} is missing`, !required || member in given);
  const again = validate(input, given);
  same(`${name}: checked again`, again, { value: given, faults: { count: 0, lines: [] } });
}

/** The data plane with a service behind it that refuses everything. */
const plane = createDataPlane({
  ask: async (_thing, request) => rejected({ code: 'ResourceNotFound', message: 'm' }, request.clientToken, NOW_MILLIS),
  heldMax: 1,
  onFailure: ({ error }) => {
    throw error;
  },
  after: () => () => {},
});
const DATA_STATUSES = {
  ...DATA_ERROR_TYPES,
  ...Object.fromEntries(Object.values(ERROR_MEANINGS).map(({ httpType, httpStatus }) => [httpType, httpStatus])),
};

async function askData(arrived: Arrived): Promise<void> {
  if (data(arrived.method, arrived.target.segments) === undefined) return;
  await plane.answer(arrived, OPERATOR).catch((error: unknown) => checkRefusal(error, DATA_STATUSES));
}
