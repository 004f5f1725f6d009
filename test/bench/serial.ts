import { createHash, randomBytes } from 'node:crypto';
import { SerialPort } from 'serialport';
import { createFlashTask } from '../../runtime/serial/flashTask.ts';
import { FRAME_BYTES_AROUND_BODY } from '../../runtime/serial/limits.ts';
import type { TaskOutcome } from '../../runtime/serial/task.ts';
import { clock } from '../../targets/bridge/clock.ts';
import { type Line, openLine } from '../../targets/bridge/line.ts';
import { createTaskRunner } from '../../targets/bridge/taskRunner.ts';
import { chooseShell } from '../../transports/serial/chooseShell.ts';
import type { SerialShell } from '../../transports/serial/serialPort.ts';
import { type Board, openWorkshop, type Workshop } from '../targets/bridge/board.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import type { Figure, Report } from './figure.ts';

/** Bytes of firmware: as usual, or with --quick. */
const IMAGE_BYTES = 262_144;
const IMAGE_BYTES_QUICK = 32_768;
/** Of one block: the board's frame has room for it. */
const BLOCK_BYTES = 256;
const BLOCKS_AT_ONCE = 8;
/** A faster line is silent for more of them while a question and its answer go to and fro. */
const BLOCKS_AT_ONCE_FAST = 64;
/** What FTDI's driver sets when nobody else does. */
const USB_LATENCY_MILLIS = 16;
const BOARDS_AT_ONCE = 16;
const MANY_IMAGE_BYTES = 65_536;
const EXCHANGE_BYTES = 64;
const EXCHANGE_TURNS = 6;

/** Firmware from the first HELLO to the new one, over a pseudo-terminal that the board paces to the line's rate both ways; a short question and its answer. */
export async function serial(bench: Bench): Promise<Omit<Report, 'family'>> {
  const { shell } = await chooseShell('auto');
  const image = new Uint8Array(randomBytes(bench.rounds(IMAGE_BYTES, IMAGE_BYTES_QUICK)));
  const workshop = openWorkshop({ fast: true });
  const figures: Figure[] = [];
  try {
    for (const [baud, latency, blocks, budget] of [
      [115_200, 0, BLOCKS_AT_ONCE, BUDGETS.firmwareBytesPerSecond],
      [115_200, USB_LATENCY_MILLIS, BLOCKS_AT_ONCE, BUDGETS.firmwareBytesPerSecond],
      [1_000_000, 0, BLOCKS_AT_ONCE_FAST, undefined],
      [1_000_000, USB_LATENCY_MILLIS, BLOCKS_AT_ONCE_FAST, undefined],
    ] as const) {
      const through = latency > 0 ? ` through USB, ${latency} ms late` : '';
      const name = `firmware at ${baud.toLocaleString('en-US')} baud${through}, ${blocks} blocks at once, bytes`;
      const rateOf = async (count: number) => {
        bench.progress(`${name}: ${image.length} of them${count === 1 ? ', one by one' : ''}`);
        const settings = [`baud=${baud}`, `count=${count}`, `latency=${latency}`];
        return image.length / (await flashSeconds(await board(workshop, settings), shell, image, baud));
      };
      const ours = await rateOf(blocks);
      const beside = [
        { name: 'the line itself', value: baud / 10 },
        { name: 'one block at a time', value: await rateOf(1) },
      ];
      figures.push({ name, unit: 'per second', ours, beside, ...(budget ? { budget } : {}) });
    }
    figures.push(await many(bench, workshop, shell));
    figures.push(...(await exchanges(bench, workshop)));
  } finally {
    await workshop.end();
  }
  return {
    figures,
    notes: [
      `${image.length} bytes through ${shell.name} in blocks of ${BLOCK_BYTES}; the board checking and switching included`,
      `the ${BOARDS_AT_ONCE} boards pull ${MANY_IMAGE_BYTES} bytes each; the CPU is that of the lines, links and tasks, without MQTT`,
      'a board with USB latency holds what it says for 16 ms or until 62 bytes are there, as an FTDI adapter does; what it hears is not held',
    ],
  };
}

let boards = 0;

function board(workshop: Workshop, settings: readonly string[]): Promise<Board> {
  boards += 1;
  return workshop.board(`board-${boards}`, 'frame=512', `block=${BLOCK_BYTES}`, ...settings);
}

