import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { download } from '../../../targets/sbc/downloads/download.ts';
import { AGENT_ENDS } from '../../../targets/sbc/handlers/handler.ts';
import type { Settings } from '../../../targets/sbc/settings.ts';
import { Broken } from '../broken.ts';
import { type Chance, createChance } from '../chance.ts';
import { serveFiles, type Version } from './server.ts';

/** Of a file, bytes: several portions of a socket. */
const FILE_BYTES_MAX = 200_000;
/** Runs of the agent while things go wrong. */
const LIVES_MAX = 6;
const FILE = 'image.bin';
const PART = `.${FILE}.errand-part`;
const SETTINGS = { downloadBytesMax: 1_000_000, ca: '' };

export interface DownloadsTold {
  broken: string | undefined;
  counts: Record<string, number>;
}

/**
 * One file, and an agent that loads it: the production handler, with real files and a real server. The server cuts, refuses, redirects,
 * answers with other parts than it was asked for, and changes the file; the agent is ended in the middle, and power is cut, which
 * leaves of what was not synced whatever chance wants. The file has its name only when it is one version of it, whole, right, and on
 * disk; a part is gone on with where that is safe; and once nothing goes wrong any more, it comes. Sockets are real: a seed gives the
 * same draws, and not always the same portions.
 */
export async function runDownloadWorld(seed: number): Promise<DownloadsTold> {
  const told: DownloadsTold = { broken: undefined, counts: {} };
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-sim-'));
  const syncs = await watchSyncs(path.join(folder, PART));
  const count = (what: string, by = 1) => {
    told.counts[what] = (told.counts[what] ?? 0) + by;
  };
  const chance = createChance(seed);
  const server = await serveFiles(chance, drawVersions(chance), count);
  try {
    await live({ folder, chance, server, syncs, count });
  } catch (error) {
    told.broken = error instanceof Broken ? error.message : `the product threw: ${(error as Error).stack}`;
  } finally {
    syncs.end();
    await server.close();
    rmSync(folder, { recursive: true });
  }
  return told;
}

interface World {
  folder: string;
  chance: Chance;
  server: Awaited<ReturnType<typeof serveFiles>>;
  syncs: Awaited<ReturnType<typeof watchSyncs>>;
  count: (what: string, by?: number) => void;
}

async function live({ folder, chance, server, syncs, count }: World): Promise<void> {
  const place = path.join(folder, FILE);
  const part = path.join(folder, PART);
  const isStated = chance.is(0.5);
  const isSizeStated = isStated && chance.is(0.5);
  let boot = 0;
  /** What the next run may go on with: bytes on disk, of this version. */
  let kept: { bytes: number; version: Version } | undefined;
  for (let lives = chance.between(1, LIVES_MAX); ; lives--) {
    server.isFaulty = lives > 0;
    const life = new AbortController();
    const wanted = server.version();
    const stated = {
      sha256: isStated ? sha256Of(wanted.bytes) : undefined,
      sizeBytes: isSizeStated ? wanted.bytes.length : undefined,
    };
    server.begin(lives > 0 && chance.is(0.6) ? () => life.abort(AGENT_ENDS) : undefined);
    const reason = await download(
      { ...SETTINGS, downloads: folder, bootId: `boot ${boot}` } as Settings,
      { signal: life.signal, progress: () => count('reports of progress'), runAsUser: undefined },
      {
        url: server.url(),
        file: FILE,
        refresh: async () => server.url(),
        signature: undefined,
        ...stated,
      },
    ).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (kept && kept.version === wanted && server.first() === 0 && server.asked() > 0)
      throw new Broken(`a part of ${kept.bytes} bytes was on disk, and all of it was asked for again`);
    kept = undefined;
    if (reason === undefined)
      return checkLoaded({ folder, place, stated: isStated ? wanted : undefined, server, syncs, count });
    if (existsSync(place)) throw new Broken(`the file has its name, and was not loaded: ${reason}`);
    if (lives <= 0) throw new Broken(`nothing goes wrong any more, and it does not come: ${reason}`);
    if (!life.signal.aborted) {
      count('failures');
      server.change(0.3);
      if (readdirSync(folder).length > 0)
        throw new Broken(`it has failed for good (${reason}), and leaves ${readdirSync(folder)}`);
      continue;
    }
    count('ends of the agent');
    server.change(0.3);
    if (chance.is(0.5)) {
      count('power cuts');
      boot++;
      loseUnsynced(part, syncs.synced(), chance);
    } else if (existsSync(part) && isNoted(`${part}.json`, `boot ${boot}`) && server.isWhole()) {
      const { length } = readFileSync(part);
      if (length > 0) kept = { bytes: length, version: wanted };
    }
  }
}

