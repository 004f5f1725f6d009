/** A firmware image on the host: fetched, bounded, checked, and kept under its hash until the job is done with it. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';

/** The largest image that is fetched when the settings say nothing else. */
export const IMAGE_BYTES_DEFAULT = 64 * 1024 * 1024;
/** Images kept for another try, or for the next microcontroller. */
const IMAGES_KEPT = 8;
/** A server that sends nothing for so long is given up. */
const SILENCE_MILLIS_MAX = 30_000;
const ATTEMPTS = 5;
const PAUSE_MILLIS = 1_000;
const REDIRECTS_MAX = 5;

/** The image cannot be had; the message is one sentence. */
export class NoImage extends Error {}

export interface Fetching {
  bytesMax: number;
  /** PEM: an authority to trust beside those of the system. */
  ca: string;
  /** Bytes so far, and of how many where that is known. */
  progress(bytes: number, total: number | undefined): void;
  /** Ends it early. */
  stopped: AbortSignal;
}

/** What a step `flash` says of its image. */
export interface ImageSource {
  /** `http(s)://...`, or an absolute path on the bridge's board. */
  source: string;
  /** Hexadecimal, lower case. */
  sha256: string;
}

/**
 * Fetches the image, or finds it among those that were fetched before.
 *
 * @param folder    made when it is not there
 * @throws NoImage
 */
export async function fetchImage({ source, sha256 }: ImageSource, folder: string, how: Fetching): Promise<Uint8Array> {
  const file = join(folder, sha256);
  const kept = readKept(file, sha256);
  if (kept) return kept;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const part = `${file}.part`;
  try {
    const found = await copy(source, part, how);
    if (found !== sha256) throw new NoImage(`${shown(source)}: SHA-256 is ${found}: expected ${sha256}`);
    renameSync(part, file);
  } finally {
    rmSync(part, { force: true });
  }
  forgetOld(folder);
  return new Uint8Array(readFileSync(file));
}

function readKept(file: string, sha256: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(file);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) return undefined;
    utimesSync(file, new Date(), new Date());
    return new Uint8Array(bytes);
  } catch {
    return undefined; // not there
  }
}

/** @returns the SHA-256 of what came */
async function copy(source: string, part: string, how: Fetching): Promise<string> {
  const { stopped } = how;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await copyOnce(source, part, how);
    } catch (error) {
      if (stopped.aborted) throw new NoImage('it was stopped');
      // A file that is not there will not come by itself; a network may be back.
      if (error instanceof NoImage || attempt === ATTEMPTS || !/^https?:/.test(source))
        throw asNoImage(source, error as Error);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS * 2 ** (attempt - 1)));
    }
  }
}

async function copyOnce(source: string, part: string, how: Fetching): Promise<string> {
  const { bytesMax, ca, progress, stopped } = how;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MILLIS_MAX);
  const fd = openSync(part, 'w', 0o600);
  try {
    const { chunks, total } = await openSource(source, ca, AbortSignal.any([stopped, silence.signal]));
    const tooLarge = (size: number) =>
      new NoImage(`${shown(source)} has ${size} bytes or more: at most ${bytesMax} are taken`);
    if (total !== undefined && total > bytesMax) throw tooLarge(total);
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of chunks) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MILLIS_MAX);
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytes);
      hash.update(chunk);
      for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done);
      progress(bytes, total);
    }
    if (bytes === 0) throw new NoImage(`${shown(source)} is empty`);
    fdatasyncSync(fd);
    return hash.digest('hex');
  } catch (error) {
    if (silence.signal.aborted && !stopped.aborted) throw new Error(`nothing came for ${SILENCE_MILLIS_MAX / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
    closeSync(fd);
  }
}

async function openSource(
  source: string,
  ca: string,
  signal: AbortSignal,
): Promise<{ chunks: AsyncIterable<Uint8Array>; total: number | undefined }> {
  if (!/^https?:/.test(source)) {
    const handle = await open(source);
    return { chunks: handle.createReadStream(), total: (await handle.stat()).size };
  }
  let url = new URL(source);
  for (let hop = 0; hop <= REDIRECTS_MAX; hop += 1) {
    const response = await get(url, ca, signal);
    const { statusCode = 0, statusMessage, headers } = response;
    if (statusCode === 200) {
      const length = Number(headers['content-length'] ?? Number.NaN);
      return { chunks: response, total: Number.isFinite(length) ? length : undefined };
    }
    response.destroy();
    if (!/^30[12378]$/.test(`${statusCode}`) || headers.location === undefined)
      throw refusalOf(source, statusCode, statusMessage ?? '');
    url = new URL(headers.location, url);
    if (!/^https?:$/.test(url.protocol)) throw new NoImage(`${shown(source)}: the server redirects to ${url.protocol}`);
    if (source.startsWith('https:') && url.protocol === 'http:')
      throw new NoImage(`${shown(source)}: the server redirects to http, where nobody is verified`);
  }
  throw new NoImage(`${shown(source)}: more than ${REDIRECTS_MAX} redirects`);
}

/** What the client did wrong stays wrong; the rest may pass. */
function refusalOf(source: string, status: number, message: string): Error {
  const said = `the server answers ${status} ${message}`.trim();
  const final = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return final ? new NoImage(`${shown(source)}: ${said}`) : new Error(said);
}

/** Trusts what Node trusts, and the authority of the Jobs service: it may serve the images itself. */
async function get(url: URL, ca: string, signal: AbortSignal): Promise<IncomingMessage> {
  const agent = { agent: false as const, signal };
  const secure = url.protocol === 'https:';
  const { rootCertificates } = await import('node:tls');
  const request = secure
    ? (await import('node:https')).get(url, { ...agent, ca: [...rootCertificates, ca] })
    : (await import('node:http')).get(url, agent);
  return new Promise((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
}

function asNoImage(source: string, error: Error): NoImage {
  if (error instanceof NoImage) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new NoImage(`${shown(source)}: ${message || code}`); // several addresses tried: a code, and no message
}

/** Without its query, which may be a signature. */
export function shown(source: string): string {
  return source.replace(/\?.*/s, '');
}

function forgetOld(folder: string): void {
  const files = readdirSync(folder)
    .map((name) => ({ file: join(folder, name), time: statSync(join(folder, name)).mtimeMs }))
    .sort((one, other) => other.time - one.time);
  for (const { file } of files.slice(IMAGES_KEPT)) rmSync(file, { force: true });
}
