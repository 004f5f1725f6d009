/** Options that write a member of an answer into a file, as the AWS CLI has them for certificates and keys. */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { fileFault } from '../service/fileFault.ts';
import { writeAtomically } from '../service/identity/privateFile.ts';
import type { Operation } from '../service/operations/operation.ts';
import { CommandError, EXIT, usageError } from './outcome.ts';

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
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
      throw usageError(`${option} ${file}: it is a folder: expected a file's name`);
    try {
      accessSync(path.dirname(path.resolve(file)), constants.W_OK);
    } catch (error) {
      throw usageError(`${option} ${file}: its folder cannot be written: ${fileFault(error)}`);
    }
  }
}

/**
 * Writes what was asked for, each file readable by its owner alone.
 *
 * @throws CommandError (failed); the answer is there all the same, and is to be shown before
 */
export function writeOutfiles({ name }: Pick<Operation, 'name'>, outfiles: Outfiles, answer: Answer): void {
  for (const [option, file] of Object.entries(outfiles)) {
    try {
      writeAtomically(file, String(OUTFILES[name]![option]!(answer)), 0o600);
    } catch (error) {
      const where = `the request was carried out, and its answer is on stdout alone`;
      throw new CommandError(EXIT.failed, `${option} ${file} was not written: ${fileFault(error)}; ${where}`);
    }
  }
}
