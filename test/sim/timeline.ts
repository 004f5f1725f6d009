/** A virtual clock: what is planned happens in the order of its time, and of its planning where times are equal. */
export interface Timeline {
  /** Milliseconds since the world began. */
  now(): number;
  /** Plans `happen` for `delay` milliseconds from now; the answer takes it back. */
  plan(delay: number, happen: () => void | Promise<void>): () => void;
  /** Lets the next thing happen; false when nothing is planned, or nothing until `until`. */
  next(until: number): Promise<boolean>;
}

interface Planned {
  at: number;
  order: number;
  happen: (() => void | Promise<void>) | undefined;
}

export function createTimeline(): Timeline {
  const heap: Planned[] = [];
  let now = 0;
  let order = 0;
  return {
    now: () => now,
    plan(delay, happen) {
      const planned: Planned = { at: now + Math.max(0, delay), order: order++, happen };
      push(heap, planned);
      return () => {
        planned.happen = undefined;
      };
    },
    async next(until) {
      while (heap[0] !== undefined && heap[0].at <= until) {
        const { at, happen } = pop(heap);
        if (happen === undefined) continue; // taken back
        now = at;
        await happen();
        return true;
      }
      now = Math.max(now, until);
      return false;
    },
  };
}

function before(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Planned[], planned: Planned): void {
  let at = heap.push(planned) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(planned, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = planned;
}

function pop(heap: Planned[]): Planned {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
