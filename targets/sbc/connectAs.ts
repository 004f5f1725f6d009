import { tls } from '../../transports/tls.ts';
import type { Connect } from '../../transports/transport.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';
import { connectWays } from './ways/connectWays.ts';

/** See parts.ts. */
declare const ERRAND_WITHOUT_WAYS: true | undefined;

/** The ways to the service with a certificate, the agent's own or another. */
export function connectAs(settings: Settings, { cert, key }: Pick<Settings, 'cert' | 'key'>, log: Log): Connect {
  const own = { ...settings, cert, key };
  return typeof ERRAND_WITHOUT_WAYS === 'undefined'
    ? connectWays(own, log)
    : tls({ ...own, alpn: own.port === 443 ? 'x-amzn-mqtt-ca' : undefined });
}
