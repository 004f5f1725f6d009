import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { DATA_ERROR_TYPES, DATA_OPERATIONS } from '../../targets/service/dataPlane/operations.ts';
import { routerOf } from '../../targets/service/http/route.ts';
import { Sha256 } from '../../targets/service/http/sha256.ts';
import { readTarget } from '../../targets/service/http/target.ts';
import { ERROR_TYPES } from '../../targets/service/operations/errorTypes.ts';
import { OPERATIONS } from '../../targets/service/operations/table.ts';
import { REGION } from '../targets/service/http/controlPlane.ts';
import { assertCountersAreTrue } from '../targets/service/jobs/recount.ts';
import { assertModelled, type Row } from './answers.ts';
import type { Kind } from './kind.ts';
import { rawClient } from './rawHttp.ts';
import { type Asked, bytesOf, filledIn, requestOf } from './requests.ts';
import { openStage, type Stage } from './stage.ts';

const CONTROL = routerOf(OPERATIONS);
const DATA = routerOf(DATA_OPERATIONS);

/** With so many cases chance reaches a success of every operation; if not, the cases are too hostile to find much. */
const CASES_TO_REACH_ALL = 40_000;
/** Of artifacts, which come as files by another way. */
const NEEDS_A_FILE = 'DeleteArtifact';
/** Cases after which what was deleted of the known is made anew. */
const RENEW_EVERY = 100;
/** Making a key pair takes 100 times as long as any other case: of so many of these requests one is sent. */
const SELDOM: Readonly<Record<string, number>> = { CreateKeysAndCertificate: 100, CreateProvisioningClaim: 10 };
const operation = fc
  .tuple(fc.constantFrom(...OPERATIONS), fc.nat(99))
  .filter(([row, chance]) => chance % (SELDOM[row.name] ?? 1) === 0)
  .map(([row]) => row);

/** Signed requests to the operators' port: nine of ten for the control plane, the rest for the data plane. */
export const control: Kind = {
  name: 'signed requests over HTTPS',
  share: 0.5,
  async run(cases, seed) {
    const stage = await openStage();
    const { plane } = stage.world;
    const tally = new Map<string, number>();
    let sent = 0;
    const served = new Set<string>();
    const client = rawClient({
      host: '127.0.0.1',
      port: plane.https.port,
      servername: 'localhost',
      ca: plane.identity.caPem,
    });
    const scope = fc.constantFrom(
      'iot',
      'iot',
      'iot',
      'iot',
      'iot',
      'iot',
      'execute-api',
      'execute-api',
      'iot-jobs-data',
    );
    try {
      await fc.assert(
        fc.asyncProperty(
          requestOf(operation),
          requestOf(fc.constantFrom(...DATA_OPERATIONS)),
          scope,
          stage.chance,
          async (forControl, forData, scope, chance) => {
            if (++sent % RENEW_EVERY === 0) await stage.renew();
            const asked = filledIn(scope === 'iot-jobs-data' ? forData : forControl, stage.known);
            const answer = await client.exchange(await signed(stage, asked, scope), asked.method);
            assert.ok(answer !== undefined, 'the connection was closed without an answer');
            const target = readTarget(asked.url);
            const found = target && (scope === 'iot-jobs-data' ? DATA : CONTROL)(asked.method, target.segments);
            const statuses = scope === 'iot-jobs-data' ? DATA_ERROR_TYPES : ERROR_TYPES;
            assertModelled(answer, found?.operation as Row | undefined, statuses, tally, asked.method);
            if (answer.status === 200) served.add(found!.operation.name);
            await stage.goOn(chance);
          },
        ),
        { numRuns: cases, seed },
      );
      await assertCountersAreTrue(plane.store);
      const never = OPERATIONS.map(({ name }) => name).filter((name) => !served.has(name) && name !== NEEDS_A_FILE);
      if (cases >= CASES_TO_REACH_ALL) assert.is(never.length, 0, `never did what was asked: ${never.join(', ')}`);
    } finally {
      client.close();
      await stage.close();
    }
    return tally;
  },
};

async function signed({ world, clock }: Stage, asked: Asked, service: string): Promise<Buffer> {
  const { method, url, headers, body } = asked;
  const target = readTarget(url);
  const { accessKeyId, secretAccessKey } = world.plane.key;
  const signer = new SignatureV4({
    service,
    region: REGION,
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256,
    applyChecksum: false,
  });
  const host = `localhost:${world.plane.https.port}`;
  // Those that the service acts on have to be signed.
  const ofAmazon = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-amz')));
  const request = new HttpRequest({
    method,
    path: target?.path ?? '/',
    query: target?.query ?? {},
    headers: { host, ...ofAmazon },
    body,
  });
  const { headers: made } = await signer.sign(request, {
    signingDate: new Date(clock.millis),
    unsignableHeaders: new Set(),
  });
  return bytesOf(asked, { ...headers, ...made });
}
