import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { random32 } from '../../../runtime/random.ts';
import { type Cbor, type CborMap, decodeBody, encodeBody } from '../../../runtime/serial/cbor.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../../runtime/serial/frame.ts';
import { encodeHostHello } from '../../../runtime/serial/hello.ts';
import { blocksOf, decodePull, encodeBlock } from '../../../runtime/serial/pull.ts';
import { bytesOf, hex, VECTORS_FILE, vectors } from '../../runtime/serial/vectors.ts';
import { hasTool } from '../../tools.ts';
import { build, type Device, fuzz, startDevice } from './device.ts';
import { brokenPromises, type Noise, runWorld, type Wish } from './world.ts';

const test = suite('the C library');
let built: ReturnType<typeof build>;
let device: Device;

function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    let value: number;
    [value, state] = random32(state);
    return value % below;
  };
}

/** What a host refuses and a device passes over: the structure is right (runtime/serial/README.md). */
const DEVICE_PASSES = /nested deeper|a key that begins with|no tags, floats or null|expected at least/;

const BOOT = 1_000;
/** What the device chooses after it has heard its first host: the boot-id's lowest byte, and 157 (errand.h). */
const BOOT_BYTE = (BOOT + 157) & 255;
const greeting = (host: number, seq: number, addr = 0) =>
  hostFrame({ addr, type: 'HELLO', seq, boot: 0, body: encodeHostHello({ version: 1, host }) });
const hostFrame = (frame: Omit<Frame, 'from'>) => hex(encodeFrame({ from: 'host', ...frame }));
const requestFrame = (seq: number, body: Uint8Array, boot = BOOT_BYTE) =>
  hostFrame({ addr: 0, type: 'REQUEST', seq, boot, body });
const replyIn = (lines: readonly string[]) =>
  lines.flatMap((line) => (line.startsWith('wire ') ? framesIn(bytesOf(line.slice(5))) : []));
const framesIn = (wire: Uint8Array) =>
  Buffer.from(wire)
    .toString('latin1')
    .split('\0')
    .filter((piece) => piece !== '')
    .map((piece) => decodeFrame(new Uint8Array(Buffer.from(piece, 'latin1'))));

async function meet(window: number, rx = 1024, tx = 1024): Promise<void> {
  await device.ask(`start ${window} ${rx} ${tx} ${BOOT} 0`);
  const hello = replyIn(await device.ask(`feed ${greeting(77, 3)}`));
  assert.is(hello.at(-1)?.boot, BOOT_BYTE);
}

