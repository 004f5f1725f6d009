import { Encoder } from 'cbor-x';
import { isObject } from '../../../../runtime/jobs/json.ts';
import { formatProvisioningTopic, parseProvisioningTopic } from '../../../../runtime/provisioning/topics.ts';
import { Rejection } from '../../../../targets/service/provisioning/rejection.ts';
import { createProvisioning } from '../../../../targets/service/provisioning/requests.ts';
import type { Registry } from '../../../../targets/service/registry/registry.ts';
import { bytes } from '../bytes.ts';
import { holds, same, type Target } from '../target.ts';

const cbor = new Encoder({ useRecords: false, variableMapSize: true });
const CREATE = '$aws/certificates/create-from-csr/cbor';
const REGISTER = '$aws/provisioning-templates/t/provision/cbor';
const GOOD = { certificateOwnershipToken: 'token', parameters: { SerialNumber: '1' } };
/** Answers are sentences; what of the request is repeated in them is cut short. */
const ANSWER_BYTES_MAX = 4_096;

const errors: string[] = [];
/** Nothing is certified and no token is known: all that is read before is. */
const refusing = {
  certifyRequest: async () => 'it is no signing request',
  get db(): never {
    throw new Rejection(400, 'InvalidCertificateOwnershipToken', 'no token is known');
  },
} as unknown as Registry;
const { answer } = createProvisioning(refusing, (level, message, fields) => {
  if (level === 'error') errors.push(`${message} ${JSON.stringify(fields)}`);
});

/** A line with a topic, and behind it the payload. */
export const target: Target = {
  name: 'provisioning',
  about: 'requests of fleet provisioning, in JSON and in CBOR, as far as the registry is asked',
  inputs: 'bytes',
  bytesMax: 600,
  seeds: [
    bytes(`${CREATE}\n`, cbor.encode({ certificateSigningRequest: 'x' })),
    bytes(`${REGISTER}\n`, cbor.encode(GOOD)),
    bytes(
      `${REGISTER}\n`,
      new Encoder({ useRecords: true, structuredClone: true }).encode({
        ...GOOD,
        when: new Date(0),
        set: new Set([1]),
        map: new Map([[1, 2]]),
        error: new Error('e'),
        like: /a/,
      }),
    ),
    bytes(
      `${REGISTER}\n`,
      cbor.encode({
        ...GOOD,
        list: [1, -1, 1.5, 2n ** 70n, null, undefined, true, new Uint8Array(3), new Float32Array(2)],
      }),
    ),
    bytes(`${CREATE.replace('cbor', 'json')}\n{"certificateSigningRequest":"x"}`),
    bytes(`${REGISTER.replace('cbor', 'json')}\n${JSON.stringify(GOOD)}`),
  ],
  words: [
    bytes(0xd9, 0xdf, 0xff),
    bytes(0xd8, 27),
    bytes(0xd8, 28),
    bytes(0xd8, 29, 0),
    bytes(0x9f),
    bytes(0xbf),
    bytes(0x5f),
    bytes(0x7f),
    bytes(0xff),
    bytes(0xfb),
    bytes(0xba, 0xff, 0xff, 0xff, 0xff),
    bytes(0x69, '__proto__'),
    'certificateOwnershipToken',
    'parameters',
    CREATE,
    REGISTER,
  ],
  async run(input) {
    const end = input.indexOf(0x0a);
    await ask(Buffer.from(input.subarray(0, Math.max(end, 0))).toString(), input.subarray(end + 1));
    // What one stranger sends changes nothing for the next.
    const good = await ask(REGISTER, cbor.encode(GOOD));
    same('a good request behind it', good?.errorCode, 'InvalidCertificateOwnershipToken');
  },
};

async function ask(topic: string, payload: Uint8Array): Promise<Record<string, unknown> | undefined> {
  const request = parseProvisioningTopic(topic);
  if (request === undefined) return undefined;
  same('a topic written again', formatProvisioningTopic(request), topic);
  if (request.operation === 'CreateKeysAndCertificate') return undefined; // reads nothing, and makes a key pair
  const reply = await answer({ topic, request, payload, certificateId: 'c' });
  holds(`a failure of ours: ${errors[0]}`, errors.splice(0).length === 0);
  same('where the answer goes', reply.topic, `${topic}/rejected`);
  holds('an answer that is too long', reply.payload.length <= ANSWER_BYTES_MAX);
  const body: unknown =
    request.format === 'json' ? JSON.parse(Buffer.from(reply.payload).toString()) : cbor.decode(reply.payload);
  holds('an answer that is no object', isObject(body));
  const { statusCode, errorCode, errorMessage } = body;
  holds(`refused with status ${statusCode}`, typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500);
  holds('a refusal without words', typeof errorCode === 'string' && typeof errorMessage === 'string');
  return body;
}
