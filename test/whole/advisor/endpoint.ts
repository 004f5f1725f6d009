/** A server that behaves as AWS Device Advisor's test endpoint: it follows the rules but for the one that a test has it break. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import nodeTls, { type TLSSocket } from 'node:tls';
import { generate, type Packet, parser } from 'mqtt-packet';
import type { Pair } from '../../transports/certificates.ts';

export interface Endpoint {
  port: number;
  /** All packets that came, of which connection (from 1), and when: milliseconds of a real clock. */
  packets: { connection: number; packet: Packet; at: number }[];
  /** What became of each connection attempt, in order: `completed`, or the error of its handshake. */
  handshakes: string[];
  /** The first packet from index `from` on that fits. */
  packet(fits: (packet: Packet, connection: number) => boolean, from?: number): Promise<Packet>;
  /** Resolves at the end of so many connections. */
  ended(count: number): Promise<void>;
  close(): void;
}

export interface Behaviour {
  /** What is sent for a packet instead of the usual: nothing, for one. `connection` counts from 1. */
  answer?(packet: Packet, connection: number, send: (...packets: Packet[]) => void, socket: TLSSocket): boolean;
  tls?: nodeTls.TlsOptions;
}

export async function openEndpoint(pair: Pair, ca: Pair, { answer, tls }: Behaviour = {}): Promise<Endpoint> {
  const packets: Endpoint['packets'] = [];
  const handshakes: string[] = [];
  const sockets = new Set<TLSSocket>();
  const waiting = new Set<() => void>();
  let count = 0;
  let over = 0;
  const tellAll = () => {
    for (const one of waiting) one();
  };
  const server = nodeTls.createServer({ cert: pair.cert, key: pair.key, ca: ca.cert, requestCert: true, ...tls });
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
    handshakes.push(error.code ?? error.message);
    tellAll();
  });
  server.on('secureConnection', (socket) => {
    const connection = ++count;
    handshakes.push('completed');
    sockets.add(socket);
    socket.setNoDelay(true);
    const send = (...these: Packet[]) => {
      if (socket.writable) socket.write(Buffer.concat(these.map((packet) => generate(packet))));
    };
    const reader = parser({ protocolVersion: 4 });
    reader.on('packet', (packet) => {
      packets.push({ connection, packet, at: performance.now() });
      if (!answer?.(packet, connection, send, socket)) behave(packet, send);
      tellAll();
    });
    socket.on('data', (bytes) => void reader.parse(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      over += 1;
      tellAll();
    });
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const when = <T>(look: () => T | undefined) =>
    new Promise<T>((resolve) => {
      const one = () => {
        const found = look();
        if (found === undefined) return;
        waiting.delete(one);
        resolve(found);
      };
      waiting.add(one);
      one();
    });
  return {
    port: (server.address() as AddressInfo).port,
    packets,
    handshakes,
    packet: (fits, from = 0) =>
      when(() => packets.slice(from).find(({ packet, connection }) => fits(packet, connection))?.packet),
    ended: async (many) => void (await when(() => (over >= many ? true : undefined))),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function behave(packet: Packet, send: (...packets: Packet[]) => void): void {
  switch (packet.cmd) {
    case 'connect':
      return send({ cmd: 'connack', returnCode: 0, sessionPresent: false });
    case 'subscribe':
      return send({ cmd: 'suback', messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) });
    case 'publish':
      if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId! });
      return;
    case 'pingreq':
      return send({ cmd: 'pingresp' });
  }
}
