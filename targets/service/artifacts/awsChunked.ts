import { CHUNK_LINE_BYTES_MAX, CHUNK_TRAILERS_MAX } from './limits.ts';
import { FileError } from './refusals.ts';

/**
 * Takes apart a body as current AWS clients send one whose checksum they only know at its end (`content-encoding: aws-chunked`,
 * `x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER`):
 *
 *    +-----------+------+----------------+------+       +---+------+----------------------+------+------+
 *    | size, hex | CRLF | size bytes     | CRLF |  ...  | 0 | CRLF | name:value, 0..n     | CRLF | CRLF |
 *    +-----------+------+----------------+------+       +---+------+----------------------+------+------+
 *
 * @param source    the body, in portions of any size
 * @param trailers  filled with what is behind the last chunk, names in lower case, before the last portion is given
 * @throws          FileError IncompleteBody: not well formed, or it ends too early
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  let line = '';
  let left = 0; // bytes of the chunk that are still to come
  let at: 'size' | 'data' | 'dataEnd' | 'trailer' | 'end' = 'size';
  let lines = 0;
  for await (const portion of source) {
    let from = 0;
    while (from < portion.length) {
      if (at === 'end') throw broken('it goes on behind its end');
      if (at === 'data') {
        const part = portion.subarray(from, from + left);
        from += part.length;
        left -= part.length;
        if (left === 0) at = 'dataEnd';
        yield part;
        continue;
      }
      const newline = portion.indexOf(10, from);
      const end = newline === -1 ? portion.length : newline + 1;
      line += portion.toString('latin1', from, Math.min(end, from + CHUNK_LINE_BYTES_MAX + 1));
      if (line.length > CHUNK_LINE_BYTES_MAX) throw broken(`a line is longer than ${CHUNK_LINE_BYTES_MAX} bytes`);
      from = end;
      if (newline === -1) continue;
      const text = line.replace(/\r?\n$/, '');
      line = '';
      if (at === 'dataEnd') {
        if (text !== '') throw broken('a chunk is longer than it says');
        at = 'size';
      } else if (at === 'size') {
        const size = /^([0-9a-f]{1,12})(?:;.*)?$/i.exec(text)?.[1];
        if (size === undefined) throw broken('a chunk does not begin with its size');
        left = Number.parseInt(size, 16);
        at = left === 0 ? 'trailer' : 'data';
      } else if (text === '') at = 'end';
      else {
        if (++lines > CHUNK_TRAILERS_MAX) throw broken(`more than ${CHUNK_TRAILERS_MAX} lines follow the last chunk`);
        const colon = text.indexOf(':');
        if (colon > 0) trailers.set(text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim());
      }
    }
  }
  // Some clients leave out the empty line behind the trailers.
  if (at !== 'end' && at !== 'trailer') throw broken('it ends inside of a chunk');
}

function broken(why: string): FileError {
  return new FileError('IncompleteBody', `The body is not well formed as aws-chunked: ${why}`);
}
