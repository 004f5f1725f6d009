import type { Transport } from './transport.ts';

/** How a write arrives: in these portions, one after another. */
export type Split = (bytes: Uint8Array) => Uint8Array[];

/**
 * Two ends joined in one process, for tests. Both are open from the next microtask on; each portion arrives in a
 * microtask of its own, in the order of writing, and a close behind all that was written.
 */
export function memory(split: Split = (bytes) => [bytes]): [Transport, Transport] {
  const [left, right] = [makeEnd(split), makeEnd(split)];
  return [left.joinedTo(right), right.joinedTo(left)];
}

interface End {
  take: (bytes: Uint8Array) => void;
  hangUp: (reason?: string) => void;
  joinedTo: (other: End) => Transport;
}

function makeEnd(split: Split): End {
  let closed = false;
  let tellBytes: (bytes: Uint8Array) => void = () => {};
  let tellClosed: (reason?: string) => void = () => {};
  const end: End = {
    take: (bytes) => {
      if (!closed) tellBytes(bytes);
    },
    hangUp: (reason) => {
      if (closed) return;
      closed = true;
      tellClosed(reason);
    },
    joinedTo: (other) => ({
      onOpened: (tell) =>
        queueMicrotask(() => {
          if (!closed) tell();
        }),
      onBytes: (take) => {
        tellBytes = take;
      },
      onClosed: (tell) => {
        tellClosed = tell;
      },
      write: (bytes) => {
        // A copy: on a real wire, too, the writer may use its buffer again.
        if (!closed) for (const portion of split(bytes.slice())) queueMicrotask(() => other.take(portion));
        return true;
      },
      close: () =>
        queueMicrotask(() => {
          end.hangUp();
          other.hangUp('the peer closed the connection');
        }),
    }),
  };
  return end;
}
