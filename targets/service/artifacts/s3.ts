import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { JOB_DOCUMENT_BYTES_MAX } from '../../../runtime/jobs/limits.ts';
import { documentText, type Files, namedBy, namedFor, refuseLarge } from './signer.ts';

/** An S3 endpoint that files are kept at instead of here, and what it is asked with. */
export interface S3Settings {
  /** `https://host[:port]` */
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/**
 * Signs URLs of an S3 endpoint with AWS's own presigner. Amazon's get the bucket in front of the host, the form that the AWS
 * device client knows (control-plane §8); any other has it in the path.
 */
export function s3Files({ endpoint, region, credentials }: S3Settings): Files {
  const { host, hostname } = new URL(endpoint);
  const hosts = [host];
  let loaded: ReturnType<typeof load> | undefined;
  const ready = () =>
    (loaded ??= load({ endpoint, region, credentials, forcePathStyle: !/\.amazonaws\.com(\.cn)?$/.test(hostname) }));
  return {
    signer: {
      faultIn: (url) => {
        const name = namedBy(url, hosts);
        return typeof name === 'string' ? name : undefined;
      },
      async sign(request) {
        const { bucket: Bucket, key: Key, versionId: VersionId } = namedFor(request, hosts);
        const { client, sdk, getSignedUrl } = await ready();
        const expiresIn = request.expiresInSeconds;
        if (request.method === 'PUT')
          return getSignedUrl(client, new sdk.PutObjectCommand({ Bucket, Key }), { expiresIn });
        return getSignedUrl(client, new sdk.GetObjectCommand({ Bucket, Key, VersionId }), { expiresIn });
      },
    },
    async readDocument(url) {
      const name = namedBy({ method: 'GET', url, encoding: 'legacy' }, hosts);
      if (typeof name === 'string') throw new Error(name);
      const { client, sdk } = await ready();
      const { bucket: Bucket, key: Key, versionId: VersionId } = name;
      const { Body, ContentLength = 0 } = (await client.send(
        new sdk.GetObjectCommand({ Bucket, Key, VersionId }),
      )) as GetObjectCommandOutput;
      const body = Body as unknown as (AsyncIterable<Uint8Array> & { destroy(): void }) | undefined;
      if (body === undefined) return '';
      try {
        refuseLarge(ContentLength);
        const portions: Uint8Array[] = [];
        let bytes = 0;
        for await (const portion of body) {
          bytes += portion.length;
          if (bytes > JOB_DOCUMENT_BYTES_MAX) refuseLarge(bytes);
          portions.push(portion);
        }
        return documentText(Buffer.concat(portions));
      } finally {
        body.destroy();
      }
    },
  };
}

/** Loaded with the first file: half a second that a service without one does not pay. */
async function load(config: ConstructorParameters<typeof S3Client>[0] & object) {
  const [sdk, { getSignedUrl }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
  ]);
  // On an older Node it would tell every operator on stderr what version it will want one day.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  // A checksum of a body that is not there yet would be signed into every URL for an upload.
  const client = new sdk.S3Client({ ...config, requestChecksumCalculation: 'WHEN_REQUIRED' });
  return { client, sdk, getSignedUrl };
}
