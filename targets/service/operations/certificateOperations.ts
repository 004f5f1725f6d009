import { FLAG, LONG, MAX_RESULTS, NAME, NEXT_TOKEN, PAGE_SIZE, TEXT, THING_ERRORS, WHEN } from './names.ts';
import type { Operation } from './operation.ts';

/** Certificates of devices, and the things that their holders speak for (spec: control plane §3). */

const THING_NAME = { shape: NAME, in: 'path', required: true, about: 'Name of the thing.' } as const;
const CERTIFICATE_ID = { type: 'string', charsMin: 64, charsMax: 64, pattern: '(0x)?[a-fA-F0-9]+' } as const;
const CERTIFICATE_LABEL = {
  shape: CERTIFICATE_ID,
  in: 'path',
  required: true,
  about: 'certificateId: SHA-256 of the certificate.',
} as const;
const PEM = { type: 'string', charsMin: 1, charsMax: 65536, pattern: '[\\s\\S]*' } as const;
const STATUS = {
  type: 'string',
  oneOf: ['ACTIVE', 'INACTIVE', 'REVOKED', 'PENDING_TRANSFER', 'REGISTER_INACTIVE', 'PENDING_ACTIVATION'],
} as const;
const CERTIFICATE_MODE = { type: 'string', oneOf: ['DEFAULT', 'SNI_ONLY'] } as const;
const SET_AS_ACTIVE = {
  shape: FLAG,
  in: 'query',
  about: 'The certificate may be used at once; if not given it is INACTIVE.',
} as const;
const PRINCIPAL = {
  shape: TEXT,
  in: 'header',
  header: 'x-amzn-principal',
  required: true,
  about: 'certificateArn of the certificate.',
} as const;

export const CREATE_KEYS_AND_CERTIFICATE = {
  name: 'CreateKeysAndCertificate',
  method: 'POST',
  path: '/keys-and-certificate',
  about: 'Makes a key pair and a device certificate for it; the private key is shown once and not kept.',
  input: {
    setAsActive: SET_AS_ACTIVE,
  },
  output: {
    type: 'structure',
    members: {
      certificateArn: { shape: TEXT },
      certificateId: { shape: CERTIFICATE_ID },
      certificatePem: { shape: PEM },
      keyPair: {
        shape: {
          type: 'structure',
          members: {
            PublicKey: { shape: { type: 'string', charsMin: 1 } },
            PrivateKey: { shape: { type: 'string', charsMin: 1 } },
          },
        },
      },
    },
  },
  errors: THING_ERRORS,
} as const satisfies Operation;

export const CREATE_CERTIFICATE_FROM_CSR = {
  name: 'CreateCertificateFromCsr',
  method: 'POST',
  path: '/certificates',
  about: 'Makes a device certificate for a key that stays where it is; the same request makes another one.',
  input: {
    certificateSigningRequest: {
      shape: { type: 'string', charsMin: 1, charsMax: 4096, pattern: '[\\s\\S]*' },
      in: 'body',
      required: true,
      about:
        'Certificate signing request (PKCS #10, PEM) for an RSA key of 2048 bits or more, or one on P-256 or P-384.',
    },
    setAsActive: SET_AS_ACTIVE,
  },
  output: {
    type: 'structure',
    members: {
      certificateArn: { shape: TEXT },
      certificateId: { shape: CERTIFICATE_ID },
      certificatePem: { shape: PEM },
    },
  },
  errors: THING_ERRORS,
} as const satisfies Operation;

