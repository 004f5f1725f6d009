import type { Connect } from '../../../transports/transport.ts';
import { guardedTls } from '../../../transports/ways/guardedTls.ts';
import { https } from '../../../transports/ways/https.ts';
import { inOrder } from '../../../transports/ways/inOrder.ts';
import { proxyTo } from '../../../transports/ways/proxy.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Endpoint } from './settings.ts';

declare const ERRAND_WITHOUT_HTTPS: true | undefined;

/** What AWS IoT Core wants to hear on port 443 (Developer Guide, "Protocols, port mappings, and authentication"). */
const ALPN = { mqtt: 'x-amzn-mqtt-ca', https: 'x-amzn-http-ca' };

/**
 * The ways to the service that the settings name, in their order.
 *
 * @throws Error of OpenSSL when a PEM cannot be read or the key is not the certificate's
 */
export function connectWays(settings: Settings, log: Log): Connect {
  const { host, port, endpoint, mqttPort = 0, proxy, proxyCredentials } = settings;
  const first = { ...endpoint, host, port };
  const ways = [first, ...(endpoint?.others ?? [])].map(({ host, port = mqttPort, isHttps }: Endpoint) => {
    const connect = typeof ERRAND_WITHOUT_HTTPS === 'undefined' && isHttps ? https : guardedTls;
    const alpn = port === 443 ? ALPN[isHttps ? 'https' : 'mqtt'] : undefined;
    return {
      name: `${isHttps ? 'https://' : ''}${host}:${port}`,
      connect: connect({ ...settings, host, port, alpn, proxy: proxyTo(host, proxy, proxyCredentials) }),
    };
  });
  return ways.length > 1 ? inOrder(ways, (what) => log('info', what)) : ways[0]!.connect;
}
