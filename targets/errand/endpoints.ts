import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileFault } from '../service/fileFault.ts';
import type { Endpoints } from '../service/identity/endpointsFile.ts';
import { CommandError, EXIT } from './outcome.ts';

/** A running service, from its endpoints.json. */
export interface Service extends Endpoints {
  /** Where all this was read from. */
  file: string;
  /** The CA's certificate. */
  caPem: string;
}

/** Where `errand service` keeps its data when it is not told. */
export const DEFAULT_ENDPOINTS_FILE = path.join('errand-data', 'endpoints.json');

const MEMBERS = ['mqtts', 'https', 'ca', 'accessKeyId', 'secretAccessKey', 'region'] as const;

/**
 * Finds the service: the file that `--endpoints` names, else that of $ERRAND_ENDPOINTS, else ./errand-data/endpoints.json.
 *
 * @throws CommandError (configuration), one sentence
 */
export function readEndpoints(option: string | undefined, env: NodeJS.ProcessEnv): Service {
  const [file, source] =
    option !== undefined
      ? [option, '--endpoints']
      : env.ERRAND_ENDPOINTS
        ? [env.ERRAND_ENDPOINTS, '$ERRAND_ENDPOINTS']
        : [DEFAULT_ENDPOINTS_FILE, 'the default'];
  const text = read(file, `${file} (${source})`, 'is the service started here? Else name its file with --endpoints');
  const endpoints = parse(file, text);
  const ca = path.resolve(path.dirname(file), endpoints.ca);
  return { ...endpoints, ca, file, caPem: read(ca, `${ca} (the CA in ${file})`, 'it is made when the service starts') };
}

function read(file: string, name: string, hint: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const more = (error as NodeJS.ErrnoException).code === 'ENOENT' ? `; ${hint}` : '';
    throw new CommandError(EXIT.configuration, `cannot read ${name}: ${fileFault(error)}${more}`);
  }
}

function parse(file: string, text: string): Endpoints {
  let found: Record<string, unknown> = {};
  try {
    found = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // has no members: refused below
  }
  const missing = MEMBERS.find((name) => typeof found?.[name] !== 'string');
  if (missing !== undefined)
    throw new CommandError(
      EXIT.configuration,
      `${file}: no '${missing}': expected a JSON object with ${MEMBERS.join(', ')}`,
    );
  if (!URL.canParse(found.https as string) || !(found.https as string).startsWith('https://'))
    throw new CommandError(EXIT.configuration, `${file}: 'https' is '${found.https}': expected https://host:port`);
  const { files } = found;
  if (files !== undefined && !(typeof files === 'string' && files.startsWith('https://') && URL.canParse(files)))
    throw new CommandError(EXIT.configuration, `${file}: 'files' is '${files}': expected https://host:port`);
  return found as unknown as Endpoints;
}
