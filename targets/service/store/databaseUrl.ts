/** A PostgreSQL database, as libpq's URLs name it. */
export interface DatabaseAddress {
  /** Name or address, or the folder of a Unix socket. */
  host: string;
  port: number;
  user: string | undefined;
  /** Only from the URL; PGPASSWORD and ~/.pgpass are read by the driver, and keep it out of lists of processes. */
  password: string | undefined;
  database: string;
  sslMode: SslMode;
  /** Files in PEM: who may have signed the server's certificate, and our own certificate with its key. */
  caFile: string | undefined;
  certificateFile: string | undefined;
  keyFile: string | undefined;
  /** Further settings of the session: `-c name=value`. */
  options: string | undefined;
}

/** `allow` is left out: it would begin without TLS where the server has it. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

const PORT = 5432;

/** True for what is meant as a URL of PostgreSQL, right or wrong. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:/i.test(text);
}

/** What is wrong with a URL: the rest of a sentence about it. */
export interface Fault {
  fault: string;
}

const EXPECTED = 'expected postgres://USER@HOST[:PORT]/DATABASE';

/**
 * Reads `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=...]`, or for a Unix socket
 * `postgres://USER@/DATABASE?host=/run/postgresql`. What it does not say comes from libpq's variables (PGHOST, PGSSLMODE, ...).
 *
 * @returns the address, or what is wrong, without the password
 */
export function readDatabaseUrl(text: string, env: NodeJS.ProcessEnv): DatabaseAddress | Fault {
  const shown = withoutPassword(text);
  const url = isPostgresUrl(text) ? parseUrl(text) : undefined;
  if (url === undefined) return { fault: `is '${shown}': ${EXPECTED}` };
  try {
    return readParts(url, shown, env);
  } catch {
    return { fault: `is '${shown}': expected two hexadecimal digits behind each %` };
  }
}

export function isFault(found: object): found is Fault {
  return 'fault' in found;
}

/** @throws URIError where a % stands alone */
function readParts(url: URL, shown: string, env: NodeJS.ProcessEnv): DatabaseAddress | Fault {
  const query = (name: string) => url.searchParams.get(name) || undefined;
  const decode = (part: string) => decodeURIComponent(part) || undefined;
  const database = decode(url.pathname.slice(1));
  if (database === undefined) return { fault: `is '${shown}', which names no database: ${EXPECTED}` };
  const sslMode = query('sslmode') ?? env.PGSSLMODE ?? 'prefer';
  if (!isSslMode(sslMode)) return { fault: `has sslmode '${sslMode}': expected ${SSL_MODES.join(', ')}` };
  const caFile = query('sslrootcert') ?? env.PGSSLROOTCERT;
  if (sslMode === 'verify-ca' && caFile === undefined)
    return { fault: 'has sslmode verify-ca without sslrootcert=FILE: expected the CA that signs the server' };
  const port = Number(query('port') ?? (url.port || undefined) ?? env.PGPORT ?? PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return { fault: `is '${shown}': expected a port, 1 to 65535` };
  return {
    host: query('host') ?? decode(url.hostname.replace(/^\[(.+)\]$/, '$1')) ?? env.PGHOST ?? 'localhost',
    port,
    user: query('user') ?? decode(url.username) ?? env.PGUSER,
    password: query('password') ?? decode(url.password),
    database,
    sslMode,
    caFile,
    certificateFile: query('sslcert') ?? env.PGSSLCERT,
    keyFile: query('sslkey') ?? env.PGSSLKEY,
    options: query('options') ?? env.PGOPTIONS,
  };
}

/** How a database is named in messages. */
export function databaseName({ host, port, database }: DatabaseAddress): string {
  return `the database ${database} of PostgreSQL at ${host.startsWith('/') ? host : `${host}:${port}`}`;
}

/** URL knows no user without a host, which libpq allows for Unix sockets. */
function parseUrl(text: string): URL | undefined {
  const whole = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)\//i, '$1%2F/');
  if (!/^postgres(ql)?:\/\//i.test(whole) || !URL.canParse(whole)) return undefined;
  const url = new URL(whole);
  if (url.hostname === '%2F') url.hostname = '';
  return url;
}

/** A wrong URL may still hold a right password. */
function withoutPassword(text: string): string {
  return text.replace(/\/\/([^:@/]*):.*@/, '//$1:***@').replace(/([?&]password=)[^&]*/i, '$1***');
}

function isSslMode(text: string): text is SslMode {
  return (SSL_MODES as readonly string[]).includes(text);
}
