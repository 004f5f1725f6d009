import { connect, type Socket } from 'node:net';
import { CLOSE_MILLIS_MAX, type Connect, type Transport } from './transport.ts';

/** Plain TCP without delay: for a broker on the same machine, and for tests. */
export function tcp(host: string, port: number): Connect {
  return () => wire(connect({ host, port, noDelay: true }), 'connect', `${host}:${port}`);
}

/**
 * What tcp and tls share: a socket as a transport.
 *
 * @param opened   the event that says that the peer is there
 * @param peer     host and port
 * @param unheard  what may be wrong when the peer ends before its first byte
 */
export function wire(socket: Socket, opened: string, peer: string, unheard = ''): Transport {
  let reason: string | undefined;
  let closing: NodeJS.Timeout | undefined;
  const because = (why: string) => {
    // The first is the cause; 'close' always follows.
    if (!closing) reason ??= why.includes(CLOSED) ? why + unheard : why;
  };
  socket.on('error', (error) => because(explain(error, peer)));
  socket.on('end', () => because(CLOSED));
  return {
    onOpened: (tell) => void socket.on(opened, tell),
    onBytes: (take) =>
      void socket.on('data', (bytes) => {
        unheard = '';
        take(bytes);
      }),
    onClosed: (tell) =>
      void socket.on('close', () => {
        clearTimeout(closing);
        tell(reason);
      }),
    write: (bytes) => socket.write(bytes),
    close: () => {
      if (closing) return;
      closing = setTimeout(() => socket.destroy(), CLOSE_MILLIS_MAX);
      if (socket.connecting) socket.destroy();
      else socket.destroySoon();
    },
  };
}

const CLOSED = 'the peer closed the connection';

/** Why a connection or a TLS handshake failed, by the codes of the system, of Node and of OpenSSL; the first that fits. */
const REASONS: [code: RegExp, why: string][] = [
  [/ECONNREFUSED/, 'nothing listens there'],
  [/ECONNRESET|EPIPE/, CLOSED],
  [/ENOTFOUND|EAI_AGAIN/, 'the name is not known'],
  [/_ALERT_/, 'the server refuses'],
  // A device without a battery for its clock wakes up long ago.
  [/_HAS_EXPIRED|NOT_YET/, "the server's certificate is refused by this device's clock"],
  [/CERT|ISSUER|LEAF/, "the server's certificate is refused"],
  [/VERSION|PROTOCOL/, 'the server does not speak TLS 1.2 or newer'],
];

/** A failed connection in one sentence: where, what, and the system's words for it. */
export function explain(error: NodeJS.ErrnoException & { reason?: string }, peer: string): string {
  const { code = '', reason, message } = error;
  const why = REASONS.find(([codes]) => codes.test(code))?.[1];
  // OpenSSL's messages are full of addresses, its reasons are not. Node's AggregateError has neither, only a code.
  return [peer, why, reason ?? (message || code)].filter(Boolean).join(': ');
}
