import { invalidRequest } from '../operations/refusals.ts';
import type { Registry } from './registry.ts';

export type Place = Pick<Registry, 'region' | 'account'>;

/** Kinds of resources by their word in an ARN (control plane §1.2). */
export type Kind = 'thing' | 'thinggroup' | 'cert' | 'job' | 'jobtemplate' | 'provisioningtemplate';

/** `arn:aws:iot:{region}:{account}:{kind}/{name}` */
export function arnOf({ region, account }: Place, kind: Kind, name: string): string {
  return `arn:aws:iot:${region}:${account}:${kind}/${name}`;
}

/**
 * The name in an ARN of this service.
 *
 * @throws ModelledError InvalidRequestException when it is not an ARN of that kind, region and account
 */
export function nameIn(place: Place, kind: Kind, arn: string): string {
  const prefix = arnOf(place, kind, '');
  if (!arn.startsWith(prefix) || arn.length === prefix.length)
    throw invalidRequest(`'${arn.slice(0, 256)}' is not an ARN of the form ${prefix}NAME`);
  return arn.slice(prefix.length);
}

/** A resource named by its name, its ARN, or by both when they agree. */
export function oneName<N extends string, A extends string>(
  place: Place,
  kind: 'thing' | 'thinggroup',
  input: { readonly [K in N | A]?: string },
  nameMember: N,
  arnMember: A,
): string {
  const name = input[nameMember];
  const arn = input[arnMember];
  if (name === undefined && arn === undefined)
    throw invalidRequest(`Either '${nameMember}' or '${arnMember}' is required`);
  const inArn = arn === undefined ? undefined : nameIn(place, kind, arn);
  if (name !== undefined && inArn !== undefined && name !== inArn)
    throw invalidRequest(`'${nameMember}' is ${name}, but '${arnMember}' names ${inArn.slice(0, 128)}`);
  return (name ?? inArn)!;
}
