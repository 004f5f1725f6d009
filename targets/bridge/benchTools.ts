/** What a person at the bench runs, without any cloud: ports, monitor, ping, run, flash; scan.ts has the sixth. */
import { createHash, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createCommandTask } from '../../runtime/serial/commandTask.ts';
import { createFlashTask } from '../../runtime/serial/flashTask.ts';
import type { DeviceHello } from '../../runtime/serial/hello.ts';
import { commandsOf, encodeAsking } from '../../runtime/serial/jobs.ts';
import { IMAGE_BYTES_MAX } from '../../runtime/serial/limits.ts';
import type { Progress, TaskOutcome } from '../../runtime/serial/task.ts';
import { listPorts } from '../../transports/serial/portNames.ts';
import type { ModemLines, SerialShell } from '../../transports/serial/serialPort.ts';
import { clock } from './clock.ts';
import { encodeRun, readArguments, showValue } from './commandArguments.ts';
import { type Line, type LineListener, openLine } from './line.ts';
import { hexOf, meaningOf } from './meaning.ts';
import { progressBar } from './progressBar.ts';
import { createTaskRunner, type Task, type TaskRunner } from './taskRunner.ts';

/** How a tool ends: 0 done, 1 the device refused, failed or did not answer. Wrong arguments are 2, Ctrl-C 130. */
export type ExitCode = number;

export interface Bench {
  port: string;
  bauds: readonly number[];
  addr: number;
  shell: SerialShell;
  lines?: ModemLines;
  /** How long a device may take to answer at first. */
  waitMillis: number;
  /** Ctrl-C. */
  interrupted: Promise<void>;
  print(line: string): void;
  complain(line: string): void;
}

export function ports(print: (line: string) => void): ExitCode {
  const found = listPorts();
  if (found.length === 0) print('no serial port with hardware behind it was found');
  for (const { path, byId, usb, driver } of found) {
    print([path, driver, usb?.description].filter(Boolean).join('  '));
    if (usb) print(`    usb:${usb.vendor}:${usb.product}${usb.serial ? `:${usb.serial}` : ''}`);
    if (byId) print(`    ${byId}`);
  }
  return 0;
}

/** Prints what passes, both ways, until Ctrl-C. It asks who is there and nothing else; `listen`: not even that. */
export async function monitor(bench: Bench, { hex, listen }: { hex: boolean; listen: boolean }): Promise<ExitCode> {
  const { port, bauds, addr, shell, lines, interrupted, print, complain } = bench;
  const began = clock();
  const show = (what: string) => print(`${((clock() - began) / 1000).toFixed(3).padStart(9)} ${what}`);
  const bytes = (all: Uint8Array, from: 'host' | 'device') =>
    hex && show(`${from === 'host' ? '->' : '<-'} ${Buffer.from(all).toString('hex').replace(/../g, '$& ').trimEnd()}`);
  const line = openLine(
    { port, bauds, addresses: listen ? [] : [addr], bus: addr !== 0, shell, ...(lines ? { lines } : {}) },
    {
      opened: (path, baud) => complain(`${path} at ${baud} baud; Ctrl-C ends`),
      closed: complain,
      down: (_, reason) => complain(reason),
      text: (text) => show(`   ${text}`),
      noise: (count) => show(`   ${count} bytes of noise`),
      frame: (frame) => show(meaningOf(frame)),
      bytes,
    },
  );
  await interrupted;
  await line.end();
  return 130;
}

/** Who is there, then how long a question takes. */
export async function ping(bench: Bench, count: number): Promise<ExitCode> {
  return withDevice(bench, {}, async (line, hello) => {
    bench.print(described(hello));
    const millis: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const asked = clock();
      await line.ask(bench.addr, encodeAsking({ operation: 'PING' }));
      millis.push(clock() - asked);
      bench.print(`answer ${i + 1}: ${millis.at(-1)!.toFixed(1)} ms`);
    }
    const sorted = millis.sort((a, b) => a - b);
    if (count > 1)
      bench.print(
        `${count} answers: ${sorted[0]!.toFixed(1)} to ${sorted.at(-1)!.toFixed(1)} ms, half below ${sorted[count >> 1]!.toFixed(1)}`,
      );
    return 0;
  });
}

