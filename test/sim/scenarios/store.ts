import { sql } from 'kysely';
import type { Signer } from '../../../targets/service/jobs/delivery.ts';
import { documentOf } from '../work.ts';
import { type Scenario, type Stage, thingArn } from './stage.ts';

/** What a disk does that is full, or was mounted anew after an error: all can be read, and nothing written. */
async function makeReadOnly({ cloud }: Stage, isSo: boolean): Promise<void> {
  await sql.raw(`pragma query_only = ${isSo ? 'on' : 'off'}`).execute(cloud.store.db);
}

const OBJECT = 'https://s3.amazonaws.com/bucket/key';
const ROLE = { roleArn: 'arn:aws:iam::123456789012:role/signer', expiresInSec: 60 };

/** How it is with whoever signs; a service that starts anew asks again whether there is one. */
let signing: 'here' | 'away' | 'none' = 'here';
const SIGNER: Signer = {
  sign: ({ url }) => {
    if (signing === 'away') throw new Error('no credentials');
    return `${url} signed`;
  },
};

export const STORE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'nothing can be written to the store for a while',
    why: 'Whoever asks is told so at once, what is only read goes on, and what was not written has not happened.',
    async play(stage) {
      await stage.job('kept', [{ millis: 5_000 }]);
      await stage.until('it is there', () => stage.status('kept'));
      await makeReadOnly(stage, true);
      const before = await stage.cloud.fingerprint();
      const answers = await Promise.all([
        ...['start-next', 'kept/update'].map((level) =>
          stage.ask(level, { status: 'IN_PROGRESS', clientToken: 'mine' }),
        ),
        stage.ask('start-next', {}),
      ]);
      for (const { kind, body } of answers)
        stage.expect(kind === 'rejected' && body.code === 'InternalError', `nothing is begun: ${JSON.stringify(body)}`);
      stage.expect(answers[1]!.body.clientToken === 'mine', 'who asked is told which it was');
      const { kind } = await stage.ask('kept/get', {});
      stage.expect(kind === 'accepted', 'what can be read is told');
      await stage.cloud.settled();
      stage.expect((await stage.cloud.fingerprint()) === before, 'nothing was written');
      await makeReadOnly(stage, false);
      await stage.until('the job is done', async () => (await stage.status('kept')) === 'SUCCEEDED', 200);
    },
  },
  {
    name: 'whoever signs URLs is away when a device asks, and after an update of the service there is none at all',
    why: 'A document without its signatures would send a device to a URL that does not let it in: it is told to ask again.',
    extras: () => ({
      get signer() {
        return signing === 'none' ? (undefined as never) : SIGNER;
      },
    }),
    async play(stage) {
      const { cloud, control } = stage;
      signing = 'away';
      const document = documentOf([{ name: 's0.0', millis: 3_000, code: 0 }]).replace(
        '"steps"',
        `"url":"\${aws:iot:s3-presigned-url:${OBJECT}}","steps"`,
      );
      await control.createJob({ jobId: 'signed', targets: [thingArn('T0')], document, presignedUrlConfig: ROLE });
      await stage.until('it is there', () => stage.status('signed'));
      const unsigned = async (how: string) => {
        const { kind, body } = await stage.ask('signed/get', {});
        stage.expect(kind === 'rejected' && body.code === 'InternalError', `${how}: ${JSON.stringify(body)}`);
      };
      await unsigned('it is away');
      signing = 'none';
      cloud.crash();
      await stage.until('the service is back', () => cloud.service, 60);
      await unsigned('there is none');
      signing = 'here';
      cloud.crash();
      await stage.until('the service is back', () => cloud.service, 60);
      await stage.until('the job is done', async () => (await stage.status('signed')) === 'SUCCEEDED', 900);
    },
  },
];
