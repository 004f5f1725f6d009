import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { CLOSE_MILLIS_MAX } from '../transport.ts';
import { type PortSettings, portReason, type SerialPort, type SerialShell } from './serialPort.ts';

/**
 * The shell without native code: `stty` sets the line, Node's own terminal stream moves the bytes. Half the latency of
 * `serialport` and a quarter of its CPU; the rates that `stty` knows, and no modem lines.
 */
export const ttyShell: SerialShell = { name: 'tty', canSetLines: false, open };

/** Raw, eight bits, no modem lines, no hang-up at the end: what cfmakeraw and CLOCAL do. */
const RAW =
  'raw -echo -echoe -echok -echoctl -echoke -iexten cs8 -parenb -cstopb clocal cread -crtscts -hupcl min 1 time 0';

function open({ path, baud }: PortSettings): SerialPort {
  let stream: ReadStream | undefined;
  let reason: string | undefined;
  let over = false;
  let wanted = false;
  let closing: NodeJS.Timeout | undefined;
  let tellOpened = () => {};
  let tellDrained = () => {};
  let takeBytes: (bytes: Uint8Array) => void = () => {};
  let tellClosed: (reason?: string) => void = () => {};

  function closed(): void {
    if (over) return;
    over = true;
    clearTimeout(closing);
    tellClosed(wanted ? undefined : (reason ?? `${path}: it was unplugged`));
  }

  openRaw(path, baud).then(
    (fd) => {
      if (wanted) {
        closeSync(fd);
        return closed();
      }
      stream = new ReadStream(fd);
      stream.on('data', (bytes) => takeBytes(bytes));
      stream.on('drain', () => tellDrained());
      stream.on('error', (error) => (reason ??= portReason(error, path))); // 'close' always follows
      stream.on('end', () => stream?.destroy());
      stream.on('close', closed);
      tellOpened();
    },
    (error: Error) => {
      reason = portReason(error, path);
      closed();
    },
  );
  return {
    onOpened: (tell) => {
      tellOpened = tell;
    },
    onBytes: (take) => {
      takeBytes = take;
    },
    onDrained: (tell) => {
      tellDrained = tell;
    },
    onClosed: (tell) => {
      tellClosed = tell;
    },
    write: (bytes) => stream?.write(bytes) ?? false,
    close: () => {
      if (wanted) return;
      wanted = true;
      if (stream === undefined) return; // the opening, still under way, ends it
      // A device that takes nothing would hold the end up.
      closing = setTimeout(() => stream?.destroy(), CLOSE_MILLIS_MAX);
      stream.end(() => stream?.destroy());
    },
    setLines: () => Promise.reject(new Error(`${path}: DTR and RTS need serialport's native code`)),
  };
}

/** @throws Error of the system, or what stty said */
async function openRaw(path: string, baud: number): Promise<number> {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  try {
    await stty(fd, `${baud} ${RAW}`.split(' '));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** On the descriptor, not on the path: the port behind a path may change meanwhile. */
function stty(fd: number, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('stty', args, { stdio: [fd, 'ignore', 'pipe'] });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', ({ message }) => reject(new Error(`stty, of coreutils, cannot be started: ${message}`)));
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.trim() || `stty ended with ${code}`))));
  });
}
