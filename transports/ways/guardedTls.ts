import type { Socket } from 'node:net';
import { wire } from '../tcp.ts';
import { type TlsOptions, UNHEARD } from '../tls.ts';
import type { Connect, Transport } from '../transport.ts';
import { type HttpProxy, throughProxy } from './proxy.ts';
import { type KeyInEngine, plain, secure, secureContext } from './secureSocket.ts';

export interface GuardedTlsOptions extends TlsOptions, Partial<KeyInEngine> {
  /** Not given: straight to the host. */
  proxy?: HttpProxy | undefined;
}

/**
 * The same as tls.ts, with what not every board needs: a proxy on the way, and a handshake that refuses a wrong server by an alert.
 *
 * @throws Error of OpenSSL when a PEM cannot be read or the key is not the certificate's
 */
export function guardedTls(options: GuardedTlsOptions): Connect {
  const { host, port, alpn, proxy } = options;
  const context = secureContext(options);
  const over = (raw: Socket) => wire(secure(raw, host, context, alpn), 'secureConnect', `${host}:${port}`, UNHEARD);
  return () => {
    if (!proxy) return over(plain(host, port));
    let through: Transport | undefined;
    const giveUp = throughProxy(proxy, host, port, (socket, reason) => {
      if (!socket) return tellClosed(reason);
      through = over(socket);
      through.onOpened(tellOpened);
      through.onBytes(takeBytes);
      through.onClosed(tellClosed);
    });
    let tellOpened: () => void;
    let takeBytes: (bytes: Uint8Array) => void;
    let tellClosed: (reason?: string) => void;
    return {
      onOpened: (tell) => {
        tellOpened = tell;
      },
      onBytes: (take) => {
        takeBytes = take;
      },
      onClosed: (tell) => {
        tellClosed = tell;
      },
      write: (bytes) => through?.write(bytes) ?? false,
      close: () => {
        if (through) return through.close();
        giveUp();
        tellClosed();
      },
    };
  };
}
