/** Who is on an RS-485 line: every address is asked in turn, without any cloud. */
import { randomInt } from 'node:crypto';
import { ProtocolError } from '../../runtime/errors.ts';
import { encodeFrame, type Frame } from '../../runtime/serial/frame.ts';
import { decodeDeviceHello, encodeHostHello } from '../../runtime/serial/hello.ts';
import { BUS_SILENCE_MILLIS, WIRE_VERSION } from '../../runtime/serial/limits.ts';
import { createSplitter, split } from '../../runtime/serial/splitter.ts';
import { attachPort } from '../../transports/serial/attachedPort.ts';
import { type Bench, described, type ExitCode } from './benchTools.ts';
import { type Alarm, clock, ring } from './clock.ts';

/** Noise may take one question or its answer. */
const TRIES = 2;
/** Nobody says so much while one question is answered: a line that is never silent is given up. */
const ANSWER_MILLIS_MAX = 2_000;

export interface ScanOptions {
  /** The first and the last address. */
  from: number;
  to: number;
  /** How long a device may take to begin its answer. */
  answerMillis: number;
}

type Heard = 'nothing' | 'noise' | Frame;

/** One HELLO to each address at each rate, a second one where nobody answered; prints who is there. */
export async function scan(bench: Bench, { from, to, answerMillis }: ScanOptions): Promise<ExitCode> {
  const { port: name, bauds, shell, lines, print, complain } = bench;
  const host = randomInt(1, 2 ** 32);
  let splitter = createSplitter({ bus: true });
  let hear: ((bytes: Uint8Array) => void) | undefined;
  let interrupted = false;
  let opened: (() => void) | undefined;
  let stop: ((reason: string) => void) | undefined;
  const port = attachPort(name, bauds[0]!, shell, {
    onOpened: () => {
      if (lines) port.setLines(lines).catch((error: Error) => complain(error.message));
      opened?.();
    },
    onBytes: (bytes) => hear?.(bytes),
    onClosed: (reason) => stop?.(reason),
  });

  /** Resolves when it is open; rejects, later too, with why it is not. */
  const open = () =>
    new Promise<void>((resolve, reject) => {
      opened = resolve;
      stop = (reason) => reject(new Error(reason));
    });

  function ask(addr: number, seq: number, baud: number): Promise<Heard> {
    const body = encodeHostHello({ version: WIRE_VERSION, host });
    const wire = encodeFrame({ addr, from: 'host', type: 'HELLO', seq, boot: 0, body });
    splitter = createSplitter({ bus: true });
    const latest = clock() + ANSWER_MILLIS_MAX;
    let alarm: Alarm;
    return new Promise((resolve, reject) => {
      let heard: Heard = 'nothing';
      const end = () => resolve(heard);
      const until = (at: number) => {
        alarm = ring(Math.min(at, latest), end);
      };
      stop = (reason) => reject(new Error(reason));
      hear = (bytes) => {
        if (heard === 'nothing') heard = 'noise';
        alarm.cancel();
        for (const found of split(splitter, bytes)) {
          if (!('frame' in found)) continue;
          const { frame } = found;
          if (frame.from === 'device' && frame.type === 'HELLO' && frame.addr === addr && frame.seq === seq)
            return resolve(frame);
        }
        until(clock() + BUS_SILENCE_MILLIS);
      };
      until(clock() + wire.length * (10_000 / baud) + answerMillis);
      void bench.interrupted.then(end);
      port.write(wire);
    }).finally(() => {
      alarm.cancel();
      hear = undefined;
    }) as Promise<Heard>;
  }

  let answered = 0;
  const progress = progressLine(from, to);
  void bench.interrupted.then(() => {
    interrupted = true;
    opened?.();
  });
  try {
    for (const [i, baud] of bauds.entries()) {
      const isOpen = open();
      if (i > 0) port.reopen(baud);
      await isOpen;
      for (let addr = from; addr <= to && !interrupted; addr += 1) {
        progress.show(addr, baud, answered);
        let heard: Heard = 'nothing';
        for (let seq = 1; seq <= TRIES && typeof heard === 'string' && !interrupted; seq += 1)
          heard = await ask(addr, seq, baud);
        if (interrupted || heard === 'nothing') continue;
        if (heard !== 'noise') answered += 1;
        progress.clear();
        print(`${`${addr}`.padStart(3)}  ${meaning(heard)}${bauds.length > 1 ? `, at ${baud} baud` : ''}`);
      }
    }
    progress.clear();
    if (interrupted) return 130;
    complain(`${answered} of ${to - from + 1} addresses answered`);
    return answered > 0 ? 0 : 1;
  } finally {
    progress.clear();
    stop = undefined;
    await port.end();
  }
}

function meaning(heard: 'noise' | Frame): string {
  if (heard === 'noise') return 'something that is no frame: two devices with this address, or another rate';
  try {
    return described(decodeDeviceHello(heard.body));
  } catch (error) {
    if (error instanceof ProtocolError) return `answers, and not as expected: ${error.message}`;
    throw error;
  }
}

/** On a terminal one line that is drawn again; elsewhere a line for every 50 addresses. */
function progressLine(from: number, to: number, out: NodeJS.WriteStream = process.stderr) {
  return {
    show(addr: number, baud: number, answered: number): void {
      const text = `asking ${addr} of ${from} to ${to} at ${baud} baud, ${answered} answered so far`;
      if (out.isTTY) out.write(`\r${text}\x1b[K`);
      else if ((addr - from) % 50 === 0) out.write(`${text}\n`);
    },
    clear(): void {
      if (out.isTTY) out.write('\r\x1b[K');
    },
  };
}
