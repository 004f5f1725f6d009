import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { NEXT_JOB } from '../../../runtime/jobs/names.ts';
import { deviceTopicFilters, executionTopic } from '../../../runtime/jobs/topics.ts';
import { checkClosed } from '../../../transports/handlers.ts';
import { connectAs } from '../connectAs.ts';
import { compiledIn } from '../custom/custom.ts';
import { openExchange } from '../exchange.ts';
import { isTokenKey } from '../pkcs11/uri.ts';
import type { Settings } from '../settings.ts';
import { connectWays } from '../ways/connectWays.ts';
import { say } from './commands.ts';
import { askAgent } from './status.ts';

/** See ../parts.ts. */
declare const ERRAND_WITHOUT_CUSTOM: true | undefined;
declare const ERRAND_WITHOUT_PKCS11: true | undefined;

const FREE_BYTES_MIN = 10 * 1024 * 1024;

/** Looks at all that an agent needs, one line each: what is right, or what is wrong and what to do. @returns 0 all right, 1 not */
export async function diagnose(settings: Settings | { faults: string[] }): Promise<number> {
  if ('faults' in settings) {
    for (const fault of settings.faults) say(`WRONG  ${fault}`);
    return 1;
  }
  let wrong = 0;
  const look = async (name: string, find: () => string | Promise<string>) => {
    try {
      say(`ok     ${name}: ${await find()}`);
      return true;
    } catch (error) {
      wrong = 1;
      say(`WRONG  ${name}: ${(error as Error).message}`);
      return false;
    }
  };
  for (const warning of settings.warnings) say(`note   ${warning}`);
  const { thingName, data, handlers, host, port } = settings;
  await look('settings', () => `thing ${thingName}, endpoint ${host}:${port}`);
  await look('clock', () => checkClock(settings));
  await look('certificate', () => checkCertificate(settings));
  const isKeyThere =
    typeof ERRAND_WITHOUT_PKCS11 !== 'undefined' ||
    !isTokenKey(settings.key) ||
    (await look('key', () => checkToken(settings)));
  await look('data folder', () => checkData(data));
  await look('handlers', () => {
    if (!existsSync(handlers)) return `${handlers} is not there: only programs on PATH and built-in handlers run`;
    checkClosed(handlers, 'w');
    return handlers;
  });
  if (typeof ERRAND_WITHOUT_CUSTOM === 'undefined')
    for (const { name } of compiledIn()) {
      const file = join(handlers, name);
      await look(`handler ${name}`, () =>
        existsSync(file) ? `not the one in this file: ${file} wins` : 'in this file',
      );
    }
  if (isKeyThere)
    await look('service', () =>
      settings.claim
        ? `not asked: the certificate is a claim for template ${settings.claim.template}`
        : checkService(settings),
    );
  return wrong;
}

function checkClock({ cert }: Settings): string {
  const now = new Date();
  const begins = new Date(new X509Certificate(cert).validFrom);
  if (now < begins)
    throw new Error(`it says ${now.toISOString()}, before the certificate begins (${begins.toISOString()}): set it`);
  return now.toISOString();
}

function checkCertificate({ cert, key }: Settings): string {
  const certificate = new X509Certificate(cert);
  // Node 18 has it as a text alone.
  const ends = new Date(certificate.validTo);
  const isElsewhere = typeof ERRAND_WITHOUT_PKCS11 === 'undefined' && isTokenKey(key);
  if (!isElsewhere && !certificate.checkPrivateKey(createPrivateKey(key)))
    throw new Error('the key is not that of the certificate: give the two that belong together');
  if (ends < new Date()) throw new Error(`it ended on ${ends.toISOString()}: give the device a new one`);
  return `${certificate.subject.replace(/\n/g, ', ')}, until ${ends.toISOString()}`;
}

/** Logs in and finds the key, as a connection does. */
function checkToken(settings: Settings): string {
  connectWays(settings, () => {});
  return `found, ${settings.key}`;
}

function checkData(data: string): string {
  if (!existsSync(data)) return `${data} is made at the first start`;
  checkClosed(data, 'w');
  const { bavail, bsize } = statfsSync(data);
  if (bavail * bsize < FREE_BYTES_MIN) throw new Error(`${data} has ${bavail * bsize} bytes free: make room`);
  return `${data}, ${Math.floor((bavail * bsize) / 1e6)} MB free`;
}

/** Connects, subscribes and asks for the next job as the agent would; which of it is refused says what the policy lacks. */
async function checkService(settings: Settings): Promise<string> {
  const { thingName, data } = settings;
  // A second connection of the same client id would end that of the agent.
  if (await askAgent(data)) return 'not asked, because an agent runs here: see status';
  const exchange = await openExchange({
    connect: connectAs(settings, settings, () => {}),
    clientId: thingName,
    listens: deviceTopicFilters(thingName),
  });
  try {
    await exchange.ask(executionTopic(thingName, NEXT_JOB, 'get'), {});
    return 'connected, and jobs can be asked for';
  } finally {
    await exchange.close();
  }
}
