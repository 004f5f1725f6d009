import { isTerminal as isTerminalStatus, type Status } from '../../../runtime/jobs/execution.ts';
import { addThingToThingGroup } from '../../../targets/service/registry/membership.ts';
import { group, groupArn, type Scenario, type Stage, thingArn } from './stage.ts';

/** Every world begins on Tuesday, 14 November 2023, 22:13:20 UTC. */
const WINDOWS: readonly [cron: string, next: string][] = [
  ['cron(0 18 L * ? *)', '2023-11-30 18:00, 2023-12-31 18:00, 2024-01-31 18:00, 2024-02-29 18:00'],
  ['cron(0 18 LW * ? *)', '2023-11-30 18:00, 2023-12-29 18:00, 2024-01-31 18:00'],
  ['0 18 15W * ? *', '2023-11-15 18:00, 2023-12-15 18:00'],
  ['cron(0 18 17W * ? *)', '2023-11-17 18:00, 2023-12-18 18:00'],
  [
    'cron(0 18 1W * ? *)',
    '2023-12-01 18:00, 2024-01-01 18:00, 2024-02-01 18:00, 2024-03-01 18:00, 2024-04-01 18:00, 2024-05-01 18:00, 2024-06-03 18:00',
  ],
  ['cron(0 18 31W * ? *)', '2023-12-29 18:00, 2024-01-31 18:00, 2024-03-29 18:00'],
  ['cron(0 18 ? * 5L *)', '2023-11-30 18:00, 2023-12-28 18:00'],
  ['cron(0 18 ? * FRI#3 *)', '2023-11-17 18:00, 2023-12-15 18:00'],
  ['cron(0 18 ? * L *)', '2023-11-18 18:00, 2023-11-25 18:00'],
  [
    'cron(15,45 8-10/2 ? JAN-MAR MON-FRI 2024)',
    '2024-01-01 08:15, 2024-01-01 08:45, 2024-01-01 10:15, 2024-01-01 10:45, 2024-01-02 08:15',
  ],
  [
    'cron(0 5/6 1,15 * ? 2023-2024)',
    '2023-11-15 05:00, 2023-11-15 11:00, 2023-11-15 17:00, 2023-11-15 23:00, 2023-12-01 05:00',
  ],
  ['cron(0 21 14 11 ? *)', '2024-11-14 21:00'],
];

const WRONG_SCHEDULES: readonly [what: string, schedulingConfig: object][] = [
  ['no time', { startTime: 'soon' }],
  ['31 February', { startTime: '2024-02-31 10:00' }],
  ['month 13', { startTime: '2024-13-01 10:00' }],
  ['a start in a minute', { startTime: '2023-11-14 22:15' }],
  ['a start in two years', { startTime: '2025-11-14T22:15:00Z' }],
  ['an end in a minute', { endTime: '2023-11-14 22:15' }],
  ['an end just behind the start', { startTime: '2023-11-15 00:00', endTime: '2023-11-15T01:10+01:00' }],
  ['an endBehavior alone', { endBehavior: 'CANCEL' }],
  ...[
    '0 18',
    '0 18 1 * 1 *',
    '61 * * * ? *',
    '1-2-3 * * * ? *',
    '5-3 * * * ? *',
    '1/2/3 * * * ? *',
    '0 0 1 FOO ? *',
    '0 0 30 2 ? *',
    '0 0 1 1 ? 1999',
    '0 0 ? * 9L *',
  ].map((startTime): [string, object] => [
    `the window ${startTime}`,
    { maintenanceWindows: [{ startTime, durationInMinutes: 60 }] },
  ]),
];

const minute = (millis: number) => new Date(millis).toISOString().slice(0, 16).replace('T', ' ');
const inMinutes = ({ cloud }: Stage, minutes: number) => minute(cloud.wall() + minutes * 60_000);
const jobStatus = async ({ control }: Stage, jobId: string) => (await control.describeJob({ jobId })).job.status;
/** Two minutes open, eight closed. */
const OFTEN = [{ startTime: 'cron(0/10 * * * ? *)', durationInMinutes: 2 }];
const isTerminal = (status: string | undefined) => status !== undefined && isTerminalStatus(status as Status);
const isRunning = (stage: Stage) => () => stage.boards[0]!.device.runner.at === 'running';

