import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { random32 } from '../../../runtime/random.ts';
import { decodeCobs, encodeCobs } from '../../../runtime/serial/cobs.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../../runtime/serial/frame.ts';
import { FRAME_BYTES_MAX, LINE_BYTES_MAX, STUFFED_BYTES_MAX, WIRE_VERSION } from '../../../runtime/serial/limits.ts';
import { createSplitter, type Found, lastLine, split } from '../../../runtime/serial/splitter.ts';
import { bytesOf, hex, vectors } from './vectors.ts';

const frameOf = ({ body, addr, from, type, seq, boot }: (typeof vectors.frames)[number]): Frame => ({
  addr,
  from,
  type,
  seq,
  boot,
  body: bytesOf(body),
});
const frames = (found: readonly Found[]) => found.flatMap((one) => ('frame' in one ? [one.frame] : []));
const lines = (found: readonly Found[]) => found.flatMap((one) => ('line' in one ? [one.line] : []));
const text = (line: string) => new TextEncoder().encode(line);

test('the vectors are of the version that is spoken', () => assert.is(vectors.version, WIRE_VERSION));

for (const row of vectors.frames) {
  test(`encodeFrame and decodeFrame: ${row.name}`, () => {
    assert.is(hex(encodeFrame(frameOf(row))), row.wire);
    assert.equal(decodeFrame(bytesOf(row.wire).subarray(1, -1)), frameOf(row));
  });
  test(`byte by byte, with text around it and as the host of a bus: ${row.name}`, () => {
    const wire = bytesOf(row.wire);
    for (const bus of [false, true]) {
      const splitter = createSplitter({ bus: bus || row.addr !== 0 });
      const found = [...text('up\r\n'), ...wire, ...wire.subarray(1), ...text('on\n'), 0].flatMap((byte) =>
        split(splitter, Uint8Array.of(byte)),
      );
      assert.equal(frames(found), [frameOf(row), frameOf(row)]);
      assert.equal(lines(found), ['up', 'on']);
    }
  });
}

for (const row of vectors.refusedFrames) {
  test(`refused: ${row.name}`, () => {
    const splitter = createSplitter();
    assert.equal(frames(split(splitter, bytesOf(row.wire))), []);
    const next = vectors.frames[0]!;
    assert.equal(frames(split(splitter, bytesOf(next.wire))), [frameOf(next)], 'the next frame is whole');
  });
}

test('every flipped bit of every vector is refused, in delimiters and stuffing too, and the frame behind it found', () => {
  const behind = vectors.frames.find(({ name }) => name.startsWith('its reply'))!;
  let flips = 0;
  for (const row of vectors.frames.filter(({ wire }) => wire.length < 600)) {
    const wire = bytesOf(row.wire);
    for (let bit = 0; bit < wire.length * 8; bit += 1) {
      const flipped = wire.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const found = frames(split(createSplitter({ bus: true }), joined(flipped, bytesOf(behind.wire))));
      assert.equal(found, [frameOf(behind)], `${row.name}, bit ${bit}`);
      flips += 1;
    }
  }
  assert.ok(flips > 10_000, `${flips}`);
});

test('COBS: any bytes come back, hold no 0x00 and cost at most one byte in 254 begun', () => {
  let state = 1;
  const draw = (below: number) => {
    let value: number;
    [value, state] = random32(state);
    return value % below;
  };
  for (let round = 0; round < 2_000; round += 1) {
    const zeros = draw(300) + 1;
    const bytes = Uint8Array.from({ length: draw(800) }, () => (draw(zeros) === 0 ? 0 : draw(256)));
    const stuffed = encodeCobs(bytes);
    assert.not.ok(stuffed.includes(0));
    assert.ok(stuffed.length <= bytes.length + Math.max(1, Math.ceil(bytes.length / 254)));
    assert.equal(decodeCobs(stuffed), bytes);
  }
  assert.is(decodeCobs(new Uint8Array(0)), undefined);
});

test('a frame longer than the largest is our own mistake', () => {
  const body = new Uint8Array(FRAME_BYTES_MAX);
  assert.throws(() => encodeFrame({ addr: 0, from: 'host', type: 'DATA', seq: 0, boot: 0, body }), /at most 1024/);
});

test('endless garbage and a frame that never ends keep nothing but their bounds, and the next frame is found', () => {
  const next = vectors.frames[1]!;
  for (const filler of [0x01, 0x41, 0xff]) {
    const splitter = createSplitter();
    for (let i = 0; i < 1_000; i += 1) split(splitter, new Uint8Array(997).fill(filler));
    assert.is(splitter.piece.length + splitter.line.length, STUFFED_BYTES_MAX + LINE_BYTES_MAX);
    assert.equal(frames(split(splitter, bytesOf(next.wire))), [frameOf(next)]);
  }
});

test('random bytes make no frame, and every frame among them is found', () => {
  let state = 7;
  let found = 0;
  const splitter = createSplitter();
  for (let round = 0; round < 3_000; round += 1) {
    const noise = Uint8Array.from({ length: round % 90 }, () => {
      let value: number;
      [value, state] = random32(state);
      return value & 255;
    });
    const row = vectors.frames[round % 12]!;
    if (row.addr !== 0) continue;
    const got = frames(split(splitter, joined(noise, bytesOf(row.wire))));
    assert.equal(got, [frameOf(row)]);
    found += 1;
  }
  assert.ok(found > 1_000);
  assert.ok(splitter.noiseBytes > 0);
});

test('a line of text is handed out at its end, before any frame comes', () => {
  const splitter = createSplitter();
  assert.equal(split(splitter, text('panic: sta')), []);
  assert.equal(lines(split(splitter, text('ck\r\nsecond\n'))), ['panic: stack', 'second']);
});

test('a line that a frame interrupts is one line', () => {
  const splitter = createSplitter();
  const found = split(splitter, joined(text('tempe'), bytesOf(vectors.frames[1]!.wire), text('rature 21 °C\n')));
  assert.equal(lines(found), ['temperature 21 °C']);
  assert.is(frames(found).length, 1);
});

test('a line without an end is cut at its bound, and handed out when the port closes', () => {
  const splitter = createSplitter();
  const found = split(splitter, text('x'.repeat(LINE_BYTES_MAX + 3)));
  assert.equal(lines(found), ['x'.repeat(LINE_BYTES_MAX)]);
  assert.equal(lines(lastLine(splitter)), ['xxx']);
  assert.equal(lastLine(splitter), []);
});

test('a broken frame is noise, never a line, and does not stick to the line behind it', () => {
  const splitter = createSplitter();
  const wire = bytesOf(vectors.frames[1]!.wire);
  wire[1]! = 0x41;
  const found = split(splitter, joined(wire, text('fine\n')));
  assert.equal(lines(found), ['fine']);
  assert.is(splitter.noiseBytes, wire.length - 2);
});

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

test.run();
