/** The topics of fleet provisioning (Developer Guide, "Device provisioning MQTT API"). */

/** How a payload is written: in JSON or, for the smallest devices, in CBOR. */
export type PayloadFormat = 'json' | 'cbor';

/** The three requests, by their names in the guide. */
export type ProvisioningRequest =
  | { operation: 'CreateKeysAndCertificate' | 'CreateCertificateFromCsr'; format: PayloadFormat }
  | { operation: 'RegisterThing'; templateName: string; format: PayloadFormat };

/**
 * The topic a request is published to; the answer comes on it with `/accepted` or `/rejected` behind.
 *
 *     $aws/certificates/create/{format}                                  CreateKeysAndCertificate
 *     $aws/certificates/create-from-csr/{format}                         CreateCertificateFromCsr
 *     $aws/provisioning-templates/{templateName}/provision/{format}      RegisterThing
 */
export function formatProvisioningTopic(request: ProvisioningRequest): string {
  const { operation, format } = request;
  if (operation === 'RegisterThing') return `$aws/provisioning-templates/${request.templateName}/provision/${format}`;
  return `$aws/certificates/create${operation === 'CreateCertificateFromCsr' ? '-from-csr' : ''}/${format}`;
}

const REQUEST =
  /^\$aws\/(?:certificates\/(create|create-from-csr)|provisioning-templates\/([\w-]{1,36})\/provision)\/(json|cbor)$/;

/** @returns the request that is published to this topic; undefined: none */
export function parseProvisioningTopic(topic: string): ProvisioningRequest | undefined {
  const [, certificates, templateName, found] = REQUEST.exec(topic) ?? [];
  if (found === undefined) return undefined;
  const format = found as PayloadFormat;
  if (templateName !== undefined) return { operation: 'RegisterThing', templateName, format };
  return { operation: certificates === 'create' ? 'CreateKeysAndCertificate' : 'CreateCertificateFromCsr', format };
}

/** The same for a filter on its answers: `/accepted`, `/rejected`, or `/+` for both. */
export function parseProvisioningFilter(filter: string): ProvisioningRequest | undefined {
  const [, topic] = /^(.+)\/(?:accepted|rejected|\+)$/.exec(filter) ?? [];
  return topic === undefined ? undefined : parseProvisioningTopic(topic);
}
