import type { PortListener } from '../../../transports/serial/attachedPort.ts';
import type { SerialPort } from '../../../transports/serial/serialPort.ts';
import { type BadLine, createBadLine } from '../serial/badLine.ts';
import type { Mcu } from '../serial/mcus.ts';
import { bootChatter, type Noise, printed } from '../serial/noise.ts';
import type { World } from '../world.ts';

/** The largest frame and the window that it announces. */
const FRAME_BYTES = 128;
const WINDOWS = [1, 2, 4, 8] as const;
/** How often its boot loader does not start an image after all. */
const REFUSED_IMAGES = 0.05;
const UNPLUGGED_MILLIS_MAX = 10_000;
/** A cable that is out for longer than a bridge waits for a device. */
const AWAY_MILLIS_MAX = 150_000;

/** What somebody wants to know of a microcontroller. */
export interface DeviceListener {
  ran(run: number, id: number): void;
  done(run: number, succeeded: boolean): void;
  /** It runs this image now. */
  started(image: Uint8Array): void;
  /** What runs is cut off, or nobody can ask about it. */
  disturbed(): void;
  /** Nothing runs any more. */
  booted(): void;
}

/** A microcontroller on its serial line: the compiled library in its process, and a cable that spoils what it carries. */
export interface Device {
  readonly port: string;
  listener: DeviceListener;
  /** The host opens the port. */
  attach(listener: PortListener): { write(bytes: Uint8Array): void; detach(): void };
  start(): Promise<void>;
  reset(): Promise<void>;
  unplug(): void;
  /** Bytes are carried as they are from now on. */
  quiet(): void;
}

export function createDevice(world: World, port: string, mcu: Mcu, noise: Noise): Device {
  const { timeline, chance, faults } = world;
  const window = chance.pick(WINDOWS);
  let boot = chance.between(1, 1_000_000);
  let restarting = false;
  let plugged = true;
  let host: PortListener | undefined;
  const line: BadLine = createBadLine(
    { noise, timeline, chance, count: world.count },
    { host: (bytes) => host?.onBytes(bytes), mcu: feed },
  );

  async function feed(bytes: Uint8Array): Promise<void> {
    await hear(await mcu.ask(`feed ${Math.floor(timeline.now())} ${Buffer.from(bytes).toString('hex')}`));
  }

  function hear(lines: readonly string[]): void {
    for (const text of lines) {
      const [word, first = '', second = ''] = text.split(' ');
      if (word !== 'wire') world.trace(`${port} ${text.slice(0, 60)}`);
      if (word === 'ran') device.listener.ran(Number(first), Number(second));
      else if (word === 'done') device.listener.done(Number(first), second === '1');
      else if (word === 'started') device.listener.started(Buffer.from(first, 'hex'));
      else if (word === 'wire') say(Buffer.from(first, 'hex'));
      else switchOver();
    }
  }

  function say(frames: Uint8Array): void {
    if (line.isNoisy('host') && noise.chatter && chance.is(0.1)) line.bring('host', printed(chance));
    line.carry('host', frames);
  }

  /** It hears nothing more until it starts anew. */
  function switchOver(): void {
    restarting = true;
    timeline.plan(chance.between(20, 200), () => (restarting ? restart() : undefined));
  }

  async function restart(): Promise<void> {
    boot += 1;
    if (restarting && faults.on && chance.is(REFUSED_IMAGES)) {
      device.listener.disturbed();
      await mcu.ask('refuse');
    }
    restarting = false;
    device.listener.booted();
    world.trace(`${port} restarts, boot ${boot}`);
    if (line.isNoisy('host') && noise.chatter) line.bring('host', bootChatter(chance));
    hear(await mcu.ask(`start ${Math.floor(timeline.now())} ${window} ${FRAME_BYTES} ${boot}`));
    await feed(new Uint8Array(0));
  }

  /** The system takes a while to make the port, and the bridge to look for it. */
  function appear(): void {
    const mine = host;
    timeline.plan(chance.between(1, 1_000), () => {
      if (host === mine && plugged) mine?.onOpened(port, {} as SerialPort);
    });
  }

  const device: Device = {
    port,
    listener: { ran() {}, done() {}, started() {}, disturbed() {}, booted() {} },
    attach(mine) {
      host = mine;
      if (plugged) appear();
      return {
        write: (bytes) => {
          if (host === mine) line.carry('mcu', bytes);
        },
        detach: () => {
          if (host === mine) host = undefined;
        },
      };
    },
    async start() {
      line.start();
      await mcu.ask('wipe');
      await restart();
    },
    async reset() {
      world.count('resets of microcontrollers');
      device.listener.disturbed();
      await restart();
    },
    unplug() {
      if (!plugged) return;
      world.count('cables pulled');
      world.trace(`${port} is unplugged`);
      device.listener.disturbed();
      plugged = false;
      line.unplug();
      host?.onClosed(`${port}: it was unplugged`);
      timeline.plan(chance.between(1, chance.is(0.1) ? AWAY_MILLIS_MAX : UNPLUGGED_MILLIS_MAX), () => {
        world.trace(`${port} is plugged in`);
        device.listener.disturbed();
        plugged = true;
        line.plug();
        if (host) appear();
      });
    },
    quiet() {
      line.end('host');
      line.end('mcu');
    },
  };
  return device;
}
