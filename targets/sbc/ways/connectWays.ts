import type { Connect } from '../../../transports/transport.ts';
import { guardedTls } from '../../../transports/ways/guardedTls.ts';
import { https } from '../../../transports/ways/https.ts';
import { inOrder } from '../../../transports/ways/inOrder.ts';
import { proxyTo } from '../../../transports/ways/proxy.ts';
import type { Log } from '../log.ts';
import { withKey } from '../pkcs11/engine.ts';
import type { Settings } from '../settings.ts';
import type { Endpoint } from './settings.ts';

declare const ERRAND_WITHOUT_HTTPS: true | undefined;
declare const ERRAND_WITHOUT_PKCS11: true | undefined;

/** What AWS IoT Core wants to hear on port 443 (Developer Guide, "Protocols, port mappings, and authentication"). */
const ALPN = { mqtt: 'x-amzn-mqtt-ca', https: 'x-amzn-http-ca' };

/**
 * The ways to the service that the settings name, in their order.
 *
 * @throws Error of OpenSSL when a PEM cannot be read or the key is not the certificate's; of one sentence for a key in a token
 */
export function connectWays(settings: Settings, log: Log): Connect {
  const make = (own: Settings) => ways(own, log);
  return typeof ERRAND_WITHOUT_PKCS11 === 'undefined' ? withKey(settings, make) : make(settings);
}

function ways(settings: Settings, log: Log): Connect {
  const { host, port, endpoint, mqttPort = 0, proxy, proxyCredentials } = settings;
  const first = { ...endpoint, host, port };
  const all = [first, ...(endpoint?.others ?? [])].map(({ host, port = mqttPort, isHttps }: Endpoint) => {
    const connect = typeof ERRAND_WITHOUT_HTTPS === 'undefined' && isHttps ? https : guardedTls;
    const alpn = port === 443 ? ALPN[isHttps ? 'https' : 'mqtt'] : undefined;
    return {
      name: `${isHttps ? 'https://' : ''}${host}:${port}`,
      connect: connect({ ...settings, host, port, alpn, proxy: proxyTo(host, proxy, proxyCredentials) }),
    };
  });
  return all.length > 1 ? inOrder(all, (what) => log('info', what)) : all[0]!.connect;
}
