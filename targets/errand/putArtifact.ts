import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, type Stats, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { ARTIFACT_BYTES_MAX } from '../service/artifacts/limits.ts';
import { faultInName, type ObjectName, pathOf } from '../service/artifacts/objectUrl.ts';
import { fileFault } from '../service/fileFault.ts';
import { Sha256 } from '../service/http/sha256.ts';
import { DEFAULT_ENDPOINTS_FILE, readEndpoints, type Service } from './endpoints.ts';
import { CommandError, EXIT, usageError } from './outcome.ts';
import { render } from './output.ts';
import { createProgress } from './progress.ts';

const DEFAULT_BUCKET = 'artifacts';
/** How long the service may be silent, milliseconds. */
const SILENCE_MILLIS_MAX = 60_000;
/** Longest refusal that is read, characters. */
const REFUSAL_CHARS_MAX = 65_536;

const HELP = `errand put-artifact: puts a file where jobs can give it to devices

usage: errand put-artifact FILE [options]

  --bucket NAME          ${DEFAULT_BUCKET} if not given; buckets need not be made
  --key KEY              the file's name if not given; what has that name is replaced
  --content-type TYPE    told to those who download it
  --endpoints FILE       endpoints.json of the service; else $ERRAND_ENDPOINTS, else ./${DEFAULT_ENDPOINTS_FILE}
  --output json|text     json if not given
  --help                 this text

prints: bucket, key, sha256, bytes, url, and the placeholder that stands for a signed URL in a job's document. A document with one
needs --presigned-url-config roleArn=...,expiresInSec=60..3600 in create-job; the role is kept and shown, nobody checks it here.
Other S3 clients upload as well: 'aws s3 cp FILE s3://BUCKET/KEY --endpoint-url' with 'files' of endpoints.json.
errand list-artifacts and errand delete-artifact do what they say.
Exit codes, as of the AWS CLI: 0 done, 130 interrupted, 252 wrong arguments, 253 endpoints.json missing or wrong, 254 refused by
the service, 255 service not reached.
`;

const TEXT = { shape: { type: 'string' } } as const;
const OUTPUT = {
  type: 'structure',
  members: {
    bucket: TEXT,
    key: TEXT,
    sha256: TEXT,
    bytes: { shape: { type: 'integer' } },
    url: TEXT,
    placeholder: TEXT,
  },
} as const;

/**
 * `errand put-artifact`, from its arguments to its end.
 *
 * @returns the exit code
 * @throws  CommandError
 */
export async function main(argv: readonly string[]): Promise<number> {
  const given = readArguments(argv);
  if (given === 'help') {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const { file, name, contentType, output } = given;
  const bytes = fileSize(file);
  const service = readEndpoints(given.endpoints, process.env);
  const { files } = service;
  if (files === undefined)
    throw new CommandError(
      EXIT.configuration,
      `${service.file}: no 'files': the service keeps its files at an S3 endpoint (--s3-endpoint); upload it there`,
    );
  // The file is read twice, so that what arrives is known to be what was signed.
  const sha256 = await withProgress('reading', bytes, (passed) => hashOf(file, passed));
  await withProgress('uploading', bytes, (passed) =>
    upload({ ...service, files }, { file, name, contentType, bytes, sha256, passed }),
  );
  const path = pathOf(name);
  const form = path === `/${name.bucket}/${name.key}` ? 's3-presigned-url' : 's3-presigned-url-v2'; // v2: percent-encoded
  const url = `https://s3.amazonaws.com${path}`;
  const answer = { ...name, sha256, bytes, url, placeholder: `\${aws:iot:${form}:${url}}` };
  process.stdout.write(render(output, { name: 'PutArtifact', output: OUTPUT }, [answer], 80));
  return EXIT.ok;
}

function readArguments(argv: readonly string[]) {
  if (argv.includes('--help') || argv.includes('-h')) return 'help';
  const { values, positionals } = parse(argv);
  const { output = 'json', bucket = DEFAULT_BUCKET } = values;
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw usageError(`found ${positionals.length} files: expected one; errand put-artifact --help`);
  if (output !== 'json' && output !== 'text') throw usageError(`--output is '${output}': expected json or text`);
  const name: ObjectName = { bucket, key: values.key ?? basename(file) };
  const fault = faultInName(name);
  if (fault !== undefined) throw usageError(fault);
  return { file, name, contentType: values['content-type'], endpoints: values.endpoints, output } as const;
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { bucket: text, key: text, 'content-type': text, endpoints: text, output: text } as const;
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw usageError(`${(error as Error).message.split('. ')[0]}; errand put-artifact --help`);
  }
}

