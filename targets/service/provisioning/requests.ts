import { isObject } from '../../../runtime/jobs/json.ts';
import { answerTopic } from '../../../runtime/jobs/topics.ts';
import type { PayloadFormat } from '../../../runtime/provisioning/topics.ts';
import type { ProvisioningPublish } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import { ModelledError } from '../modelledError.ts';
import type { Registry } from '../registry/registry.ts';
import { REQUESTS_MAX } from './limits.ts';
import { keepPending } from './pending.ts';
import { registerThing } from './registerThing.ts';
import { Rejection } from './rejection.ts';

export interface Reply {
  topic: string;
  payload: Uint8Array;
}

export interface Provisioning {
  answer(request: Omit<ProvisioningPublish, 'connection' | 'clientId'>): Promise<Reply>;
  /** Resolves when all that was asked is answered. */
  settled(): Promise<void>;
}

/**
 * Answers the requests of fleet provisioning that come by MQTT (Developer Guide, "Device provisioning MQTT API"), in JSON or in
 * CBOR as the topic says. It never throws: what goes wrong is the answer, and the log has what devices are not told.
 */
export function createProvisioning(registry: Registry, log: Log): Provisioning {
  let atWork = 0;
  let whenIdle: (() => void) | undefined;
  const answer: Provisioning['answer'] = async ({ topic, request, payload, certificateId }) => {
    const owned = Uint8Array.from(payload);
    const { format, operation } = request;
    const reply = async (kind: 'accepted' | 'rejected', members: object): Promise<Reply> => ({
      topic: answerTopic(topic, kind),
      payload: await encode(format, members),
    });
    atWork += 1;
    try {
      if (atWork > REQUESTS_MAX) throw new Rejection(429, 'Throttled', `${REQUESTS_MAX} requests are being answered`);
      const members = await decode(format, owned);
      const answer =
        request.operation === 'RegisterThing'
          ? await registerThing(registry, certificateId, request.templateName, members)
          : await makeCertificate(registry, certificateId, request.operation, members);
      const { certificateId: made, thingName } = answer as { certificateId?: string; thingName?: string };
      log('info', `provisioning: ${operation} answered`, {
        certificateId,
        ...(made && { made }),
        ...(thingName && { thingName }),
      });
      return await reply('accepted', answer);
    } catch (error) {
      const { statusCode, errorCode, message } = rejectionOf(error);
      if (statusCode >= 500) log('error', `provisioning: ${operation} failed`, { certificateId, error: String(error) });
      else log('warn', `provisioning: ${operation} rejected: ${errorCode}: ${message}`, { certificateId });
      return reply('rejected', { statusCode, errorCode, errorMessage: message });
    } finally {
      atWork -= 1;
      if (atWork === 0) whenIdle?.();
    }
  };
  const settled = () => new Promise<void>((resolve) => (atWork === 0 ? resolve() : (whenIdle = resolve)));
  return { answer, settled };
}

async function makeCertificate(
  registry: Registry,
  askedBy: string,
  operation: 'CreateKeysAndCertificate' | 'CreateCertificateFromCsr',
  { certificateSigningRequest }: Record<string, unknown>,
) {
  if (operation === 'CreateKeysAndCertificate') {
    const made = await registry.issueCertificate();
    const { certificateId, certificatePem, keyPair } = made;
    const certificateOwnershipToken = await keepPending(registry, made, askedBy);
    return { certificateId, certificatePem, privateKey: keyPair.PrivateKey, certificateOwnershipToken };
  }
  if (typeof certificateSigningRequest !== 'string' || certificateSigningRequest.length > CSR_CHARS_MAX)
    throw new Rejection(
      400,
      'InvalidPayload',
      `certificateSigningRequest: expected PEM of at most ${CSR_CHARS_MAX} characters`,
    );
  const made = await registry.certifyRequest(certificateSigningRequest);
  if (typeof made === 'string')
    throw new Rejection(
      400,
      'InvalidCertificateSigningRequest',
      `certificateSigningRequest cannot be certified: ${made}`,
    );
  const { certificateId, certificatePem } = made;
  return { certificateId, certificatePem, certificateOwnershipToken: await keepPending(registry, made, askedBy) };
}

/** As CreateCertificateFromCsr takes it by HTTPS. */
const CSR_CHARS_MAX = 4_096;

function rejectionOf(error: unknown): Pick<Rejection, 'statusCode' | 'errorCode' | 'message'> {
  if (error instanceof Rejection) return error;
  if (error instanceof ModelledError)
    return { statusCode: error.status, errorCode: error.type.replace(/Exception$/, ''), message: error.message };
  return { statusCode: 500, errorCode: 'InternalFailure', message: 'the service could not do it: its log says why' };
}

/** No payload at all is an object without members. */
async function decode(format: PayloadFormat, payload: Uint8Array): Promise<Record<string, unknown>> {
  if (payload.length === 0) return {};
  let value: unknown;
  try {
    value =
      format === 'json'
        ? JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
        : (await import('cbor-x')).decode(payload);
  } catch {
    value = undefined;
  }
  if (isObject(value)) return value;
  throw new Rejection(400, 'InvalidPayload', `the payload is not an object in ${format === 'json' ? 'JSON' : 'CBOR'}`);
}

async function encode(format: PayloadFormat, members: object): Promise<Uint8Array> {
  if (format === 'json') return Buffer.from(JSON.stringify(members));
  const { Encoder } = await import('cbor-x');
  return new Encoder({ useRecords: false, variableMapSize: true }).encode(members);
}
