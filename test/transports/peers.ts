/** What stands at the other end of a wire in these tests. */
import { once } from 'node:events';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Connect } from '../../transports/transport.ts';

/** Servers of one test file: `listen` starts one on any free port of loopback, `close` ends all that are in `all`. */
export function openServers() {
  const all: { close(): void }[] = [];
  return {
    all,
    async listen(server: net.Server): Promise<number> {
      all.push(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    },
    close: () => {
      for (const server of all) server.close();
    },
  };
}

/** Opens a wire, says hello when it stands, and returns what happened until it was closed. */
export function hello(connect: Connect): Promise<string[]> {
  const wire = connect();
  const seen: string[] = [];
  return new Promise((resolve) => {
    wire.onOpened(() => {
      seen.push('opened');
      wire.write(Buffer.from('hello'));
    });
    wire.onBytes((portion) => {
      seen.push(Buffer.from(portion).toString());
      wire.close();
    });
    wire.onClosed((reason) => {
      seen.push(reason ?? 'closed');
      resolve(seen);
    });
  });
}
