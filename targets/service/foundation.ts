import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, constants, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { lockFolder } from '../../transports/lock.ts';
import { makeFolders } from '../../transports/record.ts';
import { type Keeping, openKeeping } from './artifacts/keeping.ts';
import type { Closing } from './closing.ts';
import { fileFault } from './fileFault.ts';
import { type Identity, openIdentity } from './identity/identity.ts';
import type { ServiceSettings } from './settings.ts';
import { openStore, type Store } from './store/open.ts';
import { openSharedIdentity } from './workers/sharedIdentity.ts';

/** What a service finds again when it is started once more. */
export interface Foundation {
  store: Store;
  identity: Identity;
  files: Keeping;
}

/**
 * Opens the data folder for this process alone, and the store, which others may share.
 *
 * @throws Error, one sentence, when the folder is in use, a key is open to others, the store is of a newer version
 */
export async function openFoundation(settings: ServiceSettings, closing: Closing): Promise<Foundation> {
  const { data: folder, names, region, filesUrl, s3 } = settings;
  const lock = await ownFolder(folder);
  closing.push(() => lock.release());
  const store = await openStore(settings.store);
  closing.push(() => store.close());
  const whoWeAre = { folder, nowMillis: Date.now, names, hostName: hostname() };
  const identity = store.isShared ? await openSharedIdentity(store, whoWeAre) : await openIdentity(whoWeAre);
  const files = await openKeeping({ store, folder, region, randomBytes, filesUrl, s3 });
  return { store, identity, files };
}

async function ownFolder(data: string) {
  try {
    makeFolders(data);
    // One that has other things in it may be somebody's home and keeps its mode: what is secret is closed by itself.
    if (readdirSync(data).length === 0) chmodSync(data, 0o700);
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`the data folder ${data} cannot be used: ${fileFault(error)}`);
  }
  const lock = await lockFolder(data).catch((error: Error) => {
    throw new Error(`the data folder ${data} cannot be locked: ${error.message}`);
  });
  if (lock === undefined) throw new Error(`another service uses the data folder ${data}: give each one its own`);
  return lock;
}
