import { createHash, type Hash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** A folder of files that are named by what is in them: the SHA-256 of each, 64 hexadecimal digits. */
export interface Contents {
  /**
   * Takes in a stream, a portion at a time, under a name that nobody looks for.
   *
   * @throws what `source` throws, or the file system (ENOSPC); nothing is left then
   */
  receive(source: AsyncIterable<Uint8Array>, alsoHash?: readonly string[]): Promise<Received>;
  open(sha256: string): Promise<FileHandle>;
  remove(sha256: string): Promise<void>;
  /** Takes away what a crash left: files half received, and those that `isNamed` does not know. Gives how many. */
  sweep(isNamed: (sha256: string) => Promise<boolean>): Promise<number>;
}

/** What was received: on disk for good (synced), and not yet under its name. */
export interface Received {
  sha256: string;
  bytes: number;
  /** Digests that were asked for besides, by the name of the hash. */
  digests: Readonly<Record<string, Buffer>>;
  /** Its bytes, while it has no name. */
  read(): AsyncIterable<Uint8Array>;
  /** Gives it its name: after a crash it is there whole, or not at all. */
  keep(): Promise<void>;
  drop(): Promise<void>;
}

const CONTENT = /^[0-9a-f]{64}$/;
const PART = /\.part$/;

/** @param folder  made (0700) with the first file */
export function openContents(folder: string): Contents {
  const fileOf = (sha256: string): string => {
    if (!CONTENT.test(sha256)) throw new Error(`'${sha256}' is no SHA-256: expected 64 hexadecimal digits`);
    return path.join(folder, sha256);
  };
  return {
    async receive(source, alsoHash = []) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const part = path.join(folder, `${randomUUID()}.part`);
      const drop = () => rm(part, { force: true });
      try {
        const { bytes, hashes } = await write(part, source, ['sha256', ...alsoHash]);
        const digests = Object.fromEntries(Object.entries(hashes).map(([name, hash]) => [name, hash.digest()]));
        const sha256 = digests.sha256!.toString('hex');
        const keep = () => nameIt(part, fileOf(sha256), folder);
        return { sha256, bytes, digests, read: () => createReadStream(part), keep, drop };
      } catch (error) {
        await drop();
        throw error;
      }
    },
    open: (sha256) => open(fileOf(sha256), 'r'),
    remove: (sha256) => rm(fileOf(sha256), { force: true }),
    async sweep(isNamed) {
      const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      let removed = 0;
      for (const name of names) {
        if (!PART.test(name) && (!CONTENT.test(name) || (await isNamed(name)))) continue;
        await rm(path.join(folder, name), { force: true });
        removed++;
      }
      return removed;
    },
  };
}

async function write(
  file: string,
  source: AsyncIterable<Uint8Array>,
  names: readonly string[],
): Promise<{ bytes: number; hashes: Record<string, Hash> }> {
  const hashes = Object.fromEntries(names.map((name) => [name, createHash(name)]));
  const handle = await open(file, 'wx', 0o600);
  try {
    let bytes = 0;
    for await (const portion of source) {
      for (const hash of Object.values(hashes)) hash.update(portion);
      bytes += portion.length;
      await handle.writeFile(portion); // goes on where the last one ended, however little the disk takes at a time
    }
    await handle.sync();
    return { bytes, hashes };
  } finally {
    await handle.close();
  }
}

async function nameIt(part: string, file: string, folder: string): Promise<void> {
  await rename(part, file);
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
