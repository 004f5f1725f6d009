import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, refusal } from '../operations/refusals.ts';
import type { DESCRIBE_ENDPOINT } from '../operations/registryOperations.ts';
import type { Registry } from './registry.ts';

/** Which listener serves what an endpointType stands for. */
const LISTENERS: Readonly<Record<string, 'mqtts' | 'data'>> = {
  'iot:Data': 'mqtts',
  'iot:Data-ATS': 'mqtts',
  'iot:Jobs': 'data',
};

/** The address of a listener: `host:port`, because here ports are the operator's choice. */
export async function describeEndpoint(
  registry: Pick<Registry, 'endpoints'>,
  { endpointType = 'iot:Data' }: InputOf<typeof DESCRIBE_ENDPOINT>,
): Promise<{ endpointAddress: string }> {
  const listener = Object.hasOwn(LISTENERS, endpointType) ? LISTENERS[endpointType] : undefined;
  if (listener === undefined)
    throw invalidRequest(`'endpointType' is '${endpointType}': expected ${Object.keys(LISTENERS).join(', ')}`);
  const endpointAddress = registry.endpoints()[listener];
  if (endpointAddress === undefined)
    throw refusal('InternalFailureException', `The ${listener} listener is not running`);
  return { endpointAddress };
}
