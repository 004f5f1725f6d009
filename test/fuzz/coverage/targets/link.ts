import { crc32 } from '../../../../runtime/crc32.ts';
import { ProtocolError } from '../../../../runtime/errors.ts';
import { type Cbor, type CborMap, decodeBody, encodeBody } from '../../../../runtime/serial/cbor.ts';
import { decodeCobs, encodeCobs } from '../../../../runtime/serial/cobs.ts';
import { decodeFrame, encodeFrame, FRAME_TYPES, type Frame } from '../../../../runtime/serial/frame.ts';
import {
  decodeDeviceHello,
  decodeHostHello,
  encodeDeviceHello,
  encodeHostHello,
} from '../../../../runtime/serial/hello.ts';
import { commandsOf, decodeState, encodeAsking, encodeState, isState } from '../../../../runtime/serial/jobs.ts';
import {
  FRAME_BYTES_AROUND_BODY,
  FRAME_BYTES_DEFAULT,
  FRAME_BYTES_MAX,
  LINE_BYTES_MAX,
  STUFFED_BYTES_MAX,
  WINDOW_MAX,
} from '../../../../runtime/serial/limits.ts';
import { decodeBlock, decodePull, encodeBlock, encodePull } from '../../../../runtime/serial/pull.ts';
import { createSplitter, type Found, lastLine, split } from '../../../../runtime/serial/splitter.ts';
import { bytes } from '../bytes.ts';
import { type Library, startLibrary } from '../library.ts';
import { type Find, holds, portionsOf, same, type Target } from '../target.ts';

/** What an input is, by its first byte: a body, or else a wire. */
const BODY = 0x62;
/** On a wire: a frame of so many bytes as the next says, made whole with its checksum; with flags in the byte's low bits. */
const FRAME = 0xf0;
const RIGHT_BOOT = 1;
const SPOILED = 2;
const UNENDED = 4;
/** The device begins with this boot byte, and chooses the next with each host (errand.h). */
const BOOT = 1_000 & 255;
const BOOT_STEP = 157;

const request = encodeAsking({ operation: 'RUN', run: 7, command: 'work', args: [1, -2, true, 'ä'] });
const hostHello = encodeHostHello({ version: 1, host: 5 });
const deviceHello = encodeDeviceHello({
  version: 1,
  bootId: 9,
  hardwareId: 'h',
  frameBytesMax: 128,
  window: 2,
  firmwareVersion: '1',
  firmwareHash: bytes(1, 2, 3, 4),
  more: new Map([[16, ['work']]]),
});
const framed = (flags: number, ...frame: Parameters<typeof bytes>) =>
  bytes(FRAME | flags, bytes(...frame).length, ...frame);

