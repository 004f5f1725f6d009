import { isIP } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext } from 'node:tls';
import { networkReason, wire } from './tcp.ts';
import type { Connect } from './transport.ts';

export interface TlsOptions {
  /** A name is sent as SNI; the server's certificate must be for it. */
  host: string;
  port: number;
  /** PEM. The only authority that is trusted, whatever the system or Node trust. */
  ca: string | Buffer;
  /** PEM: the device's own certificate, and its private key. */
  cert: string | Buffer;
  key: string | Buffer;
  /** Application protocol to ask for, such as `x-amzn-mqtt-ca` on port 443 (AWS IoT Core, "Protocols, port mappings"). */
  alpn?: string;
}

/**
 * Mutual TLS 1.2 or newer, without delay. Opened means: the host is verified.
 *
 * @throws Error of OpenSSL when a PEM cannot be read or the key is not the certificate's
 */
export function tls(options: TlsOptions): Connect {
  const { host, port, ca, cert, key, alpn } = options;
  // One context for all connections: making one costs more than a handshake.
  const secureContext = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' });
  return () => {
    const target: ConnectionOptions = { host, port, secureContext };
    if (isIP(host) === 0) target.servername = host;
    if (alpn !== undefined) target.ALPNProtocols = [alpn];
    const socket = connect(target);
    socket.setNoDelay(true);
    return wire(socket, 'secureConnect', (error) => tlsReason(error, host, port), UNHEARD);
  };
}

/** Some servers, Node's among them, tell a device that they refuse by hanging up. */
const UNHEARD = ": it may not accept the device's certificate";

/** Why a handshake failed, by the codes of Node and OpenSSL: what we refuse, what the peer refuses, what is no TLS. */
function tlsReason(error: NodeJS.ErrnoException, host: string, port: number): string {
  const { code = '' } = error;
  const alert = /_ALERT_(\w+)/.exec(code)?.[1];
  let why = '';
  if (alert) why = `the server refuses: ${alert.toLowerCase().replaceAll('_', ' ')}`;
  else if (/CERT|ISSUER|LEAF/.test(code)) why = `the server's certificate is refused: ${error.message}`;
  else if (/VERSION|PROTOCOL/.test(code)) why = 'the server does not speak TLS 1.2 or newer';
  else return networkReason(error, host, port);
  // A device without a battery for its clock wakes up long ago.
  if (/_HAS_EXPIRED|NOT_YET/.test(code)) why += `, by this device's clock (${new Date().toISOString()})`;
  return `${host}:${port}: ${why} (${code})`;
}
