import path from 'node:path';
import { type AccessKey, findSecretAccessKey } from '../registry/accessKeys.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/open.ts';
import { type Artifacts, openArtifacts } from './artifacts.ts';
import { type FilesListener, type FilesOptions, serveFiles } from './listener.ts';
import { type S3Settings, s3Files } from './s3.ts';
import { type Files, localFiles } from './signer.ts';
import { urlKey } from './urlKey.ts';

/** Where this service keeps its files: here, or at an S3 endpoint. */
export interface Keeping extends Files {
  /** Undefined: elsewhere. */
  artifacts: Artifacts | undefined;
  /** Serves what is kept here, from now on under `https://{name}:{port}`; undefined: elsewhere. */
  serve(
    name: string,
    listener: Omit<FilesOptions, 'artifacts' | 'verifier'>,
  ): Promise<(FilesListener & { origin: string }) | undefined>;
}

export interface KeepingOptions {
  store: Store;
  /** The data folder. */
  folder: string;
  region: string;
  randomBytes: Registry['randomBytes'];
  /** What URLs begin with, where it is not the listener's own address. */
  filesUrl: string | undefined;
  s3: S3Settings | undefined;
}

/** Opens the artifact store, without what a crash left in it, and whoever signs URLs of it. */
export async function openKeeping(options: KeepingOptions): Promise<Keeping> {
  const { store, folder, region, randomBytes, s3 } = options;
  if (s3 !== undefined) return { ...s3Files(s3), artifacts: undefined, serve: async () => undefined };
  const { nowMillis, isShared, db } = store;
  const artifacts = openArtifacts({ store, folder: path.join(folder, 'artifacts'), nowMillis });
  if (!isShared) await artifacts.sweep(); // another worker may be in the middle of an upload to the same folder
  const key = await urlKey({ db, nowMillis, randomBytes });
  const verifier = { region, nowMillis, ...keysOf(store, key) };
  let origin = options.filesUrl ?? '';
  return {
    ...localFiles({ artifacts, key, region, nowMillis, origin: () => origin }),
    artifacts,
    async serve(name, listener) {
      const served = await serveFiles({ ...listener, artifacts, verifier });
      const own = `https://${name}:${served.port}`;
      origin ||= own;
      return { ...served, origin: own };
    },
  };
}

/** The operators' access keys, and the one that URLs are signed with. */
function keysOf(store: Store, { accessKeyId, secretAccessKey }: AccessKey) {
  const isUrlKey = (id: string) => id === accessKeyId;
  return {
    isUrlKey,
    findSecretAccessKey: async (id: string) => (isUrlKey(id) ? secretAccessKey : findSecretAccessKey(store, id)),
  };
}
