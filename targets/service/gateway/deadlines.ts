import type { Millis } from '../../../runtime/effects.ts';

/** What one owner has to carry to have a next time. It is set anew with every packet, so setting it later costs nothing. */
export interface Deadline {
  dueAt: Millis;
  /** By what the heap is ordered: `dueAt`, or an earlier one that has been moved since. */
  queuedAt: Millis;
  /** Place in the heap; -1: no deadline. */
  heapIndex: number;
}

/** A binary heap, the earliest `queuedAt` first. */
export type Deadlines<Owner extends Deadline> = Owner[];

export function noDeadline(): Deadline {
  return { dueAt: 0, queuedAt: 0, heapIndex: -1 };
}

export function setDeadline<Owner extends Deadline>(heap: Deadlines<Owner>, owner: Owner, at: Millis): void {
  owner.dueAt = at;
  if (owner.heapIndex >= 0 && at >= owner.queuedAt) return; // moved when its earlier time comes
  if (owner.heapIndex < 0) owner.heapIndex = heap.push(owner) - 1;
  owner.queuedAt = at;
  siftUp(heap, owner);
}

export function clearDeadline<Owner extends Deadline>(heap: Deadlines<Owner>, owner: Owner): void {
  const index = owner.heapIndex;
  if (index < 0) return;
  owner.heapIndex = -1;
  const last = heap.pop() as Owner;
  if (last === owner) return;
  place(heap, last, index);
  siftUp(heap, last);
  siftDown(heap, last);
}

/** When to look again; it may be earlier than the first deadline, never later. */
export function earliest(heap: Deadlines<Deadline>): Millis | undefined {
  return heap[0]?.queuedAt;
}

/** Takes out one owner whose time has come; undefined when there is none. */
export function takeDue<Owner extends Deadline>(heap: Deadlines<Owner>, now: Millis): Owner | undefined {
  for (let first = heap[0]; first !== undefined && first.queuedAt <= now; first = heap[0]) {
    if (first.dueAt <= now) {
      clearDeadline(heap, first);
      return first;
    }
    first.queuedAt = first.dueAt;
    siftDown(heap, first);
  }
  return undefined;
}

function place<Owner extends Deadline>(heap: Deadlines<Owner>, owner: Owner, index: number): void {
  heap[index] = owner;
  owner.heapIndex = index;
}

function siftUp<Owner extends Deadline>(heap: Deadlines<Owner>, owner: Owner): void {
  while (owner.heapIndex > 0) {
    const index = owner.heapIndex;
    const parent = heap[(index - 1) >> 1] as Owner;
    if (parent.queuedAt <= owner.queuedAt) return;
    place(heap, owner, parent.heapIndex);
    place(heap, parent, index);
  }
}

function siftDown<Owner extends Deadline>(heap: Deadlines<Owner>, owner: Owner): void {
  for (;;) {
    const index = owner.heapIndex;
    const left = heap[2 * index + 1];
    const right = heap[2 * index + 2];
    const child = left && right && right.queuedAt < left.queuedAt ? right : left;
    if (child === undefined || child.queuedAt >= owner.queuedAt) return;
    place(heap, owner, child.heapIndex);
    place(heap, child, index);
  }
}
