import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { ModelledError } from '../modelledError.ts';
import { invalidRequest } from '../operations/refusals.ts';
import { HANDSHAKE_MILLIS_MAX, KEEP_ALIVE_MILLIS, REQUEST_ARRIVAL_MILLIS_MAX } from './limits.ts';
import { readTarget, type Target } from './target.ts';

export interface HttpsListenerOptions<Caller> {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Certificate and key (PEM), and what else this listener asks of TLS; 1.2 is the least. */
  tls: TlsOptions;
  /** Largest body, bytes. */
  bodyBytesMax: number;
  /** Most connections at the same time; further ones are closed at once. */
  connectionsMax: number;
  onConnection?(socket: TLSSocket): void;
  /**
   * Who asks, before anything of the body is taken.
   *
   * @throws ModelledError
   */
  admit(request: IncomingMessage): Promise<Caller>;
  /**
   * The answer with status 200; undefined: nobody is there any more who would hear one.
   *
   * @throws ModelledError
   */
  answer(arrived: Arrived, caller: Caller): Promise<HttpAnswer | undefined>;
  /** What a client sees of an error that is not modelled. */
  failure(): ModelledError;
  /** Told of every answer: the operation where it was known, `OK` or the error's type, and how long it took. */
  onAnswered?(operation: string | undefined, code: string, millis: number): void;
  onFailure(failure: { requestId: string; operation: string | undefined; error: unknown }): void;
}

/** A request that has arrived whole. */
export interface Arrived {
  id: string;
  method: string;
  target: Target;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** Set by who answers, as soon as it is known. */
  operation?: string;
  /** `tell` is called once, when the client is gone (or has its answer). */
  onGone(tell: () => void): void;
  /** Closes the connection without an answer. */
  cut(): void;
}

export interface HttpAnswer {
  body: object;
  headers?: Readonly<Record<string, string>>;
  /** The connection is closed after so many bytes of the body. */
  cutAfterBytes?: number;
}

export interface HttpsListener {
  port: number;
  /** Open connections. */
  connections(): Promise<number>;
  /** False once it closes. */
  listening(): boolean;
  /** Serves new connections with another certificate from now on. */
  setCertificate(certificate: { key: string; cert: string }): void;
  /** Takes no more connections, lets the requests that are being answered end, and resolves when all is closed. */
  close(): Promise<void>;
}

/**
 * HTTPS as both planes need it: bounds, request ids, errors in the API's own form (control plane §1.1), never with a stack. What
 * is asked and who may ask it are its owner's.
 *
 * @throws Error when the port cannot be listened on
 */
