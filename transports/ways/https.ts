import { randomBytes } from 'node:crypto';
import type * as Http from 'node:http';
import type * as Https from 'node:https';
import { createRequire } from 'node:module';
import type { HttpsAnswer } from '../../runtime/device/jobsOverHttps.ts';
import { createHttpsWay, type HttpsEffect, type HttpsEvent, stepHttpsWay } from '../../runtime/device/mqttOverHttps.ts';
import { clock } from '../loop.ts';
import { explain } from '../tcp.ts';
import type { Connect } from '../transport.ts';
import type { GuardedTlsOptions } from './guardedTls.ts';
import { throughProxy } from './proxy.ts';
import { plain, secure, secureContext } from './secureSocket.ts';

/** For a whole answer, beside the time that the service may hold the request open. */
const ANSWER_MILLIS_MAX = 30_000;
/** The largest answer: a document of 32 KB in JSON in JSON, and room. */
const BODY_BYTES_MAX = 262_144;

/**
 * The HTTPS data plane as a wire to an MQTT server (runtime/device/mqttOverHttps.ts has the rules).
 *
 * @throws Error of OpenSSL when a PEM cannot be read or the key is not the certificate's
 */
export function https(options: GuardedTlsOptions & { thingName: string }): Connect {
  const { host, port, alpn, proxy, thingName } = options;
  const context = secureContext(options);
  const peer = `https://${host}:${port}`;
  return () => {
    // Loaded when it is needed first: it costs an idle agent memory.
    const load = createRequire('/');
    const { Agent } = load('node:https') as typeof Https;
    const { ClientRequest } = load('node:http') as typeof Http;
    const agent = new Agent({ keepAlive: true });
    agent.createConnection = ((_: unknown, done: (error: Error | undefined, socket?: unknown) => void) => {
      if (!proxy) return secure(plain(host, port), host, context, alpn);
      throughProxy(proxy, host, port, (socket, reason) => {
        if (socket) done(undefined, secure(socket, host, context, alpn));
        else done(new Error(reason));
      });
      return undefined;
    }) as unknown as typeof agent.createConnection;

    let way = createHttpsWay(thingName, randomBytes(4).readInt32LE());
    let over = false;
    let timer: NodeJS.Timeout | undefined;
    const requests = new Set<Http.ClientRequest>();
    let takeBytes: (bytes: Uint8Array) => void;
    let tellClosed: (reason?: string) => void;

    function give(event: HttpsEvent): void {
      if (over) return;
      let effects: HttpsEffect[];
      [way, effects] = stepHttpsWay(way, event, clock());
      for (const effect of effects) if (!over) carryOut(effect);
    }

    function carryOut(effect: HttpsEffect): void {
      switch (effect.do) {
        case 'tell':
          return takeBytes(effect.bytes);
        case 'request':
          return start(effect);
        case 'wake':
          clearTimeout(timer);
          if (effect.at !== undefined)
            timer = setTimeout(give, Math.max(0, effect.at - clock()) + 1, { on: 'wake' } satisfies HttpsEvent);
          return;
        case 'hangUp':
          end(`${peer}: ${effect.reason.replace(`${peer}: `, '')}`);
      }
    }

    function start({ id, request, holdSeconds }: Extract<HttpsEffect, { do: 'request' }>): void {
      const { method, path, body } = request;
      const failed = (reason: string) => give({ on: 'failed', id, reason });
      const sent = new ClientRequest({
        protocol: 'https:',
        host,
        port,
        method,
        path,
        agent,
        headers: {
          ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
          ...(holdSeconds > 0 && { prefer: `wait=${holdSeconds}` }),
        },
      });
      const millis = ANSWER_MILLIS_MAX + holdSeconds * 1000;
      const tooLate = setTimeout(() => sent.destroy(new Error(`no answer in ${millis / 1000} s`)), millis);
      requests.add(sent);
      sent.on('close', () => {
        clearTimeout(tooLate);
        requests.delete(sent);
      });
      sent.on('error', (error) => failed(explain(error, peer)));
      sent.on('response', (response) => {
        const { statusCode: status = 0, headers } = response;
        const errorType = headers['x-amzn-errortype'] as string | undefined;
        const portions: Buffer[] = [];
        let size = 0;
        response.on('data', (portion: Buffer) => {
          portions.push(portion);
          if ((size += portion.length) > BODY_BYTES_MAX)
            sent.destroy(new Error(`an answer of more than ${BODY_BYTES_MAX} bytes`));
        });
        response.on('error', (error) => failed(explain(error, peer)));
        response.on('end', () => {
          const answer: HttpsAnswer = { status, errorType, body: Buffer.concat(portions) };
          give({ on: 'answered', id, answer, isHeld: headers['preference-applied'] !== undefined });
        });
      });
      sent.end(body);
    }

    function end(reason?: string): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      for (const request of requests) request.on('error', () => {}).destroy();
      agent.destroy();
      tellClosed(reason);
    }

    return {
      // The first request makes the connection; what goes wrong then closes.
      onOpened: (tell) => void setImmediate(() => over || tell()),
      onBytes: (take) => {
        takeBytes = take;
      },
      onClosed: (tell) => {
        tellClosed = tell;
      },
      write: (bytes) => {
        // Not at once: the device is in the middle of a step.
        setImmediate(give, { on: 'bytes', bytes } satisfies HttpsEvent);
        return true;
      },
      close: () => setImmediate(end),
    };
  };
}
