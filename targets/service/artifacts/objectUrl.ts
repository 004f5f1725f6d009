import type { SignedUrl } from '../jobs/placeholders.ts';
import { BUCKET_CHARS_MAX, KEY_BYTES_MAX } from './limits.ts';

/** What a bucket's key names. */
export interface ObjectName {
  bucket: string;
  /** Not percent-encoded; empty where a URL names a bucket alone. */
  key: string;
}

/** Hosts of S3 with the bucket in the path, and with the bucket in front. */
const PATH_STYLE = /^s3(?:[.-][a-z0-9-]+){0,2}\.amazonaws\.com(?:\.cn)?$/i;
const HOST_STYLE = /^(.+)\.s3(?:[.-][a-z0-9-]+){0,2}\.amazonaws\.com(?:\.cn)?$/i;
const BUCKET = new RegExp(`^[a-z0-9][a-z0-9.-]{1,${BUCKET_CHARS_MAX - 2}}[a-z0-9]$`);

/**
 * Reads the URL of an object: `https://s3.amazonaws.com/BUCKET/KEY`, with a region (`s3.eu-west-1`, `s3-eu-west-1`,
 * `s3.dualstack.eu-west-1`) or with the bucket in front of it; any other host has the bucket in the path, and has to be one of
 * `hosts`.
 *
 * @param encoding  how the key is written (control-plane §8); `legacy`: percent-encoded where that makes sense, else as it is
 * @param hosts     `host:port` of endpoints that are not Amazon's
 * @returns         bucket, key and version, or why it is none, in one sentence
 */
export function readObjectUrl(
  url: string,
  encoding: SignedUrl['encoding'],
  hosts: readonly string[],
): (ObjectName & { versionId?: string }) | string {
  const expected = `expected https://s3.REGION.amazonaws.com/BUCKET/KEY${hosts.map((host) => ` or https://${host}/BUCKET/KEY`).join('')}`;
  const [, host = '', path = ''] = /^https?:\/\/([^/?#]+)\/?(.*)$/s.exec(url) ?? [];
  const shown = `'${url.slice(0, 200)}' is not the URL of an object`;
  let bucket: string | undefined;
  let key = path;
  const inPath = PATH_STYLE.test(host) || hosts.includes(host);
  if (inPath) {
    const slash = path.indexOf('/');
    bucket = slash === -1 ? path : path.slice(0, slash);
    key = slash === -1 ? '' : path.slice(slash + 1);
  } else bucket = HOST_STYLE.exec(host)?.[1];
  if (bucket === undefined) return `${shown}: ${expected}`;
  const decoded = encoding === 'plain' ? key : decode(key);
  if (decoded === undefined && encoding === 'percent') return `${shown}: its key is not valid percent-encoding`;
  const [, name = '', versionId] = /^(.*?)(?:\?versionId=([^?]*))?$/s.exec(decoded ?? key) ?? [];
  const found = encoding === 'plain' ? { bucket, key } : { bucket, key: name };
  const fault = faultInName(found, true);
  if (fault !== undefined) return `${shown}: ${fault}`;
  return encoding === 'plain' || versionId === undefined ? found : { ...found, versionId };
}

/**
 * Why there can be no artifact of this name, in one sentence; undefined: there can.
 *
 * S3 takes keys with `.` and `..` between slashes too; clients take such parts out of a URL before they ask, so nobody could
 * fetch what is behind one.
 *
 * @param keyOptional  a bucket alone will do
 */
export function faultInName({ bucket, key }: ObjectName, keyOptional = false): string | undefined {
  if (!BUCKET.test(bucket))
    return `the bucket is '${bucket.slice(0, 80)}': expected 3 to ${BUCKET_CHARS_MAX} of a-z, 0-9, '.' and '-'`;
  if (key === '' && !keyOptional) return 'there is no key behind the bucket';
  const bytes = Buffer.byteLength(key);
  if (bytes > KEY_BYTES_MAX) return `the key has ${bytes} bytes: at most ${KEY_BYTES_MAX} are allowed`;
  if (/\p{Cc}/u.test(key)) return 'the key has a control character';
  if (key.split('/').some((part) => part === '.' || part === '..')) return "the key has a part '.' or '..'";
  return undefined;
}

/** The path of a URL for an object: percent-encoded but for the slashes. */
export function pathOf({ bucket, key }: ObjectName): string {
  return `/${bucket}/${key.split('/').map(percentEncoded).join('/')}`;
}

/** RFC 3986: everything but letters, digits and `-_.~`. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
