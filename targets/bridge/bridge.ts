/** The bridge: its lines, its microcontrollers as Things, their connections, and the board itself where it is a Thing too. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createDevice, step } from '../../runtime/device/device.ts';
import type { DeviceHello } from '../../runtime/serial/hello.ts';
import { lockFolder } from '../../transports/lock.ts';
import type { SerialShell } from '../../transports/serial/serialPort.ts';
import { tls } from '../../transports/tls.ts';
import type { Connect } from '../../transports/transport.ts';
import { Failure, runAgent } from '../sbc/agent.ts';
import type { Log } from '../sbc/log.ts';
import { type Connection, openConnection, THINGS_PER_CONNECTION } from './connection.ts';
import { type Line, openLine } from './line.ts';
import { createMcu, type Mcu } from './mcu.ts';
import { meaningOf } from './meaning.ts';
import type { PortPlan } from './portPlan.ts';
import type { BridgeSettings } from './settings.ts';

/** What AWS IoT Core wants to hear on port 443 (Developer Guide, "Protocols, port mappings, and authentication"). */
const ALPN = 'x-amzn-mqtt-ca';

/** Who answers at which place of which port. */
type Seats = Map<string, { thing: string; mcu: Mcu }>;

/**
 * Runs until it was told to stop (SIGTERM, SIGINT; a second one does not wait).
 *
 * @throws Failure when the data folder, a certificate or the shell cannot be used
 */
export async function runBridge(settings: BridgeSettings, shell: SerialShell, log: Log): Promise<void> {
  const lock = await takeFolder(settings.data);
  const mcus = new Map<string, Mcu>();
  const connections: Connection[] = [];
  const lines: Line[] = [];
  const told = untilTold();
  try {
    for (const thing of thingsOf(settings))
      mcus.set(
        thing,
        attempt(thing, () => openMcu(thing, settings, log)),
      );
    const board = settings.thing === undefined ? undefined : runBoard(settings, settings.thing, log);
    for (const [clientId, connect, things] of connectionPlan(settings)) {
      const passengers = things.map((thing) => mcus.get(thing)!);
      const connection = openConnection(connect, { ...settings, clientId }, passengers, log);
      connections.push(connection);
      for (const mcu of passengers) mcu.board(connection);
    }
    const seats: Seats = new Map();
    for (const plan of settings.ports) lines.push(openPort(plan, settings, shell, mcus, seats, log));
    await Promise.race([told, ...(board ? [board.then(() => told)] : [])]);
    log('info', 'ending: what runs on a microcontroller goes on, and the next start takes it up');
    await Promise.all([...mcus.values()].map((mcu) => mcu.end()));
    await Promise.all(connections.map((connection) => connection.end()));
    await board;
  } finally {
    await Promise.all(lines.map((line) => line.end()));
    lock.release();
  }
}

function thingsOf({ ports, hardware }: BridgeSettings): string[] {
  return [...ports.flatMap(({ things }) => [...things.values()]), ...hardware.values()];
}

function openMcu(thingName: string, { data, imageBytesMax, ca }: BridgeSettings, log: Log): Mcu {
  const images = join(data, 'images');
  return createMcu({ thingName, record: join(data, 'things', `${thingName}.record`), images, imageBytesMax, ca }, log);
}

/** The board's own jobs, as the agent runs them, on a connection of their own. It ends by the same signals. */
function runBoard(settings: BridgeSettings, thing: string, log: Log): Promise<void> {
  const { keepAliveSeconds, retryMaxMillis, data, handlers } = settings;
  const state = createDevice({ thingName: thing, clientId: thing, keepAliveSeconds, retryMaxMillis });
  const own = { data: join(data, 'board'), handlers, thingName: thing };
  return runAgent({ state, step }, own, connectWith(settings, settings), (level, message, jobId) =>
    log(level, `${thing}: ${message}`, jobId),
  );
}

