import type { Transport } from '../transport.ts';

/** One open serial port, 8 data bits, no parity, one stop bit, no flow control. Bytes only: what they mean is decided elsewhere. */
export interface SerialPort extends Transport {
  /** Tells that what `write` held back for has left. */
  onDrained(tell: () => void): void;
  /** Sets modem lines, where the shell can (`canSetLines`); rejects with a sentence where it cannot. */
  setLines(lines: ModemLines): Promise<void>;
}

/** `true` is asserted: low voltage on a TTL adapter, and reset on an Arduino's DTR. */
export interface ModemLines {
  dtr?: boolean;
  rts?: boolean;
}

export interface PortSettings {
  /** A device file; see portNames.ts for other names. */
  path: string;
  baud: number;
}

export const SHELLS = ['serialport', 'tty'] as const;

/** Opens a port. Whatever goes wrong comes as its closed event. */
export interface SerialShell {
  readonly name: (typeof SHELLS)[number];
  readonly canSetLines: boolean;
  open(settings: PortSettings): SerialPort;
}

/** The rates that adapters and boards have in common, the most usual first: the order of probing. */
export const BAUD_RATES = [115_200, 9_600, 57_600, 38_400, 19_200, 230_400, 460_800, 921_600, 1_000_000] as const;
export const BAUD_MIN = 50;
export const BAUD_MAX = 4_000_000;

/** Why a port could not be opened or broke, by the system's words: one sentence. */
export function portReason(error: Error, path: string): string {
  const said = `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`;
  if (/EACCES|EPERM|Permission denied/i.test(said))
    return `${path}: this user may not use it; on most systems: sudo usermod -aG dialout USER, then log in again`;
  if (/EBUSY|cannot lock|temporarily unavailable|resource busy/i.test(said)) return `${path}: another program uses it`;
  if (/ENOENT|ENODEV|ENXIO|No such/i.test(said)) return `${path}: it is not there`;
  if (/EIO|disconnected|EBADF|bad file descriptor/i.test(said)) return `${path}: it was unplugged`;
  if (/ENOTTY|Inappropriate/i.test(said)) return `${path}: it is no serial port`;
  return `${path}: ${error.message}`;
}
