import { createHash, randomBytes } from 'node:crypto';
import { createFlashTask } from '../../runtime/serial/flashTask.ts';
import type { TaskOutcome } from '../../runtime/serial/task.ts';
import { clock } from '../../targets/bridge/clock.ts';
import { openLine } from '../../targets/bridge/line.ts';
import { createTaskRunner } from '../../targets/bridge/taskRunner.ts';
import { chooseShell } from '../../transports/serial/chooseShell.ts';
import type { SerialShell } from '../../transports/serial/serialPort.ts';
import { openWorkshop, type Workshop } from '../targets/bridge/board.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import type { Figure, Report } from './figure.ts';

/** Bytes of firmware: as usual, or with --quick. */
const IMAGE_BYTES = 262_144;
const IMAGE_BYTES_QUICK = 32_768;
/** Of one block: the board's frame has room for it. */
const BLOCK_BYTES = 256;
const BLOCKS_AT_ONCE = 8;

/** Firmware from the first HELLO to the new one, over a pseudo-terminal that the board paces to the line's rate both ways. */
export async function serial(bench: Bench): Promise<Omit<Report, 'family'>> {
  const { shell } = await chooseShell('auto');
  const image = new Uint8Array(randomBytes(bench.rounds(IMAGE_BYTES, IMAGE_BYTES_QUICK)));
  const workshop = openWorkshop();
  const figures: Figure[] = [];
  try {
    for (const [baud, budget] of [
      [115_200, BUDGETS.firmwareBytesPerSecond],
      [1_000_000, undefined],
    ] as const) {
      const rateOf = async (count: number) => {
        bench.progress(`${image.length} bytes at ${baud} baud, ${count} blocks at once`);
        return image.length / (await flashSeconds(workshop, shell, image, baud, count));
      };
      const ours = await rateOf(BLOCKS_AT_ONCE);
      const beside = [
        { name: 'the line itself', value: baud / 10 },
        { name: 'one block at a time', value: await rateOf(1) },
      ];
      const name = `firmware at ${baud.toLocaleString('en-US')} baud, bytes`;
      figures.push({ name, unit: 'per second', ours, beside, ...(budget ? { budget } : {}) });
    }
  } finally {
    await workshop.end();
  }
  return {
    figures,
    notes: [
      `${image.length} bytes through ${shell.name} in blocks of ${BLOCK_BYTES}, ${BLOCKS_AT_ONCE} at once, the board (with sanitizers) checking and switching included`,
    ],
  };
}

async function flashSeconds(
  workshop: Workshop,
  shell: SerialShell,
  image: Uint8Array,
  baud: number,
  count: number,
): Promise<number> {
  const settings = [`baud=${baud}`, 'frame=512', `block=${BLOCK_BYTES}`, `count=${count}`];
  const board = await workshop.board(`${baud}-${count}`, ...settings);
  const runner = createTaskRunner();
  const task = createFlashTask(
    { image, sha256: new Uint8Array(createHash('sha256').update(image).digest()), slot: 0 },
    clock(),
  );
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
