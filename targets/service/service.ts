import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { lockFolder } from '../../transports/lock.ts';
import { openKeeping } from './artifacts/keeping.ts';
import type { DevicesListener } from './dataPlane/devices.ts';
import { HELD_FOR_DEVICES_MAX, HELD_FOR_OPERATORS_MAX } from './dataPlane/limits.ts';
import { createDataPlane, type DataPlane } from './dataPlane/plane.ts';
import { failureLog, openForDevices, openForMqtt, openForOperators } from './doors.ts';
import { createFaultyPlane } from './faults/faultyPlane.ts';
import type { FaultSwitch } from './faults/plan.ts';
import { rejectOnDemand } from './faults/rejection.ts';
import { writeEndpoints } from './identity/endpointsFile.ts';
import { openIdentity } from './identity/identity.ts';
import { keepCertificate } from './identity/renewal.ts';
import { createJobsService } from './jobs/service.ts';
import type { Log } from './log.ts';
import { type MqttListener, type MqttListenerOptions, OPEN_HOST } from './mqttListener.ts';
import type { OpsListener } from './ops/listener.ts';
import { NO_METER } from './ops/meter.ts';
import { prepareOps } from './ops/operate.ts';
import { SWEEP_EVERY_MILLIS } from './provisioning/limits.ts';
import { sweep } from './provisioning/pending.ts';
import { createProvisioning } from './provisioning/requests.ts';
import { firstAccessKey } from './registry/accessKeys.ts';
import type { Registry } from './registry/registry.ts';
import type { ServiceSettings } from './settings.ts';
import { openStore } from './store/open.ts';
import { keepTicking } from './ticking.ts';
import { type Message, openRelay } from './workers/relay.ts';
import { openSharedIdentity } from './workers/sharedIdentity.ts';

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

/** The service cannot start; the message is one sentence. */
class Failure extends Error {}

/**
 * Starts the embedded service on one data folder: store, identity, Jobs rules, MQTT, HTTPS for operators and for devices.
 *
 * @throws Failure when the folder is in use, a port is taken, a key is open to others, the store is of a newer version
 */
