import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { HANDSHAKE_MILLIS_MAX, KEEP_ALIVE_MILLIS, REQUEST_ARRIVAL_MILLIS_MAX } from '../http/limits.ts';
import { readTarget, type Target } from '../http/target.ts';
import type { Log } from '../log.ts';
import type { Artifacts } from './artifacts.ts';
import { download, etagOf } from './download.ts';
import {
  ARTIFACT_BYTES_MAX,
  CLOSE_MILLIS_MAX,
  DEVICE_UPLOAD_BYTES_MAX,
  DROPPED_BYTES_MAX,
  FILE_CONNECTIONS_MAX,
  TRANSFER_SILENCE_MILLIS_MAX,
  UPLOAD_MILLIS_MAX,
} from './limits.ts';
import { faultInName, type ObjectName } from './objectUrl.ts';
import { createPartUploads, type PartUploads } from './parts.ts';
import { answerXml, errorXml, FileError } from './refusals.ts';
import { type Asker, type Verifier, verify } from './signature.ts';
import { upload } from './upload.ts';

export interface FilesOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** PEM texts; `cert` may hold a chain. */
  certificate: { key: string; cert: string };
  artifacts: Artifacts;
  verifier: Verifier;
  log: Log;
  /** Largest upload of an operator and by a URL, bytes. */
  bytesMax?: { operator: number; url: number };
}

export interface FilesListener {
  port: number;
  /** Serves new connections with another certificate from now on. */
  setCertificate(certificate: { key: string; cert: string }): void;
  /** Takes no more connections; transfers may go on for a few seconds. */
  close(): Promise<void>;
}

/**
 * Serves artifacts as S3 does, with the bucket in the path: GET (with Range), HEAD, PUT and DELETE of one object, signed in the
 * query (what a device is given) or in headers (the AWS CLI, AWS SDKs, errand).
 *
 * A port of its own: devices need this one and not the operators'; a transfer may take hours where a request of the control
 * plane has to arrive within seconds; downloads of a fleet cannot use up the connections of operators; and an S3 client
 * can be told an address, but no path in front of its buckets.
 *
 * @throws Error when the port cannot be listened on
 */
export async function serveFiles(options: FilesOptions): Promise<FilesListener> {
  const { log, bytesMax = { operator: ARTIFACT_BYTES_MAX, url: DEVICE_UPLOAD_BYTES_MAX } } = options;
  const parts = createPartUploads(options.artifacts, options.verifier.nowMillis, bytesMax.operator);
  const server = createServer({
    ...options.certificate,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_MILLIS_MAX,
    headersTimeout: REQUEST_ARRIVAL_MILLIS_MAX,
    requestTimeout: UPLOAD_MILLIS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MILLIS,
    noDelay: true,
  });
  server.maxConnections = FILE_CONNECTIONS_MAX;
  server.setTimeout(TRANSFER_SILENCE_MILLIS_MAX);
  const take = (request: IncomingMessage, response: ServerResponse) =>
    void answer({ ...options, bytesMax, parts }, request, response);
  server.on('request', take);
  // A client that asks before it sends its body is told to go on only when the body is read: a refused one is never sent.
  server.on('checkContinue', take);
  // One that expects something else is answered in the form of S3 too, not by Node.
  server.on('checkExpectation', take);
  server.on('tlsClientError', (error) => log('debug', `files: a TLS handshake failed: ${error.message}`));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (certificate) => server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' }),
    close: async () => {
      await new Promise<void>((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), CLOSE_MILLIS_MAX);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      });
      await parts.close();
    },
  };
}

interface Serving extends FilesOptions {
  bytesMax: { operator: number; url: number };
  parts: PartUploads;
}

async function answer(options: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { log } = options;
  const id = randomUUID();
  const path = (request.url ?? '').replace(/\?.*/s, ''); // the query has the signature
  response.setHeader('x-amz-request-id', id);
  try {
    await serve(options, request, response);
    log('debug', `files: ${request.method} ${path}: ${response.statusCode}`, { requestId: id });
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal.code === 'InternalError' && !response.destroyed && !request.destroyed)
      log('error', `files: ${request.method} ${path} failed: ${(error as Error).stack ?? error}`, { requestId: id });
    else log('debug', `files: ${request.method} ${path}: ${refusal.code}: ${refusal.message}`, { requestId: id });
    refuse(refusal, path, id, request, response);
  }
}

async function serve(options: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '' } = request;
  const target = readTarget(request.url ?? '');
  if (target === undefined) throw new FileError('InvalidURI', 'The path or the query is not percent-encoded UTF-8');
  const asker = await verify({ method, target, headers: request.headers }, options.verifier);
  const name = nameIn(target);
  refuseOthers(method, target, request);
  if (Object.hasOwn(target.query, 'uploads') || Object.hasOwn(target.query, 'uploadId'))
    return servePart(options, name, target, request, response);
  if (method === 'PUT') return put(options, name, asker, request, response);
  if (method === 'DELETE') {
    await options.artifacts.remove(name); // what is not there is gone as well, as on S3
    response.writeHead(204).end();
    return;
  }
  const artifact = await options.artifacts.find(name);
  if (artifact === undefined)
    throw new FileError('NoSuchKey', 'The specified key does not exist.', { BucketName: name.bucket, Key: name.key });
  return download(options.artifacts, artifact, request, response);
}

