import { addThingToThingGroup, removeThingFromThingGroup } from '../../../targets/service/registry/membership.ts';
import { at, first, group, groupArn, isDone, moment, type Scenario } from './stage.ts';

const KNOWING = [{ way: 'mqtt', knows: true }] as const;

/** What seeds have found, told so that it is found again whatever the draws of seeds become. */
export const FOUND_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a job with a clean-up succeeds',
    why: 'Seed 2: the clean-up ran after every job that had succeeded, once its report was acknowledged.',
    catches: ['clean up after what has succeeded'],
    boards: KNOWING,
    async play(stage) {
      const onFailure = { name: 's0.clean', millis: 100, code: 0 };
      await stage.job('well', [{}, {}], { onFailure });
      await stage.until('it has succeeded', isDone(stage, 'well'));
      await stage.pass(10);
    },
  },
  {
    name: 'a step asks for its document and ends before it came',
    why: 'Seeds 51 and 144: the device asked for the document again and again, thousands of times a minute, and never told that the job had ended.',
    catches: ['ask for a document that no step waits for'],
    boards: KNOWING,
    async play(stage) {
      for (let n = 0; n < 5; n++) {
        await stage.job(`asks${n}`, [{ handler: true, manner: 'tells', millis: 20 }]);
        await stage.until('it has succeeded', isDone(stage, `asks${n}`), 60);
      }
    },
  },
  {
    name: 'a CONNACK is lost',
    why: 'The service had made the session and the device had not subscribed: on the next connection it took "session present" for its own, and heard nothing.',
    catches: ['trust "session present" after a CONNACK that may have been lost'],
    async play(stage) {
      stage.cloud.crash(); // it forgets all sessions
      const isBetween = () =>
        first(stage).device.client.at === 'connecting' &&
        stage.cloud.gateway.sessions.has('T0') &&
        stage.cloud.service !== undefined;
      await stage.until('the service is back', () => stage.cloud.service !== undefined);
      for (let n = 0; n < 200_000 && !isBetween(); n++) await stage.pass(0.001);
      stage.expect(isBetween(), 'its CONNECT has arrived, and the answer has not');
      first(stage).wire!.cut();
      await stage.until('it is online', () => first(stage).device.runner.online, 300);
      const { subscriptions } = stage.cloud.gateway.sessions.get('T0')!;
      stage.expect(subscriptions.size === 3, `it has subscribed: ${subscriptions.size} filters`);
    },
  },
  {
    name: 'the clock of the service is set back between two jobs',
    why: 'The younger job came to the head of the queue by its queuedAt, and its device was not told that another one is next.',
    catches: ['take what is new for the last of its queue'],
    faults: { clockMillis: 1 },
    async play(stage) {
      first(stage).stop();
      await stage.pass(0.05);
      await stage.job('before', [{}]);
      await stage.pass(1);
      stage.cloud.crash(); // who starts next does not know how late it was
      await stage.until('the service is back', () => stage.cloud.service !== undefined);
      stage.cloud.setClock(-45_000);
      await stage.job('after', [{}]);
      await stage.pass(1);
      await stage.until(
        'both are done',
        async () => (await isDone(stage, 'before')()) && isDone(stage, 'after')(),
        400,
      );
    },
  },
  {
    name: 'a thing leaves two groups of a continuous job and comes back',
    why: 'It got a first execution beside the one that it had, and ran the job twice under one number.',
    catches: ['leave an execution number out when a thing joins again'],
    async play(stage) {
      for (const name of ['one', 'two']) await group(stage, name);
      const join = (thingGroupName: string) =>
        addThingToThingGroup(stage.registry, { thingName: 'T0', thingGroupName });
      const leave = (thingGroupName: string) =>
        removeThingFromThingGroup(stage.registry, { thingName: 'T0', thingGroupName });
      for (const name of ['one', 'two']) await join(name);
      const input = { targetSelection: 'CONTINUOUS' as const, targets: [groupArn('one'), groupArn('two')] };
      await stage.job('again', [{}], { input });
      await stage.until('it is done', isDone(stage, 'again'));
      for (const name of ['one', 'two']) await leave(name);
      await join('two');
      await stage.pass(5);
      await stage.until('it is done once more', isDone(stage, 'again'));
      const number = async () =>
        (await stage.control.describeJobExecution({ jobId: 'again', thingName: 'T0' })).execution.executionNumber;
      stage.expect((await number()) === 2, 'as number 2');
      await stage.control.deleteJobExecution({ jobId: 'again', thingName: 'T0', executionNumber: 1 });
      await join('one');
      await stage.pass(5);
      stage.expect((await number()) === 2, 'who is in both groups has one execution');
      await stage.control.cancelJob({ jobId: 'again' });
    },
  },
  {
    name: 'power goes with the report on its way',
    why: 'What was acknowledged must be forgotten, what was not told again: a report lost with the power left the execution IN_PROGRESS for ever.',
    catches: ['forget the outcome before the service has answered'],
    async play(stage) {
      await stage.job('told', [{}]);
      await moment(stage, 'it reports', () => at(stage) === 'reporting');
      first(stage).wire!.cut();
      first(stage).cutPower();
      await stage.until('the service has its report', isDone(stage, 'told'), 400);
    },
  },
  {
    name: 'power goes in the middle of a step',
    why: 'It cannot be known how far the step got: it is not run again, and the job fails, saying so.',
    catches: ['run the step that was interrupted once more'],
    async play(stage) {
      await stage.job('cut', [{}, { millis: 20_000 }]);
      await stage.until('the second step runs', () => at(stage) === 'running' && first(stage).device.runner.step === 1);
      first(stage).cutPower();
      await stage.until('it has failed', async () => (await stage.status('cut')) === 'FAILED', 400);
    },
  },
  {
    name: 'a job is cancelled while its device is away',
    why: 'The notification has passed it by: what runs must be asked about as soon as it is back, and stopped.',
    catches: [
      'keep a job running that the service no longer holds',
      'take up a job again without asking whether it is still there',
    ],
    async play(stage) {
      const { cloud } = stage;
      await stage.job('gone', [{ millis: 100_000 }, { millis: 100_000 }]);
      await stage.until('it runs', () => at(stage) === 'running');
      cloud.isBlocked = true;
      cloud.crash(); // its session is gone, and what it would have been told with it
      await stage.until('the service is back', () => cloud.service !== undefined);
      await stage.control.cancelJob({ jobId: 'gone', force: true });
      await stage.pass(1);
      cloud.isBlocked = false;
      await stage.until('the device has stopped', () => first(stage).atRest(), 90);
    },
  },
  {
    name: 'power goes while the record of a step is written',
    why: 'A step whose record is not on disk must not have begun: the next boot would begin it again.',
    catches: ['run a step before its record is written'],
    async play(stage) {
      const { faults } = stage.world;
      for (let n = 0; n < 4; n++) {
        await stage.job(`torn${n}`, [{ millis: 500 }]);
        await moment(stage, 'it claims', () => at(stage) === 'claiming');
        faults.cutPower = 1; // the next record is torn
        await moment(stage, 'power is gone', () => !first(stage).powered());
        faults.cutPower = 0;
        await stage.until('it has ended', async () => isOver(await stage.status(`torn${n}`)), 600);
      }
    },
  },
  {
    name: 'a claim is lost, its job is cancelled, and its disk takes nothing when its record is to be removed',
    why: 'Seed 442: the record of the first claim stayed on disk for as long as no other job came, and each boot asked about it.',
    catches: ['leave an outcome on disk that could not be removed'],
    async play(stage) {
      const { cloud, world } = stage;
      await stage.job('claimed', [{}]);
      await moment(stage, 'it claims', () => at(stage) === 'claiming');
      first(stage).wire!.cut();
      cloud.impostor = () => new Uint8Array(0); // nobody answers for a while
      await stage.pass(30);
      await stage.control.cancelJob({ jobId: 'claimed' });
      world.faults.failDisk = 1;
      cloud.impostor = undefined;
      await stage.until('it is to be removed', () => at(stage) === 'forgetting', 300);
      await stage.until('it could not be', () => first(stage).device.runner.pauseUntil > 0);
      world.faults.failDisk = 0;
      await stage.until('nothing is left', () => first(stage).atRest());
    },
  },
  {
    name: 'a network lets MQTT through no more, and later again',
    why: 'A device with two ways takes the other one at once, goes on with its job, and comes back to the better one by itself.',
    boards: [{ way: 'either', knows: false }],
    async play(stage) {
      await stage.job('before', [{ millis: 60_000 }, { millis: 60_000 }]);
      await stage.until('it runs', () => at(stage) === 'running');
      stage.cloud.isBlocked = true;
      first(stage).wire!.cut();
      const requests = () => stage.told.counts['HTTPS requests'] ?? 0;
      await stage.until('it asks over HTTPS', () => requests() > 0 && first(stage).device.runner.online, 120);
      await stage.until('the job is done', isDone(stage, 'before'), 200);
      await stage.pass(1_200);
      stage.cloud.isBlocked = false;
      await stage.pass(7_200);
      const before = requests();
      await stage.job('after', [{}]);
      await stage.until('it is done', isDone(stage, 'after'), 60);
      stage.expect(requests() === before, 'it is back on MQTT');
      first(stage).wire!.cut();
      await stage.until('it is online again', () => first(stage).device.runner.online, 120);
    },
  },
  {
    name: 'a notification cannot be sent',
    why: 'The job is in the store, and nobody else tells its device, which is online and waits: the notification has to be sent again.',
    extras: () => ({
      publish: (topic) => {
        if (topic.endsWith('/notify-next') && lost-- > 0) throw new Error('no connection');
      },
    }),
    async play(stage) {
      await stage.pass(5); // its first question is answered
      lost = 1;
      await stage.job('untold', [{}]);
      await stage.until('it is done', isDone(stage, 'untold'), 60);
    },
  },
];

/** Notifications that are still to be lost. */
let lost = 0;

const isOver = (status: string | undefined) => status === 'SUCCEEDED' || status === 'FAILED';
