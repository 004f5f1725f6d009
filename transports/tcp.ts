import { connect, type Socket } from 'node:net';
import { CLOSE_MILLIS_MAX, type Connect, type Transport } from './transport.ts';

/** Plain TCP without delay: for a broker on the same machine, and for tests. */
export function tcp(host: string, port: number): Connect {
  return () => {
    const socket = connect({ host, port, noDelay: true });
    return wire(socket, 'connect', (error) => networkReason(error, host, port));
  };
}

/**
 * What tcp and tls share: a socket as a transport.
 *
 * @param opened   the event that says that the peer is there
 * @param unheard  what may be wrong when the peer ends before its first byte
 */
export function wire(socket: Socket, opened: string, explain: (error: Error) => string, unheard = ''): Transport {
  let reason: string | undefined;
  let heard = false;
  let tellClosed: (reason?: string) => void = () => {};
  let closing: NodeJS.Timeout | undefined;
  socket.on('error', (error) => {
    // The first is the cause; 'close' always follows.
    if (closing === undefined)
      reason ??= `${explain(error)}${heard || !CUT.test((error as NodeJS.ErrnoException).code ?? '') ? '' : unheard}`;
  });
  socket.on('end', () => {
    if (closing === undefined) reason ??= `the peer closed the connection${heard ? '' : unheard}`;
  });
  socket.on('close', () => {
    clearTimeout(closing);
    tellClosed(reason);
  });
  return {
    onOpened: (tell) => void socket.on(opened, tell),
    onBytes: (take) =>
      void socket.on('data', (bytes) => {
        heard = true;
        take(bytes);
      }),
    onClosed: (tell) => {
      tellClosed = tell;
    },
    write: (bytes) => socket.write(bytes),
    close: () => {
      if (closing !== undefined) return;
      closing = setTimeout(() => socket.destroy(), CLOSE_MILLIS_MAX);
      if (socket.connecting) socket.destroy();
      else socket.destroySoon();
    },
  };
}

const CUT = /^(ECONNRESET|EPIPE)$/;

const NETWORK: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the peer cut the connection',
  EPIPE: 'the peer cut the connection',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'no name server answers',
};

/** A failed connection in one sentence: where, what, and the system's word for it. */
export function networkReason(error: Error, host: string, port: number): string {
  // Node tries a name's addresses one after another; its AggregateError carries a code but no message.
  const { code = '' } = error as NodeJS.ErrnoException;
  return `${host}:${port}: ${NETWORK[code] ?? error.message} (${code})`;
}
