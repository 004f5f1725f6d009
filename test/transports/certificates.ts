import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A certificate and its key, PEM, and where they lie. */
export interface Pair {
  cert: Buffer;
  key: Buffer;
  certFile: string;
  keyFile: string;
}

/** Makes an authority with openssl, in files of this name in the folder. */
export function makeCa(folder: string, name: string): Pair {
  const pair = makeKey(folder, name);
  run(folder, [
    'req',
    '-x509',
    '-new',
    '-key',
    `${name}.key`,
    '-subj',
    `/CN=${name}`,
    '-days',
    '30',
    '-out',
    `${name}.crt`,
  ]);
  return load(pair);
}

/** Makes a certificate signed by `ca`. `days` may be past: `[from, to]` as offsets from today. */
export function makeCertificate(
  folder: string,
  name: string,
  ca: Pair,
  names?: string,
  days: [number, number] = [-1, 30],
): Pair {
  const pair = makeKey(folder, name);
  run(folder, ['req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`]);
  // `openssl ca` alone takes both dates; it keeps an index in the folder.
  writeFileSync(path.join(folder, 'index.txt'), '');
  writeFileSync(
    path.join(folder, 'ca.cnf'),
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${folder}/index.txt\nnew_certs_dir=${folder}\nrand_serial=yes\ndefault_md=sha256\n` +
      `policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[x]\nbasicConstraints=CA:FALSE\n${names ? `subjectAltName=${names}\n` : ''}`,
  );
  const [from, to] = days.map((day) => stamp(Date.now() + day * 86_400_000));
  const dates = ['-startdate', from!, '-enddate', to!];
  const signer = ['-cert', ca.certFile, '-keyfile', ca.keyFile];
  run(folder, [
    'ca',
    '-batch',
    '-notext',
    '-config',
    'ca.cnf',
    '-extensions',
    'x',
    ...signer,
    ...dates,
    '-in',
    `${name}.csr`,
    '-out',
    `${name}.crt`,
  ]);
  return load(pair);
}

function makeKey(folder: string, name: string): Omit<Pair, 'cert' | 'key'> {
  run(folder, ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`]);
  return { certFile: path.join(folder, `${name}.crt`), keyFile: path.join(folder, `${name}.key`) };
}

function load(files: Omit<Pair, 'cert' | 'key'>): Pair {
  return { ...files, cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
}

/** YYYYMMDDHHMMSSZ */
function stamp(millis: number): string {
  return `${new Date(millis).toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
}

function run(cwd: string, args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}
