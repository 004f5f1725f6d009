import type { IncomingMessage } from 'node:http';
import zlib from 'node:zlib';
import type { Artifact, Artifacts } from './artifacts.ts';
import { decodeAwsChunked } from './awsChunked.ts';
import type { Received } from './contents.ts';
import { METADATA_BYTES_MAX } from './limits.ts';
import type { ObjectName } from './objectUrl.ts';
import { FileError } from './refusals.ts';

/**
 * Checksums that clients may send with a body, in a header or behind it, and the hash that Node has for each. Those that it has
 * none for (CRC-32C, CRC-64) are passed over: TLS has protected the body on its way, and its SHA-256 is told in the ETag.
 */
const CHECKSUMS: Readonly<Record<string, string>> = {
  'content-md5': 'md5',
  'x-amz-checksum-crc32': 'crc32',
  'x-amz-checksum-sha1': 'sha1',
  'x-amz-checksum-sha256': 'sha256',
};
const DIGEST_BYTES: Readonly<Record<string, number>> = { md5: 16, crc32: 4, sha1: 20, sha256: 32 };

/** Takes in the body of a PUT, and gives it its name once it is known to be what was said of it; see receiveBody. */
export async function upload(
  artifacts: Artifacts,
  name: ObjectName,
  request: IncomingMessage,
  bytesMax: number,
  begin: () => void,
): Promise<Artifact> {
  const about = aboutIn(request.headers);
  const received = await receiveBody(artifacts, request, bytesMax, begin);
  return artifacts.put(name, received, about).finally(received.drop); // nothing, once it has its name
}

/**
 * Takes in a body and checks it against all that was said of it. Nothing is left of one that is something else.
 *
 * @param bytesMax  largest body, bytes; a larger one is refused unread
 * @param begin     called when the body is wanted
 * @throws FileError
 */
export async function receiveBody(
  artifacts: Pick<Artifacts, 'receive'>,
  request: IncomingMessage,
  bytesMax: number,
  begin: () => void,
): Promise<Received> {
  const { headers } = request;
  const stated = headers['x-amz-content-sha256'];
  const isChunked = stated === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  if (typeof stated === 'string' && !isChunked && !/^([0-9a-f]{64}|UNSIGNED-PAYLOAD)$/.test(stated))
    throw new FileError(
      'NotImplemented',
      `x-amz-content-sha256 is '${stated.slice(0, 80)}': expected a SHA-256 in hexadecimal digits, UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER`,
    );
  const size = statedSize(request, isChunked);
  if (size > bytesMax)
    throw new FileError('EntityTooLarge', `The object has ${size} bytes: at most ${bytesMax} are allowed here`, {
      ProposedSize: String(size),
      MaxSizeAllowed: String(bytesMax),
    });
  const expected = new Map<string, string>();
  for (const header of Object.keys(CHECKSUMS)) {
    const value = headers[header];
    if (typeof value === 'string') expected.set(header, value);
  }
  const trailers = new Map<string, string>();
  const crc = { value: 0 };
  // A body that is given up must not take the connection with it, on which the refusal goes back.
  const incoming: AsyncIterable<Buffer> = {
    [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }),
  };
  const body = bounded(isChunked ? decodeAwsChunked(incoming, trailers) : incoming, size, crc);
  // A checksum behind the body names itself in front.
  const announced = [...expected.keys(), ...String(headers['x-amz-trailer'] ?? '').split(/ *, */)];
  const hashes = [...new Set(announced.flatMap((header) => CHECKSUMS[header.toLowerCase()] ?? []))];
  begin();
  const received = await artifacts.receive(
    body,
    hashes.filter((hash) => hash !== 'sha256' && hash !== 'crc32'),
  );
  const digests = { ...received.digests, ...(zlib.crc32 === undefined ? {} : { crc32: bigEndian(crc.value) }) };
  try {
    if (received.bytes !== size)
      throw new FileError('IncompleteBody', `The body has ${received.bytes} bytes, and ${size} were announced`);
    for (const [header, value] of trailers) if (Object.hasOwn(CHECKSUMS, header)) expected.set(header, value);
    if (stated !== undefined && /^[0-9a-f]{64}$/.test(stated as string) && stated !== received.sha256)
      throw new FileError('XAmzContentSHA256Mismatch', 'The body is not the one that was signed: its SHA-256 differs');
    for (const [header, value] of expected) checkDigest(digests, header, value);
    return received;
  } catch (error) {
    await received.drop();
    throw error;
  }
}

/** What is kept beside the bytes: their type, and the client's own headers. */
export function aboutIn(headers: IncomingMessage['headers']): { contentType?: string; metadata: object } {
  const { 'content-type': contentType } = headers;
  return { ...(contentType === undefined ? {} : { contentType }), metadata: metadataIn(headers) };
}

function statedSize({ headers }: IncomingMessage, isChunked: boolean): number {
  const header = isChunked ? 'x-amz-decoded-content-length' : 'content-length';
  const value = headers[header];
  if (typeof value !== 'string' || !/^\d{1,15}$/.test(value))
    throw new FileError('MissingContentLength', `You must provide the ${header} HTTP header.`);
  return Number(value);
}

/** Ends with an error as soon as there is more than was announced; counts the CRC-32 on the way. */
async function* bounded(source: AsyncIterable<Buffer>, size: number, crc: { value: number }): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const portion of source) {
    crc.value = zlib.crc32?.(portion, crc.value) ?? 0; // Node 20.15 and newer
    bytes += portion.length;
    if (bytes > size) throw new FileError('IncompleteBody', `The body has more than the ${size} bytes announced`);
    yield portion;
  }
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function checkDigest(digests: Received['digests'], header: string, value: string): void {
  const hash = CHECKSUMS[header]!;
  const digest = Buffer.from(value, 'base64');
  if (digest.length !== DIGEST_BYTES[hash] || digest.toString('base64') !== value)
    throw new FileError('InvalidDigest', `${header} is not ${DIGEST_BYTES[hash]} bytes in base64`);
  const found = digests[hash];
  if (found !== undefined && !found.equals(digest))
    throw new FileError('BadDigest', `The ${header} you specified did not match what was received`);
}

/** The client's own headers, which a download gives back. */
function metadataIn(headers: IncomingMessage['headers']): Record<string, string> {
  const own = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    name.startsWith('x-amz-meta-') ? [[name.slice('x-amz-meta-'.length), String(value)]] : [],
  );
  const metadata = Object.fromEntries(own);
  if (Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_MAX)
    throw new FileError('MetadataTooLarge', `The x-amz-meta headers have more than ${METADATA_BYTES_MAX} bytes`);
  return metadata;
}
