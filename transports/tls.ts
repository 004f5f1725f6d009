import { isIP } from 'node:net';
import { connect, createSecureContext } from 'node:tls';
import { wire } from './tcp.ts';
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
  alpn?: string | undefined;
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
    const socket = connect({
      host,
      port,
      secureContext,
      servername: isIP(host) ? '' : host,
      ...(alpn && { ALPNProtocols: [alpn] }),
    });
    socket.setNoDelay(true);
    return wire(socket, 'secureConnect', `${host}:${port}`, UNHEARD);
  };
}

/** Some servers, Node's among them, tell a device that they refuse by hanging up. */
export const UNHEARD = ": it may not accept the device's certificate";
