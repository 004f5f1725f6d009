import { pageToken } from '../jobs/control/context.ts';
import type { DELETE_ARTIFACT, LIST_ARTIFACTS } from '../operations/artifactOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound } from '../operations/refusals.ts';
import { PAGE_MAX } from '../registry/registry.ts';
import type { Artifacts } from './artifacts.ts';
import type { ObjectName } from './objectUrl.ts';

/** @param artifacts  undefined: files are kept at an S3 endpoint */
export function artifactHandlers(artifacts: Artifacts | undefined) {
  const here = (): Artifacts => {
    if (artifacts === undefined)
      throw invalidRequest('This service keeps no artifacts: it signs for an S3 endpoint (--s3-endpoint)');
    return artifacts;
  };
  return {
    async ListArtifacts({ bucket, prefix, nextToken, maxResults = PAGE_MAX }: InputOf<typeof LIST_ARTIFACTS>) {
      const after = nextToken === undefined ? undefined : nameIn(nextToken);
      const rows = await here().list({ bucket, prefix, after, limit: maxResults + 1 });
      const page = rows.slice(0, maxResults);
      const last = rows.length > maxResults ? page.at(-1) : undefined;
      return {
        artifacts: page.map(({ bucket, key, sha256, bytes, modified_at }) => ({
          bucket,
          key,
          sha256,
          bytes,
          lastModifiedAt: modified_at / 1000,
        })),
        ...(last === undefined ? {} : { nextToken: pageToken([last.bucket, last.key]) }),
      };
    },
    async DeleteArtifact(name: InputOf<typeof DELETE_ARTIFACT>) {
      if (!(await here().remove(name))) throw notFound(`There is no artifact ${name.bucket}/${name.key}`);
      return undefined;
    },
  };
}

/** @throws ModelledError InvalidRequestException when the token is none of ours */
function nameIn(token: string): ObjectName {
  try {
    const place: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(place) && place.length === 2) {
      const [bucket, key] = place as unknown[];
      if (typeof bucket === 'string' && typeof key === 'string') return { bucket, key };
    }
  } catch {
    // not JSON: refused below
  }
  throw invalidRequest("'nextToken' is not a token that a page of this list has given");
}