function fileSize(file: string): number {
  let found: Stats;
  try {
    found = statSync(file);
  } catch (error) {
    throw usageError(`cannot read ${file}: ${fileFault(error)}`);
  }
  if (!found.isFile()) throw usageError(`${file} is not a file`);
  if (found.size > ARTIFACT_BYTES_MAX)
    throw usageError(`${file} has ${found.size} bytes: at most ${ARTIFACT_BYTES_MAX} are allowed`);
  return found.size;
}

async function withProgress<T>(what: string, bytes: number, work: (passed: (bytes: number) => void) => Promise<T>) {
  const progress = createProgress(process.stderr, what, bytes);
  try {
    return await work(progress.passed);
  } finally {
    progress.end();
  }
}

async function hashOf(file: string, passed: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const portion of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(portion);
      passed(portion.length);
    }
  } catch (error) {
    throw usageError(`cannot read ${file}: ${fileFault(error)}`);
  }
  return hash.digest('hex');
}

interface Upload {
  file: string;
  name: ObjectName;
  contentType: string | undefined;
  bytes: number;
  sha256: string;
  passed(bytes: number): void;
}

async function upload(service: Service & { files: string }, given: Upload): Promise<void> {
  const { file, name, contentType, bytes, sha256, passed } = given;
  const { host, hostname, port } = new URL(service.files);
  const { accessKeyId, secretAccessKey, region, caPem: ca } = service;
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256,
    uriEscapePath: false,
  });
  const path = pathOf(name);
  const typed = contentType === undefined ? {} : { 'content-type': contentType };
  const headers = { host, 'content-length': String(bytes), 'x-amz-content-sha256': sha256, ...typed };
  const signed = await signer.sign(new HttpRequest({ method: 'PUT', path, headers }));
  const outgoing = request({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 443 : Number(port),
    ca,
    method: 'PUT',
    path,
    // A refusal comes before the first byte of a large file is sent.
    headers: { ...signed.headers, expect: '100-continue' },
    agent: false,
    timeout: SILENCE_MILLIS_MAX,
  });
  const silent = new Error(`no answer within ${SILENCE_MILLIS_MAX / 1000} s`);
  outgoing.on('timeout', () => outgoing.destroy(silent));
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => {}); // looked at below
  try {
    outgoing.flushHeaders();
    const first = await Promise.race([once(outgoing, 'continue').then(() => undefined), answered]);
    if (first === undefined) {
      const source = createReadStream(file, { end: Math.max(bytes - 1, 0) });
      source.on('data', (portion) => passed(portion.length));
      // A refusal that comes meanwhile says more than the connection that it closes.
      await pipeline(source, outgoing).catch((error: Error) => answered.catch(() => Promise.reject(error)));
    }
    const [answer] = await answered;
    await readAnswer(answer, name, service.files);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(
      EXIT.failed,
      `cannot put the file to ${service.files} (from ${service.file}): ${(error as Error).message}`,
    );
  } finally {
    outgoing.destroy();
  }
}

async function readAnswer(answer: IncomingMessage, { bucket, key }: ObjectName, files: string): Promise<void> {
  let text = '';
  for await (const portion of answer.setEncoding('utf8') as AsyncIterable<string>) {
    text += portion;
    if (text.length > REFUSAL_CHARS_MAX) break;
  }
  if (answer.statusCode === 200) return;
  const element = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  const code = element('Code');
  if (code === undefined)
    throw new CommandError(EXIT.failed, `${files} answered ${answer.statusCode}, but not as the artifact store does`);
  throw new CommandError(
    EXIT.refused,
    `An error occurred (${code}) when putting the artifact ${bucket}/${key}: ${element('Message') ?? ''}`,
  );
}
