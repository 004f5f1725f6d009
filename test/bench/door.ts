import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createServer } from 'node:tls';
import { makeCa, makeCertificate } from '../transports/certificates.ts';
import { temporaryFolder } from './processes.ts';
import type { Access } from './site.ts';

/** A server that knows three packets: it notes when CONNECT comes, answers CONNACK, and notes that something came behind it. */
export interface Door {
  readonly access: Access;
  /** Of the next connection: when the first byte of its CONNECT came, by `performance.now()`, and that CONNACK was acted upon. */
  nextConnect(): Promise<{ atMillis: number; answered: Promise<void> }>;
  close(): void;
}

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const CONNACK_5 = Buffer.from([0x20, 3, 0, 0, 0]);
/** Of a CONNECT, how MQTT 5 says which it is. */
const IS_5 = Buffer.from('\0\x04MQTT\x05');

export async function openDoor(): Promise<Door> {
  const folder = temporaryFolder();
  const ca = makeCa(folder, 'ca');
  const own = makeCertificate(folder, 'localhost', ca, 'DNS:localhost,IP:127.0.0.1');
  const device = makeCertificate(folder, 'device', ca);
  const waiting: ((connect: { atMillis: number; answered: Promise<void> }) => void)[] = [];
  const server = createServer(
    { ca: ca.cert, cert: own.cert, key: own.key, requestCert: true, noDelay: true },
    (socket) => {
      socket.on('error', () => {}); // it was killed
      socket.once('data', (connect) => {
        const atMillis = performance.now();
        const answered = new Promise<void>((resolve) => socket.once('data', () => resolve()));
        socket.write(connect.includes(IS_5) ? CONNACK_5 : CONNACK);
        waiting.shift()?.({ atMillis, answered });
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    access: {
      host: 'localhost',
      port,
      ca: ca.certFile,
      cert: device.certFile,
      key: device.keyFile,
      thingName: 'device',
    },
    nextConnect: () => new Promise((resolve) => void waiting.push(resolve)),
    close: () => server.close(),
  };
}