export const SCHEDULE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'maintenance windows open when their expression says',
    why: 'A window on the wrong day is a fleet that restarts at noon.',
    async play(stage) {
      const { control } = stage;
      for (const [what, schedulingConfig] of WRONG_SCHEDULES)
        await stage.refused('InvalidRequestException', what, () =>
          control.createJob({ jobId: 'wrong', targets: [thingArn('T0')], document: '{}', schedulingConfig }),
        );
      for (const [i, [startTime, next]] of WINDOWS.entries()) {
        const schedulingConfig = { maintenanceWindows: [{ startTime, durationInMinutes: 60 }] };
        const jobId = `window${i}`;
        await control.createJob({ jobId, targets: [thingArn('T0')], document: '{}', schedulingConfig });
        const { job } = await control.describeJob({ jobId });
        const shown = (job.scheduledJobRollouts ?? []).map((one) => one.startTime).join(', ');
        stage.expect(job.status === 'SCHEDULED' && shown.startsWith(next), `${startTime} opens at ${next}: ${shown}`);
        await control.cancelJob({ jobId });
        stage.expect(
          (await control.describeJob({ jobId })).job.scheduledJobRollouts === undefined,
          'no window opens for it',
        );
      }
    },
  },
  {
    name: 'a window closes over a job that runs and one that waits',
    why: 'What runs goes on and is reported; what waits is begun in the next window, and its device is told then.',
    catches: ['tell nobody when a window opens', 'tell a thing of a queue that its window hides'],
    async play(stage) {
      const schedulingConfig = { maintenanceWindows: OFTEN };
      await stage.until('a window is near', async () => new Date(stage.cloud.wall()).getUTCMinutes() % 10 === 9);
      const job = (jobId: string, millis: number) =>
        stage.job(jobId, [{ millis }], { input: { schedulingConfig, targetSelection: 'SNAPSHOT' } });
      await job('long', 300_000);
      await job('waits', 1_000);
      stage.expect((await jobStatus(stage, 'long')) === 'SCHEDULED', 'it waits for its window');
      await stage.until('it runs', isRunning(stage), 120);
      await stage.until('the window has closed', async () => (await jobStatus(stage, 'long')) === 'SCHEDULED', 180);
      const pending = await stage.ask('get', {});
      stage.expect(JSON.stringify(pending.body.queuedJobs) === '[]', 'outside of its window nothing is shown');
      await stage.until('what ran is reported', async () => (await stage.status('long')) === 'SUCCEEDED', 400);
      stage.expect((await stage.status('waits')) === 'QUEUED', 'the other waits for the next window');
      await stage.until('it is done in the next one', async () => (await stage.status('waits')) === 'SUCCEEDED', 700);
    },
  },
  {
    name: 'jobs are cancelled and time out outside of their windows',
    why: 'A queue that shows nothing of a job must still tell the device that it was taken.',
    catches: ['take what runs from its device outside of a window, and tell it nothing'],
    async play(stage) {
      const input = {
        schedulingConfig: { maintenanceWindows: OFTEN },
        timeoutConfig: { inProgressTimeoutInMinutes: 4 },
      };
      await stage.job('slow', [{ millis: 3_000_000 }], { input });
      await stage.until('it runs', isRunning(stage), 700);
      await stage.until('the window has closed', async () => (await jobStatus(stage, 'slow')) === 'SCHEDULED', 180);
      await stage.until('it has timed out', async () => (await stage.status('slow')) === 'TIMED_OUT', 300);
      await stage.until('its device knows', () => stage.boards[0]!.device.runner.at === 'idle', 30);
      for (const [jobId, force] of Object.entries({ gentle: false, forced: true })) {
        await stage.job(jobId, [{ millis: 250_000 }], { input: { schedulingConfig: { maintenanceWindows: OFTEN } } });
        await stage.until('it runs', isRunning(stage), 700);
        await stage.until('the window has closed', async () => (await jobStatus(stage, jobId)) === 'SCHEDULED', 180);
        await stage.control.cancelJob({ jobId, force });
        await stage.until('the board is done', () => stage.boards[0]!.atRest(), 400);
        const status = await stage.status(jobId);
        stage.expect(status === (force ? 'CANCELED' : 'SUCCEEDED'), `${jobId} ends as it was asked: ${status}`);
      }
      await stage.job('taken', [{ millis: 250_000 }], { input: { schedulingConfig: { maintenanceWindows: OFTEN } } });
      await stage.until('it runs', isRunning(stage), 700);
      await stage.until('the window has closed', async () => (await jobStatus(stage, 'taken')) === 'SCHEDULED', 180);
      await stage.control.cancelJobExecution({ jobId: 'taken', thingName: 'T0', force: true });
      await stage.until('the device has stopped', () => stage.boards[0]!.atRest(), 60);
    },
  },
  ...(['STOP_ROLLOUT', 'CANCEL', 'FORCE_CANCEL'] as const).map(
    (endBehavior): Scenario => ({
      name: `the end of a job comes while its window is closed: ${endBehavior}`,
      why: 'At its end a job creates nothing more; what is there finishes, or is cancelled, and no window is waited for.',
      boards: Array(2).fill({ way: 'mqtt', knows: false }),
      async play(stage) {
        await group(stage, 'all');
        for (const { thingName } of stage.boards)
          await addThingToThingGroup(stage.registry, { thingName, thingGroupName: 'all' });
        const schedulingConfig = {
          endTime: inMinutes(stage, 34),
          endBehavior,
          maintenanceWindows: [{ startTime: 'cron(30 22 ? * TUE *)', durationInMinutes: 3 }],
        };
        const input = { schedulingConfig, targetSelection: 'CONTINUOUS' as const, targets: [groupArn('all')] };
        await stage.job('first', [{ millis: 1_600_000 }], { input });
        await stage.job('second', [{}], { input });
        await stage.until('the first runs', isRunning(stage), 1_100);
        await stage.until('the window has closed', async () => (await jobStatus(stage, 'first')) === 'SCHEDULED', 300);
        await stage.until('its end has come', async () => (await jobStatus(stage, 'second')) !== 'SCHEDULED', 2_400);
        if (endBehavior === 'STOP_ROLLOUT')
          await stage.refused('InvalidRequestException', 'more targets at the end', () =>
            stage.control.associateTargetsWithJob({ jobId: 'first', targets: [groupArn('all')] }),
          );
        const isOver = async () => isTerminal(await stage.status('first')) && isTerminal(await stage.status('second'));
        await stage.until('all is over', isOver, 2_400);
        const ends = [await stage.status('first'), await stage.status('second')].join(' ');
        const expected = {
          STOP_ROLLOUT: 'SUCCEEDED SUCCEEDED',
          CANCEL: 'SUCCEEDED CANCELED',
          FORCE_CANCEL: 'CANCELED CANCELED',
        };
        stage.expect(ends === expected[endBehavior], `they end as ${expected[endBehavior]}: ${ends}`);
      },
    }),
  ),
  {
    name: 'a job starts later, for the groups as they are then',
    why: 'A thing that joined before the start belongs to it; one whose group is gone does not.',
    boards: Array(2).fill({ way: 'mqtt', knows: false }),
    async play(stage) {
      await group(stage, 'all');
      const input = { schedulingConfig: { startTime: inMinutes(stage, 35) }, targets: [groupArn('all')] };
      await stage.job('later', [{}], { input });
      await addThingToThingGroup(stage.registry, { thingName: 'T1', thingGroupName: 'all' });
      await stage.until('T1 has done it', async () => (await stage.status('later', 'T1')) === 'SUCCEEDED', 2_400);
      stage.expect((await stage.status('later', 'T0')) === undefined, 'T0 has nothing to do with it');
    },
  },
];
