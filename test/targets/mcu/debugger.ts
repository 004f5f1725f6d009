import { connect } from 'node:net';

/** A processor in QEMU by its gdb stub (GDB manual, "Remote Protocol"): stops it at an instruction, and lets it go on. */
export interface Debugger {
  /** Where it stops from now on, in its next instruction; undefined: nowhere. */
  breakAt(address: number | undefined): Promise<void>;
  /** Runs until it stops there. */
  run(): Promise<void>;
  /** So many instructions. */
  step(count: number): Promise<void>;
  /** Lets it run, and goes. */
  leave(): Promise<void>;
}

/** A test that waits for what never comes ends with a sentence. */
const RUN_MILLIS_MAX = 30_000;
const PACKET = /^[^$]*\$([^#]*)#../;
const sumOf = (text: string) => [...text].reduce((sum, letter) => (sum + letter.charCodeAt(0)) & 255, 0);

/** Attaches, which stops the processor. */
export async function attach(path: string): Promise<Debugger> {
  const socket = connect(path);
  let answered: ((answer: string) => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  let text = '';
  let at: number | undefined;
  let attached = false;
  socket.on('error', (error) => failed?.(error));
  socket.on('close', () => failed?.(new Error('the debugger lost its processor')));
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part;
    for (let found = PACKET.exec(text); found !== null; found = PACKET.exec(text)) {
      const [whole, answer = ''] = found;
      text = text.slice(whole.length);
      socket.write('+');
      // That it has stopped for us, it says by itself too.
      if (attached || !/^[ST]/.test(answer)) answered?.(answer);
    }
  });
  const ask = (command: string) =>
    new Promise<string>((resolve, reject) => {
      answered = resolve;
      failed = reject;
      socket.write(`$${command}#${sumOf(command).toString(16).padStart(2, '0')}`);
    });
  const expect = async (command: string, answer: RegExp) => {
    const said = await ask(command);
    if (!answer.test(said)) throw new Error(`the debugger was answered '${said}' to '${command}'`);
  };
  const breakpoint = (way: 'Z' | 'z', address: number) => expect(`${way}0,${address.toString(16)},2`, /^OK$/);
  await expect('qAttached', /^[01]$/);
  attached = true;
  return {
    async breakAt(address) {
      if (at !== undefined) await breakpoint('z', at);
      at = address;
      if (at !== undefined) await breakpoint('Z', at);
    },
    run: async () => {
      const late = setTimeout(() => failed?.(new Error('the processor never came there')), RUN_MILLIS_MAX);
      await expect('s', /^[ST]05/); // off the instruction where it stopped before
      await expect('c', /^[ST]05/).finally(() => clearTimeout(late));
    },
    async step(count) {
      for (let i = 0; i < count; i += 1) await expect('s', /^[ST]05/);
    },
    async leave() {
      await expect('D', /^OK$/);
      failed = undefined;
      socket.destroy();
    },
  };
}
