import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Identity, type IdentityOptions, openIdentity } from '../identity/identity.ts';
import { writeAtomically } from '../identity/privateFile.ts';
import type { Connection } from '../store/statement.ts';
import { keepAuthority } from '../store/workers.ts';

/**
 * Opens the identity of one of several workers: the CA is the one that the store keeps, so that every worker knows every
 * device; the server's certificate is its own. The first worker brings the CA, the others take it over.
 *
 * @throws Error, one sentence: as openIdentity, and where the data folder has another CA than the store
 */
export async function openSharedIdentity(store: Connection, options: IdentityOptions): Promise<Identity> {
  const privateFolder = path.join(path.resolve(options.folder), 'identity');
  const file = path.join(privateFolder, 'ca.pem');
  const wasHere = existsSync(file);
  const kept = await keepAuthority(store, undefined);
  if (kept !== undefined && !wasHere) {
    mkdirSync(privateFolder, { recursive: true, mode: 0o700 });
    writeAtomically(file, kept, 0o600);
  }
  const identity = await openIdentity(options);
  const own = readFileSync(file, 'utf8');
  if ((await keepAuthority(store, own)) === own) return identity;
  if (wasHere)
    throw new Error(
      `${file} is another CA than the one of the services on this store: begin with an empty data folder, or with another database`,
    );
  // Another worker's first start came in between: its CA stays, and ours has signed nothing.
  rmSync(privateFolder, { recursive: true });
  return openSharedIdentity(store, options);
}
