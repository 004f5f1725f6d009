import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { ModelledError } from '../modelledError.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import { type Handlers, OPERATIONS } from '../operations/table.ts';
import { readInput } from './input.ts';
import {
  BODY_BYTES_MAX,
  CONNECTIONS_MAX,
  HANDSHAKE_MILLIS_MAX,
  KEEP_ALIVE_MILLIS,
  REQUEST_ARRIVAL_MILLIS_MAX,
} from './limits.ts';
import { routerOf } from './route.ts';
import { type Claim, readClaim, unrecognized, verifySignature } from './signature.ts';
import { readTarget } from './target.ts';

export interface HttpsOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** PEM texts; `cert` may hold a chain. */
  certificate: { key: string; cert: string };
  /** The region that signatures must be made for. */
  region: string;
  handlers: Handlers;
  /** The secret of an active access key; undefined when there is none with this id. */
  findSecretAccessKey(accessKeyId: string): Promise<string | undefined>;
  nowMillis(): number;
  /** Told of every failure that a client sees only as a 500. */
  onFailure(failure: { requestId: string; operation: string | undefined; error: unknown }): void;
}

export interface HttpsServer {
  port: number;
  /** Serves new connections with another certificate from now on. */
  setCertificate(certificate: { key: string; cert: string }): void;
  /** Takes no more connections, lets the requests that are being answered end, and resolves when all is closed. */
  close(): Promise<void>;
}

/**
 * Serves the control plane over HTTPS: checks the signature (SigV4), finds the operation in the table, validates, and hands over
 * to its handler. Errors are answered in the API's own form (control plane §1.1), never with a stack.
 *
 * What is checked when: the claim and its access key before the body is read, so that a stranger cannot make us hold a
 * megabyte; the signature before the path is looked at, so that a stranger does not learn what is served.
 *
 * @throws Error when the port cannot be listened on
 */
export async function serveHttps(options: HttpsOptions): Promise<HttpsServer> {
  const route = routerOf(OPERATIONS);
  const claims = new WeakMap<IncomingMessage, { claim: Claim; plane: 'control' | 'data'; secret: string }>();
  const app = fastify<Server>({
    https: { ...options.certificate, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MILLIS_MAX },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_ARRIVAL_MILLIS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MILLIS,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    // The table routes, not fastify: which operation a path means also depends on the scope of the signature (data plane §8.2).
    rewriteUrl: () => '/',
    clientErrorHandler: answerBrokenRequest,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.addHook('onRequest', async (request) => {
    const { claim, plane } = readClaim(request.headers, options.region, options.nowMillis());
    const secret = await options.findSecretAccessKey(claim.accessKeyId);
    if (secret === undefined) throw unrecognized();
    claims.set(request.raw, { claim, plane, secret });
  });

  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { claim, plane, secret } = claims.get(request.raw)!;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const target = readTarget(request.originalUrl);
    if (target === undefined) throw invalidRequest('The path or the query is not valid percent-encoded UTF-8');
    await verifySignature(claim, secret, { method: request.method, target, headers: request.headers, body });
    const found = plane === 'control' ? route(request.method, target.segments) : undefined;
    if (found === undefined) throw noOperation(request.method, plane);
    const { name } = found.operation;
    const input = readInput(found, target.query, request.headers, body);
    const output = await options.handlers[name](input as never).catch((error: unknown) => {
      if (!(error instanceof ModelledError)) options.onFailure({ requestId: request.id, operation: name, error });
      throw error instanceof ModelledError ? error : internalFailure();
    });
    return send(reply, 200, request.id, output ?? {});
  };
  app.all('/', answer);
  app.setNotFoundHandler(answer); // methods that fastify does not know
  app.setErrorHandler((error, request, reply) => {
    const modelled = error instanceof ModelledError ? error : fromFastify(error);
    if (modelled === undefined) options.onFailure({ requestId: request.id, operation: undefined, error });
    const { type, status, message, members } = modelled ?? internalFailure();
    return send(reply.header('x-amzn-errortype', type), status, request.id, { __type: type, message, ...members });
  });

  app.server.maxConnections = CONNECTIONS_MAX;
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    setCertificate: (certificate) => app.server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' }),
    close: () => app.close(),
  };
}

function send(reply: FastifyReply, status: number, requestId: string, body: object): FastifyReply {
  // A body that was refused unread is still read and dropped, so that the answer reaches a client that sends before it looks;
  // not one without end, though.
  const { complete, headers } = reply.request.raw;
  const endless = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > BODY_BYTES_MAX;
  if (!complete && endless) reply.header('connection', 'close');
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .header('x-amzn-requestid', requestId)
    .send(JSON.stringify(body));
}

function noOperation(method: string, plane: 'control' | 'data'): ModelledError {
  const what =
    plane === 'control' ? `No operation is served at this path with ${method}` : 'The data plane is not served here';
  return notFound(what);
}

function internalFailure(): ModelledError {
  return refusal(
    'InternalFailureException',
    'The service failed; its log has the reason under the id in x-amzn-RequestId',
  );
}

/** Refusals of fastify itself, by its code; undefined: not a refusal but a failure. */
function fromFastify(error: unknown): ModelledError | undefined {
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new ModelledError('RequestEntityTooLargeException', 413, `The body is larger than ${BODY_BYTES_MAX} bytes`);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return invalidRequest('The request is not well formed: its body does not fit its headers');
  return undefined;
}

/** What is no HTTP at all, is too slow or has too many headers never becomes a request: it is answered on the socket. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  const type = 'InvalidRequestException';
  const body = JSON.stringify({ __type: type, message: `The request is not well formed HTTP: ${status.slice(4)}` });
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\nx-amzn-errortype: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}