if (hasTool('gcc', 'gcc')) {
  test.before(() => {
    built = build('device');
    device = startDevice(built.program);
  });
  test.after(async () => {
    await device.end();
    built.remove();
  });

  test('passes every shared vector', () => {
    const { program, remove } = build('vectors');
    const { status, stdout } = spawnSync(program, [fileURLToPath(VECTORS_FILE)], { encoding: 'utf8' });
    remove();
    const { version: _, ...sections } = vectors;
    assert.is(stdout, `${Object.values(sections).flat().length} vectors\n`);
    assert.is(status, 0);
  });

  test('refuses every flipped bit of every vector that a host sends, and takes the frame behind it', async () => {
    const body = Uint8Array.of(0xa1, 0, 1);
    for (const row of vectors.frames.filter(
      ({ from, wire, addr }) => from === 'host' && addr === 0 && wire.length < 200,
    )) {
      await meet(1);
      const wire = bytesOf(row.wire);
      let seq = 0;
      for (let bit = 0; bit < wire.length * 8; bit += 1) {
        const flipped = wire.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const seen = await device.ask(`feed ${hex(flipped)}${requestFrame(seq, body)}`);
        assert.equal(seen.slice(0, -1), [`request ${hex(body)}`], `${row.name}, bit ${bit}`);
        seq = (seq + 1) & 15;
      }
    }
  });

  test('frames of random bodies cross both ways as TypeScript writes them', async () => {
    const draw = dice(11);
    await meet(1);
    for (let round = 0; round < 1_000; round += 1) {
      const zeros = 1 + draw(300);
      const body = Uint8Array.from({ length: draw(1018) }, () => (draw(zeros) === 0 ? 0 : draw(256)));
      if (body.length > 0) body[0]! |= 0x10; // never the PULL that device.c answers
      const lines = await device.ask(`feed ${requestFrame(round & 15, body)}`);
      const reply = encodeFrame({ addr: 0, from: 'device', type: 'REQUEST', seq: round & 15, boot: BOOT_BYTE, body });
      assert.equal(lines, [`request ${hex(body)}`, `wire ${hex(reply)}`]);
    }
  });

  test('bodies of random values cross both ways; of random bytes the device takes what the host takes, and hardly more', async () => {
    const draw = dice(12);
    for (let round = 0; round < 1_500; round += 1) {
      const body = encodeBody(anyMap(draw, 1));
      assert.equal(await device.ask(`check ${hex(body)}`), [`ok ${hex(body)}`]);
      const broken = body.slice(0, draw(8) === 0 ? draw(body.length + 1) : body.length);
      for (let i = draw(3); i >= 0 && broken.length > 0; i -= 1) broken[draw(broken.length)]! ^= 1 << draw(8);
      let taken: string;
      try {
        taken = `ok ${hex(encodeBody(decodeBody(broken)))}`;
      } catch (error) {
        if ((error as Error).message.includes('UTF-8')) continue; // the device does not look into text
        if (DEVICE_PASSES.test((error as Error).message)) continue;
        taken = 'no';
      }
      const [answer] = await device.ask(`check ${hex(broken)}`);
      // Written again by the device, lengths are the shortest; of equal keys TypeScript has kept one.
      assert.is(answer!.slice(0, 2), taken.slice(0, 2), hex(broken));
      if (new Set(broken).size === broken.length) assert.is(answer, taken);
    }
  });

  test('random bytes make no frame, whatever their portions, and break nothing', async () => {
    for (let seed = 1; seed <= 5; seed += 1) assert.equal(await device.ask(`random ${seed} 20000`), ['frames 0']);
    await meet(1);
  });

  test('runs a request once and repeats its reply; an older or later one it passes over', async () => {
    await meet(1);
    const body = Uint8Array.of(0xa1, 0, 1);
    const first = await device.ask(`feed ${requestFrame(0, body)}`);
    assert.equal(await device.ask(`feed ${requestFrame(0, body)}`), first.slice(1), 'the reply alone');
    assert.equal(await device.ask(`feed ${requestFrame(2, body)}`), [], 'one is missing before it');
    assert.is((await device.ask(`feed ${requestFrame(1, body)}`)).length, 2);
    assert.equal(await device.ask(`feed ${requestFrame(0, body)}`), [], 'its reply is not kept any more');
  });

  test('keeps as many replies as its window, also where the numbers begin again', async () => {
    const body = Uint8Array.of(0xa1, 0, 1);
    for (const window of [1, 2, 4, 8]) {
      await meet(window);
      for (let seq = 0; seq < 40; seq += 1) {
        await device.ask(`feed ${requestFrame(seq & 15, body)}`);
        for (let back = 0; back < Math.min(window, seq + 1); back += 1) {
          const [reply] = replyIn(await device.ask(`feed ${requestFrame((seq - back) & 15, body)}`));
          assert.is(reply?.seq, (seq - back) & 15);
        }
      }
    }
  });

  test('a reply that is replaced while it is sent is broken off, and the new one sent whole', async () => {
    await meet(1);
    const body = Uint8Array.of(0xa1, 0, 1);
    await device.ask('hold 9');
    const [, part] = await device.ask(`feed ${requestFrame(0, body)}`);
    assert.is(part!.length, 'wire '.length + 18);
    await device.ask('hold 0');
    const lines = await device.ask(`feed ${requestFrame(1, body)}`);
    const whole = encodeFrame({ addr: 0, from: 'device', type: 'REQUEST', seq: 1, boot: BOOT_BYTE, body });
    assert.is(lines[1], `wire ${hex(whole)}`);
  });

  test('takes no request before HELLO, after a reset, with another boot byte, or for another host', async () => {
    await device.ask(`start 1 64 64 ${BOOT} 0`);
    const body = Uint8Array.of(0xa1, 0, 1);
    const lines = await device.ask(`feed ${requestFrame(0, body)}${requestFrame(0, body, BOOT & 255)}`);
    assert.is(lines[0], 'hello');
    assert.equal(
      replyIn(lines).map((frame) => [frame?.type, frame?.seq]),
      [['HELLO', 0]],
      'unasked: it has started',
    );
    await meet(1);
    await device.ask(`feed ${requestFrame(0, body)}`);
    assert.is(replyIn(await device.ask(`feed ${greeting(77, 4)}`))[0]?.boot, BOOT_BYTE, 'the same host again');
    assert.is((await device.ask(`feed ${requestFrame(0, body)}`)).length, 1, 'its reply was kept over HELLO');
    const other = replyIn(await device.ask(`feed ${greeting(78, 4)}`))[0]!.boot;
    assert.is.not(other, BOOT_BYTE);
    assert.equal(await device.ask(`feed ${requestFrame(1, body)}`), []);
    assert.is((await device.ask(`feed ${requestFrame(0, body, other)}`)).length, 2);
  });

  test('on a bus it speaks only when its address is called, and takes DATA for all without an answer', async () => {
    await device.ask(`start 1 64 64 ${BOOT} 17`);
    assert.equal(await device.ask('feed '), [], 'silent after its reset');
    assert.equal(await device.ask(`feed ${greeting(5, 1, 18)}${greeting(5, 1)}`), []);
    assert.is((await device.ask(`feed ${greeting(5, 1, 17)}`)).length, 2);
    const data = { type: 'DATA', seq: 0, boot: 0, body: Uint8Array.of(0xa0) } as const;
    assert.equal((await device.ask(`feed ${hostFrame({ addr: 255, ...data })}`))[0], 'data a0');
    assert.equal(await device.ask(`feed ${hostFrame({ addr: 255, ...data, type: 'REQUEST' })}`), []);
    const foreign = encodeFrame({ addr: 17, from: 'device', ...data });
    assert.equal(await device.ask(`feed ${hex(foreign)}`), [], 'what a device says is for the host');
  });

  test('a frame longer than its buffer is passed over, the one behind it is taken; a reply too long is refused', async () => {
    await meet(1, 64, 40);
    const body = Uint8Array.of(0xa1, 0, 1);
    const long = requestFrame(0, new Uint8Array(58).fill(1));
    assert.is((await device.ask(`feed ${long}${requestFrame(0, body)}`)).length, 2);
    assert.equal(await device.ask('dropped'), ['dropped 1']);
    const fits = new Uint8Array(57).fill(1);
    const lines = await device.ask(`feed ${requestFrame(1, fits)}`);
    assert.equal(lines.slice(0, 2), [`request ${hex(fits)}`, 'no room for 57']);
    assert.is(replyIn(lines)[0]?.body.length, 0);
  });

  const CALM: Noise = { flip: 0, drop: 0, double: 0, insert: 0 };
  const NOISY: Noise = { flip: 1_000, drop: 500, double: 500, insert: 500 };
  const STORM: Noise = { flip: 8_000, drop: 3_000, double: 3_000, insert: 3_000 };
  const worlds: (Omit<Wish, 'seed'> & { name: string; seeds: number })[] = [
    { name: 'a good wire', noise: CALM, window: 4, requests: 100, faultEvents: 0, seeds: 1 },
    { name: 'noise, one in flight', noise: NOISY, window: 1, requests: 150, faultEvents: 1e9, seeds: 2 },
    { name: 'noise, eight in flight', noise: NOISY, window: 8, requests: 150, faultEvents: 1e9, seeds: 3 },
    { name: 'a storm that ends', noise: STORM, window: 4, requests: 100, faultEvents: 3_000, seeds: 3 },
    { name: 'cables pulled', noise: NOISY, window: 4, requests: 100, unplugs: 5_000, faultEvents: 3_000, seeds: 3 },
    { name: 'resets', noise: NOISY, window: 2, requests: 150, resets: 20_000, faultEvents: 4_000, seeds: 3 },
    {
      name: 'everything at once, hosts killed too',
      noise: STORM,
      window: 8,
      requests: 150,
      resets: 8_000,
      unplugs: 2_000,
      hosts: 2_000,
      faultEvents: 4_000,
      seeds: 4,
    },
  ];
  for (const { name, seeds, ...wish } of worlds)
    for (let seed = 1; seed <= seeds; seed += 1)
      test(`every request runs at most once and ends: ${name}, seed ${seed}`, async () => {
        const outcome = await runWorld(device, { ...wish, seed });
        const { replied, lost, forgotten } = outcome;
        assert.equal(brokenPromises(outcome), []);
        assert.is(
          replied.size + lost.size + [...forgotten].filter((id) => !replied.has(id) && !lost.has(id)).length,
          wish.requests,
        );
        if (!wish.resets && !wish.hosts) assert.is(replied.size, wish.requests, 'all are answered in the end');
      });

  const image = (size: number) => {
    const draw = dice(size);
    return Uint8Array.from({ length: size }, () => draw(256));
  };
  const firmwareOf = (bytes: Uint8Array, pageBytes: number, blockBytes: number, count: number) => ({
    image: bytes,
    pageBytes,
    command: (offset: number) => `pull ${bytes.length} ${pageBytes} ${blockBytes} ${count} ${offset} ${sha256(bytes)}`,
  });

  for (let seed = 1; seed <= 3; seed += 1)
    test(`pulls an image whole through noise, resets, pulled cables and killed hosts, seed ${seed}`, async () => {
      const firmware = firmwareOf(image(9_000), 128, 64, 4);
      await device.ask(firmware.command(0));
      const faults = { noise: NOISY, resets: 5_000, unplugs: 2_000, hosts: 2_000, faultEvents: 1e9 };
      const { wrong } = await runWorld(device, { seed, window: 1, requests: 200, firmware, ...faults });
      assert.equal(wrong, []);
      assert.equal(await device.ask('verify'), ['verified 0']);
      assert.equal(await device.ask('flash'), [`flash ${hex(firmware.image)}`]);
    });

  test('pulls at 86 % of a line of 115,200 baud that answers 16 ms late, with blocks of 256 bytes', async () => {
    const firmware = firmwareOf(image(65_536), 256, 256, 8);
    await device.ask(firmware.command(0));
    const line = { baud: 115_200, frameBytes: 280, noise: CALM, faultEvents: 0 };
    const { wrong, millis, resent } = await runWorld(device, { seed: 1, window: 1, requests: 100, firmware, ...line });
    assert.equal([wrong, resent], [[], 0]);
    const share = (65_536 * 10_000) / 115_200 / millis;
    console.log(`\n  64 KB over 115,200 baud, 8 ms each way: ${(100 * share).toFixed(1)} % of the line`);
    assert.ok(share >= 0.86, `${share}`);
  });

  test('the same seed gives the same trace, and noise really makes it resend', async () => {
    const wish: Wish = { ...worlds[6]!, seed: 9 };
    const first = await runWorld(device, wish);
    const second = await runWorld(device, wish);
    assert.is(
      createHash('sha256').update(first.trace).digest('hex'),
      createHash('sha256').update(second.trace).digest('hex'),
    );
    assert.ok(first.resent > 0);
  });

  test('pulls images of every length around a page and a hash block, over lost, doubled and late blocks', async () => {
    const draw = dice(5);
    for (const size of [1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 1_000, 4_096]) {
      const image = Uint8Array.from({ length: size }, () => draw(256));
      await device.ask(`pull ${size} 128 32 4 0 ${sha256(image)}`);
      await pullAll(image, draw);
      assert.equal(await device.ask('verify'), ['verified 0']);
      assert.equal(await device.ask('flash'), [`flash ${hex(image)}`]);
    }
  });

  test('goes on at the page where it was; an image with one wrong bit is refused and begins anew', async () => {
    const draw = dice(6);
    const image = Uint8Array.from({ length: 3_000 }, () => draw(256));
    const command = (offset: number) => `pull 3000 128 64 2 ${offset} ${sha256(image)}`;
    await device.ask(command(0));
    const before = await pullSome(image, 10, draw);
    const page = before - (before % 128);
    assert.ok(page > 0);
    await device.ask(command(page));
    assert.is((await askPull()).offset, page);
    assert.equal(await device.ask('verify'), ['verified 1'], 'blocks are missing');
    await pullAll(image, draw);
    await device.ask('flip 77');
    assert.equal(await device.ask('verify'), ['verified -4']);
    assert.is((await askPull()).offset, 0);
    await pullAll(image, draw);
    assert.equal(await device.ask('verify'), ['verified 0']);
  });

  test('a page that flash did not take is asked for again', async () => {
    const image = Uint8Array.from({ length: 300 }, (_, i) => i);
    await device.ask(`pull 300 128 128 1 0 ${sha256(image)}`);
    await device.ask('fail 1');
    assert.equal(await device.ask(`block ${hex(encodeBlock(blocksOf(image, await askPull())[0]!))}`), ['taken -3']);
    assert.is((await askPull()).offset, 0);
    await pullAll(image, dice(1));
    assert.equal(await device.ask('verify'), ['verified 0']);
  });

  test('a block of another length, place or shape changes nothing', async () => {
    const image = new Uint8Array(300).fill(7);
    await device.ask(`pull 300 128 64 1 0 ${sha256(image)}`);
    const wrong: [Uint8Array, number][] = [
      [encodeBlock({ offset: 0, bytes: new Uint8Array(63) }), 0],
      [encodeBlock({ offset: 0, bytes: new Uint8Array(65) }), 0],
      [encodeBlock({ offset: 64, bytes: new Uint8Array(64) }), 0],
      [encodeBlock({ offset: 2 ** 32 - 1, bytes: new Uint8Array(64) }), 0],
      [encodeBody(new Map([[1, 0]])), -2],
      [
        encodeBody(
          new Map([
            [1, -1],
            [2, 5],
          ]),
        ),
        -2,
      ],
      [new Uint8Array(0), -2],
    ];
    for (const [body, result] of wrong) assert.equal(await device.ask(`block ${hex(body)}`), [`taken ${result}`]);
    assert.is((await askPull()).offset, 0);
  });
}

