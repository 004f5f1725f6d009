import { isTerminal, type Status } from '../../runtime/jobs/execution.ts';
import { encodeObject } from '../../runtime/jobs/json.ts';
import { answerTopic, formatRequestTopic } from '../../runtime/jobs/topics.ts';
import { Broken } from './checks.ts';
import type { Cloud } from './cloud.ts';
import type { World } from './world.ts';

/** What one CreateJob made, by the word its steps carry: a job made anew under an old name has another. */
export interface Made {
  jobId: string;
  serial: string;
  /** Exit codes of the steps, in order; undefined: its document is invalid. */
  codes: number[] | undefined;
}

/** Creates, cancels and deletes jobs at random moments, some under names that were used before. */
export function createOperator(world: World, cloud: Cloud, thingNames: readonly string[]) {
  const { timeline, chance, faults } = world;
  const made: Made[] = [];
  const arn = (thingName: string) => `arn:aws:iot:us-east-1:123456789012:thing/${thingName}`;

  async function create(again?: string): Promise<void> {
    const serial = `s${made.length}`;
    const old = made.length > 0 && chance.is(0.3) ? chance.pick(made).jobId : undefined;
    const jobId = again ?? old ?? `job-${made.length}`;
    const valid = !chance.is(0.1);
    const codes = Array.from({ length: chance.between(1, 4) }, () => (chance.is(0.15) ? 1 : 0));
    const steps = codes.map((code, i) => ({
      action: { name: `${serial}.${i}`, type: 'runCommand', input: { command: command(code) } },
    }));
    const document = valid ? { version: '1.0', steps } : { version: '1.0', steps: [{ action: { name: serial } }] };
    const targets = thingNames.filter(() => chance.is(0.7)).map(arn);
    if (targets.length === 0) targets.push(arn(chance.pick(thingNames)));
    const config = chance.is(0.3) ? { timeoutConfig: { inProgressTimeoutInMinutes: chance.between(1, 5) } } : {};
    const done = await attempt(`create ${jobId} ${serial}`, () =>
      cloud.service.control.createJob({ jobId, targets, document: JSON.stringify(document), ...config }),
    );
    if (done) made.push({ jobId, serial, codes: valid ? codes : undefined });
  }

  /** Long enough to be cut off, some much longer than the grace, some that ignore TERM. */
  function command(code: number): string {
    const millis = chance.is(0.2) ? chance.between(5_000, 120_000) : chance.between(1, 2_000);
    return `work,${millis},${code}${chance.is(0.2) ? ',stubborn' : ''}`;
  }

  async function act(): Promise<void> {
    const { control } = cloud.service;
    if (made.length === 0 || chance.is(0.5)) await create();
    else {
      const { jobId } = chance.pick(made);
      const thingName = chance.pick(thingNames);
      const force = chance.is(0.6);
      const forced = force ? ' with force' : '';
      const acts: [what: string, call: () => Promise<unknown>][] = [
        [`cancel ${jobId}${forced}`, () => control.cancelJob({ jobId, force })],
        [`cancel ${jobId} of ${thingName}${forced}`, () => control.cancelJobExecution({ jobId, thingName, force })],
        [`delete ${jobId}`, () => control.deleteJob({ jobId, force: true })],
        [
          `make ${jobId} anew`,
          async () => {
            await control.deleteJob({ jobId, force: true });
            timeline.plan(chance.between(1, 3_000), () => create(jobId));
          },
        ],
        [
          `delete ${jobId} of ${thingName}`,
          () => control.deleteJobExecution({ jobId, thingName, executionNumber: 1, force: true }),
        ],
      ];
      if (chance.is(0.2)) await reportAgain(jobId, thingName);
      else await attempt(...chance.pick(acts));
    }
    await cloud.settled();
  }

  /** Another client of the thing reports on an execution that is over, without a version, as old agents do: it is refused. */
  async function reportAgain(jobId: string, thingName: string): Promise<void> {
    const { control, request } = cloud.service;
    let status: Status | undefined;
    await attempt(`look at ${jobId} of ${thingName}`, async () => {
      status = (await control.describeJobExecution({ jobId, thingName })).execution.status;
    });
    if (status === undefined || !isTerminal(status)) return;
    const topic = formatRequestTopic({ thingName, operation: 'UpdateJobExecution', jobId });
    const answer = await request(topic, encodeObject({ status: status === 'SUCCEEDED' ? 'FAILED' : 'SUCCEEDED' }));
    world.trace(`${thingName} reports ${jobId} again: ${answer?.topic}`);
    if (answer?.topic !== answerTopic(topic, 'rejected'))
      throw new Broken(`${jobId} of ${thingName} was ${status} and took another report`);
  }

  /** A refusal of the service is an answer like another; anything else is a fault of ours. */
  async function attempt(what: string, call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      world.trace(`operator: ${what}`);
      world.count('acts of the operator');
      return true;
    } catch (error) {
      if ((error as { type?: string }).type === undefined) throw error;
      world.trace(`operator: ${what}: ${(error as { type: string }).type}`);
      return false;
    }
  }

  function keepActing(): void {
    timeline.plan(chance.between(100, faults.operatorMillis), async () => {
      if (!faults.on) return;
      await act();
      keepActing();
    });
  }

  return { made, create, keepActing };
}