/** A Thing with a certificate of its own has a connection of its own; the others share some. */
function connectionPlan(settings: BridgeSettings): [clientId: string, connect: Connect, things: string[]][] {
  const { own, clientId } = settings;
  const shared = thingsOf(settings).filter((thing) => !own.has(thing));
  const plan: [string, Connect, string[]][] = [...own].map(([thing, files]) => [
    thing,
    connectWith(settings, files),
    [thing],
  ]);
  for (let at = 0; at < shared.length; at += THINGS_PER_CONNECTION)
    plan.push([
      at === 0 ? clientId : `${clientId}-${at / THINGS_PER_CONNECTION + 1}`,
      connectWith(settings, settings),
      shared.slice(at, at + THINGS_PER_CONNECTION),
    ]);
  return plan;
}

function connectWith({ host, port, ca }: BridgeSettings, { cert, key }: { cert: string; key: string }): Connect {
  try {
    return tls({ host, port, ca, cert, key, ...(port === 443 ? { alpn: ALPN } : {}) });
  } catch (error) {
    const { message } = error as Error;
    throw new Failure(
      /key values mismatch/.test(message) ? 'key does not belong to cert' : `ca, cert or key: ${message}`,
    );
  }
}

function openPort(
  { port, bauds, lines, addresses, answerMillis, things }: PortPlan,
  { hardware }: BridgeSettings,
  shell: SerialShell,
  mcus: ReadonlyMap<string, Mcu>,
  seats: Seats,
  log: Log,
): Line {
  const bus = !addresses.includes(0);
  const place = (addr: number) => (bus ? `${port} address ${addr}` : port);

  function seat(addr: number, device: DeviceHello): void {
    const thing = things.get(addr) ?? hardware.get(device.hardwareId);
    const at = place(addr);
    if (thing === undefined)
      return log('warn', `${at}: '${device.hardwareId}' is no Thing: add it to "hardware" in the settings`);
    const other = [...seats].find(([where, { thing: seated }]) => seated === thing && where !== at);
    if (other) return log('error', `${at}: '${device.hardwareId}' would be ${thing}, which is at ${other[0]} already`);
    const left = seats.get(at);
    if (left && left.thing !== thing) left.mcu.detach('another device is at its port');
    const mcu = mcus.get(thing)!;
    seats.set(at, { thing, mcu });
    log('info', `${thing}: '${device.hardwareId}' answers at ${at}, boot-id ${device.bootId}`);
    mcu.attach(line.station(addr), device);
  }

  function leave(addr: number, reason: string): void {
    const seated = seats.get(place(addr));
    if (seated === undefined) return log('info', `${place(addr)}: ${reason}`);
    seats.delete(place(addr));
    log('warn', `${seated.thing}: ${reason}`);
    seated.mcu.detach(reason);
  }

  const line: Line = openLine(
    { port, bauds, addresses, answerMillis, shell, ...(lines ? { lines } : {}) },
    {
      opened: (path, baud) => log('info', `${port}: open${path === port ? '' : ` as ${path}`}, ${baud} baud`),
      closed: (reason) => log('warn', reason),
      up: seat,
      down: leave,
      text: (text) => {
        const seated = seats.get(place(0));
        if (seated) seated.mcu.text(text);
        else log('info', `${port} says: ${text}`);
      },
      frame: (frame) => log('debug', `${port} ${meaningOf(frame)}`),
    },
  );
  return line;
}

async function takeFolder(data: string) {
  try {
    for (const folder of [data, join(data, 'things')]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const { mode } = statSync(folder);
      if ((mode & 0o022) !== 0) throw new Error(`others may write to ${folder}; run: chmod go-w ${folder}`);
    }
    const lock = await lockFolder(data);
    if (lock === undefined) throw new Error('another bridge uses it; give each one its own');
    return lock;
  } catch (error) {
    throw new Failure(`the data folder ${data} cannot be used: ${(error as Error).message}`);
  }
}

function attempt<T>(thing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Failure(`the record of ${thing} cannot be used: ${(error as Error).message}`);
  }
}

function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve();
      });
  });
}
