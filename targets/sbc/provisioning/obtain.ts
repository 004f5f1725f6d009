import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isThingName } from '../../../runtime/jobs/names.ts';
import { formatProvisioningTopic } from '../../../runtime/provisioning/topics.ts';
import { type Exchange, openExchange, Refused } from '../exchange.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import { connectByMqtt } from './connectByMqtt.ts';
import { makeCsr } from './csr.ts';
import type { NextPair, Pair } from './identityFile.ts';

const TOPICS = {
  device: formatProvisioningTopic({ operation: 'CreateCertificateFromCsr', format: 'json' }),
  service: formatProvisioningTopic({ operation: 'CreateKeysAndCertificate', format: 'json' }),
};

/** What a certificate is asked for with. */
interface Request {
  /** The certificate that asks. */
  by: Pair;
  clientId: string;
  template: string;
  parameters: Record<string, string>;
  /** One that an attempt which was cut off has got already. */
  next: NextPair | undefined;
  signal?: AbortSignal;
}

/**
 * Gets a certificate and gives it its thing, by a connection of its own. One whose token the service no longer takes is followed by
 * another, once.
 *
 * @param keep  is told of a certificate before a thing is asked for, and that it is of no use: undefined
 * @throws Refused; Error of one sentence
 */
export async function obtainThing(
  settings: Settings,
  { by, clientId, template, parameters, next, signal }: Request,
  log: Log,
  keep: (next: NextPair | undefined) => void,
): Promise<{ thingName: string; pair: Pair }> {
  const { keyFrom = 'device' } = settings;
  const exchange = await openExchange({
    connect: connectByMqtt(settings, by, log),
    clientId,
    listens: [TOPICS[keyFrom], registerTopic(template)].flatMap((topic) => [`${topic}/accepted`, `${topic}/rejected`]),
    signal,
  });
  try {
    for (;;) {
      const isFresh = !next;
      if (!next) {
        log('info', `asks for a certificate by template ${template}`);
        next = await obtain(exchange, keyFrom);
        keep(next);
      }
      const thingName = await register(exchange, template, next, parameters);
      const { cert, key } = next;
      if (thingName) return { thingName, pair: { cert, key } };
      next = undefined;
      keep(next);
      if (isFresh) throw new Error('the service does not take its own certificateOwnershipToken');
    }
  } finally {
    await exchange.close();
  }
}

function registerTopic(templateName: string): string {
  return formatProvisioningTopic({ operation: 'RegisterThing', templateName, format: 'json' });
}

/**
 * Gets a certificate that waits for its thing. With `device` its key is made here and never leaves.
 *
 * @throws Refused; Error: no answer, or one whose certificate is not for the key
 */
async function obtain(exchange: Exchange, keyFrom: 'device' | 'service'): Promise<NextPair> {
  const own = keyFrom === 'device' ? makeCsr() : undefined;
  const answer = await exchange.ask(TOPICS[keyFrom], own ? { certificateSigningRequest: own.csr } : {});
  const { certificatePem: cert, certificateOwnershipToken: token, privateKey: key = own?.key } = answer;
  let fits = false;
  try {
    fits = new X509Certificate(`${cert}`).checkPrivateKey(createPrivateKey(`${key}`));
  } catch {
    // No certificate, or no key: said below.
  }
  if (!fits || !token) throw new Error(`${TOPICS[keyFrom]} was answered without a certificate for the key, or a token`);
  return { cert: `${cert}`, key: `${key}`, token: `${token}` };
}

/**
 * Gives the certificate its thing.
 *
 * @returns the name of the thing; undefined: the token cannot be used any more, and another certificate is needed
 * @throws Refused, Error
 */
async function register(
  exchange: Exchange,
  template: string,
  { token }: NextPair,
  parameters: Record<string, string>,
): Promise<string | undefined> {
  try {
    const { thingName } = await exchange.ask(registerTopic(template), {
      certificateOwnershipToken: token,
      parameters,
    });
    if (isThingName(`${thingName}`)) return `${thingName}`;
    throw new Error(`template ${template} gives no thing: add a resource AWS::IoT::Thing to it`);
  } catch (error) {
    if (error instanceof Refused && error.errorCode === 'InvalidCertificateOwnershipToken') return undefined;
    throw error;
  }
}

const HINTS: Record<string, string> = {
  InvalidParameters: "compare the setting 'parameters' with the Parameters of the template",
  ResourceNotFound: "look at the setting 'template', and at the groups that the template names",
  AccessDenied: 'the certificate is no claim for this template, or not for this thing',
};

/** What to do, behind why it failed. */
export function withHint(error: Error): string {
  const hint = error instanceof Refused ? HINTS[error.errorCode] : undefined;
  return hint ? `${error.message}: ${hint}` : error.message;
}
