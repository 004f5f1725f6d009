import { connect, isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import type { TlsOptions } from '../tls.ts';

/**
 * What AWS IoT Core supports and its Device Advisor wants to see offered, nothing else ("Transport security in AWS IoT Core"):
 * ECDHE with AES-GCM in TLS 1.2; in 1.3 the three of every implementation.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/** A private key that OpenSSL asks an engine for. */
export interface KeyInEngine {
  privateKeyEngine: string;
  privateKeyIdentifier: string;
}

/** What a connection shows of itself and trusts; `key` or the name of one in an engine. */
export type Shown = Pick<TlsOptions, 'ca' | 'cert' | 'key'> & Partial<KeyInEngine>;

/**
 * One set of credentials for all connections: making one costs more than a handshake.
 *
 * @throws Error of OpenSSL when a PEM cannot be read or the key is not the certificate's
 */
export function secureContext({ ca, cert, key, privateKeyEngine, privateKeyIdentifier }: Shown): SecureContext {
  const own = { ca, cert, key, privateKeyEngine, privateKeyIdentifier };
  return createSecureContext({ ...own, minVersion: 'TLSv1.2', ciphers: CIPHERS });
}

/**
 * TLS over a socket, one that is still connecting too.
 *
 * Node completes the handshake before it looks at the server's certificate, and says nothing when it then hangs up: by the rules
 * of AWS Device Advisor that fails ("TLS Incorrect Subject Name", "Unsecure Server Cert", "Expired Server Cert"). So the
 * certificate is looked at earlier: OpenSSL asks a client that wants an OCSP answer for its opinion after the server's part of the
 * handshake and before its own, stapled answer or not. A server that is refused then gets a fatal alert, and nothing of ours.
 * Where this hook should be missing, Node's own check still follows.
 */
export function secure(raw: Socket, host: string, context: SecureContext, alpn?: string): TLSSocket {
  const socket = tlsConnect({
    socket: raw,
    secureContext: context,
    servername: isIP(host) ? '' : host,
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    ...(alpn && { ALPNProtocols: [alpn] }),
    ...{ requestOCSP: true },
  });
  socket.on('OCSPResponse', () => {
    const error = refusalOf(socket, host);
    if (!error) return;
    // In the clear, as all up to here may be (RFC 8446 §6, RFC 5246 §7.2): record type 21, TLS 1.2, 2 bytes: fatal, which.
    raw.write(Uint8Array.of(21, 3, 3, 0, 2, 2, ALERTS[error.code ?? ''] ?? BAD_CERTIFICATE));
    socket.destroy(error);
  });
  socket.on('error', () => raw.destroySoon());
  return socket;
}

/** A TCP connection without delay. */
export function plain(host: string, port: number): Socket {
  return connect({ host, port, noDelay: true });
}

/** RFC 8446 §6.2. */
const BAD_CERTIFICATE = 42;
const CERTIFICATE_EXPIRED = 45;
const UNKNOWN_CA = 48;

const ALERTS: Record<string, number> = {
  CERT_HAS_EXPIRED: CERTIFICATE_EXPIRED,
  CERT_NOT_YET_VALID: CERTIFICATE_EXPIRED,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_CA,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_CA,
};

function refusalOf(socket: TLSSocket, host: string): NodeJS.ErrnoException | undefined {
  // Not public: but it is what Node itself asks a moment later.
  const { _handle: handle } = socket as unknown as {
    _handle?: { verifyError?: () => NodeJS.ErrnoException | null };
  };
  return handle?.verifyError?.() ?? checkServerIdentity(host, socket.getPeerCertificate());
}
