import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isThingName } from '../../../runtime/jobs/names.ts';
import { formatProvisioningTopic } from '../../../runtime/provisioning/topics.ts';
import { makeCsr } from './csr.ts';
import { type Exchange, Refused } from './exchange.ts';
import type { NextPair } from './identityFile.ts';

const TOPICS = {
  device: formatProvisioningTopic({ operation: 'CreateCertificateFromCsr', format: 'json' }),
  service: formatProvisioningTopic({ operation: 'CreateKeysAndCertificate', format: 'json' }),
};

/** Where the answers of what follows are. */
export function answerFilters(keyFrom: 'device' | 'service', template: string): string[] {
  return [TOPICS[keyFrom], registerTopic(template)].flatMap((topic) => [`${topic}/accepted`, `${topic}/rejected`]);
}

function registerTopic(templateName: string): string {
  return formatProvisioningTopic({ operation: 'RegisterThing', templateName, format: 'json' });
}

/**
 * Gets a certificate that waits for its thing. With `device` its key is made here and never leaves.
 *
 * @throws Refused; Error: no answer, or one whose certificate is not for the key
 */
export async function obtain(exchange: Exchange, keyFrom: 'device' | 'service'): Promise<NextPair> {
  const own = keyFrom === 'device' ? makeCsr() : undefined;
  const answer = await exchange.ask(TOPICS[keyFrom], own ? { certificateSigningRequest: own.csr } : {});
  const { certificatePem: cert, certificateOwnershipToken: token, privateKey: key = own?.key } = answer;
  let fits = false;
  try {
    fits = new X509Certificate(`${cert}`).checkPrivateKey(createPrivateKey(`${key}`));
  } catch {
    // No certificate, or no key: said below.
  }
  if (!fits || !token)
    throw new Error(`${TOPICS[keyFrom]} was answered without a certificate for the key, or without a token`);
  return { cert: `${cert}`, key: `${key}`, token: `${token}` };
}

/**
 * Gives the certificate its thing.
 *
 * @returns the name of the thing; undefined: the token cannot be used any more, and another certificate is needed
 * @throws Refused, Error
 */
export async function register(
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
  AccessDenied: 'the certificate is no (longer a) claim for this template, or would not get its own thing',
};

/** What to do, behind why it failed. */
export function withHint(error: Error): string {
  const hint = error instanceof Refused ? HINTS[error.errorCode] : undefined;
  return hint ? `${error.message}: ${hint}` : error.message;
}
