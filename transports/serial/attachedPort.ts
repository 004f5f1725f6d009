/** A port by its name, opened again by itself whenever it was unplugged and is back. */

import { lowerLatency } from './latency.ts';
import { lockPort, type PortLock } from './portLock.ts';
import { findPort } from './portNames.ts';
import type { SerialPort, SerialShell } from './serialPort.ts';

/** How often a port that is missing is looked for, at first and in the end: a look costs one system call. */
const LOOK_MILLIS_MIN = 100;
const LOOK_MILLIS_MAX = 1_000;

export interface PortListener {
  onOpened(path: string, port: SerialPort): void;
  onBytes(bytes: Uint8Array): void;
  /** It was open and is gone, or could not be opened: why. Told once for each reason, until it is open again. */
  onClosed(reason: string): void;
}

export interface AttachedPort {
  /**
   * False when the port is closed or slow. While it is slow, what is written is lost, as on a wire that nobody reads: what
   * matters is sent again, and a device that takes nothing must not fill the memory.
   */
  write(bytes: Uint8Array): boolean;
  setLines: SerialPort['setLines'];
  /** Closes now and opens again at another rate. */
  reopen(baud: number): void;
  /** Resolves when it is closed and unlocked. */
  end(): Promise<void>;
}

/** @param name  see portNames.ts */
export function attachPort(name: string, baud: number, shell: SerialShell, listener: PortListener): AttachedPort {
  let rate = baud;
  let port: SerialPort | undefined;
  let lock: PortLock | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pauseMillis = LOOK_MILLIS_MIN;
  let told: string | undefined;
  let slow = false;
  let over: (() => void) | undefined;

  function look(): void {
    const path = findPort(name);
    if (path === undefined) return missing(`${name}: it is not there`);
    if (typeof path === 'object') return missing(path.several);
    const taken = tryLock(path);
    if (typeof taken === 'string') return missing(taken);
    lock = taken;
    lowerLatency(path);
    open(path);
  }

  function open(path: string): void {
    const mine = shell.open({ path, baud: rate });
    port = mine;
    slow = false;
    mine.onOpened(() => {
      pauseMillis = LOOK_MILLIS_MIN;
      told = undefined;
      listener.onOpened(path, mine);
    });
    mine.onBytes((bytes) => listener.onBytes(bytes));
    mine.onDrained(() => {
      slow = false;
    });
    mine.onClosed((reason) => {
      port = undefined;
      lock?.release();
      lock = undefined;
      if (over) return over();
      if (reason === undefined) look();
      else missing(reason);
    });
  }

  function missing(reason: string): void {
    timer = setTimeout(look, pauseMillis);
    pauseMillis = Math.min(pauseMillis * 2, LOOK_MILLIS_MAX);
    if (told === reason) return;
    told = reason;
    listener.onClosed(reason);
  }

  timer = setTimeout(look, 0); // the caller has us in hand by then
  return {
    write: (bytes) => {
      if (port === undefined || slow) return false;
      slow = !port.write(bytes);
      return !slow;
    },
    setLines: (lines) => port?.setLines(lines) ?? Promise.reject(new Error(`${name}: it is not open`)),
    reopen: (baud) => {
      rate = baud;
      port?.close();
    },
    end: () =>
      new Promise((resolve) => {
        over = resolve;
        clearTimeout(timer);
        if (port === undefined) resolve();
        else port.close();
      }),
  };
}

function tryLock(path: string): PortLock | string {
  try {
    const lock = lockPort(path);
    if ('release' in lock) return lock;
    return `${path}: another program uses it${lock.holder > 0 ? ` (process ${lock.holder})` : ''}`;
  } catch (error) {
    return `${path}: it cannot be locked: ${(error as Error).message}`;
  }
}
