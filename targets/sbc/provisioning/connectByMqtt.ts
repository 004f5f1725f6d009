import type { Connect } from '../../../transports/transport.ts';
import { connectAs } from '../connectAs.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Pair } from './identityFile.ts';

/** See ../parts.ts. */
declare const ERRAND_WITHOUT_WAYS: true | undefined;

/**
 * The ways to the service by MQTT alone, which fleet provisioning needs.
 *
 * @throws Error of one sentence: all endpoints are by HTTPS
 */
export function connectByMqtt(settings: Settings, pair: Pair, log: Log): Connect {
  if (typeof ERRAND_WITHOUT_WAYS !== 'undefined') return connectAs(settings, pair, log);
  const { endpoint, mqttPort = 0, host, port } = settings;
  const [first, ...others] = [{ ...endpoint, host, port }, ...(endpoint?.others ?? [])].filter(
    ({ isHttps }) => !isHttps,
  );
  if (!first) throw new Error('certificates can be had by MQTT alone: give its endpoint');
  const { host: name, port: number = mqttPort } = first;
  return connectAs({ ...settings, host: name, port: number, endpoint: { ...first, others } }, pair, log);
}