export async function startService(
  settings: ServiceSettings,
  log: Log,
  faults: FaultSwitch = { plan: undefined },
): Promise<Service> {
  const { data: folder, region, account } = settings;
  const lock = await ownFolder(folder);
  const closing: (() => Promise<void> | void)[] = [() => lock.release()];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const ops = await prepareOps(settings.ops !== undefined);
    const meter = ops?.meter ?? NO_METER;
    const store = await openStore(settings.store);
    closing.push(() => store.close());
    const { nowMillis, isShared } = store;
    const whoWeAre = { folder, nowMillis: Date.now, names: settings.names, hostName: hostname() };
    const identity = isShared ? await openSharedIdentity(store, whoWeAre) : await openIdentity(whoWeAre);
    const { filesUrl, s3 } = settings;
    const files = await openKeeping({ store, folder, region, randomBytes, filesUrl, s3 });
    let opsListener: OpsListener | undefined;
    closing.push(() => opsListener?.close()); // until the others are closed it says that the service ends
    let mqtt: MqttListener | undefined;
    let devices: DevicesListener | undefined;
    const planes: DataPlane[] = [];
    const publish = (topic: string, payload: Uint8Array) => {
      mqtt?.publish(topic, payload, 1);
      for (const plane of planes) plane.notified(topic);
    };
    const revoke = (certificateId: string) => {
      mqtt?.revoke(certificateId);
      void devices?.revoke(certificateId);
    };
    const warn = (event: string, error: unknown) => log('error', event, { error: String(error) });
    const hear = (message: Message) => {
      if (message.tell === 'publish') publish(message.topic, Buffer.from(message.payload));
      else if (message.tell === 'revoke') revoke(message.certificateId);
      else mqtt?.elsewhere(message, nowMillis() - message.at);
    };
    const relay = isShared ? await openRelay({ store, hear, log }) : undefined;
    closing.push(() => relay?.close());
    const jobs = createJobsService({
      store,
      nowMillis,
      isShared,
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
      region,
      account,
      retentionMillis: settings.retentionMillis,
      onStatus: meter.changed,
      publish: (topic, payload) => {
        publish(topic, payload);
        return relay?.send({ tell: 'publish', topic, payload: Buffer.from(payload).toString() });
      },
      signer: files.signer,
      readDocument: files.readDocument,
      log: warn,
    });
    closing.push(() => jobs.close());
    const onFailure = failureLog(log);
    const plane = (heldMax: number) => createDataPlane({ ask: jobs.ask, heldMax, onFailure });
    const forDevices = plane(HELD_FOR_DEVICES_MAX);
    const forOperators = plane(HELD_FOR_OPERATORS_MAX);
    planes.push(forDevices, forOperators);
    const faulty = ({ answer }: DataPlane) =>
      createFaultyPlane({ answer, faults, reject: rejectOnDemand(jobs.ask), log });
    const [faultyForDevices, faultyForOperators] = [faulty(forDevices), faulty(forOperators)];
    const addresses = { mqtts: '', https: '' };
    let dataAddress = '';
    const registry: Registry = {
      engine: store.engine,
      db: store.db,
      nowMillis,
      region,
      account,
      randomBytes,
      issueCertificate: identity.issueCertificate,
      certifyRequest: identity.certifyRequest,
      endpoints: () => ({ mqtts: addresses.mqtts, data: dataAddress }),
      membership: jobs.membership,
      readDocument: files.readDocument,
      revoke: (certificateId) => {
        revoke(certificateId);
        relay?.send({ tell: 'revoke', certificateId }).catch((error) => warn('a revocation was not passed on', error));
      },
    };
    const provisioning = createProvisioning(registry, log);
    const { host, filesPort } = settings;
    const name = advertised(host);
    const served = await listen('files', filesPort, () =>
      files.serve(name, { host, port: filesPort, certificate: identity.server, log }),
    );
    if (served !== undefined) closing.push(served.close);
    const inside = { settings, identity, registry, jobs, faults, meter, log };
    const onWelcome: NonNullable<MqttListenerOptions['onWelcome']> = ({ clientId, principal }) =>
      void relay
        ?.send({ tell: 'welcome', clientId, principal, at: nowMillis() })
        .catch((error) => warn('a connection was not passed on', error));
    mqtt = await listen('MQTT', settings.mqttPort, () => openForMqtt(inside, provisioning, onWelcome));
    const { drain, close: closeMqtt } = mqtt;
    closing.push(async () => {
      // What they say leaves through MQTT.
      await jobs.settled();
      await provisioning.settled();
      await closeMqtt();
    });
    const https = await listen('HTTPS', settings.httpsPort, () =>
      openForOperators(inside, faultyForOperators, files.artifacts),
    );
    closing.push(https.close);
    devices = await listen('the data plane', settings.dataPort, () => openForDevices(inside, faultyForDevices));
    closing.push(devices.close);
    closing.push(() => {
      for (const plane of [...planes, faultyForDevices, faultyForOperators]) plane.end();
    });
    closing.push(drain);
    const listeners = [mqtt, https, devices, ...(served === undefined ? [] : [served])];
    closing.push(
      keepCertificate({
        identity,
        serve: (certificate) => {
          for (const listener of listeners) listener.setCertificate(certificate);
        },
        log,
      }),
    );
    const mqttOpen = openAddress(mqtt, log);
    addresses.mqtts = `${name}:${mqtt.port}`;
    addresses.https = `https://${name}:${https.port}`;
    dataAddress = `${name}:${devices.port}`;
    const sweepNow = () => void sweep(registry).catch((error) => warn('what nobody claimed was not removed', error));
    sweepNow();
    const sweeping = setInterval(sweepNow, SWEEP_EVERY_MILLIS).unref();
    closing.push(() => clearInterval(sweeping));
    const ticking = keepTicking(jobs, nowMillis, log, meter.ticked);
    closing.push(ticking.end);
    if (ops !== undefined && settings.ops !== undefined) {
      const { host, port } = settings.ops;
      const doors = { mqtt, devices, operators: https };
      const held = () => planes.reduce((sum, one) => sum + one.held(), 0);
      opsListener = await listen('/healthz and /metrics', port, () =>
        ops.listen(host, port, { store, jobs, doors, held, tickFailure: ticking.failure }, log),
      );
    }
    const endpointsFile = path.join(folder, 'endpoints.json');
    const key = await firstAccessKey(registry);
    writeEndpoints(endpointsFile, {
      ...addresses,
      ...(served && { files: served.origin }),
      ca: identity.caFile,
      ...key,
      region,
      mqttOpen,
    });
    return { ...addresses, data: dataAddress, files: served?.origin, ops: opsListener?.port, endpointsFile, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function ownFolder(data: string) {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chmodSync(data, 0o700);
  const lock = await lockFolder(data).catch((error: Error) => {
    throw new Failure(`the data folder ${data} cannot be locked: ${error.message}`);
  });
  if (lock === undefined) throw new Failure(`another service uses the data folder ${data}: give each one its own`);
  return lock;
}

/** What clients are told to connect to: a name that is in the server's certificate. */
function advertised(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host === '127.0.0.1' || host === '::1' ? 'localhost' : host;
}

/** Says aloud what it means to have one. */
function openAddress({ openPort }: MqttListener, log: Log): string | undefined {
  if (openPort === undefined) return undefined;
  const address = `${OPEN_HOST}:${openPort}`;
  log(
    'warn',
    `NOT PROTECTED: mqtt ${address} (--mqtt-open) lets every program of this machine publish and subscribe on any topic, in the name of any Thing, without certificate or encryption`,
  );
  return address;
}

async function listen<T>(what: string, port: number, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const { code, message, port: found = port } = error as NodeJS.ErrnoException & { port?: number };
    if (code === 'EADDRINUSE')
      throw new Failure(`port ${found} for ${what} is in use: choose another, or 0 for any free one`);
    if (code === 'EACCES')
      throw new Failure(`port ${found} for ${what} is not allowed for this user: choose one above 1023`);
    if (code === 'EADDRNOTAVAIL')
      throw new Failure(`${what} cannot listen: ${message}; --host has to be an address of this machine`);
    throw error;
  }
}
