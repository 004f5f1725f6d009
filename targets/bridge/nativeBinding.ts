/**
 * serialport's native code out of the one file: it is carried along compressed, and the system loads such code from
 * files only. So it is put into a folder that nobody else can write to, under the hash of its bytes, and checked before
 * each load: neither another user nor a disk that forgets can have us run something else.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** What build.mjs has put into the file: each variant's code, gzip in base64, and the SHA-256 of what it unpacks to. */
export interface Embedded {
  /** As in `linux-arm64`. */
  platform: string;
  /** By names such as `glibc`, `musl`, `armv7.glibc`. */
  variants: Record<string, { sha256: string; gzip: string }>;
}

/**
 * Loads the native code.
 *
 * @param folder  where it is unpacked; made 0700 when it is not there
 * @throws Error, one sentence, when there is none for this machine, or the folder cannot be used
 */
export function loadBinding(embedded: Embedded, folder = cacheFolder(), machine = thisMachine()): unknown {
  const { platform, variants } = embedded;
  if (platform !== machine.platform)
    throw new Error(`this errand-bridge was built for ${platform}, and runs on ${machine.platform}`);
  const name = machine.variants.find((variant) => Object.hasOwn(variants, variant));
  if (name === undefined)
    throw new Error(
      `there is none for ${machine.platform} with ${machine.variants[0]}: only for ${Object.keys(variants).join(', ')}`,
    );
  const file = unpack(variants[name]!, folder);
  try {
    return createRequire('/')(file);
  } catch (error) {
    const { message } = error as Error;
    if (/failed to map segment|Operation not permitted/.test(message))
      throw new Error(
        `${folder} is mounted noexec, so no code can be loaded from it: name another folder in ERRAND_CACHE`,
      );
    throw error;
  }
}

/** `$ERRAND_CACHE`, else `errand` in the user's cache folder. */
export function cacheFolder(env = process.env): string {
  return env.ERRAND_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'errand');
}

function thisMachine(): { platform: string; variants: string[] } {
  const libc = existsSync('/etc/alpine-release') ? 'musl' : 'glibc';
  const version =
    process.arch === 'arm64' ? '8' : String((process.config.variables as { arm_version?: string }).arm_version ?? '');
  // A newer ARM runs the code of an older one.
  const arms = version === '' ? [] : [version, ...(version === '7' ? ['6'] : [])];
  return {
    platform: `${process.platform}-${process.arch}`,
    variants: [...arms.map((arm) => `armv${arm}.${libc}`), libc],
  };
}

function unpack({ sha256, gzip }: { sha256: string; gzip: string }, folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`the folder for it cannot be made: ${(error as Error).message}; name another one in ERRAND_CACHE`);
  }
  checkOurs(folder, 'folder', 0o077, 'chmod go-rwx');
  const file = join(folder, `${sha256}.node`);
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile()) {
    checkOurs(file, 'file', 0o022, 'chmod go-w');
    if (createHash('sha256').update(readFileSync(file)).digest('hex') === sha256) return file;
  }
  const bytes = gunzipSync(Buffer.from(gzip, 'base64'));
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new Error('its bytes in this file are damaged');
  writeWhole(file, bytes);
  return file;
}

/** @param others  what others may not do */
function checkOurs(path: string, kind: 'folder' | 'file', others: number, cure: string): void {
  const stats = lstatSync(path);
  const { uid, mode } = stats;
  if (kind === 'folder' && !stats.isDirectory()) throw new Error(`${path} is no folder, or a link to one`);
  if (uid !== process.getuid?.())
    throw new Error(`${path} belongs to user ${uid}: name a folder of your own in ERRAND_CACHE`);
  if ((mode & others) !== 0)
    throw new Error(`others may use ${path}, mode 0${(mode & 0o777).toString(8)}; run: ${cure} ${path}`);
}

/** Under its name only when all of it is there. */
function writeWhole(file: string, bytes: Uint8Array): void {
  const part = `${file}.${process.pid}`;
  rmSync(part, { force: true });
  const fd = openSync(part, 'wx', 0o500);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(part, file);
}
