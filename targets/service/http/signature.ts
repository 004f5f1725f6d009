import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { ModelledError } from '../modelledError.ts';
import { CLOCK_SKEW_MILLIS_MAX, SIGNED_HEADERS_MAX } from './limits.ts';
import { Sha256 } from './sha256.ts';
import type { Target } from './target.ts';

/** What the Authorization header of a request claims (AWS Signature Version 4). */
export interface Claim {
  accessKeyId: string;
  region: string;
  service: string;
  /** In lower case, as listed. */
  signedHeaders: string[];
  /** 64 hexadecimal digits. */
  signature: string;
  signedAtMillis: number;
}

/** Control plane or data plane, by the scope that a client signs for: current clients sign `iot`, older ones `execute-api`. */
const PLANES: Readonly<Record<string, 'control' | 'data'>> = {
  iot: 'control',
  'execute-api': 'control',
  'iot-jobs-data': 'data',
};

/** The Authorization header of a signed request: key, day, region, service, signed headers, signature. */
export const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^/,\s]{1,128})\/(\d{8})\/([^/,\s]{1,64})\/([^/,\s]{1,64})\/aws4_request *, *SignedHeaders=([a-z0-9;!#$%&'*+.^_`|~-]{1,4096}) *, *Signature=([0-9a-f]{64})$/;

/**
 * Reads the claim of a request, before its body has arrived and before anything of it is believed.
 *
 * @returns the claim and the plane it is for
 * @throws  ModelledError 403: no signature, not well formed, signed for elsewhere, or too long ago
 */
export function readClaim(
  headers: IncomingHttpHeaders,
  region: string,
  nowMillis: number,
): { claim: Claim; plane: 'control' | 'data' } {
  const { authorization } = headers;
  if (authorization === undefined)
    throw forbidden('MissingAuthenticationTokenException', 'Missing Authentication Token: no Authorization header');
  const parts = AUTHORIZATION.exec(authorization);
  if (parts === null)
    throw invalid(
      "Authorization header is not 'AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=..., Signature=...'",
    );
  const [, accessKeyId, date, scopeRegion, service, names, signature] = parts as unknown as string[];
  const signedAt = headers['x-amz-date'];
  const claim: Claim = {
    accessKeyId: accessKeyId!,
    region: scopeRegion!,
    service: service!,
    signedHeaders: names!.split(';'),
    signature: signature!,
    signedAtMillis: readDate(signedAt, date!),
  };
  checkAge(claim.signedAtMillis, nowMillis);
  if (claim.region !== region)
    throw invalid(`Credential should be scoped to region '${region}', not '${claim.region}'`);
  const plane = Object.hasOwn(PLANES, claim.service) ? PLANES[claim.service] : undefined;
  if (plane === undefined)
    throw invalid(`Credential should be scoped to service 'iot' or 'iot-jobs-data', not '${claim.service}'`);
  checkSignedHeaders(claim.signedHeaders, headers);
  return { claim, plane };
}

/**
 * Signs the received request again with the secret and compares.
 *
 * The hash of the body is always of the body that arrived. Where the client states one (`x-amz-content-sha256`) it must be
 * the same; `UNSIGNED-PAYLOAD` is refused: TLS would protect the body on its way, but then a signature that leaked from a log
 * could be put on any other body for five minutes, and no client of this API leaves bodies unsigned.
 *
 * @throws ModelledError 403 when the signature is not the one that the holder of `secretAccessKey` would make
 */
export async function verifySignature(
  claim: Claim,
  secretAccessKey: string,
  request: { method: string; target: Target; headers: IncomingHttpHeaders; body: Uint8Array },
): Promise<void> {
  const stated = request.headers['x-amz-content-sha256'];
  if (stated === 'UNSIGNED-PAYLOAD') throw invalid('The body must be signed: x-amz-content-sha256 is UNSIGNED-PAYLOAD');
  if (stated !== undefined && stated !== createHash('sha256').update(request.body).digest('hex'))
    throw invalid('The body is not the one that was signed: x-amz-content-sha256 differs from its SHA-256');

  const signer = new SignatureV4({
    service: claim.service,
    region: claim.region,
    credentials: { accessKeyId: claim.accessKeyId, secretAccessKey },
    sha256: Sha256,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    new HttpRequest({
      method: request.method,
      path: request.target.path,
      query: request.target.query,
      headers: Object.fromEntries(claim.signedHeaders.map((name) => [name, String(request.headers[name])])),
      body: request.body,
    }),
    { signingDate: new Date(claim.signedAtMillis), signableHeaders: new Set(claim.signedHeaders) },
  );
  const expected = /Signature=([0-9a-f]{64})$/.exec(signed.headers.authorization ?? '')?.[1];
  if (expected === undefined || !timingSafeEqual(Buffer.from(expected), Buffer.from(claim.signature)))
    throw invalid(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
}

/** The refusal of an access key that this service has not issued, or has made inactive. */
export function unrecognized(): ModelledError {
  return forbidden('UnrecognizedClientException', 'The security token included in the request is invalid.');
}

/** `20261123T082337Z`, which must lie on the day that the credential's scope names. */
function readDate(text: string | string[] | undefined, day: string): number {
  const millis = typeof text === 'string' ? signingTime(text) : undefined;
  if (millis === undefined) throw invalid("X-Amz-Date header is missing or not 'YYYYMMDDThhmmssZ'");
  if (text?.slice(0, 8) !== day) throw invalid('Date in Credential scope does not match YYYYMMDD from X-Amz-Date');
  return millis;
}

/** The value of X-Amz-Date in milliseconds since the Unix epoch; undefined: it is not `YYYYMMDDThhmmssZ`. */
export function signingTime(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) return undefined;
  const [year, month, date, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, date, hour, minute, second);
}

function checkAge(signedAtMillis: number, nowMillis: number): void {
  if (Math.abs(nowMillis - signedAtMillis) <= CLOCK_SKEW_MILLIS_MAX) return;
  const [word, than] = signedAtMillis < nowMillis ? ['expired', 'earlier'] : ['not yet current', 'later'];
  throw invalid(
    `Signature ${word}: ${new Date(signedAtMillis).toISOString()} is more than ${CLOCK_SKEW_MILLIS_MAX / 60_000} minutes ${than} than ${new Date(nowMillis).toISOString()}`,
  );
}

/** What the service acts on must be signed: the host, the date and every x-amz header, except the one that proxies write. */
function checkSignedHeaders(signed: string[], headers: IncomingHttpHeaders): void {
  if (signed.length > SIGNED_HEADERS_MAX) throw invalid(`SignedHeaders names more than ${SIGNED_HEADERS_MAX} headers`);
  const needed = Object.keys(headers).filter((name) => name.startsWith('x-amz') && name !== 'x-amzn-trace-id');
  for (const name of ['host', 'x-amz-date', ...needed])
    if (!signed.includes(name)) throw invalid(`'${name}' must be a signed header`);
  for (const name of signed)
    if (!Object.hasOwn(headers, name)) throw invalid('SignedHeaders names a header that the request does not have');
}

function invalid(message: string): ModelledError {
  return forbidden('InvalidSignatureException', message);
}

function forbidden(type: string, message: string): ModelledError {
  return new ModelledError(type, 403, message);
}
