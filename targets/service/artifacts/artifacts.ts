import { deleteArtifact, findArtifact, isContentNamed, listArtifacts, putArtifact } from '../store/artifacts.ts';
import type { ArtifactTable } from '../store/artifactTables.ts';
import type { Connection } from '../store/statement.ts';
import { openContents, type Received } from './contents.ts';
import type { ObjectName } from './objectUrl.ts';

export type Artifact = ArtifactTable;
export type Artifacts = ReturnType<typeof openArtifacts>;

export interface ArtifactsOptions {
  store: Connection;
  /** Where contents are kept: `artifacts` in the data folder. */
  folder: string;
  nowMillis(): number;
}

/**
 * Names in the store, contents on disk: each content once, by its SHA-256, however many names it has. A name is given only to
 * content that is on disk for good, and content goes only when its last name has gone.
 */
export function openArtifacts({ store, folder, nowMillis }: ArtifactsOptions) {
  const contents = openContents(folder);
  let last: Promise<unknown> = Promise.resolve();

  /** One at a time: between "nobody has this content" and its removal nobody may give it a name. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = last.then(work);
    last = run.catch(() => {});
    return run;
  }

  async function removeUnnamed(sha256: string | undefined): Promise<void> {
    if (sha256 !== undefined && !(await isContentNamed(store, sha256))) await contents.remove(sha256);
  }

  return {
    /** Takes in a content that has no name yet; see Contents.receive. */
    receive: contents.receive,
    /** Names what was received, in the place of what had that name. */
    put(name: ObjectName, received: Received, about: { contentType?: string; metadata: object }): Promise<Artifact> {
      return inTurn(async () => {
        const before = await findArtifact(store, name);
        await received.keep();
        const { sha256, bytes } = received;
        const artifact: Artifact = {
          ...name,
          sha256,
          bytes,
          content_type: about.contentType ?? null,
          metadata: JSON.stringify(about.metadata),
          modified_at: nowMillis(),
        };
        await putArtifact(store, artifact);
        await removeUnnamed(before?.sha256);
        return artifact;
      });
    },
    find: (name: ObjectName): Promise<Artifact | undefined> => findArtifact(store, name),
    /** Its content, open: it can be read to its end even if its name goes meanwhile. */
    open: ({ bucket, key, sha256 }: Artifact) =>
      contents.open(sha256).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        throw new Error(
          `${bucket}/${key} has a name and no content in ${folder}: was the folder restored without it, or is it another worker's?`,
        );
      }),
    /** False: there was no such name. */
    remove(name: ObjectName): Promise<boolean> {
      return inTurn(async () => {
        const before = await findArtifact(store, name);
        const removed = await deleteArtifact(store, name);
        await removeUnnamed(before?.sha256);
        return removed;
      });
    },
    list: (filter: Parameters<typeof listArtifacts>[1]): Promise<Artifact[]> => listArtifacts(store, filter),
    /** Takes away what a crash left behind, before anybody uploads; gives how many files. */
    sweep: () => inTurn(() => contents.sweep((sha256) => isContentNamed(store, sha256))),
  };
}