export const target: Target = {
  name: 'link',
  about: "the serial link's decoders: stuffing, frames, CBOR and bodies, in TypeScript and in C",
  inputs: 'bytes',
  bytesMax: 1_400,
  seeds: [
    ...[
      request,
      hostHello,
      deviceHello,
      encodeAsking({ operation: 'FLASH', size: 70_000, sha256: new Uint8Array(32), image: 1 }),
    ].map((body) => bytes(BODY, body)),
    bytes(BODY, encodeState({ state: 'succeeded', progress: 40, words: 'w', result: [1, new Map([[1, 2]])] })),
    bytes(BODY, encodePull({ offset: 300, length: 32, count: 4 })),
    bytes(BODY, encodeBlock({ offset: 300, bytes: bytes(1, 2, 3) })),
    bytes(
      0,
      framed(0, 0, 0, 0, hostHello),
      framed(RIGHT_BOOT, 0, 0x10, 0, request),
      framed(RIGHT_BOOT, 0, 0x11, 0, request),
    ),
    bytes(
      0,
      framed(0, 255, 0x20, 0, encodeBlock({ offset: 0, bytes: bytes(0, 1) })),
      'booting\r\n',
      framed(0, 0, 0x90, 3, request),
      0,
      'text',
      0,
    ),
    bytes(0, framed(SPOILED, 0, 0x10, 0, request), framed(UNENDED, 0, 0x10, 0, request), framed(0, 3, 0x30, 0)),
    bytes(
      0,
      framed(0, 255, 0x20, 0, new Uint8Array(248).fill(7)),
      0,
      framed(0, 255, 0x20, 0, new Uint8Array(247).fill(7)),
    ),
    bytes(0, 0, new Uint8Array(LINE_BYTES_MAX + 3).fill(0x41), 0x0a, 0x7f, 0x0a),
  ],
  words: [
    bytes(0xa1),
    bytes(0x19, 1, 0),
    bytes(0x1a, 0x80, 0, 0, 0),
    bytes(0x3a, 0x7f, 0xff, 0xff, 0xff),
    bytes(0xf4),
    bytes(0x82),
    bytes(0x62, 0xc3, 0xa4),
    bytes(0x58, 40),
    bytes(0xff),
    'text\r\n',
    framed(0, 0, 0, 0, hostHello),
    framed(RIGHT_BOOT, 0, 0x10, 0),
    framed(0, 255, 0x20, 0),
  ],
  run(input) {
    const isBody = input[0] === BODY;
    const given = isBody ? input.subarray(1) : wireOf(input.subarray(1));
    if (isBody) checkBody(given);
    else checkWire(given);
    waiting.push({ input: input.slice(), record: bytes(isBody ? 'b' : 'w', given) });
  },
  compare: compareAll,
  close() {
    library?.close();
    library = undefined;
  },
};

/** The bytes on the line that an input stands for. */
function wireOf(input: Uint8Array): Uint8Array {
  const wire: number[] = [];
  let at = 0;
  while (at < input.length) {
    const byte = input[at]!;
    const size = input[at + 1] ?? 0;
    if ((byte & 0xf8) !== FRAME || size < 3 || at + 2 + size > input.length) {
      wire.push(byte);
      at += 1;
      continue;
    }
    wire.push(...framedBytes(input.slice(at + 2, at + 2 + size), byte & 7));
    at += 2 + size;
  }
  return Uint8Array.from(wire);
}

function framedBytes(frame: Uint8Array, flags: number): number[] {
  if (flags & RIGHT_BOOT) frame[2] = (BOOT + BOOT_STEP) & 255;
  const sum = crc32(frame);
  const all = [...frame, sum & 255, (sum >>> 8) & 255, (sum >>> 16) & 255, sum >>> 24];
  if (flags & SPOILED) all[all.length >> 1]! ^= 1;
  return [0, ...encodeCobs(Uint8Array.from(all)), ...(flags & UNENDED ? [] : [0])];
}

// What TypeScript is held to by itself.

function checkWire(wire: Uint8Array): void {
  for (const bus of [false, true]) {
    const whole = foundIn([wire], bus);
    same(`split in portions${bus ? ' on a bus' : ''}`, foundIn(portionsOf(wire), bus), whole);
    const frames = whole.found.flatMap((one) => ('frame' in one ? [one.frame] : []));
    const expected = piecesOf(wire)
      .filter((piece) => piece.length > 0 && piece.length <= STUFFED_BYTES_MAX && (bus || piece[0] === 1))
      .flatMap((piece) => decodeFrame(piece) ?? []);
    same(`frames${bus ? ' on a bus' : ''}`, frames, expected);
    for (const one of whole.found)
      if ('line' in one) holds('a line longer than may be', one.line.length <= LINE_BYTES_MAX);
  }
  for (const piece of piecesOf(wire)) checkPiece(piece);
  same('stuffed and unstuffed', decodeCobs(encodeCobs(wire)), wire);
}

function foundIn(portions: readonly Uint8Array[], bus: boolean): { found: Found[]; noiseBytes: number } {
  const splitter = createSplitter({ bus });
  const found = portions.flatMap((portion) => split(splitter, portion));
  found.push(...lastLine(splitter));
  return { found, noiseBytes: splitter.noiseBytes };
}

