import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { lockFolder } from '../../../transports/lock.ts';
import { Failure, makeFolder } from '../agent.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import { connectByMqtt } from './connectAs.ts';
import { openExchange } from './exchange.ts';
import { readIdentity, writeIdentity } from './identityFile.ts';
import { answerFilters, obtain, register, withHint } from './obtain.ts';
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
  const lock = await takeFolder(data);
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

async function takeFolder(data: string) {
  try {
    makeFolder(data);
    const lock = await lockFolder(data);
    if (lock) return lock;
    throw new Error('another agent uses it; give each one its own');
  } catch (error) {
    throw new Failure(`the data folder ${data} cannot be used: ${(error as Error).message}`);
  }
}

async function attempt(settings: Settings, claim: Claim, log: Log) {
  const { data, keyFrom = 'device' } = settings;
  const { template } = claim;
  const parameters = parameterValues(settings.parameters ?? {});
  let { next } = readIdentity(data);
  const exchange = await openExchange({
    connect: connectByMqtt(settings, claim, log),
    // Unlike that of every other board with this claim.
    clientId: `errand-claim-${randomBytes(12).toString('hex')}`,
    listens: answerFilters(keyFrom, template),
  });
  try {
    for (;;) {
      const isFresh = !next;
      if (!next) {
        log('info', `asks for a certificate by template ${template}`);
        next = await obtain(exchange, keyFrom);
        writeIdentity(data, { next });
      }
      const thingName = await register(exchange, template, next, parameters);
      if (thingName) {
        const { cert, key } = next;
        writeIdentity(data, { thingName, pair: { cert, key } });
        log('info', `this device is thing ${thingName} now; its certificate and key are in ${data}`);
        return { thingName, cert, key };
      }
      next = undefined;
      writeIdentity(data, {});
      if (isFresh) throw new Error('the service does not take the certificateOwnershipToken that it has just given');
    }
  } finally {
    await exchange.close();
  }
}
