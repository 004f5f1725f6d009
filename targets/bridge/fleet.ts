/** The microcontrollers of a bridge: their records, their connections, their lines, and who answers at which place. */
import { join } from 'node:path';
import type { DeviceHello } from '../../runtime/serial/hello.ts';
import type { SerialShell } from '../../transports/serial/serialPort.ts';
import type { Connect } from '../../transports/transport.ts';
import { Failure } from '../sbc/agent.ts';
import type { Log } from '../sbc/log.ts';
import { type Connection, openConnection, THINGS_PER_CONNECTION } from './connection.ts';
import { type Line, openLine } from './line.ts';
import { createMcu, type Mcu } from './mcu.ts';
import { meaningOf } from './meaning.ts';
import type { PortPlan } from './portPlan.ts';
import type { BridgeSettings } from './settings.ts';
import { type Surroundings, SYSTEM } from './surroundings.ts';

/** What it is told of the bridge's settings. */
export type FleetSettings = Pick<
  BridgeSettings,
  | 'ca'
  | 'cert'
  | 'clientId'
  | 'data'
  | 'hardware'
  | 'imageBytesMax'
  | 'keepAliveSeconds'
  | 'key'
  | 'own'
  | 'ports'
  | 'retryMaxMillis'
>;

/** How the service is reached by who has this certificate. */
export type ConnectWith = (files: { cert: string; key: string }) => Connect;

export interface Fleet {
  /** Says goodbye to the service; what runs on a microcontroller goes on. Resolves when nothing is left to be told. */
  end(): Promise<void>;
  /** Gives the ports back. */
  close(): Promise<void>;
}

/** Who answers at which place of which port. */
type Seats = Map<string, { thing: string; mcu: Mcu }>;

/** @throws Failure when a record or a certificate cannot be used; nothing is open then */
export function openFleet(
  settings: FleetSettings,
  shell: SerialShell,
  connectWith: ConnectWith,
  log: Log,
  around = SYSTEM,
): Fleet {
  const mcus = new Map<string, Mcu>();
  for (const thing of thingsOf(settings))
    mcus.set(
      thing,
      attempt(thing, () => openMcu(thing, settings, log, around)),
    );
  const connections: Connection[] = [];
  for (const [clientId, connect, things] of connectionPlan(settings, connectWith)) {
    const passengers = things.map((thing) => mcus.get(thing)!);
    const connection = openConnection(connect, { ...settings, clientId }, passengers, log, around);
    connections.push(connection);
    for (const mcu of passengers) mcu.board(connection);
  }
  const seats: Seats = new Map();
  const lines = settings.ports.map((plan) => openPort(plan, settings, shell, mcus, seats, log, around));
  return {
    end: async () => {
      await Promise.all([...mcus.values()].map((mcu) => mcu.end()));
      await Promise.all(connections.map((connection) => connection.end()));
    },
    close: async () => void (await Promise.all(lines.map((line) => line.end()))),
  };
}

function thingsOf({ ports, hardware }: FleetSettings): string[] {
  return [...ports.flatMap(({ things }) => [...things.values()]), ...hardware.values()];
}

function openMcu(thingName: string, { data, imageBytesMax, ca }: FleetSettings, log: Log, around: Surroundings): Mcu {
  const images = join(data, 'images');
  return createMcu(
    { thingName, record: join(data, 'things', `${thingName}.record`), images, imageBytesMax, ca },
    log,
    around,
  );
}

/** A Thing with a certificate of its own has a connection of its own; the others share some. */
function connectionPlan(
  settings: FleetSettings,
  connectWith: ConnectWith,
): [clientId: string, connect: Connect, things: string[]][] {
  const { own, clientId } = settings;
  const shared = thingsOf(settings).filter((thing) => !own.has(thing));
  const plan: [string, Connect, string[]][] = [...own].map(([thing, files]) => [thing, connectWith(files), [thing]]);
  for (let at = 0; at < shared.length; at += THINGS_PER_CONNECTION)
    plan.push([
      at === 0 ? clientId : `${clientId}-${at / THINGS_PER_CONNECTION + 1}`,
      connectWith(settings),
      shared.slice(at, at + THINGS_PER_CONNECTION),
    ]);
  return plan;
}

function openPort(
  { port, bauds, lines, addresses, answerMillis, things }: PortPlan,
  { hardware }: FleetSettings,
  shell: SerialShell,
  mcus: ReadonlyMap<string, Mcu>,
  seats: Seats,
  log: Log,
  around: Surroundings,
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
    around,
  );
  return line;
}

function attempt<T>(thing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Failure(`the record of ${thing} cannot be used: ${(error as Error).message}`);
  }
}