/** An agent that is ended before an answer begins leaves the note of a run before, which may be torn, or of an earlier boot. */
function isNoted(note: string, bootId: string): boolean {
  try {
    return JSON.parse(readFileSync(note, 'utf8')).bootId === bootId;
  } catch {
    return false;
  }
}

function checkLoaded({
  folder,
  place,
  stated,
  server,
  syncs,
  count,
}: Omit<World, 'chance'> & { place: string; stated: Version | undefined }): void {
  const bytes = readFileSync(place);
  const version = server.versions.find((one) => one.bytes.equals(bytes));
  if (version === undefined)
    throw new Broken(`a file of ${bytes.length} bytes has its name, and is none of those that were served`);
  if (stated && version !== stated) throw new Broken('the file is not the one whose SHA-256 was stated');
  if (!syncs.synced().equals(bytes)) throw new Broken('the file has its name, and not all of it is on disk');
  const others = readdirSync(folder).filter((name) => name !== FILE);
  if (others.length > 0) throw new Broken(`the file is loaded, and ${others} is left`);
  count('files loaded');
}

/** What was synced stays; of the rest some is there, some is zeros, and the note beside it may be torn. */
function loseUnsynced(part: string, synced: Buffer, chance: Chance): void {
  if (!existsSync(part)) return;
  const there = readFileSync(part);
  const after = there.subarray(0, chance.between(Math.min(synced.length, there.length), there.length));
  for (let at = 0; at < after.length; at += 512) {
    const end = Math.min(after.length, at + 512);
    if (!after.subarray(at, end).equals(synced.subarray(at, end)) && chance.is(0.7)) {
      after.fill(0, at, end);
      after.set(synced.subarray(at, end), at);
    }
  }
  writeFileSync(part, after);
  const note = `${part}.json`;
  if (existsSync(note) && chance.is(0.2)) writeFileSync(note, readFileSync(note).subarray(0, chance.between(0, 40)));
}

/** What of a file is on disk for sure: as it was when it was last synced, by whatever handle. */
async function watchSyncs(part: string) {
  let synced: Buffer = Buffer.alloc(0);
  const handle = await open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { sync, datasync } = prototype;
  const watched = (real: () => Promise<void>) =>
    async function (this: FileHandle): Promise<void> {
      await real.call(this);
      if (existsSync(part)) synced = readFileSync(part);
    };
  prototype.sync = watched(sync);
  prototype.datasync = watched(datasync);
  return {
    synced: () => synced,
    end: () => void Object.assign(prototype, { sync, datasync }),
  };
}

/** The same file over time, of other lengths, and its names for caches. */
function drawVersions(chance: Chance): Version[] {
  const isWeak = chance.is(0.2);
  return Array.from({ length: chance.between(1, 3) }, (_, i) => {
    const bytes = Buffer.alloc(chance.between(1, FILE_BYTES_MAX));
    for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeInt32LE(chance.seed(), at);
    return { bytes, etag: isWeak ? 'W/"same"' : `"${i}"` };
  });
}

const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
