import { createHash } from 'node:crypto';
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Millis } from '../../runtime/effects.ts';
import type { GatewayRequest, Principal } from './gateway/events.ts';
import { connectionsMax, handshakeMillisMax } from './gateway/limits.ts';
import { createMqttSockets, failureOf, type GatewayOwner } from './mqttSockets.ts';

export interface MqttListenerOptions extends GatewayOwner {
  /** 0: any free one. */
  port: number;
  host?: string;
  /** PEM. Only clients with a certificate of this authority get in. */
  ca: string | Buffer;
  /** PEM, with the chain behind it. */
  cert: string | Buffer;
  /** PEM. */
  key: string | Buffer;
  /**
   * Who a certificate stands for, asked once for each connection; undefined: not known, not active, revoked.
   *
   * @param certificateId  SHA-256 of its DER, hexadecimal
   */
  identify: (certificateId: string) => Promise<Principal | undefined>;
  /** Listens here too, on loopback alone, without TLS, for anybody and for every topic; 0: any free port. */
  openPort?: number | undefined;
}

export interface MqttListener {
  port: number;
  /** Where anybody gets in; undefined: nowhere. */
  openPort: number | undefined;
  /** The service's own message to all who subscribed. */
  publish: (topic: string, payload: Uint8Array, qos: 0 | 1) => void;
  /** To the requester alone, once, subscribed or not. */
  answer: (
    request: Pick<GatewayRequest, 'connection' | 'clientId' | 'correlationData' | 'fault'>,
    topic: string,
    payload: Uint8Array,
  ) => void;
  /** To be told when a certificate, or what it is attached to, has changed: who came with it goes, who is just coming is looked up again. */
  revoke: (certificateId: string) => void;
  /** To be told when a client has connected to another worker, and how long ago: here it goes. */
  elsewhere: (client: { clientId: string; principal: Principal }, agoMillis: Millis) => void;
  /** Serves new connections with another certificate from now on (PEM). */
  setCertificate: (certificate: { cert: string; key: string }) => void;
  /** Open connections whose certificate is known. */
  connections: () => number;
  /** False once it drains. */
  listening: () => boolean;
  /** Takes no connection and no packet any more, so that what was accepted can be answered before `close`. */
  drain: () => void;
  /** Ends every connection, those of MQTT 5 with the reason, and listens no more; resolves when all are gone. */
  close: () => Promise<void>;
}

/** What AWS's SDKs offer on every port; a client may also offer nothing. */
const ALPN_PROTOCOL = 'x-amzn-mqtt-ca';
const TLS: TlsOptions = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' };
/** Where `openPort` listens, whatever `host` is: what it lets in must not come from another machine. */
export const OPEN_HOST = '127.0.0.1';
/** Who comes by `openPort`. */
const ANYBODY: Principal = { certificateId: '', thingNames: [], open: true };

/**
 * MQTT over mutual TLS, and over nothing at all where that was asked for: what listens for a gateway.
 *
 * @throws (rejects) when the port cannot be had, or the certificate and key are not a pair
 */