export async function listenHttps<Caller>(options: HttpsListenerOptions<Caller>): Promise<HttpsListener> {
  const callers = new WeakMap<IncomingMessage, Caller>();
  const operations = new WeakMap<IncomingMessage, Arrived>();
  const tls: TlsOptions = { ...options.tls, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MILLIS_MAX };
  const app = openApp(options.bodyBytesMax, tls);

  const send = (reply: FastifyReply, status: number, body: object): FastifyReply => {
    // A body that was refused unread is still read and dropped, so that the answer reaches a client that sends before it looks;
    // not one without end, though.
    const { complete, headers } = reply.request.raw;
    const { 'transfer-encoding': encoding, 'content-length': length } = headers;
    const endless = encoding !== undefined || Number(length ?? 0) > options.bodyBytesMax;
    if (!complete && endless) reply.header('connection', 'close');
    return reply
      .code(status)
      .header('content-type', 'application/json')
      .header('x-amzn-requestid', reply.request.id)
      .send(Buffer.from(JSON.stringify(body))); // of a string fastify would say its charset, which JSON has not
  };

  app.addHook('onRequest', async (request) => {
    callers.set(request.raw, await options.admit(request.raw));
  });
  if (options.onAnswered !== undefined)
    app.addHook('onResponse', async (request, reply) => {
      const code = reply.getHeader('x-amzn-errortype') ?? 'OK';
      options.onAnswered?.(operations.get(request.raw)?.operation, String(code), reply.elapsedTime);
    });
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const target = readTarget(request.originalUrl);
    if (target === undefined) throw invalidRequest('The path or the query is not valid percent-encoded UTF-8');
    const arrived: Arrived = {
      id: request.id,
      method: request.method,
      target,
      headers: request.headers,
      body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      onGone: (tell) => {
        if (request.raw.socket.destroyed) tell();
        else reply.raw.once('close', tell);
      },
      cut: () => void request.raw.socket.destroy(),
    };
    operations.set(request.raw, arrived);
    const given = await options.answer(arrived, callers.get(request.raw)!);
    if (given === undefined) return reply.hijack();
    if (given.cutAfterBytes !== undefined) return answerInPart(reply, given.body, given.cutAfterBytes);
    return send(given.headers === undefined ? reply : reply.headers(given.headers), 200, given.body);
  };
  app.all('/', answer);
  app.setNotFoundHandler(answer); // methods that fastify does not know
  app.setErrorHandler((error, request, reply) => {
    const modelled = error instanceof ModelledError ? error : fromFastify(error, options.bodyBytesMax);
    if (modelled === undefined) options.onFailure({ requestId: request.id, operation: undefined, error });
    const { type, status, message, members } = modelled ?? options.failure();
    return send(reply.header('x-amzn-errortype', type), status, { __type: type, message, ...members });
  });

  // Node would answer an expectation that it does not know with an empty 417; who meets none may as well go on (RFC 9110 §10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.server.maxConnections = options.connectionsMax;
  if (options.onConnection !== undefined) app.server.on('secureConnection', options.onConnection);
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    connections: () =>
      new Promise((resolve) => app.server.getConnections((error, count) => resolve(error === null ? count : 0))),
    listening: () => app.server.listening,
    setCertificate: (certificate) => app.server.setSecureContext({ ...tls, ...certificate }),
    close: () => app.close(),
  };
}

/** Fastify for its bounds and its end alone: every path is one to it, and a body is bytes. */
function openApp(bodyLimit: number, tls: TlsOptions) {
  const app = fastify<Server>({
    // A request without Host is answered as all others are, not by Node with an empty 400.
    https: { ...tls, requireHostHeader: false },
    bodyLimit,
    requestTimeout: REQUEST_ARRIVAL_MILLIS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MILLIS,
    forceCloseConnections: 'idle',
    // A request that still comes on an open connection while we close is answered, not refused in a form of fastify's own.
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    // Tables route, not fastify: which operation a path means also depends on who asks (data plane §8.2).
    rewriteUrl: () => '/',
    schemaController: { compilersFactory: NO_SCHEMAS },
    clientErrorHandler: answerBrokenRequest,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  return app;
}

function answerInPart(reply: FastifyReply, body: object, bytesMax: number): FastifyReply {
  reply.hijack();
  const whole = Buffer.from(JSON.stringify(body));
  const { raw } = reply;
  const headers = { 'x-amzn-requestid': reply.request.id, 'content-length': whole.length };
  raw.writeHead(200, { 'content-type': 'application/json', ...headers });
  raw.flushHeaders();
  raw.write(whole.subarray(0, bytesMax), () => raw.destroy());
  return reply;
}

/** The table of operations validates, so fastify's own compilers, which take a tenth of the start, are never loaded. */
const NO_SCHEMAS = { buildValidator: noSchema, buildSerializer: noSchema };
function noSchema(): never {
  throw new Error('a route has a schema: the table of operations validates');
}

/** Refusals of fastify itself, by its code; undefined: not a refusal but a failure. */
function fromFastify(error: unknown, bodyBytesMax: number): ModelledError | undefined {
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new ModelledError('RequestEntityTooLargeException', 413, `The body is larger than ${bodyBytesMax} bytes`);
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
