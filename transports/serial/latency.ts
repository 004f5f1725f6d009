import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** FTDI adapters hold bytes back for 16 ms unless told otherwise; 1 is the least. */
const LATENCY_MILLIS = '1';

/**
 * Has a USB adapter hand its bytes on at once, where the driver has such a setting and the system lets us (root, or a udev rule).
 *
 * @returns true when it was set
 */
export function lowerLatency(path: string, sys = '/sys'): boolean {
  try {
    writeFileSync(join(sys, 'class/tty', basename(path), 'device/latency_timer'), LATENCY_MILLIS, { flag: 'r+' });
    return true;
  } catch {
    return false; // no such adapter, or not allowed: slower, that is all
  }
}