export const DESCRIBE_CERTIFICATE = {
  name: 'DescribeCertificate',
  method: 'GET',
  path: '/certificates/{certificateId}',
  about: 'Shows one certificate.',
  input: { certificateId: CERTIFICATE_LABEL },
  output: {
    type: 'structure',
    members: {
      certificateDescription: {
        shape: {
          type: 'structure',
          members: {
            certificateArn: { shape: TEXT },
            certificateId: { shape: CERTIFICATE_ID },
            caCertificateId: { shape: CERTIFICATE_ID },
            status: { shape: STATUS },
            certificatePem: { shape: PEM },
            ownedBy: { shape: TEXT },
            previousOwnedBy: { shape: TEXT },
            creationDate: { shape: WHEN },
            lastModifiedDate: { shape: WHEN },
            customerVersion: { shape: LONG },
            transferData: {
              shape: {
                type: 'structure',
                members: {
                  transferMessage: { shape: TEXT },
                  rejectReason: { shape: TEXT },
                  transferDate: { shape: WHEN },
                  acceptDate: { shape: WHEN },
                  rejectDate: { shape: WHEN },
                },
              },
            },
            generationId: { shape: TEXT },
            validity: {
              shape: { type: 'structure', members: { notBefore: { shape: WHEN }, notAfter: { shape: WHEN } } },
            },
            certificateMode: { shape: CERTIFICATE_MODE },
          },
        },
      },
    },
  },
  errors: [...THING_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const UPDATE_CERTIFICATE = {
  name: 'UpdateCertificate',
  method: 'PUT',
  path: '/certificates/{certificateId}',
  about:
    'Activates, deactivates or revokes a certificate; who is connected with one that is not ACTIVE is disconnected.',
  input: {
    certificateId: CERTIFICATE_LABEL,
    newStatus: { shape: STATUS, in: 'query', required: true, about: 'ACTIVE, INACTIVE or REVOKED.' },
  },
  errors: [...THING_ERRORS, 'ResourceNotFoundException', 'CertificateStateException'],
} as const satisfies Operation;

export const DELETE_CERTIFICATE = {
  name: 'DeleteCertificate',
  method: 'DELETE',
  path: '/certificates/{certificateId}',
  about: 'Deletes a certificate that is not ACTIVE and not attached to a thing.',
  input: {
    certificateId: CERTIFICATE_LABEL,
    forceDelete: { shape: FLAG, in: 'query', about: 'Accepted; this service has no policies to detach.' },
  },
  errors: [...THING_ERRORS, 'ResourceNotFoundException', 'CertificateStateException', 'DeleteConflictException'],
} as const satisfies Operation;

export const ATTACH_THING_PRINCIPAL = {
  name: 'AttachThingPrincipal',
  method: 'PUT',
  path: '/things/{thingName}/principals',
  about: 'Lets the holder of a certificate speak for a thing.',
  input: {
    thingName: THING_NAME,
    principal: PRINCIPAL,
    thingPrincipalType: {
      shape: { type: 'string', oneOf: ['EXCLUSIVE_THING', 'NON_EXCLUSIVE_THING'] },
      in: 'query',
      about: 'Only NON_EXCLUSIVE_THING, the default, is served here.',
    },
  },
  output: { type: 'structure', members: {} },
  errors: [...THING_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const DETACH_THING_PRINCIPAL = {
  name: 'DetachThingPrincipal',
  method: 'DELETE',
  path: '/things/{thingName}/principals',
  about: 'The holder of a certificate speaks for a thing no more.',
  input: { thingName: THING_NAME, principal: PRINCIPAL },
  output: { type: 'structure', members: {} },
  errors: [...THING_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

const MARKER = { type: 'string', charsMax: 1024, pattern: '[A-Za-z0-9+/]+={0,2}' } as const;

export const LIST_CERTIFICATES = {
  name: 'ListCertificates',
  method: 'GET',
  path: '/certificates',
  about: 'Lists all device certificates, the newest first unless told otherwise.',
  input: {
    pageSize: { shape: PAGE_SIZE, in: 'query', about: 'Most entries on one page; 25 if not given.' },
    marker: { shape: MARKER, in: 'query', about: 'Where to go on: nextMarker of the page before.' },
    ascendingOrder: { shape: FLAG, in: 'query', query: 'isAscendingOrder', about: 'The oldest first.' },
  },
  output: {
    type: 'structure',
    members: {
      certificates: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              certificateArn: { shape: TEXT },
              certificateId: { shape: CERTIFICATE_ID },
              status: { shape: STATUS },
              certificateMode: { shape: CERTIFICATE_MODE },
              creationDate: { shape: WHEN },
            },
          },
        },
      },
      nextMarker: { shape: MARKER },
    },
  },
  errors: THING_ERRORS,
} as const satisfies Operation;

export const LIST_THING_PRINCIPALS = {
  name: 'ListThingPrincipals',
  method: 'GET',
  path: '/things/{thingName}/principals',
  about: 'Lists the certificates that are attached to a thing.',
  input: { nextToken: NEXT_TOKEN, maxResults: MAX_RESULTS, thingName: THING_NAME },
  output: {
    type: 'structure',
    members: { principals: { shape: { type: 'list', of: TEXT } }, nextToken: { shape: TEXT } },
  },
  errors: [...THING_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_PRINCIPAL_THINGS = {
  name: 'ListPrincipalThings',
  method: 'GET',
  path: '/principals/things',
  about: 'Lists the things that the holder of a certificate speaks for.',
  input: { nextToken: NEXT_TOKEN, maxResults: MAX_RESULTS, principal: PRINCIPAL },
  output: {
    type: 'structure',
    members: { things: { shape: { type: 'list', of: NAME } }, nextToken: { shape: TEXT } },
  },
  errors: [...THING_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;
