import { at, first, isDone, moment, type Scenario, type Stage, thingArn } from './stage.ts';

const WRONG = { jobId: 'name', document: '{"steps":7}' };

/** Jobs that are deleted and made anew under their name: number and version are those of the old one. */
export const ANEW_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a REJECTED is lost, and its job is made anew under the same name meanwhile',
    why: 'Repeated as it was, it met the new execution, which has the same number and version, and refused a document that is good.',
    catches: ['repeat a claim of what is QUEUED without looking at it again'],
    async play(stage) {
      const { control, cloud } = stage;
      await control.createJob({ ...WRONG, targets: [thingArn('T0')] });
      await moment(stage, 'it refuses', () => at(stage) === 'reporting');
      first(stage).wire!.cut();
      cloud.impostor = () => new Uint8Array(0); // nobody answers for a while
      await control.deleteJob({ jobId: 'name', force: true });
      await stage.pass(2);
      await stage.job('name', [{ millis: 200 }]);
      await stage.pass(8);
      cloud.impostor = undefined;
      await stage.until('the new one is done', isDone(stage, 'name'));
    },
  },
  {
    name: 'a job that runs is made anew, and one message tells of both',
    why: 'Seed 168951098: the head of the queue had the name and number of what ran, so that the old program ran to its end.',
    catches: ['pass over a job made anew that is told while the old one runs'],
    extras: () => ({
      publish: (topic) => {
        if (topic.endsWith('/notify-next') && areLost) throw new Error('no connection');
      },
    }),
    async play(stage) {
      areLost = false;
      await stage.job('name', [{ millis: 200_000 }]);
      await stage.until('it runs', () => at(stage) === 'running');
      areLost = true;
      await stage.control.deleteJob({ jobId: 'name', force: true });
      await stage.pass(2);
      await stage.job('name', [{}]);
      areLost = false;
      await stage.until('the new one is done', isDone(stage, 'name'), 300);
    },
  },
  {
    name: 'a job is made anew while an answer is kept, and comes before its subscriptions are acknowledged',
    why: 'Seed 176665430: the answer described the old one, whose document is wrong, and the new one was refused for it.',
    catches: ['take an answer that comes before the device is online'],
    async play(stage) {
      await keepAnAnswer(stage);
      await moment(stage, 'it connects', () => first(stage).device.client.at === 'connecting', 200);
      first(stage).wire!.cut(); // before it is answered: it will subscribe again
      await stage.until('the new one is done', isDone(stage, 'name'), 300);
    },
  },
  {
    name: 'a job is made anew while an answer is kept, and comes as soon as its device is online',
    why: 'The answer describes the old one, whose document is wrong: what was asked on another connection is asked again.',
    catches: ['take an answer that was kept while the device was away'],
    async play(stage) {
      await keepAnAnswer(stage);
      await stage.until('the new one is done', isDone(stage, 'name'), 300);
    },
  },
];

/** No notification can be sent. */
let areLost = false;

/** The service answers a device that is gone by then, and the job that it names is made anew. */
async function keepAnAnswer(stage: Stage): Promise<void> {
  const { control, cloud, told } = stage;
  first(stage).wire!.cut();
  await control.createJob({ ...WRONG, targets: [thingArn('T0')] });
  await moment(stage, 'it asks', () => first(stage).device.runner.asked?.about === 'next');
  const { requests = 0 } = told.counts;
  await moment(stage, 'it has asked', () => (told.counts.requests ?? 0) > requests);
  first(stage).wire!.cut();
  cloud.isBlocked = true;
  await stage.pass(60);
  await control.deleteJob({ jobId: 'name', force: true });
  await stage.pass(2);
  await stage.job('name', [{}]);
  await stage.pass(60);
  cloud.isBlocked = false;
}
