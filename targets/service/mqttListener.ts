import { createHash } from 'node:crypto';
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Millis } from '../../runtime/effects.ts';
import { createFaultyGateway, faultyWakeAt, stepFaulty } from './faults/faultyGateway.ts';
import type { FaultSwitch } from './faults/plan.ts';
import type { GatewayEvent, GatewayRequest, Principal, ProvisioningPublish } from './gateway/events.ts';
import { createGateway } from './gateway/gateway.ts';
import { connectionsMax, handshakeMillisMax, lingerMillisMax, unsentBytesMax } from './gateway/limits.ts';

export interface MqttListenerOptions {
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
  /** Answered later with `answer`, by the same connection and client identifier. */
  onRequest: (request: GatewayRequest) => void;
  /** The same for those of fleet provisioning; not given: they stay without answer. */
  onProvision?: (request: ProvisioningPublish) => void;
  /** Told of every client that was let in. */
  onWelcome?: (client: { clientId: string; principal: Principal }) => void;
  log: (level: 'info' | 'warn', message: string, fields: Record<string, string | number>) => void;
  /** A clock that only runs forward. */
  now: () => Millis;
  /** Listens here too, on loopback alone, without TLS, for anybody and for every topic; 0: any free port. */
  openPort?: number | undefined;
  /** Where the faults are that were asked for. */
  faults?: FaultSwitch;
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
/** Where `openPort` listens, whatever `host` is: what it lets in must not come from another machine. */
export const OPEN_HOST = '127.0.0.1';
/** Who comes by `openPort`. */
const ANYBODY: Principal = { certificateId: '', thingNames: [], open: true };

/**
 * MQTT over mutual TLS, and over nothing at all where that was asked for: the sockets, the clock and the one timer of a gateway.
 *
 * @throws (rejects) when the port cannot be had, or the certificate and key are not a pair
 */
export async function listenMqtt(options: MqttListenerOptions): Promise<MqttListener> {
  const { ca, cert, key, identify, onRequest, log, now } = options;
  const gateway = createFaultyGateway(createGateway(), options.faults ?? { plan: undefined });
  const sockets = new Map<number, Socket>();
  const arriving = new Set<{ certificateId: string; changed: boolean }>();
  let connections = 0;
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let draining = false;

  function step(event: GatewayEvent): void {
    const slow: number[] = [];
    for (const effect of stepFaulty(gateway, event, now())) {
      switch (effect.do) {
        case 'write': {
          const socket = sockets.get(effect.connection);
          socket?.write(effect.bytes);
          if (socket !== undefined && socket.writableLength > unsentBytesMax) slow.push(effect.connection);
          break;
        }
        case 'close':
          finish(effect.connection);
          break;
        case 'request':
          onRequest(effect);
          break;
        case 'welcome':
          options.onWelcome?.(effect);
          break;
        case 'provision':
          options.onProvision?.(effect);
          break;
        case 'log':
          log(effect.level, effect.message, effect.fields);
          break;
      }
    }
    for (const connection of slow) cutOff(connection);
    arm();
  }

  /** Lets the last bytes leave, for so long. */
  function finish(connection: number): void {
    const socket = sockets.get(connection);
    sockets.delete(connection);
    if (socket === undefined) return;
    socket.end();
    const linger = setTimeout(() => socket.destroy(), lingerMillisMax);
    socket.once('close', () => clearTimeout(linger));
  }

  function cutOff(connection: number): void {
    const socket = sockets.get(connection);
    if (socket === undefined) return;
    sockets.delete(connection);
    const reason = `it reads too slowly: ${socket.writableLength} bytes unsent, at most ${unsentBytesMax}`;
    socket.destroy();
    step({ on: 'closed', connection, reason });
  }

  /** The timer is moved only to an earlier time: with every packet some keep-alive starts anew, later. */
  function arm(): void {
    const at = faultyWakeAt(gateway);
    if (at === undefined || at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(
      () => {
        timerAt = Number.POSITIVE_INFINITY;
        step({ on: 'wake' });
      },
      Math.max(0, at - now()),
    );
  }

  async function welcome(socket: TLSSocket): Promise<void> {
    const connection = ++connections;
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const failure = failureOf(socket);
    const certificateId = createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex');
    const principal = await identifyArriving(certificateId);
    if (principal === undefined) {
      log('warn', 'connection refused: the certificate is not known or not active', {
        connection,
        certificateId,
        peer,
      });
      socket.destroy();
      return;
    }
    if (!socket.destroyed) admit(connection, socket, principal, failure);
  }

  /** Whoever is being looked up is not among the gateway's connections yet: when its certificate changes meanwhile, once more. */
  async function identifyArriving(certificateId: string): Promise<Principal | undefined> {
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
  }

  function admit(connection: number, socket: Socket, principal: Principal, failure: () => Error | undefined): void {
    sockets.set(connection, socket);
    socket.on('close', () => {
      if (!sockets.delete(connection)) return; // it was closed from here
      const reason = failure()?.message;
      step({ on: 'closed', connection, ...(reason !== undefined && { reason }) });
    });
    step({ on: 'connected', connection, principal });
    // Read only now: what the client sent meanwhile has waited in the socket.
    socket.on('data', (bytes: Buffer) => {
      // Dropped, not left unread: a socket that is closed with unread bytes resets, and an answer on its way may be lost.
      if (!draining) step({ on: 'bytes', connection, bytes });
    });
  }

  const tls: TlsOptions = { ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' };
  const server = createServer({
    ...tls,
    cert,
    key,
    ALPNProtocols: [ALPN_PROTOCOL],
    handshakeTimeout: handshakeMillisMax,
    noDelay: true,
  });
  server.maxConnections = connectionsMax;
  const open = new Set<Socket>();
  const keepTrack = (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };
  server.on('connection', keepTrack); // before its handshake, which may last
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
  const servers: Server[] = [server];
  await listen(server, options.port, options.host);
  const openPort = options.openPort === undefined ? undefined : await listenOpen(options.openPort);
  for (const one of servers)
    one.on('error', (error) => log('warn', 'a connection could not be taken', { reason: error.message }));

  async function listenOpen(port: number): Promise<number> {
    const plain = createPlainServer({ noDelay: true }, (socket) => {
      keepTrack(socket);
      admit(++connections, socket, ANYBODY, failureOf(socket));
    });
    plain.maxConnections = connectionsMax;
    try {
      await listen(plain, port, OPEN_HOST);
    } catch (error) {
      server.close();
      throw error;
    }
    servers.push(plain);
    return portOf(plain);
  }

  const gone = Promise.all(servers.map((one) => new Promise<void>((resolve) => one.once('close', () => resolve()))));
  function drain(): void {
    if (!draining) for (const one of servers) one.close();
    draining = true;
  }

  return {
    port: portOf(server),
    openPort,
    publish: (topic, payload, qos) => step({ on: 'publish', topic, payload, qos }),
    answer: ({ connection, clientId, correlationData, fault }, topic, payload) =>
      step({ on: 'answer', connection, clientId, topic, payload, correlationData, fault }),
    revoke: (certificateId) => {
      for (const arrival of arriving) if (arrival.certificateId === certificateId) arrival.changed = true;
      step({ on: 'revoked', certificateId });
    },
    elsewhere: ({ clientId, principal }, agoMillis) =>
      step({ on: 'elsewhere', clientId, principal, at: now() - agoMillis }),
    setCertificate: (certificate) => server.setSecureContext({ ...tls, ...certificate }),
    connections: () => sockets.size,
    listening: () => server.listening,
    drain,
    close: async () => {
      drain();
      clearTimeout(timer);
      timerAt = Number.NEGATIVE_INFINITY; // and never again
      const told = [...sockets.values()].map((socket) => {
        const closed = new Promise((resolve) => socket.once('close', resolve));
        return { socket, closed };
      });
      step({ on: 'closing' });
      for (const { socket } of told) socket.destroySoon(); // once its last bytes are handed over, or `lingerMillisMax` is up
      await Promise.all(told.map(({ closed }) => closed));
      sockets.clear();
      for (const socket of open) socket.destroy();
      await gone;
    },
  };
}

/** Keeps why a socket failed; 'close' always follows. */
function failureOf(socket: Socket): () => Error | undefined {
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  return () => failure;
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
