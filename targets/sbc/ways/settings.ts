import { readFileSync } from 'node:fs';
import { checkClosed } from '../../../transports/handlers.ts';
import type { HttpProxy } from '../../../transports/ways/proxy.ts';

declare const ERRAND_WITHOUT_HTTPS: true | undefined;

/** One way to the service. */
export interface Endpoint {
  host: string;
  port?: number;
  /** The HTTPS data plane; else MQTT. */
  isHttps?: boolean;
  /** Further ones, in the order in which they are tried. */
  others?: readonly Endpoint[];
}

/** AWS IoT Core's port for HTTPS with a device's certificate (data plane §8.1). */
export const HTTPS_PORT = 8443;
const ENDPOINTS_MAX = 8;

/** What the part adds to what an agent is told about itself. */
export interface WaySettings {
  endpoint: Endpoint;
  /** Of endpoints without one. */
  mqttPort: number;
  proxy: HttpProxy | undefined;
  proxyCredentials: string | undefined;
}

/** What the part adds to the settings, as settings.ts has them. */
export const WAY_SETTINGS = {
  proxy: ['HOST:PORT', 'HTTP proxy (CONNECT)', readProxy, ''],
  'proxy-credentials': ['FILE', 'user:password for it, mode 0600', readCredentials, ''],
} as const;

/** Several with commas between them; `https://HOST[:PORT]` is the HTTPS data plane. */
export function readEndpoints(readOne: (text: string) => Endpoint): (text: string) => Endpoint {
  return (text) => {
    const [first, ...others] = text.split(',').map((one) => readWay(one.trim(), readOne));
    if (others.length >= ENDPOINTS_MAX) throw new Error(`expected at most ${ENDPOINTS_MAX} endpoints`);
    return { ...first!, others };
  };
}

function readWay(text: string, readOne: (text: string) => Endpoint): Endpoint {
  const rest = typeof ERRAND_WITHOUT_HTTPS === 'undefined' && /^https:\/\/(.*?)\/?$/.exec(text)?.[1];
  return rest ? { port: HTTPS_PORT, ...readOne(rest), isHttps: true } : readOne(text);
}

function readProxy(text: string): HttpProxy | undefined {
  if (!text) return undefined;
  const [, host, port] = /^(?:http:\/\/)?\[?([^\s/@[\]]+)\]?:(\d{1,5})\/?$/.exec(text) ?? [];
  if (!host) throw new Error('expected HOST:PORT; user and password belong into the file of proxy-credentials');
  return { host, port: Number(port) };
}

/** Where the environment names a proxy, the first one first. `http_proxy` is for what is not encrypted, and nothing here is. */
const PROXY_VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];

/**
 * The proxy of the settings; where they name none that of the environment, which curl and others read, too: `https_proxy` with
 * `http://[USER:PASSWORD@]HOST:PORT`, and `no_proxy`. One that is of another kind is warned of: it was not written for us.
 */
export function takeProxy(
  take: <Name extends keyof typeof WAY_SETTINGS>(name: Name) => ReturnType<(typeof WAY_SETTINGS)[Name][2]>,
  env: Readonly<Record<string, string | undefined>>,
  warnings: string[],
): Pick<WaySettings, 'proxy' | 'proxyCredentials'> {
  const settings = { proxy: take('proxy'), proxyCredentials: take('proxy-credentials') };
  const name = !settings.proxy && PROXY_VARIABLES.find((one) => env[one]);
  if (!name) return settings;
  const [, credentials, address = ''] = /^(?:http:\/\/)?(?:([^/]*)@)?(.*)/.exec(env[name]!)!;
  const except = `,${env.no_proxy || env.NO_PROXY || ''}`.toLowerCase().split(/[\s,[\]]+\.?/);
  try {
    return {
      proxy: { ...readProxy(address)!, except },
      proxyCredentials: settings.proxyCredentials ?? (credentials && decodeURIComponent(credentials)),
    };
  } catch {
    warnings.push(`${name} is not used: expected http://[USER:PASSWORD@]HOST:PORT`);
    return settings;
  }
}

/** A file, because everybody on the machine can read a command line. */
function readCredentials(text: string, file: string): string | undefined {
  if (!text) return undefined;
  checkClosed(file, 'rwx');
  const credentials = readFileSync(file, 'utf8').trimEnd();
  if (/^[^:\n]+:[^\n]*$/.test(credentials)) return credentials;
  throw new Error('expected one line, user:password');
}
