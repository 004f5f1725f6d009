import type { EventEmitter } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
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
  const own = `${PREFIX}${Math.random().toString(36).slice(2, 10)}`;
  const bytes = Buffer.byteLength(join(folder, own));
  if (bytes > ADDRESS_BYTES_MAX)
    throw new Error(`the path of ${folder} is ${bytes - ADDRESS_BYTES_MAX} bytes too long for a lock in it`);
  const server = createServer((visitor) => visitor.destroy());
  await happens(server.listen(join(folder, own)), 'listening');
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

async function answers(address: string): Promise<boolean> {
  const visitor = connect(address);
  try {
    await happens(visitor, 'connect');
    return true;
  } catch (error) {
    // Full queue or missing right: somebody is there.
    return !/ECONNREFUSED|ENOENT/.test((error as Error).message);
  } finally {
    visitor.destroy();
  }
}

/** Resolves at the event, rejects with an error. */
function happens(emitter: EventEmitter, event: string): Promise<void> {
  return new Promise((resolve, reject) => emitter.on(event, resolve).on('error', reject));
}
