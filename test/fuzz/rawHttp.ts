import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

export interface RawAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Buffer;
}

/** A client that sends bytes as they are, on one connection as long as the other side keeps it. */
export interface RawClient {
  /** @returns undefined: the connection ended without an answer */
  exchange(bytes: Uint8Array, method?: string): Promise<RawAnswer | undefined>;
  /** Says that nothing more comes, and gives what the other side says until it closes; its last answer, if any. */
  last(bytes: Uint8Array): Promise<RawAnswer | undefined>;
  close(): void;
}

export function rawClient(options: ConnectionOptions): RawClient {
  let socket: TLSSocket | undefined;
  let read = Buffer.alloc(0);
  let told = () => {};

  function open(): TLSSocket {
    if (socket !== undefined && !socket.destroyed && socket.writable && !socket.readableEnded) return socket;
    socket?.destroy();
    read = Buffer.alloc(0);
    const opened = connect(options);
    opened.on('data', (bytes: Buffer) => {
      read = Buffer.concat([read, bytes]);
      told();
    });
    opened.on('error', () => {}); // 'close' follows
    opened.on('close', () => told());
    return (socket = opened);
  }
  const change = () => new Promise<void>((resolve) => (told = resolve));

  return {
    async exchange(bytes, method = 'GET') {
      const used = open();
      used.write(bytes);
      for (;;) {
        const found = takeAnswer(read, method);
        if (found !== undefined) {
          read = read.subarray(found.size);
          if (found.answer.headers.connection === 'close') used.destroy();
          return found.answer;
        }
        if (used.destroyed) return undefined;
        await change();
      }
    },
    async last(bytes) {
      const used = open();
      used.end(bytes);
      while (!used.destroyed) await change();
      let last: RawAnswer | undefined;
      for (let found = takeAnswer(read, 'GET'); found !== undefined; found = takeAnswer(read, 'GET')) {
        last = found.answer;
        read = read.subarray(found.size);
      }
      return last;
    },
    close: () => void socket?.destroy(),
  };
}

/** The answer at the start of `bytes`; undefined: more must come. @throws when it is none */
function takeAnswer(bytes: Buffer, method: string): { answer: RawAnswer; size: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(first!)?.[1];
  if (status === undefined) throw new Error(`not an answer of HTTP: ${first}`);
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const start = end + 4;
  if (status === '100') return takeAnswer(bytes.subarray(start), method);
  const size = method === 'HEAD' ? 0 : Number(headers['content-length'] ?? 0);
  if (bytes.length < start + size) return undefined;
  return { answer: { status: Number(status), headers, body: bytes.subarray(start, start + size) }, size: start + size };
}
