/** What the bridge has of the world around it, so that a simulated one can take its place: time, chance, disk, ports, images. */
import { randomInt } from 'node:crypto';
import type { Millis } from '../../runtime/effects.ts';
import { openRecord, type RecordFile } from '../../transports/record.ts';
import { type AttachedPort, attachPort, type PortListener } from '../../transports/serial/attachedPort.ts';
import type { SerialShell } from '../../transports/serial/serialPort.ts';
import { type Alarm, clock, ring } from './clock.ts';
import { type Fetching, fetchImage, type ImageSource } from './image.ts';

export interface Time {
  /** Milliseconds that only run forward, from anywhere. */
  clock(): Millis;
  /** Calls at this time or a little later, never before. */
  ring(at: Millis, tell: () => void): Alarm;
}

export interface Surroundings extends Time {
  /** A whole number from `low` on, below `high`, that nobody foresees. */
  randomInt(low: number, high: number): number;
  /** See transports/record.ts. */
  openRecord(file: string): RecordFile;
  /** See image.ts. */
  fetchImage(source: ImageSource, folder: string, how: Fetching): Promise<Uint8Array>;
  /** See transports/serial/attachedPort.ts. */
  attachPort(name: string, baud: number, shell: SerialShell, listener: PortListener): AttachedPort;
}

export const SYSTEM: Surroundings = { clock, ring, randomInt, openRecord, fetchImage, attachPort };
