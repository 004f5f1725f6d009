/**
 * A program of a device, run as a process of its own: native handles of an SDK end with it, whatever becomes of them. It says on
 * stdout what an operator is to do, and waits to hear of it by MQTT alone, as devices do.
 */
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { startChild } from '../../child.ts';
import type { House, Identity } from '../house.ts';

/** Where the service is and who the device is; files are PEM. */
export interface Door extends Identity {
  host: string;
  port: number;
  ca: string;
}

/** Many times what a life takes: a program that waits for what never comes is ended. */
const LIFE_MILLIS_MAX = 120_000;

/** In the program: what its parent told it. */
export function doorOf(argv: readonly string[]): Door {
  return JSON.parse(argv[2]!) as Door;
}

/** In the program: asks for `errand ARGS`. */
export function operator(...args: string[]): void {
  console.log(`operator ${JSON.stringify(args)}`);
}

/** In the program: it has shown all that it was to show, and nothing is left open. */
export function done(): void {
  console.log('done');
}

/** For the next event of a kind; to be called before what causes it. */
export async function next<T>(emitter: NodeJS.EventEmitter, name: string): Promise<T> {
  const [value] = (await once(emitter, name)) as [T];
  return value;
}

/**
 * Runs a program of this folder for a new thing, does what it asks of the operator, and waits for its end.
 *
 * @throws when it ends otherwise than well, with its output
 */
export async function runDevice(house: House, program: string, thingName: string, ...more: string[]): Promise<void> {
  const identity = await house.thing(thingName);
  const [host, port] = house.endpoints.mqtts.split(':') as [string, string];
  const door: Door = { ...identity, host, port: Number(port), ca: house.endpoints.ca };
  const file = new URL(program, import.meta.url).pathname;
  const child = startChild(process.execPath, ['--import', 'tsx', file, JSON.stringify(door), ...more]);
  const giveUp = setTimeout(() => void child.kill(), LIFE_MILLIS_MAX); // what waits for its lines then tells them
  try {
    for (let from = 0; ; ) {
      const line = await child.lineAfter(from, /^(operator |done$)/);
      if (line === 'done') break;
      from = child.lines.indexOf(line, from) + 1;
      await house.errand(...(JSON.parse(line.slice('operator '.length)) as string[]));
    }
    assert.is(await child.ended, 0, child.lines.join('\n'));
  } finally {
    clearTimeout(giveUp);
    await child.kill();
  }
}