async function flashSeconds(board: Board, shell: SerialShell, image: Uint8Array, baud: number): Promise<number> {
  const runner = createTaskRunner();
  const sha256 = new Uint8Array(createHash('sha256').update(image).digest());
  const task = createFlashTask({ image, sha256, slot: 0 }, clock());
  let began: number | undefined;
  const line = openLine(
    { port: board.port, bauds: [baud], addresses: [0], shell },
    {
      up: (addr, device) => {
        began ??= performance.now();
        runner.attach(line.station(addr), device);
      },
      down: (_, reason) => runner.detach(reason),
    },
  );
  try {
    const outcome = await new Promise<TaskOutcome>((ended) => runner.start(task, { ended }));
    const millis = performance.now() - began!;
    if (!outcome.succeeded || !board.file('firmware')?.equals(image))
      throw new Error(`the firmware at ${baud} baud did not arrive: ${outcome.reason}`);
    return millis / 1000;
  } finally {
    runner.drop();
    await line.end();
  }
}

/** Processor time of this process, which has the bridge's lines and tasks in it, while many boards pull firmware at once. */
async function many(bench: Bench, workshop: Workshop, shell: SerialShell): Promise<Figure> {
  const image = new Uint8Array(randomBytes(bench.rounds(MANY_IMAGE_BYTES, MANY_IMAGE_BYTES / 4)));
  bench.progress(`${BOARDS_AT_ONCE} boards pull ${image.length} bytes each`);
  const settings = ['baud=115200', `count=${BLOCKS_AT_ONCE}`];
  const all = await Promise.all(Array.from({ length: BOARDS_AT_ONCE }, () => board(workshop, settings)));
  const before = process.cpuUsage();
  const began = performance.now();
  await Promise.all(all.map((one) => flashSeconds(one, shell, image, 115_200)));
  const { user, system } = process.cpuUsage(before);
  return {
    name: `CPU of the bridge, ${BOARDS_AT_ONCE} boards that pull at 115,200 baud at once, a second`,
    unit: 'ms',
    ours: (user + system) / (performance.now() - began),
    beside: [{ name: 'one core', value: 1_000 }],
  };
}

/** 64 bytes to a board and 64 back, by turns with the raw port: halves of all of them took longer. */
async function exchanges(bench: Bench, workshop: Workshop): Promise<Figure[]> {
  const shells = [await chooseShell('tty'), await chooseShell('serialport')].map(({ shell }) => shell);
  const rounds = bench.rounds(500, 100);
  const raw = await rawPort((await workshop.board('raw', 'echo=2')).port);
  const lines = await Promise.all(
    shells.map(async (shell) => upLine((await workshop.board(`echo-${shell.name}`, 'echo=1')).port, shell)),
  );
  const body = new Uint8Array(randomBytes(EXCHANGE_BYTES - FRAME_BYTES_AROUND_BODY));
  const askers = [() => raw.ask(new Uint8Array(EXCHANGE_BYTES)), ...lines.map((line) => () => line.ask(0, body))];
  const micros: number[][] = askers.map(() => []);
  bench.progress(`${EXCHANGE_BYTES} bytes there and back`);
  for (let turn = 0; turn <= EXCHANGE_TURNS; turn += 1)
    for (const [i, ask] of askers.entries())
      for (let round = 0; round < rounds; round += 1) {
        const began = performance.now();
        await ask();
        if (turn > 0) micros[i]!.push(1_000 * (performance.now() - began)); // the first turn warms up
      }
  await raw.end();
  for (const line of lines) await line.end();
  const [rawMicros, ...ours] = micros.map((all) => all.sort((a, b) => a - b)[all.length >> 1]!);
  return shells.map(({ name }, i) => ({
    name: `${EXCHANGE_BYTES} bytes there and back, link and checksum, ${name} shell`,
    unit: 'us',
    ours: ours[i]!,
    beside: [{ name: 'serialport, bare echo', value: rawMicros! }],
    ...(name === 'tty' ? { budget: BUDGETS.serialExchangeMicros } : {}),
  }));
}

function upLine(port: string, shell: SerialShell): Promise<Line> {
  return new Promise((resolve) => {
    const line = openLine({ port, bauds: [115_200], addresses: [0], shell }, { up: () => resolve(line) });
  });
}

/** The package alone: bytes out, and as many back. */
async function rawPort(path: string): Promise<{ ask(bytes: Uint8Array): Promise<void>; end(): Promise<void> }> {
  const port = new SerialPort({ path, baudRate: 115_200, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  let missing = 0;
  let done: (() => void) | undefined;
  port.on('data', (bytes: Buffer) => {
    missing -= bytes.length;
    if (missing <= 0) done?.();
  });
  return {
    ask: (bytes) =>
      new Promise((resolve) => {
        missing = bytes.length;
        done = resolve;
        port.write(bytes);
      }),
    end: () => new Promise((resolve) => port.close(() => resolve())),
  };
}
