import { X509Certificate } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { deviceTopicFilters } from '../../../runtime/jobs/topics.ts';
import type { Connect } from '../../../transports/transport.ts';
import { connectAs } from '../connectAs.ts';
import { openExchange } from '../exchange.ts';
import type { Handler, HandlerContext } from '../handlers/handler.ts';
import { createLog } from '../log.ts';
import { isTokenKey } from '../pkcs11/uri.ts';
import type { Settings } from '../settings.ts';
import { type Candidate, type Credentials, createCredentials } from './credentials.ts';
import { type Kept, type Pair, readIdentity, writeIdentity } from './identityFile.ts';
import { obtainThing, withHint } from './obtain.ts';
import { parameterValues, readParameters } from './settings.ts';

/** See ../parts.ts. */
declare const ERRAND_WITHOUT_PKCS11: true | undefined;

/** Attempts to connect with a new certificate, and the pause between them: what is attached may take a moment to be known. */
const VERIFY_TRIES_MAX = 3;
const VERIFY_PAUSE_MILLIS = 1_000;
/** Attempts of the agent itself with the new certificate, before one with the old. */
const NEW_TRIES = 3;

const TAKEN_BACK = 'the new certificate could not connect: the old one is in use again';

/**
 * `rotate-certificate [TEMPLATE] [NAME=VALUE ...]`: another certificate, with a new key, in the place of the present one. TEMPLATE
 * and parameters are those of the settings unless given; `{thing}` in a value is the name of the thing.
 *
 * The agent's connection pauses meanwhile. A certificate is got with the present one, and given to this thing by the template; a
 * connection of its own shows that it is let in and may subscribe; then the agent goes on with it, and the end of the job is reported over
 * that connection. Whatever fails, up to the agent's own first connection with the new one, the device has the old one again and
 * the job has FAILED. The old certificate is left ACTIVE: the output of the step names it for the operator, who deactivates it.
 */
export const ROTATE: Handler = { name: 'rotate-certificate', idempotent: true, run };

async function run(context: HandlerContext, settings?: Settings): Promise<undefined> {
  const { execution, print } = context;
  if (!settings?.credentials) throw new Error('there is no service here to get a certificate from');
  const { data, credentials } = settings;
  if (typeof ERRAND_WITHOUT_PKCS11 === 'undefined' && isTokenKey(settings.key))
    throw new Error('no new key can be made in a token: the certificate stays as it was');
  let kept = readIdentity(data);
  // The power was cut behind the switch: the agent has gone on with whichever was let in.
  if (kept.refused === execution) throw new Error(TAKEN_BACK);
  if (kept.by === execution) return undefined;
  const old = currentPair(settings, kept);
  credentials.hold();
  try {
    const next = await replace(context, settings, old, kept);
    kept = switched(settings, old, next, execution);
    writeIdentity(data, kept);
  } catch (error) {
    const { next: _, ...rest } = kept;
    if (!context.signal.aborted && readIdentity(data).next) writeIdentity(data, rest);
    credentials.use([{ connect: connectAs(settings, old, createLog(settings.log)), worked: () => {} }]);
    throw new Error(`${withHint(error as Error)}; the certificate stays as it was`);
  }
  print(`certificate ${idOf(kept.pair!.cert)} takes the place of ${idOf(old.cert)}\n`);
  if ((await goOn(settings, credentials, kept)) === 'old') throw new Error(TAKEN_BACK);
  return undefined;
}

/** @returns the new pair, which has been let in */
async function replace(context: HandlerContext, settings: Settings, old: Pair, kept: Kept): Promise<Pair> {
  const { args, thingName, signal, execution } = context;
  const template = args.find((arg) => !arg.includes('=')) ?? settings.template;
  if (!template) throw new Error("no template is named: give one as first argument, or in the setting 'template'");
  const given = args.filter((arg) => arg.includes('=')).map((arg) => Object.entries(readParameters(arg))[0]!);
  const all = Object.entries(parameterValues({ ...settings.parameters, ...Object.fromEntries(given) }));
  const parameters = Object.fromEntries(all.map(([name, value]) => [name, value.replaceAll('{thing}', thingName)]));
  const request = {
    by: old,
    // AWS's policies usually demand it.
    clientId: thingName,
    template,
    parameters,
    next: kept.next?.by === execution ? kept.next : undefined,
    signal,
  };
  const { thingName: made, pair } = await obtainThing(settings, request, createLog(settings.log), (next) =>
    writeIdentity(settings.data, { ...kept, next: next && { ...next, by: execution } }),
  );
  if (made !== thingName)
    throw new Error(`template ${template} with these parameters gives thing ${made}, not ${thingName}`);
  await verify(settings, pair, signal);
  return pair;
}

async function verify(settings: Settings, pair: Pair, signal: AbortSignal): Promise<void> {
  const { thingName: clientId } = settings;
  const connect = connectAs(settings, pair, createLog(settings.log));
  for (let tries = 1; ; tries += 1) {
    try {
      const exchange = await openExchange({ connect, clientId, listens: deviceTopicFilters(clientId), signal });
      return await exchange.close();
    } catch (error) {
      if (tries === VERIFY_TRIES_MAX || signal.aborted)
        throw new Error(`the new certificate could not connect: ${(error as Error).message}`);
      await pause(VERIFY_PAUSE_MILLIS);
    }
  }
}

function currentPair({ cert, key, configured }: Settings, { pair, replaces }: Kept): Pair {
  return pair && (configured === undefined || replaces === configured) ? pair : { cert, key };
}

function switched({ thingName, configured }: Settings, previous: Pair, pair: Pair, by: string): Kept {
  return { thingName, pair, previous, by, ...(configured !== undefined && { replaces: configured }) };
}

/**
 * Lets the agent go on with a new pair that it may have to take back.
 *
 * @returns which of the two was let in
 */
function goOn(settings: Settings, credentials: Credentials, kept: Kept): Promise<'new' | 'old'> {
  return new Promise((resolve) => {
    credentials.use(candidatesOf(settings, kept, resolve));
  });
}

/** The ways that an agent tries: the pair that is in use; and the one before, as long as this one has not been let in. */
export function candidatesOf(
  settings: Settings,
  kept: Kept,
  tell: (which: 'new' | 'old') => void = () => {},
): Candidate[] {
  const { data } = settings;
  const log = createLog(settings.log);
  const { previous, by, ...rest } = kept;
  /** A full disk does not end the connection: the next start finds both pairs and tries them again. */
  const keep = (now: Kept) => {
    try {
      writeIdentity(data, now);
    } catch (error) {
      log('error', `the identity could not be written: ${(error as Error).message}`);
    }
  };
  const present: Candidate = {
    connect: connectAs(settings, currentPair(settings, kept), log),
    worked: () => {
      if (previous) keep({ ...rest, ...(by && { by }) });
      tell('new');
    },
  };
  if (!previous) return [present];
  const before: Candidate = {
    connect: connectAs(settings, previous, log),
    worked: () => {
      keep({ ...rest, pair: previous, ...(by && { refused: by }) });
      log('warn', TAKEN_BACK);
      tell('old');
    },
  };
  return [...Array.from({ length: NEW_TRIES }, () => present), before];
}

/** The name that the service has for a certificate: SHA-256 of its DER. */
function idOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();
}

/** The connections of an agent that can be given another certificate while it runs. */
export function changeable(settings: Settings): Connect {
  settings.credentials = createCredentials(candidatesOf(settings, readIdentity(settings.data)));
  return settings.credentials.connect;
}
