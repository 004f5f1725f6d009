import { read } from 'node:fs';
import type { SerialPort as NativePort } from 'serialport';
import { CLOSE_MILLIS_MAX } from '../transport.ts';
import { type PortSettings, portReason, type SerialPort, type SerialShell } from './serialPort.ts';

/**
 * The shell on the `serialport` package: any rate, modem lines, and a lock that the kernel keeps (flock).
 *
 * @throws Error when there is no native code for this machine
 */
export async function nativeShell(): Promise<SerialShell> {
  const { SerialPort } = await import('serialport');
  const native = SerialPort.binding as unknown as NativeBinding;
  const binding = { ...native, open: async (options: object) => hangUpEnds(await native.open(options)) };
  return {
    name: 'serialport',
    canSetLines: true,
    open: ({ path, baud }) => {
      const options = { path, baudRate: baud, hupcl: false, autoOpen: false };
      return shellOf(new SerialPort(Object.assign(options, { binding })), path);
    },
  };
}

interface NativeBinding {
  open(options: object): Promise<BoundPort>;
}

interface BoundPort {
  readonly fd: number | null;
  readonly poller: { once(event: 'readable', tell: (error: Error | null) => void): void };
  read(buffer: Buffer, offset: number, length: number): Promise<{ buffer: Buffer; bytesRead: number }>;
}

/**
 * serialport reads an unplugged port again and again, as that gives neither bytes nor an error: all of one processor, and no
 * word of it (13.0.0). With VMIN 1 no bytes are the end.
 */
function hangUpEnds(port: BoundPort): BoundPort {
  port.read = async (buffer, offset, length) => {
    for (;;) {
      checkOpen(port);
      const { error, bytesRead } = await readOnce(port.fd, buffer, offset, length);
      if (bytesRead > 0) return { buffer, bytesRead };
      if (error === null) throw Object.assign(new Error('disconnected'), { disconnect: true });
      if (!/EAGAIN|EINTR/.test(error.code ?? '')) throw error;
      checkOpen(port); // the poller of a closed port is gone, and says so by ending the process
      await new Promise<void>((resolve, reject) =>
        port.poller.once('readable', (failure) => (failure ? reject(failure) : resolve())),
      );
    }
  };
  return port;
}

function checkOpen(port: BoundPort): asserts port is BoundPort & { fd: number } {
  if (port.fd === null) throw Object.assign(new Error('the port is closed'), { canceled: true });
}

function readOnce(fd: number, buffer: Buffer, offset: number, length: number) {
  return new Promise<{ error: NodeJS.ErrnoException | null; bytesRead: number }>((resolve) =>
    read(fd, buffer, offset, length, null, (error, bytesRead) => resolve({ error, bytesRead: bytesRead ?? 0 })),
  );
}

function shellOf(port: NativePort, path: PortSettings['path']): SerialPort {
  let reason: string | undefined;
  let over = false;
  let wanted = false;
  let tellOpened = () => {};
  let tellClosed: (reason?: string) => void = () => {};
  const closed = () => {
    if (over) return;
    over = true;
    tellClosed(wanted ? undefined : (reason ?? `${path}: it was unplugged`));
  };
  port.on('error', (error) => (reason ??= portReason(error, path))); // of writes; the port closes by itself when it is gone
  port.on('close', (error: Error | null) => {
    if (error) reason ??= portReason(error, path);
    closed();
  });
  port.open((error) => {
    if (error) {
      reason = portReason(error, path);
      closed();
    } else if (wanted) port.close();
    else tellOpened();
  });
  return {
    onOpened: (tell) => {
      tellOpened = tell;
    },
    onBytes: (take) => void port.on('data', take),
    onDrained: (tell) => void port.on('drain', tell),
    onClosed: (tell) => {
      tellClosed = tell;
    },
    write: (bytes) => port.write(bytes),
    close: () => {
      if (wanted) return;
      wanted = true;
      if (!port.isOpen) return closed();
      const shut = () => port.isOpen && port.close();
      const late = setTimeout(shut, CLOSE_MILLIS_MAX);
      port.drain(() => {
        clearTimeout(late);
        shut();
      });
    },
    setLines: (lines) =>
      new Promise((resolve, reject) =>
        port.set(lines, (error) => (error ? reject(new Error(portReason(error, path))) : resolve())),
      ),
  };
}
