import { type BusEvent, createBus, stepBus } from '../../../runtime/serial/bus.ts';
import { BUS_QUEUE_MAX } from '../../../runtime/serial/limits.ts';
import { Broken } from '../broken.ts';
import { createChance } from '../chance.ts';
import { createTimeline } from '../timeline.ts';

const DEVICES = 4;
const MILLIS = 60_000;

/**
 * One line that four devices share, with the production bus: some answer, some late, one never. While somebody is asked nobody else
 * is spoken to, what is sent again takes the place of what waits, and the queue stays under its bound.
 */
export async function runBusWorld(seed: number): Promise<string | undefined> {
  const chance = createChance(seed);
  const timeline = createTimeline();
  let bus = createBus(115_200);
  let takeBackWake: (() => void) | undefined;
  let broken: string | undefined;
  const spoken = new Map<number, number>();

  const tell = (event: BusEvent) => {
    const asked = bus.asked;
    const [next, effects] = stepBus(bus, event, timeline.now());
    bus = next;
    const isWaited = asked !== undefined && (event.on === 'send' || event.on === 'bytes');
    if (isWaited && effects.some((effect) => effect.do === 'write')) broken ??= `spoke while ${asked?.addr} is asked`;
    if (bus.queue.length > BUS_QUEUE_MAX) broken ??= `${bus.queue.length} wait: at most ${BUS_QUEUE_MAX}`;
    for (const effect of effects) {
      if (effect.do === 'wake') {
        takeBackWake?.();
        takeBackWake =
          effect.at === undefined ? undefined : timeline.plan(effect.at - timeline.now(), () => tell({ on: 'wake' }));
      } else speak(effect.bytes);
    }
  };
  /** A frame is its address and whether it is answered. */
  const speak = ([addr = 0, answered = 0]: Uint8Array) => {
    if (answered === 0) return;
    spoken.set(addr, (spoken.get(addr) ?? 0) + 1);
    if (addr === DEVICES || chance.is(0.2)) return; // it is off, or has not understood
    timeline.plan(chance.between(5, 120), () => {
      tell({ on: 'bytes' });
      timeline.plan(2, () => tell({ on: 'frame', addr: chance.is(0.9) ? addr : DEVICES }));
    });
  };
  const ask = () => {
    const answered = chance.is(0.7);
    const addr = answered ? chance.between(1, DEVICES) : 255;
    tell({ on: 'send', addr, wire: Uint8Array.of(addr, answered ? 1 : 0, ...new Array(60).fill(0)), answered });
    if (chance.is(0.02)) tell({ on: 'closed' });
    if (chance.is(0.1)) tell({ on: 'bytes' });
    if (timeline.now() < MILLIS) timeline.plan(chance.between(0, 60), ask);
  };
  ask();
  while (await timeline.next(2 * MILLIS)) if (broken !== undefined) return `bus seed ${seed}: ${broken}`;
  for (let addr = 1; addr <= DEVICES; addr++)
    if ((spoken.get(addr) ?? 0) < 10) throw new Broken(`device ${addr} was hardly asked`);
  return bus.asked === undefined && bus.queue.length === 0 ? undefined : `bus seed ${seed}: somebody waits for ever`;
}
