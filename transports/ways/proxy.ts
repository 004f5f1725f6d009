import { connect, type Socket } from 'node:net';

/** An HTTP proxy that lets TLS through by CONNECT (RFC 9110 §9.3.6). */
export interface HttpProxy {
  host: string;
  port: number;
  /** `user:password`, for `Proxy-Authorization: Basic` (RFC 7617). Never in a log line nor in an error. */
  credentials?: string | undefined;
  /** Hosts that are reached without it, with all names below them; `*`: every one. In lower case. */
  except?: readonly string[];
}

/** The longest head of a proxy's answer, bytes. */
const HEAD_BYTES_MAX = 16_384;
/** How long a proxy may take, its own connection to the server included. */
const PROXY_MILLIS_MAX = 20_000;

/** The proxy on the way to `host`, if there is one. */
export function proxyTo(host: string, proxy: HttpProxy | undefined, credentials?: string): HttpProxy | undefined {
  const isExcepted = (name: string) => name === '*' || `.${host.toLowerCase()}`.endsWith(`.${name}`);
  return proxy && !proxy.except?.some(isExcepted) ? { ...proxy, credentials } : undefined;
}

/**
 * Asks a proxy for a connection to `host:port`.
 *
 * @param done  called once: with the socket, through which the next byte is the server's; or with one sentence
 * @returns     gives the attempt up; `done` is then not called any more
 */
export function throughProxy(
  proxy: HttpProxy,
  host: string,
  port: number,
  done: (socket: Socket | undefined, reason?: string) => void,
): () => void {
  const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true });
  let head = Buffer.alloc(0);
  const giveUp = () => {
    clearTimeout(timer);
    socket.removeAllListeners('data').removeAllListeners('close');
  };
  const fail = (reason: string) => {
    giveUp();
    socket.destroy();
    done(undefined, `proxy ${proxy.host}:${proxy.port}: ${reason}`);
  };
  const timer = setTimeout(fail, PROXY_MILLIS_MAX, `no answer in ${PROXY_MILLIS_MAX / 1000} s`);
  let error = '';
  const onError = ({ message }: Error) => {
    error = message;
  };
  socket.on('error', onError);
  socket.on('close', () => fail(error || 'it closed the connection without an answer'));
  socket.on('connect', () => socket.write(request(proxy, host, port)));
  socket.on('data', (bytes) => {
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (head.length > HEAD_BYTES_MAX) fail(`no end of its answer in ${HEAD_BYTES_MAX} bytes`);
      return;
    }
    const status = /^HTTP\/1\.[01] (\d{3})[^\r]*/.exec(head.toString('latin1'));
    if (!status || status[1]![0] !== '2') return fail(refusal(status?.[1], status?.[0], proxy, host, port));
    giveUp();
    socket.off('error', onError).pause();
    if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
    done(socket);
  });
  return () => {
    giveUp();
    socket.destroy();
  };
}

function request({ credentials }: HttpProxy, host: string, port: number): string {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const authorization = credentials
    ? `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`
    : '';
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`;
}

function refusal(
  code: string | undefined,
  line: string | undefined,
  proxy: HttpProxy,
  host: string,
  port: number,
): string {
  if (!code) return 'it does not answer as an HTTP proxy does';
  const why = code !== '407' ? 'it refuses' : proxy.credentials ? 'it refuses the credentials' : 'it wants credentials';
  return `${why}: CONNECT ${host}:${port} was answered with ${line}`;
}
