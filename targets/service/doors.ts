import type { Artifacts } from './artifacts/artifacts.ts';
import type { Keeping } from './artifacts/keeping.ts';
import type { Closing } from './closing.ts';
import { type DevicesListener, serveDevices } from './dataPlane/devices.ts';
import type { DataPlane } from './dataPlane/plane.ts';
import { handlersOf } from './http/handlers.ts';
import { type HttpsServer, serveHttps } from './http/server.ts';
import type { Inside } from './inside.ts';
import { failureLog } from './log.ts';
import { openForMqtt } from './mqttDoor.ts';
import type { MqttListener } from './mqttListener.ts';
import { withRolloutMax } from './operations/rolloutMax.ts';
import { OPERATIONS } from './operations/table.ts';
import type { Planes } from './planes.ts';
import { findSecretAccessKey } from './registry/accessKeys.ts';
import { findPrincipal } from './registry/principals.ts';
import type { Hearers } from './tidings.ts';

/** Where requests come in. */
export interface Doors {
  /** Undefined: files are kept elsewhere. */
  files: Awaited<ReturnType<Keeping['serve']>>;
  mqtt: MqttListener;
  operators: HttpsServer;
  devices: DevicesListener;
}

/**
 * Opens one door after the other; those that hear what is told are put among the hearers.
 *
 * @param name  what clients are told to connect to
 * @throws      Error, one sentence, where a port cannot be had
 */
export async function openDoors(
  inside: Inside,
  planes: Planes,
  hearers: Hearers,
  name: string,
  closing: Closing,
): Promise<Doors> {
  const { settings, identity, files: kept, jobs, provisioning, log } = inside;
  const { host, filesPort, mqttPort, httpsPort, dataPort } = settings;
  const files = await listen('files', filesPort, () =>
    kept.serve(name, { host, port: filesPort, certificate: identity.server, log }),
  );
  if (files !== undefined) closing.push(files.close);
  const mqtt = await listen('MQTT', mqttPort, () => openForMqtt(inside));
  hearers.mqtt = mqtt;
  closing.push(async () => {
    // What they say leaves through MQTT.
    await jobs.settled();
    await provisioning.settled();
    await mqtt.close();
  });
  const operators = await listen('HTTPS', httpsPort, () =>
    openForOperators(inside, planes.forOperators, kept.artifacts),
  );
  closing.push(operators.close);
  const devices = await listen('the data plane', dataPort, () => openForDevices(inside, planes.forDevices));
  hearers.devices = devices;
  closing.push(devices.close, planes.end, mqtt.drain);
  return { files, mqtt, operators, devices };
}

/** Operators by HTTPS: the control plane, and the data plane for those who sign their requests. */
function openForOperators(
  { settings, identity, registry, jobs, faults, meter, log }: Inside,
  dataPlane: Pick<DataPlane, 'answer'>,
  artifacts: Artifacts | undefined,
): Promise<HttpsServer> {
  return serveHttps({
    host: settings.host,
    port: settings.httpsPort,
    certificate: identity.server,
    region: settings.region,
    handlers: handlersOf(registry, jobs.control, faults, artifacts),
    operations: withRolloutMax(OPERATIONS, settings.rolloutPerMinuteMax),
    dataPlane,
    findSecretAccessKey: (accessKeyId) => findSecretAccessKey(registry, accessKeyId),
    nowMillis: Date.now,
    onFailure: failureLog(log),
    onAnswered: (operation, code, millis) => meter.answered('operators', operation, code, millis),
  });
}

/** Devices by HTTPS: the data plane, by their certificates. */
function openForDevices(
  { settings, identity, registry, meter, log }: Inside,
  dataPlane: Pick<DataPlane, 'answer'>,
): Promise<DevicesListener> {
  return serveDevices({
    host: settings.host,
    port: settings.dataPort,
    ca: identity.caPem,
    certificate: identity.server,
    dataPlane,
    identify: (certificateId) => findPrincipal(registry, certificateId),
    log,
    onFailure: failureLog(log),
    onAnswered: (operation, code, millis) => meter.answered('devices', operation, code, millis),
  });
}

/** @throws Error, one sentence, where the port cannot be had */
export async function listen<T>(what: string, port: number, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const { code, message, port: found = port } = error as NodeJS.ErrnoException & { port?: number };
    if (code === 'EADDRINUSE')
      throw new Error(`port ${found} for ${what} is in use: choose another, or 0 for any free one`);
    if (code === 'EACCES')
      throw new Error(`port ${found} for ${what} is not allowed for this user: choose one above 1023`);
    if (code === 'EADDRNOTAVAIL')
      throw new Error(`${what} cannot listen: ${message}; --host has to be an address of this machine`);
    throw error;
  }
}