/** One step of an upload in parts. */
async function servePart(
  { parts }: Serving,
  name: ObjectName,
  { query }: Target,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { bucket: Bucket, key: Key } = name;
  const { uploadId = '', partNumber } = query;
  const id = String(uploadId);
  const begin = () => goOn(request, response);
  if (request.method === 'PUT') {
    const { sha256 } = await parts.put(id, name, Number(partNumber), request, begin);
    response.writeHead(200, { etag: etagOf({ sha256 }), 'content-length': 0 }).end();
  } else if (request.method === 'DELETE') {
    await parts.abort(id, name);
    response.writeHead(204).end();
  } else if (request.method === 'POST' && Object.hasOwn(query, 'uploads')) {
    const UploadId = await parts.begin(name, request.headers);
    sendXml(response, answerXml('InitiateMultipartUploadResult', { Bucket, Key, UploadId }));
  } else if (request.method === 'POST') {
    begin();
    const ETag = etagOf(await parts.complete(id, name, request));
    sendXml(response, answerXml('CompleteMultipartUploadResult', { Bucket, Key, ETag }));
  } else throw new FileError('NotImplemented', 'Lists of parts are not served: begin the upload anew');
}

function sendXml(response: ServerResponse, xml: string): void {
  response.writeHead(200, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) }).end(xml);
}

/** Tells a client that asked before it sends its body to go on. */
function goOn(request: IncomingMessage, response: ServerResponse): void {
  if (/^100-continue$/i.test(request.headers.expect ?? '')) response.writeContinue();
}

async function put(
  { artifacts, bytesMax, verifier }: Serving,
  name: ObjectName,
  asker: Asker,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const largest = bytesMax[verifier.isUrlKey(asker.accessKeyId) ? 'url' : 'operator'];
  const artifact = await upload(artifacts, name, request, largest, () => goOn(request, response));
  const checksum = Buffer.from(artifact.sha256, 'hex').toString('base64');
  response.writeHead(200, { etag: etagOf(artifact), 'x-amz-checksum-sha256': checksum, 'content-length': 0 }).end();
}

function nameIn({ segments: [bucket = '', ...key] }: Target): ObjectName {
  const name = { bucket, key: key.join('/') };
  if (name.key === '')
    throw new FileError(
      'NotImplemented',
      'Only single objects are served, at /BUCKET/KEY; errand list-artifacts tells what there is, buckets need not be made',
    );
  const fault = faultInName(name);
  if (fault !== undefined) throw new FileError('InvalidArgument', `There can be no such object: ${fault}`);
  return name;
}

/** Parts of S3 that would do something else than what is asked for if they were passed over. */
const OTHER_QUERIES = /^(acl|attributes|legal-hold|restore|retention|select|tagging|torrent|versionId)$/;

function refuseOthers(method: string, { query }: Target, { headers }: IncomingMessage): void {
  const other = Object.keys(query).find((name) => OTHER_QUERIES.test(name));
  if (other !== undefined) throw new FileError('NotImplemented', `'${other}' is not served by this store`);
  if (headers['x-amz-copy-source'] !== undefined)
    throw new FileError('NotImplemented', 'Copies are not served: download the object and upload it again');
  const isPart = Object.hasOwn(query, 'uploads') || Object.hasOwn(query, 'uploadId');
  if (!['GET', 'HEAD', 'PUT', 'DELETE'].includes(method) && !(method === 'POST' && isPart))
    throw new FileError('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
      Method: method,
      AllowedMethods: 'GET, HEAD, PUT, DELETE',
    });
}

function refusalOf(error: unknown): FileError {
  if (error instanceof FileError) return error;
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
    return new FileError('InsufficientStorage', 'The disk of this service is full');
  return new FileError('InternalError', 'The service failed; its log has the reason under the id in x-amz-request-id');
}

function refuse(
  refusal: FileError,
  path: string,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  // The rest of a small body is read and dropped, so that the answer reaches a client that sends before it looks.
  const { 'content-length': length, expect } = request.headers;
  const small = expect === undefined && Number(length ?? Number.POSITIVE_INFINITY) <= DROPPED_BYTES_MAX;
  if (!request.complete && !small) response.setHeader('connection', 'close');
  for (const name of ['etag', 'last-modified', 'content-range']) response.removeHeader(name);
  const body = Buffer.from(errorXml(refusal, path, id));
  response.writeHead(refusal.status, {
    ...refusal.headers,
    'content-type': 'application/xml',
    'content-length': body.length,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