/** What lies before each 0x00; what lies behind the last has no end. */
function piecesOf(wire: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (let zero = wire.indexOf(0); zero >= 0; zero = wire.indexOf(0, from)) {
    pieces.push(wire.subarray(from, zero));
    from = zero + 1;
  }
  return pieces;
}

function checkPiece(piece: Uint8Array): void {
  const unstuffed = decodeCobs(piece);
  if (unstuffed !== undefined) same('unstuffed and stuffed', encodeCobs(unstuffed), piece);
  const frame = decodeFrame(piece);
  if (frame === undefined) return;
  same('a frame written again', encodeFrame(frame), bytes(0, piece, 0));
  checkBody(frame.body);
}

function checkBody(body: Uint8Array): void {
  const map = refusedOr(() => decodeBody(body));
  const hello = refusedOr(() => decodeDeviceHello(body));
  const state = refusedOr(() => decodeState(body));
  const pull = refusedOr(() => decodePull(body));
  const block = refusedOr(() => decodeBlock(body));
  const host = refusedOr(() => decodeHostHello(body));
  refusedOr(() => isState(body));
  if (typeof map === 'string') {
    const all = [hello, state, pull, block, host];
    holds(
      'a part of a broken body',
      all.every((one) => typeof one === 'string'),
    );
    return;
  }
  const again = encodeBody(map);
  same('a body written again', decodeBody(again), map);
  holds('a body longer than it came', again.length <= body.length);
  if (typeof host !== 'string') same('a host written again', decodeHostHello(encodeHostHello(host)), host);
  if (typeof state !== 'string') same('a state written again', decodeState(encodeState(state)), state);
  if (typeof pull !== 'string') same('a pull written again', decodePull(encodePull(pull)), pull);
  if (typeof block !== 'string') same('a block written again', decodeBlock(encodeBlock(block)), block);
  if (typeof hello === 'string') return;
  same('a device written again', decodeDeviceHello(encodeDeviceHello(hello)), hello);
  const { frameBytesMax, window } = hello;
  holds('a window out of range', window >= 1 && window <= WINDOW_MAX);
  holds('a frame size out of range', frameBytesMax >= FRAME_BYTES_DEFAULT && frameBytesMax <= FRAME_BYTES_MAX);
  holds(
    'commands that are no text',
    commandsOf(hello).every((command) => typeof command === 'string'),
  );
}

function refusedOr<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

// What both languages have to agree on.

let library: Library | undefined;
let waiting: { input: Uint8Array; record: Uint8Array }[] = [];

async function compareAll(): Promise<Find | undefined> {
  const asked = waiting;
  waiting = [];
  library ??= startLibrary();
  let lines: string[];
  try {
    lines = await library.ask(asked.map(({ record }) => record));
  } catch (error) {
    library = undefined;
    return oneThatEnds(asked, error as Error);
  }
  for (const [i, { input, record }] of asked.entries()) {
    try {
      if (record[0] === BODY) compareBody(record.subarray(1), lines[i]!);
      else compareWire(record.subarray(1), lines[i]!);
    } catch (error) {
      return { input, error: error as Error };
    }
  }
  return undefined;
}

/** Asks one by one, for the one at which the sanitizer ends the library. */
async function oneThatEnds(asked: typeof waiting, error: Error): Promise<Find> {
  for (const { input, record } of asked) {
    const alone = startLibrary();
    try {
      await alone.ask([record]);
      alone.close();
    } catch (error) {
      return { input, error: error as Error };
    }
  }
  return { input: asked[0]!.input, error };
}

