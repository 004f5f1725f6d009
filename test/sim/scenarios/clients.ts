import { formatRequestTopic, type Operation, thingOfTopic } from '../../../runtime/jobs/topics.ts';
import { createThing } from '../../../targets/service/registry/things.ts';
import { type Scenario, type Stage, thingArn } from './stage.ts';

/** What another client of a thing may publish, and what it is told. */
const WRONG: readonly [level: string, payload: string, expected: string][] = [
  ['get', '[]', 'InvalidJson'],
  ['get', '{"clientToken":7}', 'InvalidRequest'],
  ['get', `{"clientToken":"${'x'.repeat(65)}"}`, 'InvalidRequest'],
  ['start-next', '{"stepTimeoutInMinutes":0}', 'InvalidRequest'],
  ['start-next', '{"statusDetails":[]}', 'InvalidRequest'],
  [
    'start-next',
    `{"statusDetails":${JSON.stringify(Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, 'v'])))}}`,
    'InvalidRequest',
  ],
  ['start-next', '{"statusDetails":{"a b":"v"}}', 'InvalidRequest'],
  ['start-next', '{"statusDetails":{"a":null}}', 'InvalidRequest'],
  ['start-next', '{"statusDetails":{"a":""}}', 'InvalidRequest'],
  ['start-next', `{"statusDetails":{"a":"${'\u{1f600}'.repeat(1_025)}"}}`, 'InvalidRequest'],
  ['start-next', '{"statusDetails":{"a":"\\u0007"}}', 'InvalidRequest'],
  ['j/update', '{}', 'InvalidRequest'],
  ['j/update', '{"status":null}', 'InvalidRequest'],
  ['j/update', '{"status":"CANCELED","clientToken":"mine"}', 'InvalidRequest'],
  ['j/update', '{"status":"FAILED","expectedVersion":"one"}', 'InvalidRequest'],
  ['j/update', '{"status":"FAILED","includeJobDocument":1}', 'InvalidRequest'],
  ['j/get', '{"executionNumber":0}', 'InvalidRequest'],
  ['j/nonsense', '', 'InvalidTopic'],
  ['j/nonsense', '{"clientToken":"mine"}', 'InvalidTopic'],
  ['j/nonsense', `{"clientToken":"${'x'.repeat(65)}"}`, 'InvalidTopic'],
  ['a/b/c', '', 'InvalidTopic'],
  ['a b/get', '', 'InvalidTopic'],
  ['a b/update', '', 'InvalidTopic'],
  ['nothing/get', '{"executionNumber":2}', 'ResourceNotFound'],
  ['nothing/update', '{"status":"FAILED","clientToken":"mine"}', 'ResourceNotFound'],
];

async function refuse(stage: Stage, thingName: string): Promise<void> {
  for (const [level, payload, expected] of WRONG) {
    const before = await stage.cloud.fingerprint();
    const { kind, body } = await stage.ask(level, payload, thingName);
    stage.expect(kind === 'rejected' && body.code === expected, `${level} ${payload} is ${expected}: ${body.code}`);
    stage.expect(
      payload.includes('"mine"') === (body.clientToken === 'mine'),
      `${level} ${payload} has its token back`,
    );
    stage.expect((await stage.cloud.fingerprint()) === before, `${level} ${payload} changes nothing (invariant 7)`);
  }
}

