import { constants, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { basename, dirname, join } from 'node:path';
import type { Millis } from '../../../runtime/effects.ts';
import { clock } from '../../../transports/loop.ts';
import { syncFolder } from '../../../transports/record.ts';
import { findUser } from '../../../transports/users.ts';
import { AGENT_ENDS, type Download, type HandlerContext } from '../handlers/handler.ts';
import type { Settings } from '../settings.ts';
import { get } from './get.ts';
import { PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN, PROGRESS_MILLIS, REDIRECTS_MAX, TRIES_MAX } from './limits.ts';
import { findPlace } from './place.ts';
import { verify } from './verify.ts';

/** What a partly loaded file is of, beside it: only then it is gone on with. */
interface Note {
  /** Without its query, which is another with each signature. */
  source: string;
  etag: string;
  /** Bytes that are on disk for sure; those behind them may be anything when the device has another boot id than this. */
  synced: number;
  bootId: string | undefined;
}

/** This cannot become right by trying again. */
class Final extends Error {}

/** Those that are looked at. */
type Headers = Partial<Record<'content-length' | 'content-range' | 'etag' | 'location', string>>;

type Context = Pick<HandlerContext, 'signal' | 'progress' | 'runAsUser'>;

/**
 * Loads a file into the folder for downloads. It has its name only when all of it is there, on disk, and what is stated of it
 * (size, SHA-256, signature) holds. A part of it outlives restarts of agent and device, and is gone on with while the server's ETag says
 * that the content is the same.
 *
 * @throws Error of one sentence: then nothing is left, unless the agent ends and may go on with it at its next start
 */
export async function download(settings: Settings, context: Context, what: Download): Promise<void> {
  if (settings.downloadKey && !what.signature) throw new Error('there is no signature, but --download-key wants one');
  const place = findPlace(settings.downloads!, what.file);
  const part = join(dirname(place), `.${basename(place)}.errand-part`);
  const note = `${part}.json`;
  const user = context.runAsUser === undefined ? undefined : findUser(context.runAsUser);
  if (context.runAsUser !== undefined && !user)
    throw new Error(`there is no user '${context.runAsUser}' in /etc/passwd`);
  const file = await open(part, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    if (readlinkSync(`/proc/self/fd/${file.fd}`) !== part) throw new Error(`${part} was moved away`);
    await fill(file, note, settings, context, what);
    if (user) await file.chown(user.uid, user.gid);
    await file.chmod(0o644);
    await file.sync();
    const sha256 = await verify(file, what.signature, settings.downloadKey);
    if (what.sha256 && what.sha256.toLowerCase() !== sha256)
      throw new Error(`its SHA-256 is ${sha256}, expected ${what.sha256}`);
    renameSync(part, place);
    rmSync(note, { force: true });
    syncFolder(dirname(place));
  } catch (error) {
    if (context.signal.reason !== AGENT_ENDS) for (const left of [part, note]) rmSync(left, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** How far a download is. */
interface Progress {
  url: string;
  known: Note | undefined;
  /** Bytes of the file that are there; of these, on disk. */
  have: number;
  synced: number;
  reportedMillis: Millis;
}

/** Brings in what is missing, in as many requests as it takes; the pauses between fruitless ones grow. */
async function fill(
  file: FileHandle,
  note: string,
  settings: Settings,
  context: Context,
  what: Download,
): Promise<void> {
  const known = readNote(note, what.url);
  const { size } = await file.stat();
  const { synced = 0, bootId } = known ?? {};
  const have = !known ? 0 : bootId === settings.bootId ? size : Math.min(size, synced);
  const at: Progress = { url: what.url, known, have, synced: Math.min(have, synced), reportedMillis: clock() };
  for (let tries = 0; ; tries += 1) {
    const before = at.have;
    try {
      const range = at.have > 0 && at.known ? { range: `bytes=${at.have}-`, 'if-range': at.known.etag } : {};
      const response = await follow(new URL(at.url), range, settings, context.signal);
      if (await take(response, file, note, at, settings, context, what)) return;
      if (tries < TRIES_MAX) continue;
      throw new Error(`the server answered ${response.statusCode}`);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (context.signal.aborted || error instanceof Final || DISK_FAULTS.includes(code)) throw error;
      if (at.have > before) tries = 0;
      if (tries >= TRIES_MAX) throw error;
      await passed(
        Math.min(PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN * 2 ** tries) * (0.5 + Math.random() / 2),
        context.signal,
      );
    }
  }
}

const DISK_FAULTS = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS'];

/** Takes what one request brings. @returns false when it is to be asked again at once, with a fresh URL or from the beginning */
async function take(
  response: IncomingMessage,
  file: FileHandle,
  note: string,
  at: Progress,
  { downloadBytesMax, bootId }: Settings,
  { progress }: Context,
  { sizeBytes, refresh }: Download,
): Promise<boolean> {
  const { statusCode = 0 } = response;
  const headers = response.headers as Headers;
  const goesOn = statusCode === 206 && headers['content-range']?.startsWith(`bytes ${at.have}-`);
  if (statusCode !== 200 && !goesOn) {
    response.destroy();
    const said = `the server answered ${statusCode}`;
    if (statusCode === 206 || statusCode === 416) {
      // Another part than was asked for, or there is no more: from the beginning.
      if (at.have === 0) throw new Final(said);
      at.known = undefined;
      at.have = 0;
      return false;
    }
    if (statusCode >= 500 || statusCode === 429 || statusCode === 408) throw new Error(said);
    if (![400, 401, 403].includes(statusCode) || !refresh) throw new Final(said);
    // Presigned URLs end; the service makes new ones whenever it is asked for the document.
    const fresh = await refresh();
    if (fresh === at.url) throw new Final(said);
    at.url = fresh;
    return false;
  }
  const rest = headers['content-length'];
  if (!goesOn) at.have = at.synced = 0;
  const size = rest === undefined ? undefined : at.have + Number(rest);
  const check = (bytes: number, whole: boolean) => {
    const most = Math.min(downloadBytesMax!, sizeBytes ?? Infinity);
    if (bytes > most) throw new Final(`it has ${bytes} bytes or more: at most ${most} are allowed`);
    if (whole && bytes < (sizeBytes ?? 0)) throw new Final(`it has ${bytes} bytes, expected ${sizeBytes}`);
  };
  if (size !== undefined) check(size, true);
  await file.truncate(at.have);
  at.known = writeNote(note, at, headers.etag, bootId);
  for await (const piece of response as AsyncIterable<Buffer>) {
    check(at.have + piece.length, false);
    for (let done = 0; done < piece.length; )
      done += (await file.write(piece, done, piece.length - done, at.have + done)).bytesWritten;
    at.have += piece.length;
    if (clock() - at.reportedMillis < PROGRESS_MILLIS) continue;
    at.reportedMillis = clock();
    await file.datasync();
    at.synced = at.have;
    writeNote(note, at, headers.etag, bootId);
    const percent = size ? { percentComplete: `${Math.floor((at.have / size) * 100)}` } : {};
    progress({ downloaded: `${at.have}/${size ?? '?'}`, ...percent });
  }
  if (size !== undefined && at.have < size) throw new Error(`the server ended it after ${at.have} of ${size} bytes`);
  check(at.have, true);
  return true;
}

/** The answer behind redirects; never from https to http. */
async function follow(
  url: URL,
  headers: Record<string, string>,
  settings: Settings,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    if (at.protocol !== 'https:' && (at.protocol !== 'http:' || url.protocol === 'https:'))
      throw new Final(`${at.protocol}// cannot be loaded here: expected https://`);
    const response = await get(at, headers, settings, signal);
    const { location } = response.headers as Headers;
    if (!/^30[12378]$/.test(`${response.statusCode}`) || location === undefined) return response;
    response.destroy();
    at = new URL(location, at);
  }
  throw new Final(`it was redirected more than ${REDIRECTS_MAX} times`);
}

function sourceOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function readNote(note: string, url: string): Note | undefined {
  try {
    const known = JSON.parse(readFileSync(note, 'utf8')) as Note;
    return known.source === sourceOf(url) && known.etag ? known : undefined;
  } catch {
    return undefined; // none, or torn by a power cut: from the beginning
  }
}

/** A weak ETag does not promise the same bytes (RFC 9110 §13.1.5). */
function writeNote(
  note: string,
  { url, synced }: Progress,
  etag: string | undefined,
  bootId: string | undefined,
): Note | undefined {
  if (!etag?.startsWith('"')) {
    rmSync(note, { force: true });
    return undefined;
  }
  const known = { source: sourceOf(url), etag, synced, bootId };
  writeFileSync(note, JSON.stringify(known), { mode: 0o600 });
  return known;
}

function passed(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, millis);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('the step was ended'));
    });
  });
}
