import { readPrivateFile } from '../identity/privateFile.ts';
import type { S3Settings } from './s3.ts';

type Credentials = S3Settings['credentials'];

interface Given {
  'files-url'?: string | undefined;
  's3-endpoint'?: string | undefined;
  's3-region'?: string | undefined;
  's3-access-key-file'?: string | undefined;
}

/** Where files are kept, as the flags say it; what is wrong is added to `faults`. */
export function readS3Settings(
  given: Given,
  region: string,
  env: NodeJS.ProcessEnv,
  faults: string[],
): { filesUrl: string | undefined; s3: S3Settings | undefined } {
  const filesUrl = origin('files-url', given, faults);
  const endpoint = origin('s3-endpoint', given, faults);
  if (given['s3-endpoint'] === undefined) {
    for (const name of ['s3-region', 's3-access-key-file'] as const)
      if (given[name] !== undefined) faults.push(`--${name} is given without --s3-endpoint`);
    return { filesUrl, s3: undefined };
  }
  if (filesUrl !== undefined) faults.push('--files-url and --s3-endpoint are both given: files are kept at one place');
  const file = given['s3-access-key-file'];
  const found = file === undefined ? inEnvironment(env) : inFile(file);
  if (typeof found === 'string') faults.push(found);
  else if (endpoint !== undefined) return { filesUrl, s3: { endpoint, region, credentials: found } };
  return { filesUrl, s3: undefined };
}

function origin(name: 'files-url' | 's3-endpoint', given: Given, faults: string[]): string | undefined {
  const text = given[name];
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'https:' || (name === 's3-endpoint' && url?.protocol === 'http:');
  if (url !== undefined && isHttp && url.href === `${url.origin}/`) return url.origin;
  faults.push(`--${name} is '${text}': expected https://HOST[:PORT] and nothing behind it`);
  return undefined;
}

function inEnvironment(env: NodeJS.ProcessEnv): Credentials | string {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
  if (!accessKeyId || !secretAccessKey)
    return '--s3-endpoint needs an access key: expected --s3-access-key-file, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
  return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) };
}

function inFile(file: string): Credentials | string {
  const name = `--s3-access-key-file ${file}`;
  let text: string | undefined;
  try {
    text = readPrivateFile(file);
  } catch (error) {
    return `${name}: ${(error as Error).message}`;
  }
  if (text === undefined) return `${name}: there is no such file`;
  let found: Partial<Record<keyof Credentials, unknown>> | undefined;
  try {
    found = JSON.parse(text);
  } catch {
    // has no members: said below
  }
  const { accessKeyId, secretAccessKey, sessionToken } = found ?? {};
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string')
    return `${name}: expected {"accessKeyId": "...", "secretAccessKey": "..."}`;
  return { accessKeyId, secretAccessKey, ...(typeof sessionToken === 'string' ? { sessionToken } : {}) };
}