export const CLIENT_SCENARIOS: readonly Scenario[] = [
  {
    name: 'another client of a thing does all that AWS allows, and much that it does not',
    why: 'A device in another language goes by the letter of the API: digits as text, null for nothing, a token that comes again.',
    async play(stage) {
      const { control, registry } = stage;
      await createThing(registry, { thingName: 'other' });
      const make = (jobId: string, more: object = {}) =>
        control.createJob({ jobId, targets: [thingArn('other')], document: '{"by":"hand"}', ...more });
      const ask = (level: string, payload: object | string) => stage.ask(level, payload as never, 'other');
      await refuse(stage, 'other');
      for (const level of ['get', 'start-next', '$next/get']) {
        const { body } = await stage.ask(level, '', 'nobody');
        stage.expect(body.code === 'ResourceNotFound', `${level} of no thing: ${body.code}`);
      }
      for (const topic of [
        '$aws/things/other/shadow/get',
        '$aws/things/+/jobs/get',
        'plain',
        '$aws/things/other',
        '$aws/things/other/jobs/notify',
      ])
        stage.expect(
          (await stage.cloud.service!.request(topic, new Uint8Array(0))) === undefined,
          `silence on ${topic}`,
        );
      const levels = { GetPendingJobExecutions: 'get', StartNextPendingJobExecution: 'start-next' };
      for (const [operation, level] of Object.entries(levels) as [Operation, string][])
        stage.expect(
          formatRequestTopic({ thingName: 'other', operation }) === `$aws/things/other/jobs/${level}`,
          `${operation} has its topic`,
        );
      stage.expect(thingOfTopic('$aws/things/other/jobs/get') === 'other', 'the thing of a topic is told');
      stage.expect((await ask('start-next', '')).body.execution === undefined, 'an empty queue starts nothing');
      await make('one');
      await make('two', { timeoutConfig: { inProgressTimeoutInMinutes: 30 } });
      await stage.pass(1);
      const started = await ask('start-next', { statusDetails: { uptime: 7, ok: true }, stepTimeoutInMinutes: 5 });
      stage.expect((started.body.execution as { jobId: string }).jobId === 'one', 'the oldest is started');
      const again = await ask('start-next', '');
      stage.expect(JSON.stringify(again.body.execution).includes('"jobId":"one"'), 'what runs is handed out again');
      const pending = await ask('get', { clientToken: null });
      stage.expect((pending.body.inProgressJobs as unknown[]).length === 1, 'one is in progress');
      const update = (members: object) => ask('one/update', members);
      const versioned = await update({
        status: 'IN_PROGRESS',
        expectedVersion: '2',
        includeJobExecutionState: true,
        includeJobDocument: true,
        stepTimeoutInMinutes: -1,
      });
      stage.expect(
        JSON.stringify(versioned.body).includes('"versionNumber":3'),
        'digits are a version, and the state is told',
      );
      const token = { clientToken: 'again' };
      await update({ status: 'IN_PROGRESS', statusDetails: { n: '1' }, ...token });
      const repeated = await update({
        status: 'IN_PROGRESS',
        statusDetails: { n: '1' },
        includeJobExecutionState: true,
        ...token,
      });
      stage.expect(
        JSON.stringify(repeated.body).includes('"versionNumber":4'),
        'what comes again is not applied twice',
      );
      const other = await update({ status: 'IN_PROGRESS', expectedVersion: 4, ...token });
      stage.expect(other.kind === 'accepted', 'the same token for something else is something else');
      const rejected = await update({ status: 'REJECTED', includeJobExecutionState: true });
      stage.expect(rejected.body.code === 'InvalidStateTransition', 'what runs cannot be REJECTED any more');
      await update({ status: 'FAILED' });
      const over = await ask('one/get', {});
      stage.expect(over.body.code === 'TerminalStateReached', 'it is over');
      await make('tries', {
        jobExecutionsRetryConfig: { criteriaList: [{ failureType: 'FAILED', numberOfRetries: 1 }] },
      });
      await stage.pass(1);
      await ask('two/update', { status: 'SUCCEEDED' });
      for (const what of ['failure', 'what comes again'])
        stage.expect(
          (await ask('tries/update', { status: 'FAILED', clientToken: 'once' })).kind === 'accepted',
          `${what} is taken`,
        );
      const tries = await ask('tries/get', {});
      stage.expect(
        JSON.stringify(tries.body).includes('"executionNumber":2'),
        'one retry is there, and not failed yet',
      );
      await ask('tries/update', { status: 'SUCCEEDED', executionNumber: 2 });
      await Promise.all(Array.from({ length: 70 }, (_, i) => stage.ask('get', '', `flood${i % 68}`)));
    },
  },
  {
    name: 'ten thousand requests wait at once',
    why: 'A service that queues without a bound dies of its own fleet; whoever is refused has to be told so.',
    async play(stage) {
      const answers = await Promise.all(
        Array.from({ length: 10_050 }, () => stage.ask('get', '{"clientToken":"many"}')),
      );
      const refused = answers.filter(({ body }) => body.code === 'RequestThrottled').length;
      stage.expect(
        refused > 0 && refused <= 50 && answers.every(({ body }) => body.clientToken === 'many'),
        `some are throttled: ${refused}`,
      );
      const { payload } = stage.cloud.service!.refuse(
        '$aws/things/T0/jobs/get',
        new TextEncoder().encode('{"clientToken":1}'),
        {
          code: 'RequestThrottled',
          message: 'too fast',
        },
      );
      stage.expect(!new TextDecoder().decode(payload).includes('clientToken'), 'a token that is none is not echoed');
    },
  },
];
