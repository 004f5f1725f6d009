/** Who is at the other end of a serial line: the bodies of HELLO, both ways. README.md has the table of keys. */
import { ProtocolError } from '../errors.ts';
import { type Cbor, type CborMap, cborMap, decodeBody, encodeBody } from './cbor.ts';
import { FRAME_BYTES_DEFAULT, FRAME_BYTES_MAX, WINDOW_MAX, WIRE_VERSION } from './limits.ts';

/** What the host says: a device that hears another `host` than before forgets what it kept for the last one. */
export interface HostHello {
  readonly version: number;
  /** 1..2^32-1, fresh for each time that a host begins to count from 0: at random, or a counter. */
  readonly host: number;
}

/** What a device says. Keys that this version does not know are kept in `more`. */
export interface DeviceHello {
  readonly version: number;
  /** 32 bits, another one after each reset: at random, or better a counter that survives it. */
  readonly bootId: number;
  readonly hardwareId: string;
  /** The largest frame that the device takes, before stuffing. */
  readonly frameBytesMax: number;
  /** Requests that may be in flight: as many replies the device keeps. */
  readonly window: number;
  readonly firmwareVersion?: string;
  /** SHA-256 of the firmware that runs, whole or its first bytes. */
  readonly firmwareHash?: Uint8Array;
  readonly more: CborMap;
}

const VERSION = 0;
const HOST = 1;
const BOOT_ID = 2;
const HARDWARE_ID = 3;
const FRAME_BYTES = 4;
const WINDOW = 5;
const FIRMWARE_VERSION = 6;
const FIRMWARE_HASH = 7;
const KNOWN = [VERSION, BOOT_ID, HARDWARE_ID, FRAME_BYTES, WINDOW, FIRMWARE_VERSION, FIRMWARE_HASH];

export function encodeHostHello({ version, host }: HostHello): Uint8Array {
  return encodeBody(
    cborMap([
      [VERSION, version],
      [HOST, host],
    ]),
  );
}

/** @throws ProtocolError when the body is broken, or a member is missing or out of its range */
export function decodeHostHello(body: Uint8Array): HostHello {
  const map = decodeBody(body);
  return { version: number(map, VERSION, 1, 0xffffffff), host: number(map, HOST, 1, 0xffffffff) };
}

export function encodeDeviceHello(hello: DeviceHello): Uint8Array {
  return encodeBody(
    cborMap([
      [VERSION, hello.version],
      [BOOT_ID, hello.bootId],
      [HARDWARE_ID, hello.hardwareId],
      [FRAME_BYTES, hello.frameBytesMax],
      [WINDOW, hello.window],
      [FIRMWARE_VERSION, hello.firmwareVersion],
      [FIRMWARE_HASH, hello.firmwareHash],
      ...hello.more,
    ]),
  );
}

/**
 * @throws ProtocolError when the body is broken, a member is missing or out of its range, or the device speaks a
 *         version that this host does not
 */
export function decodeDeviceHello(body: Uint8Array): DeviceHello {
  const map = decodeBody(body);
  const version = number(map, VERSION, 1, 0xffffffff);
  if (version !== WIRE_VERSION) throw broken(`version ${version}: expected ${WIRE_VERSION}`);
  const hardwareId = map.get(HARDWARE_ID);
  if (typeof hardwareId !== 'string' || hardwareId === '')
    throw broken(`hardware id (key ${HARDWARE_ID}) ${said(hardwareId)}: expected a text`);
  const firmwareVersion = map.get(FIRMWARE_VERSION);
  const firmwareHash = map.get(FIRMWARE_HASH);
  return {
    version,
    bootId: number(map, BOOT_ID, 0, 0xffffffff),
    hardwareId,
    frameBytesMax: Math.min(
      number(map, FRAME_BYTES, FRAME_BYTES_DEFAULT, 0xffff, FRAME_BYTES_DEFAULT),
      FRAME_BYTES_MAX,
    ),
    window: Math.min(number(map, WINDOW, 1, 255, 1), WINDOW_MAX),
    ...(typeof firmwareVersion === 'string' ? { firmwareVersion } : {}),
    ...(firmwareHash instanceof Uint8Array ? { firmwareHash } : {}),
    more: new Map([...map].filter(([key]) => !KNOWN.includes(key))),
  };
}

function number(map: CborMap, key: number, from: number, to: number, otherwise?: number): number {
  const value = map.get(key) ?? otherwise;
  if (typeof value !== 'number' || value < from || value > to)
    throw broken(`key ${key} ${said(value)}: expected ${from} to ${to}`);
  return value;
}

function said(value: Cbor | undefined): string {
  return value === undefined ? 'missing' : `is ${typeof value === 'object' ? 'not a number or text' : value}`;
}

function broken(found: string): ProtocolError {
  return new ProtocolError('runtime/serial/README.md, HELLO', found);
}
