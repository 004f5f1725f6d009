/** A PostgreSQL server of a test's own, from Debian's package: its data and its socket in a temporary folder. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type Child, startChild } from './child.ts';
import { lacks } from './tools.ts';

export interface PostgresServer {
  folder: string;
  /** On 127.0.0.1, where passwords are asked for; over the socket nobody is asked. */
  port: number;
  /** The URL of a database, over the socket of the server. */
  url(database: string): string;
  /** Makes an empty database, or a copy of another one that nobody uses. */
  createDatabase(name: string, template?: string): void;
  /** Runs statements in a database, outside of what is tested. */
  run(database: string, sql: string): string;
  /** Ends the server as a crash would. */
  stop(): Promise<void>;
  /** Starts it again, with these settings too. */
  start(more?: readonly string[]): Promise<void>;
  /** Ends the server and removes its data. */
  end(): Promise<void>;
}

/** Where Debian keeps the programs: one folder a version, none of them on the PATH. */
const VERSIONS = '/usr/lib/postgresql';

/** True when a server can be started here; else says in one line what is missing. */
export function hasPostgres(): boolean {
  return binFolder() !== undefined || lacks('postgres', 'apt-get install postgresql');
}

/** @param more  settings of the server, `name=value` */
export async function startPostgres(more: readonly string[] = []): Promise<PostgresServer> {
  const bin = binFolder();
  if (bin === undefined) throw new Error('there is no PostgreSQL here: ask hasPostgres first');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-pg-'));
  const as = unprivileged();
  if (as !== undefined) chownSync(folder, as.uid, as.gid);
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  const data = path.join(folder, 'data');
  const program = (name: string, args: string[], input?: string): string => {
    const ran = spawnSync(path.join(bin, name), args, {
      encoding: 'utf8',
      cwd: folder,
      ...as,
      ...(input && { input }),
    });
    if (ran.status !== 0) throw new Error(`${name} failed: ${ran.stderr || ran.error}`);
    return ran.stdout;
  };
  program('initdb', [
    '-D',
    data,
    '-U',
    'errand',
    '--auth-local=trust',
    '--auth-host=scram-sha-256',
    '-E',
    'UTF8',
    '--no-sync',
  ]);
  const port = await freePort();
  let server: Child | undefined;
  const settings = [
    'listen_addresses=127.0.0.1,127.0.0.2',
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    'fsync=off',
    ...more,
  ];
  const start = async (also: readonly string[] = []) => {
    const args = ['-D', data, ...[...settings, ...also].flatMap((setting) => ['-c', setting])];
    server = startChild(path.join(bin, 'postgres'), args, { cwd: folder, ...as });
    await server.line(/ready to accept connections/);
  };
  const run = (database: string, sql: string) =>
    program(
      'psql',
      ['-h', folder, '-p', `${port}`, '-U', 'errand', '-d', database, '-qAt', '-v', 'ON_ERROR_STOP=1'],
      sql,
    );
  const stop = async () => void (await server?.kill('SIGQUIT'));
  await start();
  return {
    folder,
    port,
    url: (database) => `postgres://errand@/${database}?host=${encodeURIComponent(folder)}&port=${port}`,
    createDatabase: (name, template = 'template1') =>
      void run('postgres', `create database ${name} template ${template}`),
    run,
    stop,
    start,
    async end() {
      await stop();
      process.off('exit', remove);
      remove();
    },
  };
}

/** One that was free a moment ago: the server cannot be told to take any. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

function binFolder(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const versions = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => path.join(VERSIONS, version, 'bin'))
    .find((bin) => existsSync(path.join(bin, 'postgres')));
}

/** The server refuses to be run by root; its package has made a user for it. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (user === undefined) throw new Error('neither a user postgres nor nobody: PostgreSQL does not run as root');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
