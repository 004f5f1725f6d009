import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { DATA_ERROR_TYPES, DATA_OPERATIONS } from '../../targets/service/dataPlane/operations.ts';
import { routerOf } from '../../targets/service/http/route.ts';
import { readTarget } from '../../targets/service/http/target.ts';
import { assertModelled, type Row } from './answers.ts';
import type { Kind } from './kind.ts';
import { rawClient } from './rawHttp.ts';
import { bytesOf, requestOf } from './requests.ts';
import { openStage } from './stage.ts';
import { JOBS, THINGS } from './values.ts';

const DATA = routerOf(DATA_OPERATIONS);

/** Requests to the devices' port by a device with a certificate. */
export const devices: Kind = {
  name: 'requests of devices over HTTPS',
  share: 0.15,
  async run(cases, seed) {
    const stage = await openStage();
    const { plane, devices: listener } = stage.world;
    const tally = new Map<string, number>();
    const { certificatePem: cert, keyPair } = stage.device;
    const client = rawClient({
      host: '127.0.0.1',
      port: listener.port,
      servername: 'localhost',
      ca: plane.identity.caPem,
      cert,
      key: keyPair.PrivateKey,
    });
    let made = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          requestOf(fc.constantFrom(...DATA_OPERATIONS)),
          fc.nat(20),
          stage.chance,
          async (asked, again, chance) => {
            if (again === 0) await makeAnew(JOBS[made++ % JOBS.length]!);
            const answer = await client.exchange(bytesOf(asked, { host: 'localhost', ...asked.headers }), asked.method);
            assert.ok(answer !== undefined, 'the connection was closed without an answer');
            const target = readTarget(asked.url);
            const found = target && DATA(asked.method, target.segments);
            assertModelled(answer, found?.operation as Row | undefined, DATA_ERROR_TYPES, tally, asked.method);
            await stage.goOn(chance);
          },
        ),
        { numRuns: cases, seed },
      );
    } finally {
      client.close();
      await stage.close();
    }
    return tally;

    async function makeAnew(jobId: string): Promise<void> {
      await plane.jobs.control.deleteJob({ jobId, force: true }).catch(() => {}); // the first time there is none
      await stage.goOn(1);
      await stage.world.addJob(jobId, [THINGS[0]!]).catch(() => {}); // the deletion may last
    }
  },
};
