import { LATE_MILLIS_MAX } from './faults.ts';
import type { World } from './world.ts';

/** One end of a connection, as whoever holds it is told. */
export interface End {
  bytes(bytes: Uint8Array): void | Promise<void>;
  closed(): void | Promise<void>;
}

/** A TCP connection between a board and the service: bytes in order, split and late; cut at any time. */
export interface Wire {
  fromBoard(bytes: Uint8Array): void;
  fromCloud(bytes: Uint8Array): void;
  /** The board ends it: what it wrote before still arrives. */
  closeByBoard(): void;
  closeByCloud(): void;
  /**
   * Both lose what is under way, and learn of it at different times; by chance one of them never does.
   *
   * @param isUntold  the service does not
   */
  cut(isUntold?: boolean): void;
  /** Nothing has cut it. */
  isWhole(): boolean;
}

interface Lane {
  end: End;
  /** When the last portion arrives: later ones never overtake. */
  busyUntil: number;
  open: boolean;
}

/** Lays a wire; `board` and `cloud` are told what arrives at them. */
export function layWire(world: World, board: End, cloud: End): Wire {
  const { timeline, chance, faults } = world;
  let whole = true;
  const toBoard: Lane = { end: board, busyUntil: 0, open: true };
  const toCloud: Lane = { end: cloud, busyUntil: 0, open: true };

  const arrive = (lane: Lane, delay: number, happen: () => void | Promise<void>) => {
    lane.busyUntil = Math.max(lane.busyUntil, timeline.now() + delay);
    timeline.plan(lane.busyUntil - timeline.now(), () => (lane.open ? happen() : undefined));
  };
  const send = (lane: Lane, bytes: Uint8Array) => {
    for (const portion of split(bytes)) arrive(lane, latency(), () => lane.end.bytes(portion));
    if (faults.on && chance.is(faults.cutWire)) timeline.plan(chance.between(0, 400), () => cut());
  };
  const latency = () => chance.between(1, faults.on && chance.is(faults.late) ? LATE_MILLIS_MAX : 40);
  const split = (bytes: Uint8Array): Uint8Array[] => {
    if (!faults.on || !chance.is(faults.splitBytes)) return [bytes.slice()];
    const portions: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = chance.is(0.3) ? 1 : chance.between(1, bytes.length);
      portions.push(bytes.slice(at, at + size));
      at += size;
    }
    return portions;
  };
  const end = (lane: Lane) => {
    arrive(lane, chance.between(1, 30), async () => {
      lane.open = false;
      await lane.end.closed();
    });
  };
  const cut = (isUntold = false) => {
    if (!whole) return;
    whole = false;
    world.count('connections cut');
    const isHalf = faults.on && !isUntold && chance.is(faults.halfOpen);
    const deaf = isUntold ? toCloud : isHalf ? chance.pick([toBoard, toCloud]) : undefined;
    for (const lane of [toBoard, toCloud]) {
      if (!lane.open) continue;
      lane.open = false; // what was under way is lost
      if (lane !== deaf) timeline.plan(chance.between(1, 20_000), () => lane.end.closed());
    }
  };
  return {
    fromBoard: (bytes) => send(toCloud, bytes),
    fromCloud: (bytes) => send(toBoard, bytes),
    closeByBoard() {
      toBoard.open = false;
      if (toCloud.open) end(toCloud);
    },
    closeByCloud() {
      toCloud.open = false;
      if (toBoard.open) end(toBoard);
    },
    cut,
    isWhole: () => whole,
  };
}
