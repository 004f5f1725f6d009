import { createServer } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A proxy of a few lines: what it was asked, and whether it lets through. */
export interface TestProxy {
  port: number;
  /** `CONNECT` targets with the credentials that came. */
  asked: { target: string; authorization: string | undefined }[];
  close(): void;
}

/** @param credentials  what it wants, `user:password`; undefined: nothing */
export async function startProxy(credentials?: string): Promise<TestProxy> {
  const asked: TestProxy['asked'] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (request, socket, head) => {
    const authorization = request.headers['proxy-authorization'];
    asked.push({ target: request.url!, authorization });
    socket.on('error', () => {});
    if (credentials !== undefined && authorization !== `Basic ${Buffer.from(credentials).toString('base64')}`)
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
    const { hostname, port } = new URL(`tcp://${request.url}`);
    const far = net.connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n');
      far.write(head);
      far.pipe(socket).pipe(far);
    });
    sockets.add(far);
    far.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
