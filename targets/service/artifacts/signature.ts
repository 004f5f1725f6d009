import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { CLOCK_SKEW_MILLIS_MAX, SIGNED_HEADERS_MAX } from '../http/limits.ts';
import { Sha256 } from '../http/sha256.ts';
import { AUTHORIZATION, signingTime } from '../http/signature.ts';
import type { Target } from '../http/target.ts';
import type { AccessKey } from '../registry/accessKeys.ts';
import { URL_SECONDS_MAX } from './limits.ts';
import { type ObjectName, pathOf, percentEncoded } from './objectUrl.ts';
import { FileError } from './refusals.ts';

/** The service that S3's clients sign for. */
const SERVICE = 's3';
const PAYLOAD_HASH = 'x-amz-content-sha256';
const UNSIGNED = 'UNSIGNED-PAYLOAD';

export interface SignUrl extends ObjectName {
  method: 'GET' | 'PUT';
  /** `https://host:port` */
  origin: string;
  region: string;
  key: string;
  with: AccessKey;
  nowMillis: number;
  expiresInSeconds: number;
}

/** A URL that opens one object for one method until it expires, as S3 has them (SigV4 in the query). */
export async function signUrl(options: SignUrl): Promise<string> {
  const { origin, method, region, with: credentials, expiresInSeconds: expiresIn } = options;
  const path = pathOf(options);
  const { query = {} } = await signerOf(region, credentials).presign(
    new HttpRequest({ method, path, headers: { host: new URL(origin).host, [PAYLOAD_HASH]: UNSIGNED } }),
    // That the body is not signed is said to the signer only: S3 takes it for granted in a URL.
    {
      signingDate: new Date(options.nowMillis),
      expiresIn,
      unhoistableHeaders: new Set([PAYLOAD_HASH]),
      unsignableHeaders: new Set([PAYLOAD_HASH]),
    },
  );
  const search = Object.entries(query).map(([name, value]) => `${name}=${percentEncoded(String(value))}`);
  return `${origin}${path}?${search.join('&')}`;
}

export interface FileRequest {
  method: string;
  target: Target;
  headers: IncomingHttpHeaders;
}

/** Who asks: what they signed with. */
export interface Asker {
  accessKeyId: string;
}

export interface Verifier {
  region: string;
  nowMillis(): number;
  /** Whether it is what URLs in documents are signed with, and no operator's. */
  isUrlKey(accessKeyId: string): boolean;
  /** Undefined: there is no active key with this id. */
  findSecretAccessKey(accessKeyId: string): Promise<string | undefined>;
}

/**
 * Checks the signature of a request, in its query or in its headers, before anything of its body is read.
 *
 * @throws FileError in S3's words: none, not well formed, for elsewhere, expired, not the one that the key's holder would make
 */
