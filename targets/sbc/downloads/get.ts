import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { proxyTo, throughProxy } from '../../../transports/ways/proxy.ts';
import type { Settings } from '../settings.ts';
import { SILENCE_MILLIS_MAX } from './limits.ts';

/** Verdicts on a certificate of which another authority may have signed the chain. */
const UNKNOWN_AUTHORITY = /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/;

/**
 * Asks for a URL, through the proxy of the settings where there is one; http too, by CONNECT. The server's certificate has to be of
 * the configured authority or of one that the system trusts.
 *
 * @returns the answer when its head is there; a silence of SILENCE_MILLIS_MAX ends it with an error
 */
export async function get(
  url: URL,
  headers: IncomingHttpHeaders,
  settings: Settings,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  try {
    return await send(url, headers, settings, signal, { ca: settings.ca });
  } catch (error) {
    if (!UNKNOWN_AUTHORITY.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return send(url, headers, settings, signal, {});
  }
}

async function send(
  url: URL,
  headers: IncomingHttpHeaders,
  settings: Settings,
  signal: AbortSignal,
  trust: ConnectionOptions,
): Promise<IncomingMessage> {
  const { protocol, port, pathname, search } = url;
  const load = createRequire('/');
  const { get } = load(`node:${protocol.slice(0, -1)}`) as typeof import('node:https');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const servername = /^[\d.]+$|:/.test(host) ? '' : host;
  const socket = await tunnel(settings, host, Number(port) || (protocol === 'http:' ? 80 : 443));
  const { connect } = load('node:tls') as typeof import('node:tls');
  const createConnection = () =>
    protocol === 'http:' ? socket!.resume() : connect({ ...trust, servername, socket: socket! });
  // Every agent, also the one that stands for none, makes its connections itself.
  const connection = socket ? { createConnection } : ({ agent: false } as const);
  const how = { host, port, path: pathname + search, headers, signal, servername, ...trust, ...connection };
  return new Promise((resolve, reject) => {
    const asked = get({ ...how, timeout: SILENCE_MILLIS_MAX }, resolve);
    asked.on('timeout', () => asked.destroy(new Error('the server says nothing any more')));
    asked.on('error', reject);
  });
}

function tunnel(settings: Settings, host: string, port: number): Promise<Socket | undefined> {
  const proxy = proxyTo(host, settings.proxy, settings.proxyCredentials);
  return new Promise((resolve, reject) => {
    if (!proxy) return resolve(undefined);
    throughProxy(proxy, host, port, (socket, reason) => (socket ? resolve(socket) : reject(new Error(reason))));
  });
}
