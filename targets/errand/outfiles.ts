/** Options that write a member of an answer into a file, as the AWS CLI has them for certificates and keys. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { writeAtomically } from '../service/identity/privateFile.ts';
import type { Operation } from '../service/operations/operation.ts';
import { usageError } from './outcome.ts';

type Answer = Record<string, unknown>;
type MemberOf = (answer: Answer) => unknown;

const CERTIFICATE = { '--certificate-pem-outfile': (answer: Answer) => answer.certificatePem };

/** By operation, then by option. */
const OUTFILES: Readonly<Record<string, Readonly<Record<string, MemberOf>>>> = {
  CreateCertificateFromCsr: CERTIFICATE,
  CreateKeysAndCertificate: {
    ...CERTIFICATE,
    '--public-key-outfile': ({ keyPair }) => (keyPair as Answer).PublicKey,
    '--private-key-outfile': ({ keyPair }) => (keyPair as Answer).PrivateKey,
  },
};

/** Option -> file. */
export type Outfiles = Record<string, string>;

export function outfileOptions({ name }: Pick<Operation, 'name'>): readonly string[] {
  return Object.keys(OUTFILES[name] ?? {});
}

/** Before anything is asked for that could not be kept. @throws CommandError (usage) */
export function checkOutfiles(outfiles: Outfiles): void {
  for (const [option, file] of Object.entries(outfiles)) {
    try {
      accessSync(path.dirname(path.resolve(file)), constants.W_OK);
    } catch (error) {
      throw usageError(`${option} ${file}: its folder cannot be written: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
}

/** Writes what was asked for, each file readable by its owner alone. */
export function writeOutfiles({ name }: Pick<Operation, 'name'>, outfiles: Outfiles, answer: Answer): void {
  for (const [option, file] of Object.entries(outfiles))
    writeAtomically(file, String(OUTFILES[name]![option]!(answer)), 0o600);
}