export async function verify(request: FileRequest, verifier: Verifier): Promise<Asker> {
  const byUrl = Object.hasOwn(request.target.query, 'X-Amz-Algorithm');
  if (byUrl && request.headers.authorization !== undefined)
    throw new FileError('InvalidArgument', 'The request is signed twice: in its query and in its Authorization header');
  const claim = byUrl ? claimInQuery(request, verifier) : claimInHeaders(request, verifier);
  if (claim.service !== SERVICE)
    throw malformed(byUrl, `Credential should be scoped to service '${SERVICE}', not '${claim.service}'`);
  if (claim.region !== verifier.region)
    throw malformed(byUrl, `Credential should be scoped to region '${verifier.region}', not '${claim.region}'`, {
      Region: verifier.region,
    });
  checkSignedHeaders(claim.signedHeaders, request.headers);
  const secretAccessKey = await verifier.findSecretAccessKey(claim.accessKeyId);
  if (secretAccessKey === undefined)
    throw new FileError('InvalidAccessKeyId', 'The access key is not one of this service, or not active any more');
  const expected = await signatureOf(request, claim, { accessKeyId: claim.accessKeyId, secretAccessKey });
  if (expected === undefined || !timingSafeEqual(Buffer.from(expected), Buffer.from(claim.signature)))
    throw new FileError(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
  return { accessKeyId: claim.accessKeyId };
}

interface Claim {
  accessKeyId: string;
  region: string;
  service: string;
  /** In lower case, as listed. */
  signedHeaders: string[];
  /** 64 hexadecimal digits. */
  signature: string;
  signedAtMillis: number;
  /** In a query only. */
  expiresInSeconds?: number;
}

const OWN_PARAMETERS = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'] as const;

function claimInQuery({ target }: FileRequest, { nowMillis }: Verifier): Claim {
  const parameter = (name: (typeof OWN_PARAMETERS)[number], shape: RegExp, expected: string): RegExpExecArray => {
    const value = target.query[`X-Amz-${name}`];
    const parts = typeof value === 'string' ? shape.exec(value) : null;
    if (parts === null) throw malformed(true, `X-Amz-${name} is missing, or not once ${expected}`);
    return parts;
  };
  parameter('Algorithm', /^AWS4-HMAC-SHA256$/, 'AWS4-HMAC-SHA256');
  const [, accessKeyId, day, region, service] = parameter(
    'Credential',
    /^([^/]{1,128})\/(\d{8})\/([^/]{1,64})\/([^/]{1,64})\/aws4_request$/,
    'KEY/DATE/REGION/SERVICE/aws4_request',
  ) as unknown as [string, string, string, string, string];
  const [date] = parameter('Date', /^\d{8}T\d{6}Z$/, 'YYYYMMDDThhmmssZ');
  const [expires] = parameter('Expires', /^[1-9]\d{0,6}$/, `a number of seconds, 1 to ${URL_SECONDS_MAX}`);
  const [names] = parameter('SignedHeaders', /^[a-z0-9;!#$%&'*+.^_`|~-]{1,4096}$/, 'names of headers');
  const [signature] = parameter('Signature', /^[0-9a-f]{64}$/, '64 hexadecimal digits');
  const signedAtMillis = timeOf(date, day, true);
  const expiresInSeconds = Number(expires);
  if (expiresInSeconds > URL_SECONDS_MAX) throw malformed(true, `X-Amz-Expires is more than ${URL_SECONDS_MAX} s`);
  const now = nowMillis();
  const endMillis = signedAtMillis + expiresInSeconds * 1000;
  if (now > endMillis)
    throw new FileError('AccessDenied', 'Request has expired', {
      'X-Amz-Expires': expires,
      Expires: isoSeconds(endMillis),
      ServerTime: isoSeconds(now),
    });
  if (signedAtMillis - now > CLOCK_SKEW_MILLIS_MAX) throw new FileError('AccessDenied', 'Request is not yet valid');
  return {
    accessKeyId,
    region,
    service,
    signedHeaders: names.split(';'),
    signature,
    signedAtMillis,
    expiresInSeconds,
  };
}

function claimInHeaders({ headers, target }: FileRequest, { nowMillis }: Verifier): Claim {
  const { authorization } = headers;
  if (authorization === undefined)
    throw new FileError(
      'AccessDenied',
      Object.hasOwn(target.query, 'AWSAccessKeyId')
        ? 'The URL is signed with Signature Version 2: expected Version 4 (aws configure set default.s3.signature_version s3v4)'
        : 'The request is not signed: neither its query nor an Authorization header',
    );
  const parts = AUTHORIZATION.exec(authorization);
  if (parts === null)
    throw malformed(
      false,
      "Authorization is not 'AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=..., Signature=...'",
    );
  const [, accessKeyId, day, region, service, names, signature] = parts as unknown as string[];
  const signedAtMillis = timeOf(String(headers['x-amz-date']), day!, false);
  const now = nowMillis();
  if (Math.abs(now - signedAtMillis) > CLOCK_SKEW_MILLIS_MAX)
    throw new FileError(
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
      {
        RequestTime: isoSeconds(signedAtMillis),
        ServerTime: isoSeconds(now),
        MaxAllowedSkewMilliseconds: String(CLOCK_SKEW_MILLIS_MAX),
      },
    );
  if (typeof headers[PAYLOAD_HASH] !== 'string')
    throw new FileError('InvalidArgument', `Missing required header for this request: ${PAYLOAD_HASH}`);
  return {
    accessKeyId: accessKeyId!,
    region: region!,
    service: service!,
    signedHeaders: names!.split(';'),
    signature: signature!,
    signedAtMillis,
  };
}

/** Signs the received request again. */
async function signatureOf(request: FileRequest, claim: Claim, key: AccessKey): Promise<string | undefined> {
  const { method, target, headers } = request;
  const { expiresInSeconds: expiresIn } = claim;
  const signed = Object.fromEntries(claim.signedHeaders.map((name) => [name, String(headers[name])]));
  const signer = signerOf(claim.region, key);
  const signingDate = new Date(claim.signedAtMillis);
  const signableHeaders = new Set(claim.signedHeaders);
  if (expiresIn === undefined) {
    const again = await signer.sign(
      new HttpRequest({ method, path: target.path, query: target.query, headers: signed }),
      { signingDate, signableHeaders },
    );
    return /Signature=([0-9a-f]{64})$/.exec(again.headers.authorization ?? '')?.[1];
  }
  const query = { ...target.query };
  for (const name of OWN_PARAMETERS) delete query[`X-Amz-${name}`];
  const again = await signer.presign(
    new HttpRequest({ method, path: target.path, query, headers: { [PAYLOAD_HASH]: UNSIGNED, ...signed } }),
    {
      signingDate,
      expiresIn,
      signableHeaders,
      unhoistableHeaders: new Set([PAYLOAD_HASH, ...signableHeaders]),
      unsignableHeaders: new Set([PAYLOAD_HASH]),
    },
  );
  const signature = again.query?.['X-Amz-Signature'];
  return typeof signature === 'string' ? signature : undefined;
}

/** S3's paths are signed as they are on the wire: neither normalised nor encoded a second time. */
function signerOf(region: string, credentials: AccessKey): SignatureV4 {
  return new SignatureV4({
    service: SERVICE,
    region,
    credentials,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
}

function timeOf(date: string, day: string, byUrl: boolean): number {
  const millis = signingTime(date);
  if (millis === undefined || Number.isNaN(millis)) throw malformed(byUrl, "X-Amz-Date is not 'YYYYMMDDThhmmssZ'");
  if (!date.startsWith(day)) throw malformed(byUrl, 'The date in Credential is not the day of X-Amz-Date');
  return millis;
}

/** What the store acts on must be signed: the host, and every x-amz header that came. */
function checkSignedHeaders(signed: string[], headers: IncomingHttpHeaders): void {
  const denied = (message: string) => new FileError('AccessDenied', message);
  if (signed.length > SIGNED_HEADERS_MAX) throw denied(`SignedHeaders names more than ${SIGNED_HEADERS_MAX} headers`);
  const needed = Object.keys(headers).filter((name) => name.startsWith('x-amz-'));
  for (const name of ['host', ...needed])
    if (!signed.includes(name))
      throw denied(`There were headers present in the request which were not signed: ${name}`);
  for (const name of signed)
    if (!Object.hasOwn(headers, name)) throw denied('SignedHeaders names a header that the request does not have');
}

function malformed(byUrl: boolean, message: string, elements: Record<string, string> = {}): FileError {
  return new FileError(byUrl ? 'AuthorizationQueryParametersError' : 'AuthorizationHeaderMalformed', message, elements);
}

function isoSeconds(millis: number): string {
  return `${new Date(millis).toISOString().slice(0, 19)}Z`;
}