export async function run(bench: Bench, command: string, words: readonly string[]): Promise<ExitCode> {
  const number = randomInt(1, 2 ** 32);
  const body = encodeRun(number, command, readArguments(words));
  return withDevice(bench, { text: bench.print }, async (_, __, runner) => {
    const task = createCommandTask({ run: number, command, body, resumed: false }, clock());
    const outcome = await finish(bench, runner, task, ({ percent, words: said }) =>
      bench.complain([said, percent === undefined ? '' : `${percent} %`].filter(Boolean).join(' ')),
    );
    if (outcome.result !== undefined) bench.print(showValue(outcome.result));
    bench.complain(outcome.reason);
    return outcome.succeeded ? 0 : 1;
  });
}

export async function flash(bench: Bench, file: string, slot: number): Promise<ExitCode> {
  const image = new Uint8Array(readFileSync(file));
  if (image.length === 0 || image.length > IMAGE_BYTES_MAX)
    throw new Error(`${file} has ${image.length} bytes: expected 1 to ${IMAGE_BYTES_MAX}`);
  const sha256 = new Uint8Array(createHash('sha256').update(image).digest());
  return withDevice(bench, { text: bench.print }, async (_, hello, runner) => {
    bench.complain(`${described(hello)}\n${file}: ${image.length} bytes, SHA-256 ${hexOf(sha256)}...`);
    const bar = progressBar(image.length);
    const outcome = await finish(bench, runner, createFlashTask({ image, sha256, slot }, clock()), bar.show);
    bar.end();
    bench.complain(outcome.reason);
    return outcome.succeeded ? 0 : 1;
  });
}

/** Ctrl-C stops the task on the device too, where it can be stopped. */
function finish(bench: Bench, runner: TaskRunner, task: Task, progress: (progress: Progress) => void) {
  return new Promise<TaskOutcome>((ended) => {
    runner.start(task, { progress, ended });
    void bench.interrupted.then(() => runner.stop());
  });
}

async function withDevice(
  bench: Bench,
  more: LineListener,
  work: (line: Line, hello: DeviceHello, runner: TaskRunner) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { port, bauds, addr, shell, lines, waitMillis, complain } = bench;
  let interrupted = false;
  void bench.interrupted.then(() => (interrupted = true));
  let why: string | undefined;
  let found: ((hello: DeviceHello | undefined) => void) | undefined;
  const first = new Promise<DeviceHello | undefined>((resolve) => {
    found = resolve;
  });
  const late = setTimeout(() => found?.(undefined), waitMillis);
  const runner = createTaskRunner();
  const line = openLine(
    { port, bauds, addresses: [addr], shell, ...(lines ? { lines } : {}) },
    {
      ...more,
      opened: (path, baud) => {
        why = `${path}: no device answers at ${baud} baud`;
      },
      closed: (reason) => {
        why = undefined;
        complain(reason);
      },
      up: (_, hello) => {
        runner.attach(line.station(addr), hello);
        found?.(hello);
      },
      down: (_, reason) => runner.detach(reason),
    },
  );
  void bench.interrupted.then(() => found?.(undefined));
  try {
    const hello = await first;
    clearTimeout(late);
    if (hello === undefined && !interrupted && why) complain(why);
    const code = hello === undefined ? 1 : await work(line, hello, runner);
    return interrupted ? 130 : code;
  } finally {
    clearTimeout(late);
    runner.drop();
    await line.end();
  }
}

export function described(hello: DeviceHello): string {
  const { hardwareId, bootId, frameBytesMax, window, firmwareVersion, firmwareHash } = hello;
  const commands = commandsOf(hello);
  const firmware = [firmwareVersion, firmwareHash && hexOf(firmwareHash)].filter(Boolean).join(' ') || 'not told';
  return `${hardwareId}: firmware ${firmware}, boot-id ${bootId}, frames of ${frameBytesMax} bytes, window ${window}, commands: ${
    commands.join(', ') || 'none'
  }`;
}
