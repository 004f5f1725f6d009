import { writeAtomically } from './privateFile.ts';

/** What an operator's tools and a device's installer need to know of a running service: DIR/endpoints.json. */
export interface Endpoints {
  /** `host:port` */
  mqtts: string;
  /** `https://host:port` */
  https: string;
  /** `https://host:port` of the artifact store, as S3's clients are told it; undefined: files are kept elsewhere. */
  files?: string;
  /** Path of the CA's certificate. */
  ca: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  /** `host:port` of the listener without TLS where any client may use any topic, if the service has one. */
  mqttOpen?: string | undefined;
}

/** Writes exactly these members, mode 0600. */
export function writeEndpoints(file: string, endpoints: Endpoints): void {
  const { mqtts, https, files, ca, accessKeyId, secretAccessKey, region, mqttOpen } = endpoints;
  const text = JSON.stringify(
    { mqtts, https, files, ca, accessKeyId, secretAccessKey, region, mqttOpen },
    undefined,
    2,
  );
  writeAtomically(file, `${text}\n`, 0o600);
}
