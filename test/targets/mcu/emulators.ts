/** The example devices on emulated boards, each with a pseudo-terminal for its serial line: simavr (uno.c) and QEMU. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { attach, type Debugger } from './debugger.ts';
import { compile } from './device.ts';

export const BOARDS = ['uno', 'microbit', 'mps2'] as const;
export type BoardName = (typeof BOARDS)[number];

export interface Firmware {
  /** What a programmer writes: boot section or stub, and the program. */
  readonly installed: string;
  /** The image that a flash job carries. */
  readonly image: string;
}

export interface EmulatedBoard {
  readonly port: string;
  readonly child: Child;
  /** Pulls its reset pin. */
  reset(): Promise<void>;
  /** What its flash holds where images are pulled to. Ends the emulator of the Uno. */
  slot(size: number): Promise<Buffer>;
}

/** One in QEMU: it can be stopped between two instructions. */
export interface CortexBoard extends EmulatedBoard {
  /** Of its address space. */
  memory(at: number, size: number): Promise<Buffer>;
  debug(): Promise<Debugger>;
}

export interface Emulators {
  readonly folder: string;
  /** @param settings  for make: `FIRMWARE=2` */
  build(board: BoardName, ...settings: string[]): Firmware;
  /** @param memories  of the Uno: a folder with the `flash` and `eeprom` of an earlier life */
  start(board: BoardName, firmware: Firmware, memories?: string): Promise<EmulatedBoard>;
  startCortex(board: 'microbit' | 'mps2', firmware: Firmware): Promise<CortexBoard>;
  end(): Promise<void>;
}

/** Where layout.h and flash.h have it. */
export const SLOTS: Record<BoardName, number> = { uno: 0x3800, microbit: 0x15000, mps2: 0x100000 };
const MACHINES = { microbit: 'microbit', mps2: 'mps2-an385' } as const;
const here = path.dirname(fileURLToPath(import.meta.url));
const examples = path.join(here, '../../../targets/mcu/examples');

/** False, with a line that says why, when this board cannot be emulated here. */
export function canEmulate(board: BoardName): boolean {
  if (board === 'uno') return hasTool('avr-gcc', 'gcc-avr avr-libc') && hasTool('simavr', 'simavr libsimavr-dev');
  const debian = 'gcc-arm-none-eabi libnewlib-arm-none-eabi';
  return hasTool('arm-none-eabi-gcc', debian) && hasTool('qemu-system-arm', 'qemu-system-arm');
}

export function openEmulators(): Emulators {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-firmware-'));
  const simulator = path.join(folder, 'uno');
  const running: Child[] = [];
  let count = 0;

  async function startUno(name: string, { installed }: Firmware, memories: string): Promise<EmulatedBoard> {
    if (running.every(({ process: { spawnfile } }) => spawnfile !== simulator))
      compile('gcc', ['-std=gnu11', '-O2', path.join(here, 'uno.c'), '-lsimavr', '-o', simulator]);
    const port = path.join(folder, `${name}.tty`);
    const child = startChild(simulator, [memories, port, installed]);
    running.push(child);
    await child.line(/ready/);
    return {
      port,
      child,
      reset: async () => void child.process.kill('SIGUSR2'),
      async slot(size) {
        await child.kill('SIGTERM');
        return readFileSync(path.join(memories, 'flash')).subarray(SLOTS.uno, SLOTS.uno + size);
      },
    };
  }

  async function startQemu(board: 'microbit' | 'mps2', name: string, { installed }: Firmware): Promise<CortexBoard> {
    const control = path.join(folder, `${name}.qmp`);
    const stub = path.join(folder, `${name}.gdb`);
    const machine = ['-M', MACHINES[board], '-kernel', installed, '-serial', 'pty'];
    const rest = [
      '-display',
      'none',
      '-monitor',
      'none',
      '-qmp',
      `unix:${control},server=on,wait=off`,
      '-gdb',
      `unix:${stub},server=on,wait=off`,
    ];
    const child = startChild('qemu-system-arm', [...machine, ...rest]);
    running.push(child);
    const memory = async (val: number, size: number) => {
      const filename = path.join(folder, `${name}.memory`);
      await order(control, 'memsave', { val, size, filename });
      return readFileSync(filename);
    };
    const [, port = ''] = /(\/dev\/pts\/\d+)/.exec(await child.line(/redirected to \/dev\/pts\/\d+/)) ?? [];
    return {
      port,
      child,
      reset: () => order(control, 'system_reset'),
      slot: (size) => memory(SLOTS[board], size),
      memory,
      debug: () => attach(stub),
    };
  }

  return {
    folder,
    build(board, ...settings) {
      const out = path.join(folder, `build-${count++}`);
      const [source, which] = board === 'uno' ? ['uno', []] : ['cortex-m', [`BOARD=${board}`]];
      compile('make', ['-s', '-C', path.join(examples, source), `OUT=${out}`, ...which, ...settings]);
      return {
        installed: path.join(out, board === 'uno' ? 'uno.hex' : `${board}.elf`),
        image: path.join(out, `${board}.bin`),
      };
    },
    start(board, firmware, memories) {
      const name = `${board}-${count++}`;
      const kept = memories ?? path.join(folder, `${name}.memories`);
      return board === 'uno' ? startUno(name, firmware, kept) : startQemu(board, name, firmware);
    },
    startCortex: (board, firmware) => startQemu(board, `${board}-${count++}`, firmware),
    async end() {
      for (const child of running) await child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One order to QEMU (its QMP), carried out when this resolves. */
function order(control: string, execute: string, args?: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(control);
    const say = (line: object) => socket.write(`${JSON.stringify(line)}\n`);
    let answers = 0;
    socket.on('error', reject);
    createInterface(socket).on('line', (line) => {
      const said = JSON.parse(line) as { QMP?: object; return?: object; error?: { desc: string } };
      if (said.QMP) say({ execute: 'qmp_capabilities' });
      if (said.error) reject(new Error(`${execute}: ${said.error.desc}`));
      if (!said.return) return;
      answers += 1;
      if (answers === 1) return say({ execute, arguments: args });
      socket.destroy(); // what QEMU says when it ends is for nobody
      resolve();
    });
  });
}
