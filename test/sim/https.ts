import type { HttpsAnswer } from '../../runtime/device/jobsOverHttps.ts';
import { createHttpsWay, type HttpsEffect, type HttpsEvent, stepHttpsWay } from '../../runtime/device/mqttOverHttps.ts';
import { LATE_MILLIS_MAX } from './faults.ts';
import type { End, Wire } from './wire.ts';
import type { World } from './world.ts';

/** What a board holds of a connection: both kinds of wire. */
export type BoardWire = Pick<Wire, 'fromBoard' | 'closeByBoard' | 'cut' | 'isWhole'>;

/** For the first byte of an answer, beside the time that the service may hold it (transports/ways/https.ts). */
const ANSWER_MILLIS_MAX = 30_000;

/** What stands in between and is not AWS IoT Jobs. */
const STRANGERS: readonly Omit<HttpsAnswer, 'body'>[] = [
  ...[403, 429, 500, 502, 503, 504].map((status) => ({ status, errorType: undefined })),
  { status: 400, errorType: 'ThrottlingException' },
];
/** As AWS refuses a caller; something else may do so too, with a page. */
const FORBIDDEN = new TextEncoder().encode('{"message":"Forbidden"}');
const PAGE = new TextEncoder().encode('<html><body>The request could not be satisfied.</body></html>');

/**
 * The HTTPS data plane as a board's wire: production code turns its packets into requests, whose paths, headers and bodies reach the
 * production data plane. Requests and answers get lost, are late, and a proxy may answer in the service's place.
 */
export function layHttps(world: World, thingName: string, board: End): BoardWire {
  const { timeline, chance, faults } = world;
  let way = createHttpsWay(thingName, chance.seed());
  let open = true;
  let takeBackWake: (() => void) | undefined;

  function give(event: HttpsEvent): void {
    if (!open) return;
    let effects: HttpsEffect[];
    [way, effects] = stepHttpsWay(way, event, timeline.now());
    for (const effect of effects) if (open) carry(effect);
  }

  function carry(effect: HttpsEffect): void {
    switch (effect.do) {
      case 'tell':
        return void board.bytes(effect.bytes);
      case 'request':
        return request(effect);
      case 'wake':
        takeBackWake?.();
        takeBackWake =
          effect.at === undefined ? undefined : timeline.plan(effect.at - timeline.now(), () => give({ on: 'wake' }));
        return;
      case 'hangUp':
        open = false;
        world.trace(`${thingName} hangs up: ${effect.reason}`);
        return void board.closed();
    }
  }

  const latency = () => chance.between(2, faults.on && chance.is(faults.late) ? LATE_MILLIS_MAX : 80);
  const isLost = () => faults.on && chance.is(faults.cutWire);

  function request({ id, request, holdSeconds }: Extract<HttpsEffect, { do: 'request' }>): void {
    world.count('HTTPS requests');
    const late = timeline.plan(ANSWER_MILLIS_MAX + holdSeconds * 1_000, () =>
      give({ on: 'failed', id, reason: 'no answer' }),
    );
    if (isLost()) return;
    timeline.plan(latency(), () => {
      if (!open) return;
      if (faults.on && chance.is(faults.strangers)) {
        world.count('answers of strangers');
        const stranger = chance.pick(STRANGERS);
        return arrive({ ...stranger, body: stranger.status === 403 && id % 2 === 0 ? FORBIDDEN : PAGE }, false);
      }
      world.cloud.answerHttps(thingName, request, holdSeconds, arrive);
    });
    function arrive(answer: HttpsAnswer | undefined, isHeld: boolean): void {
      if (isLost() && answer !== undefined) return world.count('answers lost');
      timeline.plan(latency(), () => {
        late();
        give(answer === undefined ? { on: 'failed', id, reason: 'cut' } : { on: 'answered', id, answer, isHeld });
      });
    }
  }

  const end = () => {
    open = false;
    takeBackWake?.();
  };
  return {
    fromBoard(bytes) {
      const mine = bytes.slice();
      timeline.plan(0, () => give({ on: 'bytes', bytes: mine }));
    },
    closeByBoard: end,
    cut: end,
    isWhole: () => open,
  };
}
