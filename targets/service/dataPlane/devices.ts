import type { TLSSocket } from 'node:tls';
import { type HttpsListener, type HttpsListenerOptions, listenHttps } from '../http/listener.ts';
import { certificateIdOf } from '../identity/deviceCertificate.ts';
import type { Log } from '../log.ts';
import type { ModelledError } from '../modelledError.ts';
import type { Principal } from '../registry/principals.ts';
import { DATA_BODY_BYTES_MAX, DEVICE_CONNECTIONS_MAX, REFUSALS_LOGGED_PER_CONNECTION_MAX } from './limits.ts';
import { type Caller, type DataPlane, type DataPlaneOptions, unavailable } from './plane.ts';
import { dataRefusal, forbidden } from './refusals.ts';

export interface DevicesOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** PEM. Only clients with a certificate of this authority get in. */
  ca: string;
  /** PEM texts of this side; `cert` may hold a chain. */
  certificate: { key: string; cert: string };
  dataPlane: Pick<DataPlane, 'answer'>;
  /** Who a certificate stands for, asked for every request; undefined: not known, not active, revoked. */
  identify(certificateId: string): Promise<Principal | undefined>;
  log: Log;
  /** Told of every failure that a client sees only as a 503. */
  onFailure: DataPlaneOptions['onFailure'];
  onAnswered?: NonNullable<HttpsListenerOptions<never>['onAnswered']>;
}

export interface DevicesListener extends HttpsListener {
  /**
   * To be told when a certificate changed: cuts its connections, with the requests that they hold open, if it is not active any
   * more. What it is attached to is looked up for each request anyway.
   */
  revoke(certificateId: string): Promise<void>;
}

interface Connection {
  /** Undefined: none was shown, which TLS does not let through. */
  certificateId: string | undefined;
  peer: string;
  refusals: number;
}

/** What AWS's SDKs offer for HTTPS on port 443; a client may offer nothing too. */
const ALPN_PROTOCOLS = ['x-amzn-http-ca', 'http/1.1'];

/**
 * Serves devices over HTTPS with mutual TLS (data plane §8.1): a certificate of ours that is active, and with it the things
 * that it is attached to.
 *
 * @throws Error when the port cannot be listened on
 */
export async function serveDevices(options: DevicesOptions): Promise<DevicesListener> {
  const { host, port, ca, certificate, dataPlane, identify, log, onFailure } = options;
  const connections = new Map<TLSSocket, Connection>();

  function welcome(socket: TLSSocket): void {
    const shown = socket.getPeerX509Certificate();
    const certificateId = shown === undefined ? undefined : certificateIdOf(shown.raw);
    connections.set(socket, { certificateId, peer: `${socket.remoteAddress}:${socket.remotePort}`, refusals: 0 });
    socket.once('close', () => connections.delete(socket));
  }

  async function admit(connection: Connection | undefined): Promise<Caller> {
    if (connection?.certificateId === undefined) throw noCertificate();
    const { certificateId } = connection;
    // The first look-up serves the first answer; one that waited is looked up again.
    let known = await identify(certificateId);
    if (known === undefined) throw refused(connection, noCertificate(), 'not known or not active');
    return {
      async authorise(thingName, operation) {
        const principal = known ?? (await identify(certificateId));
        known = undefined;
        if (principal === undefined) throw refused(connection, noCertificate(), 'no longer active');
        if (principal.thingNames.includes(thingName)) return;
        const error = forbidden('The certificate is not attached to this thing');
        throw refused(connection, error, 'not attached to the thing', { thingName, operation });
      },
    };
  }

  function refused(
    connection: Connection,
    error: ModelledError,
    reason: string,
    fields: Record<string, string> = {},
  ): ModelledError {
    const { certificateId = '', peer } = connection;
    if (++connection.refusals <= REFUSALS_LOGGED_PER_CONNECTION_MAX)
      log('warn', `request refused: the certificate is ${reason}`, { ...fields, certificateId, peer });
    return error;
  }

  const listener = await listenHttps<Caller>({
    host,
    port,
    tls: { ...certificate, ca, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ALPN_PROTOCOLS },
    bodyBytesMax: DATA_BODY_BYTES_MAX,
    connectionsMax: DEVICE_CONNECTIONS_MAX,
    onConnection: welcome,
    admit: ({ socket }) => admit(connections.get(socket as TLSSocket)),
    answer: dataPlane.answer,
    failure: unavailable,
    onFailure,
    ...(options.onAnswered && { onAnswered: options.onAnswered }),
  });
  return {
    ...listener,
    async revoke(certificateId) {
      const principal = await identify(certificateId).catch(() => undefined);
      if (principal !== undefined) return;
      for (const [socket, connection] of connections) if (connection.certificateId === certificateId) socket.destroy();
    },
  };
}

function noCertificate(): ModelledError {
  return dataRefusal('CertificateValidationException', 'The certificate is not known here, or not active');
}
