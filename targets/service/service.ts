import { hostname } from 'node:os';
import path from 'node:path';
import { type Closing, closeAll } from './closing.ts';
import { type Doors, listen, openDoors } from './doors.ts';
import type { FaultSwitch } from './faults/plan.ts';
import { openFoundation } from './foundation.ts';
import { writeEndpoints } from './identity/endpointsFile.ts';
import { type Addresses, type Inside, openInside } from './inside.ts';
import type { Log } from './log.ts';
import { OPEN_HOST } from './mqttListener.ts';
import type { OpsListener } from './ops/listener.ts';
import { NO_METER } from './ops/meter.ts';
import { prepareOps } from './ops/operate.ts';
import { openPlanes } from './planes.ts';
import { firstAccessKey } from './registry/accessKeys.ts';
import type { ServiceSettings } from './settings.ts';
import { type Hearers, openTidings } from './tidings.ts';
import { keepUp } from './upkeep.ts';

/** A running service. */
export interface Service {
  /** As in endpoints.json. */
  mqtts: string;
  https: string;
  /** Of the data plane by HTTPS: `host:port`. */
  data: string;
  files: string | undefined;
  /** Port of /healthz and /metrics; undefined: they are not served. */
  ops: number | undefined;
  endpointsFile: string;
  /** Answers what it accepted, then closes everything. */
  close(): Promise<void>;
}

/**
 * Starts the embedded service on one data folder: store, identity, Jobs rules, MQTT, HTTPS for operators and for devices.
 *
 * @throws Error, one sentence, when the folder is in use, a port is taken, a key is open to others, the store is of a newer
 *         version; what was open by then is closed
 */
export async function startService(
  settings: ServiceSettings,
  log: Log,
  faults: FaultSwitch = { plan: undefined },
): Promise<Service> {
  const closing: Closing = [];
  const close = () => closeAll(closing);
  try {
    return { ...(await openAll(settings, log, faults, closing)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** From the ground up: what is kept, the rules over it, the doors to them, what has to be done from time to time. */
async function openAll(
  settings: ServiceSettings,
  log: Log,
  faults: FaultSwitch,
  closing: Closing,
): Promise<Omit<Service, 'close'>> {
  const foundation = await openFoundation(settings, closing);
  const { store } = foundation;
  const ops = await prepareOps(settings.ops !== undefined);
  const meter = ops?.meter ?? NO_METER;
  let opsListener: OpsListener | undefined;
  closing.push(() => opsListener?.close()); // until the others are closed it says that the service ends
  const hearers: Hearers = { planes: [], mqtt: undefined, devices: undefined };
  const tidings = await openTidings(hearers, store, log);
  closing.push(() => tidings.close());
  const addresses: Addresses = { mqtts: '', https: '', data: '' };
  const inside = openInside({ ...foundation, settings, tidings, addresses, faults, meter, log }, closing);
  const planes = openPlanes(inside);
  hearers.planes = planes.all;
  const name = advertised(settings.host);
  const doors = await openDoors(inside, planes, hearers, name, closing);
  Object.assign(addresses, addressesOf(doors, name));
  const ticking = keepUp(inside, doors, closing);
  if (ops !== undefined && settings.ops !== undefined) {
    const { host, port } = settings.ops;
    const held = () => planes.all.reduce((sum, one) => sum + one.held(), 0);
    const { mqtt, devices, operators } = doors;
    const parts = { store, jobs: inside.jobs, doors: { mqtt, devices, operators }, held, tickFailure: ticking.failure };
    opsListener = await listen('/healthz and /metrics', port, () => ops.listen(host, port, parts, log));
  }
  const endpointsFile = await tellEndpoints(inside, doors);
  return { ...addresses, files: doors.files?.origin, ops: opsListener?.port, endpointsFile };
}

/** What clients are told to connect to: a name that is in the server's certificate. */
function advertised(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host === '127.0.0.1' || host === '::1' ? 'localhost' : host;
}

function addressesOf({ mqtt, operators, devices }: Doors, name: string): Addresses {
  return {
    mqtts: `${name}:${mqtt.port}`,
    https: `https://${name}:${operators.port}`,
    data: `${name}:${devices.port}`,
  };
}

/** @returns the file that tells operators and installers where and how to connect */
async function tellEndpoints(inside: Inside, { files, mqtt }: Doors): Promise<string> {
  const { settings, identity, registry, addresses } = inside;
  const file = path.join(settings.data, 'endpoints.json');
  const key = await firstAccessKey(registry);
  writeEndpoints(file, {
    mqtts: addresses.mqtts,
    https: addresses.https,
    ...(files && { files: files.origin }),
    ca: identity.caFile,
    ...key,
    region: settings.region,
    mqttOpen: mqtt.openPort === undefined ? undefined : `${OPEN_HOST}:${mqtt.openPort}`,
  });
  return file;
}
