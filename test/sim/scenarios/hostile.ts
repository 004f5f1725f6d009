import type { JsonObject } from '../../../runtime/jobs/json.ts';
import { at, type Scenario, type Stage } from './stage.ts';

const CONNACK = '20020000';
const SUBACK = '9005000101 0101';
/** Servers that break MQTT 3.1.1, each by what it says first. */
const SERVERS: readonly [what: string, hex: string][] = [
  ['a CONNACK with reserved flags', '20020200'],
  ['a CONNACK with return code 6', '20020006'],
  ['a session present, and refused', '20020105'],
  ['a short CONNACK', '200100'],
  ['a long CONNACK', '2003000000'],
  ...[1, 2, 3, 4, 5].map((code): [string, string] => [`CONNACK ${code}`, `2002000${code}`]),
  ['PUBLISH before CONNACK', '30050001610000'],
  ['two CONNACKs', CONNACK + CONNACK],
  ['a filter refused', `${CONNACK}9005000180 8080`],
  ['refusals of filters for answers alone, then type 15', `${CONNACK}9005000101 8080 f000`],
  ['a SUBACK code that is none', `${CONNACK}9005000103 0101`],
  ['a SUBACK of another length', `${CONNACK}90030001 01`],
  ['a SUBACK for nothing, then a reserved type', `${CONNACK}90030009 01 0000`],
  ['QoS 2 granted', `${CONNACK}9005000102 0101`],
  ['PUBLISH at QoS 2', `${CONNACK}${SUBACK}340500016100 01`],
  ['PUBLISH at QoS 3', `${CONNACK}${SUBACK}360500016100 01`],
  ['PUBLISH at QoS 0 with DUP', `${CONNACK}${SUBACK}380300016100`],
  ['a wildcard in a topic', `${CONNACK}${SUBACK}3003000123`],
  ['a topic that is no UTF-8', `${CONNACK}${SUBACK}30030001ff`],
  ['NUL in a topic', `${CONNACK}${SUBACK}3003000100`],
  ['a topic longer than its packet', `${CONNACK}${SUBACK}3003000961`],
  ['packet identifier 0', `${CONNACK}${SUBACK}32050001610000`],
  ['a PUBLISH without packet identifier', `${CONNACK}${SUBACK}3203000161`],
  ['PUBACK 0', `${CONNACK}${SUBACK}40020000`],
  ['a PUBACK with more', `${CONNACK}${SUBACK}4003000100`],
  ['a PINGRESP with flags', `${CONNACK}${SUBACK}d100`],
  ['a PINGRESP with a body', `${CONNACK}${SUBACK}d00100`],
  ['type 15', `${CONNACK}${SUBACK}f000`],
  ['a length of five bytes', `${CONNACK}${SUBACK}30ffffffff01`],
  ['a packet of 268 MB', `${CONNACK}${SUBACK}30ffffff7f`],
  ['SUBSCRIBE', `${CONNACK}${SUBACK}8206000100016101`],
];

/** Messages that no service sends; a device passes over them. */
const MESSAGES: readonly [level: string, payload: string][] = [
  ['notify-next', 'no JSON'],
  ['notify-next', '[]'],
  ['notify-next', '{"execution":{"jobId":"../x","status":"QUEUED","versionNumber":1,"executionNumber":1}}'],
  ['notify-next', '{"execution":{"jobId":"x"}}'],
  [
    'notify-next',
    '{"execution":{"jobId":"x","status":"SUCCEEDED","versionNumber":1,"executionNumber":1,"jobDocument":{}}}',
  ],
  ['x/get/rejected', '{}'],
  ['x/get/rejected', '{"code":"Unheard","message":"of","clientToken":"nobody"}'],
  ['x/get/accepted', '{"clientToken":"nobody"}'],
  ['x/get/other', '{}'],
  ['x/update/accepted', '{"execution":7}'],
];

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const text = (words: string) => new TextEncoder().encode(words);
const operationOf = (topic: string, payload: Uint8Array) =>
  topic.endsWith('/get') ? 'get' : (JSON.parse(new TextDecoder().decode(payload)).status as string);

/** Refuses the first `times` requests of one kind. */
function refuse(stage: Stage, what: string, times: number, body: JsonObject): () => number {
  let left = times;
  stage.cloud.refuser = (topic, payload) => {
    if (left === 0 || operationOf(topic, payload) !== what || topic.includes('$next')) return undefined;
    left--;
    return body;
  };
  return () => left;
}

