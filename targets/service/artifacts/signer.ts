import { JOB_DOCUMENT_BYTES_MAX } from '../../../runtime/jobs/limits.ts';
import type { Signer, SignRequest } from '../jobs/delivery.ts';
import type { SignedUrl } from '../jobs/placeholders.ts';
import type { AccessKey } from '../registry/accessKeys.ts';
import type { Artifacts } from './artifacts.ts';
import { type ObjectName, readObjectUrl } from './objectUrl.ts';
import { signUrl } from './signature.ts';

/** What the Jobs service needs of wherever files are. */
export interface Files {
  signer: Signer;
  /** The text behind a documentSource; rejects with a sentence. */
  readDocument(url: string): Promise<string>;
}

/** Where an upload goes whose placeholder names no bucket. */
const UPLOADS_BUCKET = 'uploads';

export interface LocalFilesOptions {
  artifacts: Artifacts;
  key: AccessKey;
  region: string;
  nowMillis(): number;
  /** What signed URLs begin with, `https://host:port`; asked for each, because the port is known only once it listens. */
  origin(): string;
}

/**
 * Signs URLs of our own artifact store. A URL is signed whether or not there is an artifact of that name, as S3's are: it may
 * come later, and until then a device is answered NoSuchKey.
 */
export function localFiles({ artifacts, key, region, nowMillis, origin }: LocalFilesOptions): Files {
  const hosts = () => [new URL(origin()).host];
  const faultIn = (url: SignedUrl) => {
    const name = namedBy(url, hosts());
    if (typeof name === 'string') return name;
    return name.versionId === undefined ? undefined : `'${url.url.slice(0, 200)}': this service keeps no versions`;
  };
  return {
    signer: {
      faultIn,
      sign: (request) => {
        const name = namedFor(request, hosts());
        const { method, expiresInSeconds } = request;
        return signUrl({
          ...name,
          method,
          expiresInSeconds,
          origin: origin(),
          region,
          with: key,
          nowMillis: nowMillis(),
        });
      },
    },
    async readDocument(url) {
      const name = readObjectUrl(url, 'legacy', hosts());
      if (typeof name === 'string') throw new Error(name);
      const artifact = await artifacts.find(name);
      if (artifact === undefined) throw new Error(`there is no artifact ${name.bucket}/${name.key}`);
      refuseLarge(artifact.bytes);
      const handle = await artifacts.open(artifact);
      try {
        return documentText(await handle.readFile());
      } finally {
        await handle.close();
      }
    },
  };
}

/** What a placeholder names; in an upload the key, or bucket and key, may be missing. A sentence where it names nothing. */
export function namedBy({ method, url, encoding }: SignedUrl, hosts: readonly string[]) {
  if (method === 'PUT' && url === '') return { bucket: UPLOADS_BUCKET, key: '', versionId: undefined };
  const name = readObjectUrl(url, encoding, hosts);
  if (typeof name === 'string') return name;
  if (method === 'GET' && name.key === '') return `'${url.slice(0, 200)}' names a bucket: expected a key behind it`;
  return { versionId: undefined, ...name };
}

/**
 * The object that one execution is given a URL for. An upload without a key goes to `{thingName}/{jobId}/{executionNumber}`.
 *
 * @throws Error, one sentence: variables made the key of an upload one that cannot be
 */
export function namedFor(
  request: SignRequest,
  hosts: readonly string[],
): ObjectName & { versionId: string | undefined } {
  const name = namedBy(request, hosts);
  if (typeof name === 'string') throw new Error(name);
  const { thingName, jobId, executionNumber } = request;
  return { ...name, key: name.key === '' ? `${thingName}/${jobId}/${executionNumber}` : name.key };
}

/** @throws Error, one sentence */
export function refuseLarge(bytes: number): void {
  if (bytes > JOB_DOCUMENT_BYTES_MAX)
    throw new Error(`it has ${bytes} bytes, at most ${JOB_DOCUMENT_BYTES_MAX} are allowed in a document`);
}

/** @throws Error, one sentence: it is not UTF-8 */
export function documentText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8');
  }
}
