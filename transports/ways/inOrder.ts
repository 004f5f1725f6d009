import { afterEnd, better, createWayOrder, lookForBetter } from '../../runtime/device/wayOrder.ts';
import { clock } from '../loop.ts';
import type { Connect, Transport } from '../transport.ts';

export interface NamedWay {
  /** For the log: `mqtt.example.com:8883`. */
  name: string;
  connect: Connect;
}

/** A better way is given up after this time. */
const LOOK_MILLIS_MAX = 30_000;

/**
 * Each connection takes the way that is the next by runtime/device/wayOrder.ts. While it is not the best one, the better ones
 * are tried now and then, beside it; the first that can be reached ends it and is the next.
 *
 * @param say     told of each way that is taken other than the first
 * @param choose  the rules; another one for tests
 */
export function inOrder(
  ways: readonly NamedWay[],
  say: (what: string) => void,
  choose: typeof lookForBetter = lookForBetter,
): Connect {
  let order = createWayOrder(ways.length, Math.floor(Math.random() * 2 ** 32));
  return () => {
    const { at } = order;
    const { name, connect } = ways[at]!;
    if (at > 0) say(`trying ${name}`);
    const wire = connect();
    let firstAt: number | undefined;
    let timer: NodeJS.Timeout | undefined;
    let looking: Transport | undefined;
    let found: string | undefined;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      looking?.close();
      if (found === undefined) order = afterEnd(order, firstAt === undefined ? 0 : clock() - firstAt);
    };
    const plan = () => {
      let millis: number | undefined;
      [order, millis] = choose(order);
      if (millis !== undefined && !ended) timer = setTimeout(look, millis, 0);
    };
    const look = (candidate: number) => {
      if (candidate >= at) return plan();
      const { name: betterName, connect: reach } = ways[candidate]!;
      const attempt = reach();
      looking = attempt;
      timer = setTimeout(() => attempt.close(), LOOK_MILLIS_MAX);
      attempt.onBytes(() => {});
      attempt.onOpened(() => {
        if (ended) return;
        found = `${betterName} can be reached again`;
        order = better(order, candidate);
        wire.close();
      });
      attempt.onClosed(() => {
        clearTimeout(timer);
        looking = undefined;
        if (!ended && found === undefined) look(candidate + 1);
      });
    };
    return {
      onOpened: (tell) => wire.onOpened(tell),
      onBytes: (take) =>
        wire.onBytes((bytes) => {
          if (firstAt === undefined) {
            firstAt = clock();
            plan();
          }
          take(bytes);
        }),
      onClosed: (tell) =>
        wire.onClosed((reason) => {
          end();
          tell(found ?? reason);
        }),
      write: (bytes) => wire.write(bytes),
      close: () => {
        end();
        wire.close();
      },
    };
  };
}