export const HOSTILE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'servers that break MQTT are left, one after another',
    why: 'Whatever a stranger says, a device closes, waits and tries again; it never believes half of it.',
    boards: [{ way: 'mqtt', knows: false }],
    async play(stage) {
      await stage.job('long', [{ millis: 1_000 }]);
      const [board] = stage.boards;
      let said = 0;
      stage.cloud.impostor = () => bytesOf(SERVERS[said++]![1]);
      board!.wire!.cut();
      for (const [i, [what]] of SERVERS.entries()) {
        await stage.until(`it is told ${what}`, () => said > i, 200);
        if (i === SERVERS.length - 1) stage.cloud.impostor = undefined;
        await stage.until(`it leaves after ${what}`, () => board!.wire === undefined, 30);
      }
      await stage.until('the job is done', async () => (await stage.status('long')) === 'SUCCEEDED');
    },
  },
  {
    name: 'messages that are none are passed over',
    why: 'One client with a right to publish must not be able to stop a device, or to make it run what was never queued.',
    boards: [{ way: 'mqtt', knows: false }],
    async play(stage) {
      await stage.job('long', [{ millis: 20_000 }]);
      await stage.until('it runs', () => at(stage) === 'running');
      for (const isBusy of [true, false]) {
        for (const [level, payload] of MESSAGES) {
          stage.cloud.inject(`$aws/things/T0/jobs/${level}`, text(payload), isBusy ? 1 : 0);
          await stage.pass(0.3);
          stage.expect(stage.boards[0]!.device.runner.online, `it stays online: ${level} ${payload}`);
        }
        await stage.until('it is done', () => at(stage) === 'idle');
      }
    },
  },
  {
    name: 'requests are refused that never should be',
    why: 'A service with other limits, or one that is overloaded, must leave no execution IN_PROGRESS for ever and no device in a circle.',
    boards: [{ way: 'mqtt', knows: false }],
    async play(stage) {
      const wrong = { code: 'InvalidRequest' };
      const cases: [what: string, kind: string, times: number, body: JsonObject, ends: string][] = [
        ['a claim', 'IN_PROGRESS', 1, wrong, 'SUCCEEDED'],
        ['a claim, for now', 'IN_PROGRESS', 2, { code: 'RequestThrottled' }, 'SUCCEEDED'],
        ['a report with details', 'SUCCEEDED', 1, wrong, 'SUCCEEDED'],
        ['a report, for now', 'SUCCEEDED', 3, { code: 'InternalError' }, 'SUCCEEDED'],
        ['a report, by version and without the state', 'SUCCEEDED', 1, { code: 'VersionMismatch' }, 'SUCCEEDED'],
        ['a claim, by version and without the state', 'IN_PROGRESS', 1, { code: 'VersionMismatch' }, 'SUCCEEDED'],
        ['a report, by the version that it has', 'SUCCEEDED', 1, state('IN_PROGRESS', 3), 'SUCCEEDED'],
        ['a claim, by the version that it has', 'IN_PROGRESS', 1, state('QUEUED', 1), 'SUCCEEDED'],
        ['a report, by an older version', 'SUCCEEDED', 1, state('IN_PROGRESS', 1), 'FAILED'],
      ];
      for (const [i, [what, kind, times, body, ends]] of cases.entries()) {
        const left = refuse(stage, kind, times, body);
        await stage.job(`case${i}`, [{ millis: 3_000 }, { millis: 50 }]);
        await stage.until(`${what} is refused`, () => left() === 0);
        await stage.until(`the job after ${what}`, async () => isOver(await stage.status(`case${i}`)), 300);
        const found = await stage.status(`case${i}`);
        // Its own record was given up, as it had to be.
        if (ends === 'FAILED') stage.made.pop();
        stage.expect(found === ends, `${what} was refused, and it ends ${ends}: ${found}`);
      }
      const unheard = refuse(stage, 'SUCCEEDED', 2, wrong);
      await stage.job('unheard', [{}]);
      await stage.until('its report is given up', () => unheard() === 0, 120);
      stage.made.pop();
      stage.cloud.refuser = undefined;
      await stage.until('the next look ends it', async () => (await stage.status('unheard')) === 'FAILED', 200);
      const doubt = refuse(stage, 'get', 2, wrong);
      await stage.job('doubted', [{ millis: 30_000 }]);
      await stage.until('it runs', () => at(stage) === 'running');
      stage.boards[0]!.wire!.cut();
      await stage.until('it was asked for, and refused', () => doubt() === 0);
      await stage.until('it is done', async () => (await stage.status('doubted')) === 'SUCCEEDED');
    },
  },
  {
    name: 'somebody else takes a job while its device does',
    why: 'Two that act for one thing must not both run its job, and none may stay IN_PROGRESS.',
    boards: [{ way: 'mqtt', knows: false }],
    async play(stage) {
      const steal = () => stage.ask('start-next', {});
      for (const when of ['idle', 'remembering', 'claiming'] as const) {
        await stage.job(`taken-${when}`, [{ millis: 500 }]);
        stage.made.at(-1)!.isTaken = true;
        await stage.pass(when === 'idle' ? 0 : 0.000_1);
        if (when !== 'idle') await moment(stage, when);
        await steal();
        await stage.until('it ends', async () => isOver(await stage.status(`taken-${when}`)), 200);
        stage.expect((await stage.status(`taken-${when}`)) === 'FAILED', `${when}: nothing of it ran here`);
      }
      await stage.until('the board is done', () => stage.boards[0]!.atRest());
      await stage.control.createJob({
        jobId: 'wrong',
        targets: [`arn:aws:iot:us-east-1:123456789012:thing/T0`],
        document: '{"steps":7}',
      });
      await moment(stage, 'reporting');
      await steal();
      await stage.until('it ends', async () => isOver(await stage.status('wrong')), 200);
      stage.expect((await stage.status('wrong')) === 'FAILED', 'what is IN_PROGRESS cannot be REJECTED, and fails');
    },
  },
];

function state(status: string, versionNumber: number): JsonObject {
  return { code: 'VersionMismatch', executionState: { status, versionNumber } };
}

const isOver = (status: string | undefined) => status === 'SUCCEEDED' || status === 'FAILED' || status === 'REJECTED';

/** Goes on step by step until the device is at it. */
async function moment(stage: Stage, where: string): Promise<void> {
  for (let n = 0; n < 5_000 && at(stage) !== where; n++) await stage.pass(0.001);
  stage.expect(at(stage) === where, `the device comes to be ${where}`);
}
