import { isIP } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext, type PeerCertificate } from 'node:tls';
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

/** Causes of a failed handshake by the codes of Node and OpenSSL; `$CLOCK` and `$PEER` are filled in. */
const HANDSHAKE: readonly [RegExp, string][] = [
  [/^CERT_HAS_EXPIRED$/, "the server's certificate has expired $CLOCK"],
  [/^CERT_NOT_YET_VALID$/, "the server's certificate is not valid yet $CLOCK"],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "the server's certificate is for another host: $PEER"],
  [/^DEPTH_ZERO_SELF_SIGNED_CERT$/, "the server's certificate is self-signed and not the given CA"],
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER_CERT|GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE)|CERT_SIGNATURE_FAILURE)$/,
    "the server's certificate is not signed by the given CA",
  ],
  [/ALERT_CERTIFICATE_EXPIRED$/, "the server says that the device's certificate has expired"],
  [/ALERT_CERTIFICATE_REVOKED$/, "the server says that the device's certificate is revoked"],
  [
    /ALERT_(CERTIFICATE_(REQUIRED|UNKNOWN)|(BAD|UNSUPPORTED)_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)$/,
    "the server does not accept the device's certificate",
  ],
  [/ALERT_NO_APPLICATION_PROTOCOL$/, 'the server does not speak the application protocol asked for'],
  [/WRONG_VERSION_NUMBER$/, 'the server does not speak TLS on this port'],
  [/(UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION)$/, 'the server does not speak TLS 1.2 or newer'],
];

function tlsReason(error: NodeJS.ErrnoException & { cert?: PeerCertificate }, host: string, port: number): string {
  const { code = '', cert } = error;
  const known = HANDSHAKE.find(([pattern]) => pattern.test(code))?.[1];
  if (known === undefined) return networkReason(error, host, port);
  const why = known
    .replace('$CLOCK', `by this device's clock (${new Date().toISOString().slice(0, 16)}Z)`)
    .replace('$PEER', () => cert?.subjectaltname ?? `${cert?.subject.CN}, without alternative names`);
  return `${host}:${port}: ${why} (${code})`;
}
