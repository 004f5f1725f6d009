import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../service/http/sha256.ts';
import type { Operation } from '../service/operations/operation.ts';
import type { Service } from './endpoints.ts';
import { CommandError, EXIT } from './outcome.ts';

/** How long the service may be silent, milliseconds. */
const SILENCE_MILLIS_MAX = 60_000;
/** Largest answer that is read, bytes; a page of a list is far below it. */
const ANSWER_BYTES_MAX = 16 * 1_048_576;

/**
 * Calls one operation: members to where the row says they travel, signed (SigV4, service `iot`), over TLS that trusts only
 * the CA of endpoints.json.
 *
 * @returns the members of the answer
 * @throws  CommandError: refused (254) with the service's error, failed (255) when it cannot be reached or is no service
 */
export async function call(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  service: Service,
): Promise<Record<string, unknown>> {
  const { status, errorType, text } = await exchange(await signed(operation, input, service), service);
  const body = parse(text);
  if (status === 200 && body !== undefined) return body;
  const type = errorType ?? (typeof body?.__type === 'string' ? body.__type : undefined);
  if (type === undefined || body === undefined)
    throw failed(`${service.https} (from ${service.file}) answered ${status}, but not as the Jobs service does`);
  throw new CommandError(
    EXIT.refused,
    `An error occurred (${type}) when calling the ${operation.name} operation: ${body.message ?? ''}`,
  );
}

async function signed(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  service: Service,
): Promise<HttpRequest> {
  const given = Object.entries(operation.input).filter(([name]) => input[name] !== undefined && input[name] !== null);
  const travelling = (place: string) => given.filter(([, member]) => member.in === place);
  const text = (name: string) => String(input[name]);
  const body = Object.values(operation.input).some((member) => member.in === 'body')
    ? JSON.stringify(Object.fromEntries(travelling('body').map(([name]) => [name, input[name]])))
    : '';
  const { host } = new URL(service.https);
  const signer = new SignatureV4({
    service: 'iot',
    region: service.region,
    credentials: { accessKeyId: service.accessKeyId, secretAccessKey: service.secretAccessKey },
    sha256: Sha256,
    applyChecksum: false,
  });
  return (await signer.sign(
    new HttpRequest({
      method: operation.method,
      path: operation.path.replace(/\{(\w+)\}/g, (_label, name: string) => encode(text(name))),
      query: Object.fromEntries(travelling('query').map(([name, member]) => [member.query ?? name, text(name)])),
      headers: {
        host,
        ...(body === '' ? {} : { 'content-type': 'application/json' }),
        ...Object.fromEntries(travelling('header').map(([name, member]) => [member.header!, text(name)])),
      },
      body,
    }),
  )) as HttpRequest;
}

async function exchange(
  signedRequest: HttpRequest,
  service: Service,
): Promise<{ status: number; errorType: string | undefined; text: string }> {
  const { hostname, port } = new URL(service.https);
  const search = Object.entries(signedRequest.query).map(([name, value]) => `${encode(name)}=${encode(String(value))}`);
  try {
    const outgoing = request({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 443 : Number(port),
      ca: service.caPem,
      method: signedRequest.method,
      path: search.length === 0 ? signedRequest.path : `${signedRequest.path}?${search.join('&')}`,
      headers: { ...signedRequest.headers, 'content-length': Buffer.byteLength(signedRequest.body) },
      agent: false,
      timeout: SILENCE_MILLIS_MAX,
    });
    outgoing.on('timeout', () => outgoing.destroy(failed(`no answer within ${SILENCE_MILLIS_MAX / 1000} s`)));
    outgoing.end(signedRequest.body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const errorType = answer.headers['x-amzn-errortype'];
    return {
      status: answer.statusCode ?? 0,
      errorType: typeof errorType === 'string' ? errorType.split(':')[0] : undefined,
      text: await readAnswer(answer),
    };
  } catch (error) {
    throw failed(`cannot reach the service at ${service.https} (from ${service.file}): ${reasonOf(error, service)}`);
  }
}

async function readAnswer(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) throw failed(`its answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function reasonOf(error: unknown, service: Service): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (error instanceof AggregateError) return reasonOf(error.errors[0], service);
  if (code === 'ECONNREFUSED') return 'nobody listens there (ECONNREFUSED); is the service running?';
  if (code === 'ENOTFOUND') return 'its name is not known (ENOTFOUND)';
  if (/CERT|SIGNATURE|ISSUER|ALTNAME/.test(code))
    return `its certificate is not one of the CA in ${service.ca} (${code})`;
  return message;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 3986: everything but letters, digits and `-_.~`. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function failed(message: string): CommandError {
  return new CommandError(EXIT.failed, message);
}
