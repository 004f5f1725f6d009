import type { DeviceCertificate } from '../identity/deviceCertificate.ts';
import type { Membership } from '../jobs/membership.ts';
import type { Connection } from '../store/statement.ts';

/** What the registry's functions work on. */
export interface Registry extends Connection {
  nowMillis(): number;
  /** Both appear in ARNs. */
  region: string;
  account: string;
  /** Chance for identifiers and access keys: as many bytes as asked for. */
  randomBytes(count: number): Uint8Array;
  /** Makes a key pair and a certificate for it (see identity). */
  issueCertificate(): Promise<DeviceCertificate>;
  /** Makes a certificate for the key in a signing request (PEM); a sentence where it cannot (see identity). */
  certifyRequest(csrPem: string): Promise<Omit<DeviceCertificate, 'keyPair'> | string>;
  /** Where devices connect, by MQTT and by HTTPS: `host:port`, or undefined while it does not listen. */
  endpoints(): { mqtts: string | undefined; data: string | undefined };
  /** Told of who joins and leaves groups, so that the jobs of those groups change with it. */
  membership: Membership;
  /** Reads what stands behind a documentSource; undefined: nothing does. */
  readDocument?: ((url: string) => Promise<string>) | undefined;
  /** Ends the connections that came with a certificate, because it is not what it was. */
  revoke(certificateId: string): void;
}

/** Largest page of a list (API model, RegistryMaxResults); a page is that large when the request does not say. */
export const PAGE_MAX = 250;
/** Rows that one request looks at before it answers a short page with a token, so that a filter over a large fleet stays quick. */
export const ROWS_SCANNED_MAX = 5_000;
/** Attributes of a thing without a type (Developer Guide, "Registry"). */
export const ATTRIBUTES_MAX = 3;
/** Groups that a thing may be in (Developer Guide, "Static thing groups"). */
export const GROUPS_OF_THING_MAX = 10;
/** Groups from the root to a leaf (AWS IoT Device Management quotas; not verified). */
export const GROUP_DEPTH_MAX = 7;

/** A random identifier in the form of a UUID (version 4, RFC 9562 §5.4). */
export function newId({ randomBytes }: Pick<Registry, 'randomBytes'>): string {
  const bytes = Buffer.from(randomBytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
