/** A way to a port on which every byte is a write of its own, in both directions, without Nagle's delay. */
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Badness } from './link.ts';

export interface Relay {
  readonly port: number;
  /** Connections so far. */
  count(): number;
  /** Breaks what is open, as a network does that is gone. */
  cut(): void;
  close(): Promise<void>;
}

/** As TCP doubles it, from what a lost segment of an unknown line costs at first. */
const STALL_MILLIS = 1_000;

/**
 * @param host     where it listens
 * @param badness  where no line below it is bad: bytes are late by the delay, and each portion that is lost waits for as long as
 *                 TCP would until it is sent again, with all behind it
 */
export async function openRelay(host: string, toPort: number, chance: () => number, badness?: Badness): Promise<Relay> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = net.createServer({ noDelay: true }, (near) => {
    connections += 1;
    const far = net.connect({ port: toPort, host: 'localhost', noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroySoon();
      });
      void pass(from, to, chance, badness);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const cut = () => sockets.forEach((socket) => void socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    count: () => connections,
    cut,
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function pass(from: Socket, to: Socket, chance: () => number, badness: Badness | undefined): Promise<void> {
  let inOrder = Promise.resolve();
  let dueMillis = 0;
  from.on('data', (bytes: Buffer) => {
    if (badness) {
      let lateMillis = badness.delayMillis;
      for (let stall = STALL_MILLIS; chance() < badness.loss; stall *= 2) lateMillis += stall + badness.delayMillis;
      dueMillis = Math.max(dueMillis, performance.now() + lateMillis);
    }
    const due = dueMillis;
    inOrder = inOrder.then(async () => {
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      for (let i = 0; i < bytes.length && !to.destroyed; i += 1) {
        to.write(bytes.subarray(i, i + 1));
        // Elsewhere is read meanwhile: so it is a segment of one byte, as long as the line takes more.
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  });
}
