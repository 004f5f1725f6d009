import type { Connect, Transport } from '../../../transports/transport.ts';

/** A way to connect, and what follows when the service has let it in. */
export interface Candidate {
  connect: Connect;
  worked: () => void;
}

/** The connections of an agent whose certificate may change while it runs. */
export interface Credentials {
  connect: Connect;
  /** Ends the connection; those that are made from now on wait. */
  hold(): void;
  /**
   * Goes on with the first of these that the service lets in; each attempt that fails is followed by the next, and by the first
   * again behind the last.
   */
  use(candidates: readonly Candidate[]): void;
}

/** CONNACK that accepts: type, length, any flags, code 0 (MQTT 3.1.1 §3.2). */
function isAccepted([type, length, , code]: Uint8Array): boolean {
  return type === 0x20 && length === 2 && code === 0;
}

/** @param candidates  what is tried first */
export function createCredentials(candidates: readonly Candidate[]): Credentials {
  let at = 0;
  let current: Transport | undefined;
  let held: { start: () => void }[] | undefined;

  function connect(): Transport {
    let inner: Transport | undefined;
    let onOpened: () => void;
    let onBytes: (bytes: Uint8Array) => void;
    let onClosed: (reason?: string) => void;
    let gone = false;
    const start = () => {
      if (gone) return;
      const mine = candidates;
      const { connect, worked } = mine[at]!;
      let isFirst = true;
      inner = connect();
      inner.onOpened(() => onOpened());
      inner.onBytes((bytes) => {
        if (isFirst && isAccepted(bytes) && mine === candidates) {
          candidates = [mine[at]!];
          at = 0;
          worked();
        }
        isFirst = false;
        onBytes(bytes);
      });
      inner.onClosed((reason) => {
        if (current === outer) current = undefined;
        if (mine === candidates) at = (at + 1) % candidates.length;
        onClosed(reason);
      });
    };
    const outer: Transport = {
      onOpened: (tell) => {
        onOpened = tell;
      },
      onBytes: (take) => {
        onBytes = take;
      },
      onClosed: (tell) => {
        onClosed = tell;
      },
      write: (bytes) => inner?.write(bytes) ?? false,
      close: () => {
        gone = true;
        if (inner) inner.close();
        else onClosed();
      },
    };
    current = outer;
    if (held) held.push({ start });
    else start();
    return outer;
  }

  return {
    connect,
    hold() {
      held = [];
      current?.close();
    },
    use(next) {
      candidates = next;
      at = 0;
      const waiting = held ?? [];
      held = undefined;
      for (const { start } of waiting) start();
    },
  };
}
