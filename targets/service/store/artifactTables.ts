import { type Kysely, sql } from 'kysely';

/** Tables of the artifact store: what its names stand for, and what its URLs are signed with. */
export interface ArtifactTables {
  artifact: ArtifactTable;
  url_key: UrlKeyTable;
}

export interface ArtifactTable {
  bucket: string;
  key: string;
  /** SHA-256 of the content, 64 hexadecimal digits: the name of its file. Several artifacts may have the same. */
  sha256: string;
  bytes: number;
  /** As it was given with the upload. */
  content_type: string | null;
  /** JSON: the client's own headers, `x-amz-meta-` taken off. */
  metadata: string;
  modified_at: number;
}

/** What URLs in documents are signed with. No operator has it: it opens nothing but what was signed. */
export interface UrlKeyTable {
  access_key_id: string;
  secret_access_key: string;
  created_at: number;
}

/** Migration `005_artifacts`. */
export async function addArtifactTables(db: Kysely<unknown>): Promise<void> {
  const statements = [
    sql`create table artifact (bucket text not null, key text not null, sha256 text not null, bytes bigint not null,
        content_type text, metadata text not null, modified_at bigint not null, primary key (bucket, key))`,
    sql`create index artifact_sha256 on artifact (sha256)`,
    sql`create table url_key (access_key_id text primary key, secret_access_key text not null, created_at bigint not null)`,
  ];
  for (const statement of statements) await statement.execute(db);
}