export async function listenMqtt(options: MqttListenerOptions): Promise<MqttListener> {
  const { ca, log, now } = options;
  const sockets = createMqttSockets(options);
  const arrivals = createArrivals(options.identify);
  let connections = 0;

  async function welcome(socket: TLSSocket): Promise<void> {
    const connection = ++connections;
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const failure = failureOf(socket);
    const certificateId = createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex');
    const principal = await arrivals.identify(certificateId);
    if (principal === undefined) {
      log('warn', 'connection refused: the certificate is not known or not active', {
        connection,
        certificateId,
        peer,
      });
      socket.destroy();
      return;
    }
    if (!socket.destroyed) sockets.admit(connection, socket, principal, failure);
  }

  const open = new Set<Socket>();
  const keepTrack = (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };
  const server = createTlsServer(options, keepTrack, welcome);
  const plain = createPlainServer({ noDelay: true }, (socket) => {
    keepTrack(socket);
    sockets.admit(++connections, socket, ANYBODY, failureOf(socket));
  });
  const servers = await listenAll(server, plain, options);
  for (const one of servers)
    one.on('error', (error) => log('warn', 'a connection could not be taken', { reason: error.message }));
  const gone = Promise.all(servers.map((one) => new Promise<void>((resolve) => one.once('close', () => resolve()))));
  let draining = false;
  function drain(): void {
    if (!draining) for (const one of servers) one.close();
    draining = true;
    sockets.drain();
  }

  return {
    port: portOf(server),
    openPort: options.openPort === undefined ? undefined : portOf(plain),
    publish: (topic, payload, qos) => sockets.step({ on: 'publish', topic, payload, qos }),
    answer: ({ connection, clientId, correlationData, fault }, topic, payload) =>
      sockets.step({ on: 'answer', connection, clientId, topic, payload, correlationData, fault }),
    revoke: (certificateId) => {
      arrivals.changed(certificateId);
      sockets.step({ on: 'revoked', certificateId });
    },
    elsewhere: ({ clientId, principal }, agoMillis) =>
      sockets.step({ on: 'elsewhere', clientId, principal, at: now() - agoMillis }),
    setCertificate: (certificate) => server.setSecureContext({ ...TLS, ca, ...certificate }),
    connections: sockets.count,
    listening: () => server.listening,
    drain,
    close: async () => {
      drain();
      await sockets.end();
      for (const socket of open) socket.destroy();
      await gone;
    },
  };
}

/**
 * @param keepTrack  of every connection, from before its handshake, which may last
 * @param welcome    whoever has shown a certificate of the authority
 */
function createTlsServer(
  { ca, cert, key, log }: MqttListenerOptions,
  keepTrack: (socket: Socket) => void,
  welcome: (socket: TLSSocket) => Promise<void>,
) {
  const server = createServer({
    ...TLS,
    ca,
    cert,
    key,
    ALPNProtocols: [ALPN_PROTOCOL],
    handshakeTimeout: handshakeMillisMax,
    noDelay: true,
  });
  server.on('connection', keepTrack);
  server.on('secureConnection', (socket) => {
    keepTrack(socket);
    welcome(socket).catch((error: Error) => {
      log('warn', 'connection refused: its certificate could not be looked up', { reason: error.message });
      socket.destroy();
    });
  });
  server.on('tlsClientError', (error, socket) => {
    log('info', 'TLS handshake failed', { reason: error.message, peer: socket.remoteAddress ?? 'gone' });
    socket.destroy();
  });
  return server;
}

/** Who a certificate stands for, while it may change. */
function createArrivals(identify: MqttListenerOptions['identify']) {
  const arriving = new Set<{ certificateId: string; changed: boolean }>();
  return {
    /** Whoever is being looked up is not among the gateway's connections yet: when its certificate changes meanwhile, once more. */
    async identify(certificateId: string): Promise<Principal | undefined> {
      const arrival = { certificateId, changed: false };
      arriving.add(arrival);
      try {
        let principal = await identify(certificateId);
        while (arrival.changed) {
          arrival.changed = false;
          principal = await identify(certificateId);
        }
        return principal;
      } finally {
        arriving.delete(arrival);
      }
    },
    changed(certificateId: string): void {
      for (const arrival of arriving) if (arrival.certificateId === certificateId) arrival.changed = true;
    },
  };
}

/** @returns those that listen: `plain`, on loopback, only where there is a port for it */
async function listenAll(server: Server, plain: Server, options: MqttListenerOptions): Promise<Server[]> {
  const { port, host, openPort } = options;
  for (const one of [server, plain]) one.maxConnections = connectionsMax;
  await listen(server, port, host);
  if (openPort === undefined) return [server];
  try {
    await listen(plain, openPort, OPEN_HOST);
  } catch (error) {
    server.close();
    throw error;
  }
  return [server, plain];
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
