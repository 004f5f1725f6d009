import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Artifact, Artifacts } from './artifacts.ts';
import { readRange } from './range.ts';
import { FileError } from './refusals.ts';

/**
 * Answers GET and HEAD: all of an artifact, or the part that a Range asks for, read as fast as the client takes it.
 *
 * @throws FileError before anything is sent
 */
export async function download(
  artifacts: Pick<Artifacts, 'open'>,
  artifact: Artifact,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { headers, method } = request;
  const etag = etagOf(artifact);
  if (!holds(headers['if-match'], etag, true))
    throw new FileError('PreconditionFailed', 'At least one of the preconditions you specified did not hold', {
      Condition: 'If-Match',
    });
  response.setHeader('etag', etag).setHeader('last-modified', new Date(artifact.modified_at).toUTCString());
  if (headers['if-none-match'] !== undefined && holds(headers['if-none-match'], etag, false)) {
    response.writeHead(304).end();
    return;
  }
  // A part of something that has changed meanwhile is of no use: then all of it is sent (RFC 9110 §13.1.5).
  const same = headers['if-range'] === undefined || headers['if-range'] === etag;
  const range = same ? readRange(headers.range, artifact.bytes) : 'whole';
  if (range === 'unsatisfiable')
    throw new FileError(
      'InvalidRange',
      'The requested range is not satisfiable',
      { RangeRequested: String(headers.range), ActualObjectSize: String(artifact.bytes) },
      { 'content-range': `bytes */${artifact.bytes}` },
    );
  const { first, last } = range === 'whole' ? { first: 0, last: artifact.bytes - 1 } : range;
  const handle = method === 'HEAD' ? undefined : await artifacts.open(artifact);
  response.setHeaders(describe(artifact));
  response.setHeader('content-length', last - first + 1);
  if (range !== 'whole') response.setHeader('content-range', `bytes ${first}-${last}/${artifact.bytes}`);
  else if (headers['x-amz-checksum-mode'] === 'ENABLED')
    response.setHeader('x-amz-checksum-sha256', Buffer.from(artifact.sha256, 'hex').toString('base64'));
  response.writeHead(range === 'whole' ? 200 : 206);
  if (handle === undefined) response.end();
  else await send(handle, first, last, response);
}

/** Content decides: the same bytes have the same ETag wherever they are. Not an MD5, which no client may expect. */
export function etagOf({ sha256 }: Pick<Artifact, 'sha256'>): string {
  return `"${sha256}"`;
}

async function send(handle: FileHandle, first: number, last: number, response: ServerResponse): Promise<void> {
  if (last < first) {
    await handle.close();
    response.end();
    return;
  }
  // The stream closes the handle, however it ends.
  await pipeline(handle.createReadStream({ start: first, end: last }), response);
}

function describe({ content_type, metadata }: Artifact): Map<string, string> {
  const own = Object.entries(JSON.parse(metadata) as Record<string, string>);
  return new Map([
    ['accept-ranges', 'bytes'],
    ['content-type', content_type ?? 'binary/octet-stream'],
    ...own.map(([name, value]): [string, string] => [`x-amz-meta-${name}`, value]),
  ]);
}

function holds(header: string | undefined, etag: string, absent: boolean): boolean {
  if (header === undefined) return absent;
  return header.split(',').some((one) => one.trim() === '*' || one.trim() === etag);
}