if (hasTool('clang', 'clang libclang-rt-14-dev') && hasTool('llvm-cov', 'llvm'))
  test('libFuzzer finds nothing, and has seen nearly every line', () => {
    const reached = fuzz(60_000);
    const parts = ['link.c', 'cbor.c', 'pull.c'];
    console.log(`\n  lines reached: ${parts.map((part) => `${part} ${reached[part]!.toFixed(1)} %`).join(', ')}`);
    for (const part of parts) assert.ok(reached[part]! >= 90, `${part}: ${reached[part]} %`);
  });

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function askPull() {
  const [line] = await device.ask('ask');
  return decodePull(bytesOf(line!.slice(5)));
}

/** Answers what is asked for `rounds` times, badly. @returns where the device is then */
async function pullSome(image: Uint8Array, rounds: number, draw: (below: number) => number): Promise<number> {
  for (let round = 0; round < rounds; round += 1) {
    const pull = await askPull();
    if (pull.count === 0) break;
    for (const block of blocksOf(image, pull)) {
      const fate = draw(10);
      if (fate === 0) continue; // lost: those behind it come too early
      await device.ask(`block ${hex(encodeBlock(block))}`);
      if (fate === 1) await device.ask(`block ${hex(encodeBlock(block))}`);
    }
  }
  return (await askPull()).offset;
}

async function pullAll(image: Uint8Array, draw: (below: number) => number): Promise<void> {
  assert.is(await pullSome(image, 400, draw), image.length);
}

/** A body of random values, unlike keys, at most three containers deep. */
function anyMap(draw: (below: number) => number, depth: number): CborMap {
  return new Map(
    Array.from({ length: draw(5) }, (_, key) => [draw(2) === 0 ? key : -1 - key * 99, anyValue(draw, depth)]),
  );
}

function anyValue(draw: (below: number) => number, depth: number): Cbor {
  const edges = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, -1, -24, -25, -256, -257, -65_537, -(2 ** 31)];
  switch (draw(depth < 3 ? 6 : 4)) {
    case 0:
      return edges[draw(edges.length)]!;
    case 1:
      return draw(2) === 1;
    case 2:
      return Uint8Array.from({ length: draw(40) }, () => draw(256));
    case 3:
      return 'zwölf€'.repeat(draw(6));
    case 4:
      return Array.from({ length: draw(4) }, () => anyValue(draw, depth + 1));
    default:
      return anyMap(draw, depth + 1);
  }
}

test.run();
