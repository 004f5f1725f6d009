import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure, takeFolder } from '../agent.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import { readIdentity, writeIdentity } from './identityFile.ts';
import { obtainThing, withHint } from './obtain.ts';
import { type Claim, parameterValues } from './settings.ts';

/** Attempts before the agent ends, and whoever keeps it running starts it again. */
const TRIES_MAX = 20;
const PAUSE_MILLIS_BASE = 1_000;

/**
 * Gets an identity of its own for a device that has a claim certificate, and keeps it in the data folder. What is left of an
 * attempt that was cut off is gone on with: the certificate that it got, or, when the service no longer takes its token,
 * another one. The same parameters give the same thing, so a board never has two. The claim's files are left as they are: other
 * programs, and other boards on the same image, may need them.
 *
 * @returns the settings of the device that it now is
 * @throws Failure: the folder cannot be used, or so many attempts have failed
 */
export async function provision(settings: Settings, log: Log): Promise<Settings> {
  const { data, claim, retryMaxMillis } = settings;
  if (!claim) return settings;
  const end = () => process.exit(0);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  const lock = await takeFolder(data, (taken) => taken);
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        return { ...settings, ...(await attempt(settings, claim, log)), claim: undefined };
      } catch (error) {
        const why = `this device has no identity yet: ${withHint(error as Error)}`;
        if (tries === TRIES_MAX) throw new Failure(`${why}; ${tries} attempts have failed`);
        // Full jitter, so that a line of boards that starts together does not ask together.
        const longest = Math.min(retryMaxMillis, PAUSE_MILLIS_BASE * 2 ** tries);
        const millis = Math.random() * longest;
        log('warn', `${why}; next try in ${(millis / 1000).toFixed(1)} s`);
        await pause(millis);
      }
    }
  } finally {
    lock.release();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, end);
  }
}

async function attempt(settings: Settings, claim: Claim, log: Log) {
  const { data } = settings;
  const request = {
    by: claim,
    // Unlike that of every other board with this claim.
    clientId: `errand-claim-${randomBytes(12).toString('hex')}`,
    template: claim.template,
    parameters: parameterValues(settings.parameters ?? {}),
    next: readIdentity(data).next,
  };
  const made = await obtainThing(settings, request, log, (next) => writeIdentity(data, { next }));
  const { thingName, pair } = made;
  writeIdentity(data, made);
  log('info', `this device is thing ${thingName} now; its certificate and key are in ${data}`);
  return { thingName, ...pair };
}
