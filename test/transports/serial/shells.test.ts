import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../../runtime/serial/frame.ts';
import { encodeHostHello } from '../../../runtime/serial/hello.ts';
import { createSplitter, split } from '../../../runtime/serial/splitter.ts';
import { attachPort } from '../../../transports/serial/attachedPort.ts';
import { chooseShell } from '../../../transports/serial/chooseShell.ts';
import { nativeShell } from '../../../transports/serial/nativeShell.ts';
import type { SerialShell } from '../../../transports/serial/serialPort.ts';
import { ttyShell } from '../../../transports/serial/ttyShell.ts';
import { openWorkshop, type Workshop } from '../../targets/bridge/board.ts';
import { hasTool } from '../../tools.ts';

const test = suite('serial ports');
const shells: SerialShell[] = [ttyShell, await nativeShell()];
let workshop: Workshop;
test.before(() => {
  workshop = openWorkshop();
});
test.after(() => workshop.end());

const hello = (seq: number) =>
  encodeFrame({
    addr: 0,
    from: 'host',
    type: 'HELLO',
    seq,
    boot: 0,
    body: encodeHostHello({ version: 1, host: 5 }),
  });

/** What a port tells, to be waited for one after another. */
function told() {
  const all: string[] = [];
  const waiting: { fits: RegExp; found(what: string): void }[] = [];
  return {
    tell(what: string): void {
      all.push(what);
      const at = waiting.findIndex(({ fits }) => fits.test(what));
      if (at >= 0) waiting.splice(at, 1)[0]!.found(what);
    },
    next: (fits: RegExp) => new Promise<string>((found) => void waiting.push({ fits, found })),
    all,
  };
}

/** An attached port that asks who is there whenever it is open. */
function attach(port: string, shell: SerialShell) {
  const heard = told();
  const splitter = createSplitter();
  let asked = 0;
  const attached = attachPort(port, 115_200, shell, {
    onOpened: (path) => {
      heard.tell(`opened ${path}`);
      attached.write(hello(++asked));
    },
    onBytes: (bytes) => {
      for (const found of split(splitter, bytes))
        if ('frame' in found) heard.tell(`frame ${found.frame.type} ${found.frame.seq}`);
    },
    onClosed: (reason) => heard.tell(`closed ${reason}`),
  });
  return { ...attached, heard };
}

for (const shell of shells)
  if (hasTool('gcc', 'build-essential')) {
    test(`${shell.name}: bytes both ways, on a real terminal`, async () => {
      const board = await workshop.board(`${shell.name}-talk`);
      const port = attach(board.port, shell);
      await port.heard.next(/^frame HELLO 1/);
      await port.end();
    });

    test(`${shell.name}: unplugged and plugged in again under the same name, it is found by itself`, async () => {
      const board = await workshop.board(`${shell.name}-replug`);
      const port = attach(board.port, shell);
      await port.heard.next(/^frame HELLO 1/);
      const gone = port.heard.next(/^closed .*unplugged/);
      board.cable();
      await gone;
      const back = port.heard.next(/^frame HELLO 2/);
      board.cable();
      await back;
      await port.end();
    });

    test(`${shell.name}: a port that is not there is said once and waited for`, async () => {
      const port = attach(`${workshop.folder}/tty-${shell.name}-late`, shell);
      assert.match(await port.heard.next(/^closed/), /it is not there/);
      const first = port.heard.next(/^frame HELLO 1/);
      await workshop.board(`${shell.name}-late`);
      await first;
      assert.is(port.heard.all.filter((what) => what.startsWith('closed')).length, 1);
      await port.end();
    });

    test(`${shell.name}: a second one at the same port is refused, and gets it when the first has ended`, async () => {
      const board = await workshop.board(`${shell.name}-lock`);
      const first = attach(board.port, shell);
      await first.heard.next(/^frame HELLO 1/);
      const second = attach(board.port, shell);
      assert.match(await second.heard.next(/^closed/), /another program uses it/);
      const theirs = second.heard.next(/^frame HELLO 1/);
      await first.end();
      await theirs;
      await second.end();
    });

    test(`${shell.name}: a device that takes nothing holds writing back, and does not hold up the end`, async () => {
      const board = await workshop.board(`${shell.name}-deaf`);
      const port = attach(board.port, shell);
      await port.heard.next(/^frame HELLO 1/);
      board.child.process.kill('SIGSTOP');
      let portions = 0;
      while (port.write(new Uint8Array(1024)) && portions < 1000) portions += 1;
      assert.ok(portions < 1000, `${portions} KB were taken by a device that stands still`);
      await port.end();
      board.child.process.kill('SIGCONT');
    });

    test(`${shell.name}: what is no serial port is said so`, async () => {
      const port = attach('/dev/null', shell);
      assert.match(await port.heard.next(/^closed/), /\/dev\/null: it is no serial port/);
      await port.end();
    });
  }

test('attachPort: while a port is slow, what is written is lost instead of filling the memory', async () => {
  const written: number[] = [];
  let drained = () => {};
  const slow: SerialShell = {
    name: 'tty',
    canSetLines: false,
    open: () => ({
      onOpened: (tell) => void setImmediate(tell),
      onBytes: () => {},
      onClosed: (tell) => void (closed = tell),
      onDrained: (tell) => void (drained = tell),
      write: (bytes) => written.push(bytes[0]!) > 10,
      close: () => closed(),
      setLines: () => Promise.resolve(),
    }),
  };
  let closed: () => void = () => {};
  const opened = await new Promise<ReturnType<typeof attachPort>>((resolve) => {
    const port: ReturnType<typeof attachPort> = attachPort('/dev/null', 9_600, slow, {
      onOpened: () => resolve(port),
      onBytes: () => {},
      onClosed: () => {},
    });
  });
  assert.equal(
    [1, 2, 3].map((byte) => opened.write(Uint8Array.of(byte))),
    [false, false, false],
  );
  drained();
  opened.write(Uint8Array.of(4));
  assert.equal(written, [1, 4]);
  await opened.end();
});

test('chooseShell: native code where it loads, Node alone where not, and says which', async () => {
  const native = await chooseShell('auto');
  assert.is(native.shell.name, 'serialport');
  const broken = () => Promise.reject(new Error('no such binding'));
  const { shell, why } = await chooseShell('auto', broken);
  assert.is(shell, ttyShell);
  assert.match(why, /without DTR and RTS: .*no such binding/);
  const refused = await chooseShell('serialport', broken).catch((error: Error) => error.message);
  assert.match(`${refused}`, /cannot be loaded: no such binding/);
});

test.run();
