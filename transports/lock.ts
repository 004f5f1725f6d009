import { readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

const PREFIX = 'lock-';
/** A socket's address holds 108 bytes (Linux unix(7), sun_path), the last of them a zero. */
const ADDRESS_BYTES_MAX = 107;

/** A folder that is ours until released. */
export interface Lock {
  release(): void;
}

/**
 * Takes a folder for this process alone.
 *
 * Everyone first listens on a socket of his own in the folder, then looks for those of others. One that answers belongs to a living
 * process. The kernel keeps this true: a killed process, another one with its number, a restarted machine or a
 * second container cannot look alive, nor the other way round. Two that start in the same moment may both give up; both never go on.
 *
 * @returns  undefined when another living process has it
 * @throws   Error when the folder cannot hold sockets, or its path is too long for one
 */
export async function lockFolder(folder: string): Promise<Lock | undefined> {
  const own = `${PREFIX}${Math.floor(Math.random() * 2 ** 32).toString(16)}`;
  const bytes = Buffer.byteLength(join(folder, `${PREFIX}ffffffff`));
  if (bytes > ADDRESS_BYTES_MAX) {
    const room = ADDRESS_BYTES_MAX - bytes + Buffer.byteLength(folder);
    throw new Error(`the path of ${folder} is too long for a lock in it: at most ${room} bytes`);
  }
  const server = await listen(join(folder, own));
  const others = readdirSync(folder).filter((name) => name.startsWith(PREFIX) && name !== own);
  for (const name of others) {
    if (!(await answers(join(folder, name)))) continue;
    server.close();
    return undefined;
  }
  // Left by processes that were killed. Only the holder clears them away: whoever raises his now will see ours.
  for (const name of others) rmSync(join(folder, name), { force: true });
  server.unref();
  return { release: () => void server.close() };
}

function listen(address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((visitor) => visitor.destroy());
    server.on('error', reject);
    server.listen(address, () => resolve(server));
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const visitor = connect(address);
    visitor.on('connect', () => {
      visitor.destroy();
      resolve(true);
    });
    // Full queue or missing right: somebody is there.
    visitor.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