function compareBody(body: Uint8Array, line: string): void {
  const read = refusedOr(() => decodeBody(body));
  if (typeof read === 'string') {
    // Text is bytes to the library, who prints it looks at it; and of nesting and kinds it sees what it needs.
    const passed = /not UTF-8|nested deeper|a key that begins with|no tags, floats or null|expected at least/.test(
      read,
    );
    holds(`C takes a body that TypeScript refuses: ${read}`, line === 'no' || passed);
    return;
  }
  holds(`C refuses a body that TypeScript takes`, line.startsWith('yes '));
  const again = Buffer.from(encodeBody(read)).toString('hex');
  // Of a key that comes twice TypeScript keeps the first, and C all that was written.
  const isWhole = line.length - 4 === again.length;
  if (isWhole) same('a body written again by C', line.slice(4), again);
  else holds('C writes less of a body', line.length - 4 > again.length && hasLess(read, body));
}

/** Whether keys came twice: then there are fewer pairs than the heads of the maps said. */
function hasLess(read: CborMap, body: Uint8Array): boolean {
  const size = (value: Cbor): number => {
    if (value instanceof Map) return [...value.values()].reduce<number>((sum, one) => sum + 1 + size(one), 0);
    return Array.isArray(value) ? value.reduce<number>((sum, one) => sum + size(one), 0) : 0;
  };
  return size(read) < body.length;
}

/** Follows what a device has to do with each frame, and compares. */
function compareWire(wire: Uint8Array, line: string): void {
  const told = line.split(' ').slice(1);
  let at = 0;
  let [host, boot, expected] = [0, BOOT, 0];
  let end = -1;
  const next = (what: string, should: string) => same(what, told[at++], `${end}/${should}`);
  for (const piece of piecesOf(wire)) {
    end += piece.length + 1;
    const raw = wholeFrame(piece);
    if (raw === undefined) {
      // A single byte of a piece is the head of a group: nothing that could be dropped has come yet.
      if (piece.length > 1) next('C drops what is no frame', 'd');
      continue;
    }
    const [addr, control, bootByte] = raw as unknown as [number, number, number];
    const [type, seq] = [control >> 4, control & 15];
    const body = raw.subarray(3, -4);
    const hex = Buffer.from(body).toString('hex');
    checkRead(piece, raw);
    if (type === 2 && addr === 255) next('C takes DATA for all', `2:${hex}`);
    else if (addr !== 0 || type > 2) continue;
    else if (type === 0) {
      const hello = refusedOr(() => decodeHostHello(body));
      const heard = told[at]?.startsWith(`${end}/0:`) ? Number(told[at]!.split(':')[1]) : undefined;
      // The library looks for the key alone, so it hears more than a host would say; never less.
      if (typeof hello !== 'string') same('C hears a host', heard, hello.host);
      if (heard === undefined) continue;
      if (heard !== host) [host, boot, expected] = [heard, (boot + BOOT_STEP) & 255, 0];
      next('C answers HELLO', `0:${host}:${boot}`);
    } else if (host !== 0 && bootByte === boot) {
      if (type === 2) next('C takes DATA', `2:${hex}`);
      else if (seq === expected) {
        next('C takes a REQUEST', `1:${seq}:${hex}`);
        expected = (expected + 1) & 15;
      }
    }
  }
  same('C takes nothing else', told.slice(at), []);
}

/** What was framed, checksum and all; undefined when it is no whole frame. */
function wholeFrame(piece: Uint8Array): Uint8Array | undefined {
  const raw = decodeCobs(piece);
  if (raw === undefined || raw.length < FRAME_BYTES_AROUND_BODY || raw.length > FRAME_BYTES_MAX) return undefined;
  const sum = new DataView(raw.buffer, raw.byteOffset).getUint32(raw.length - 4, true);
  return sum === crc32(raw.subarray(0, -4)) ? raw : undefined;
}

/** A frame as TypeScript reads it has what lies in the bytes. */
function checkRead(piece: Uint8Array, raw: Uint8Array): void {
  const type = FRAME_TYPES[(raw[1]! >> 4) & 7];
  const from = raw[1]! > 127 ? 'device' : 'host';
  const expected: Frame | undefined = type && {
    addr: raw[0]!,
    from,
    type,
    seq: raw[1]! & 15,
    boot: raw[2]!,
    body: raw.slice(3, -4),
  };
  same('a frame', decodeFrame(piece), expected);
}
