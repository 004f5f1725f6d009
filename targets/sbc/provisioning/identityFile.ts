import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '../../../runtime/jobs/json.ts';
import { checkClosed } from '../../../transports/handlers.ts';
import { replaceFile } from '../../../transports/record.ts';

/** A certificate and its private key, PEM. */
export interface Pair {
  cert: string;
  key: string;
}

/** A pair that was made and is not in use yet. */
export interface NextPair extends Pair {
  /** certificateOwnershipToken: RegisterThing may be asked again with it. */
  token: string;
  /** The job's execution that it was made for; absent: the first identity. */
  by?: string;
}

/**
 * `identity.json` of the data folder (mode 0600): all that a device which got its identity by itself knows of it, in one file,
 * so that no power cut leaves a half of it.
 */
export interface Kept {
  /** In use. Absent: the device has no identity of its own yet, or the one that it was configured with. */
  pair?: Pair;
  thingName?: string;
  /** The configured certificate that it took the place of, as PEM: with another one configured, that one is meant. */
  replaces?: string;
  next?: NextPair | undefined;
  /** In use before, until `pair` has been seen to connect. */
  previous?: Pair;
  /** Executions of jobs: the one that put `pair` in place, and the one whose pair could not connect. */
  by?: string;
  refused?: string;
}

const FILE = 'identity.json';

/** @throws Error of one sentence: it is damaged, or open to others */
export function readIdentity(data: string): Kept {
  const file = join(data, FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  checkClosed(file, 'rwx');
  try {
    const kept: unknown = JSON.parse(text);
    if (isObject(kept)) return kept as Kept;
  } catch {
    // Said below.
  }
  throw new Error(`${file} is damaged: remove it, and the device gets another certificate`);
}

/** Puts it durably in the place of the one before: after a power cut there is one or the other. Members that are undefined go. */
export function writeIdentity(data: string, kept: Kept): void {
  replaceFile(join(data, FILE), JSON.stringify(kept));
}
