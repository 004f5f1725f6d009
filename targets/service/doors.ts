import type { ErrorCode } from '../../runtime/jobs/errorCodes.ts';
import type { RequestTopic } from '../../runtime/jobs/topics.ts';
import type { Artifacts } from './artifacts/artifacts.ts';
import { type DevicesListener, serveDevices } from './dataPlane/devices.ts';
import type { DataPlane, DataPlaneOptions } from './dataPlane/plane.ts';
import type { FaultSwitch } from './faults/plan.ts';
import { rejectOnDemand } from './faults/rejection.ts';
import type { GatewayRequest, ProvisioningPublish } from './gateway/events.ts';
import { handlersOf } from './http/handlers.ts';
import { type HttpsServer, serveHttps } from './http/server.ts';
import type { Identity } from './identity/identity.ts';
import type { JobsService } from './jobs/service.ts';
import type { Log } from './log.ts';
import { listenMqtt, type MqttListener, type MqttListenerOptions } from './mqttListener.ts';
import { withRolloutMax } from './operations/rolloutMax.ts';
import { OPERATIONS } from './operations/table.ts';
import { tellAnswer } from './ops/answers.ts';
import type { Meter } from './ops/meter.ts';
import type { Provisioning } from './provisioning/requests.ts';
import { findSecretAccessKey } from './registry/accessKeys.ts';
import { findPrincipal } from './registry/certificates.ts';
import type { Registry } from './registry/registry.ts';
import type { ServiceSettings } from './settings.ts';

/** What every door of the service leads to. */
export interface Inside {
  settings: ServiceSettings;
  identity: Identity;
  registry: Registry;
  jobs: JobsService;
  faults: FaultSwitch;
  meter: Meter;
  log: Log;
}

/** Requests of one connection that wait for their answer; more are throttled. Devices of ours have one at a time. */
const UNANSWERED_PER_CONNECTION_MAX = 100;

/**
 * Devices by MQTT: the topics of Jobs and of fleet provisioning are answered, to who asked alone.
 *
 * @param onWelcome  is told each client that was let in
 * @throws           Error of the system when a port cannot be listened on
 */
export async function openForMqtt(
  { settings, identity, registry, jobs, faults, meter, log }: Inside,
  provisioning: Provisioning,
  onWelcome: NonNullable<MqttListenerOptions['onWelcome']>,
): Promise<MqttListener> {
  const { host, mqttPort: port, mqttOpenPort: openPort, eventsTo } = settings;
  const unanswered = new Map<number, number>();
  const reject = rejectOnDemand(jobs.ask);
  let listener: MqttListener | undefined;
  listener = await listenMqtt({
    host,
    port,
    openPort,
    faults,
    ca: identity.caPem,
    ...identity.server,
    identify: async (certificateId) => {
      const principal = await findPrincipal(registry, certificateId);
      return principal && { ...principal, hearsEvents: principal.thingNames.some((name) => eventsTo.includes(name)) };
    },
    onRequest: (request) => void answer(request),
    onWelcome,
    onProvision: (request) => void answerProvisioning(request),
    log: (level, message, fields) => log(level, message, fields),
    now: () => performance.now(),
  });
  return listener;

  async function answer(request: GatewayRequest): Promise<void> {
    const { connection, topic } = request;
    const count = (unanswered.get(connection) ?? 0) + 1;
    if (count > UNANSWERED_PER_CONNECTION_MAX) return throttle(request);
    unanswered.set(connection, count);
    log('debug', `request ${topic}`, { connection });
    const began = performance.now();
    const reply = await (request.fault?.do === 'reject'
      ? rejected(request, request.fault.code)
      : jobs.request(topic, request.payload));
    tellAnswer(meter, topic, reply, performance.now() - began);
    const left = unanswered.get(connection)! - 1;
    if (left === 0) unanswered.delete(connection);
    else unanswered.set(connection, left);
    if (reply !== undefined) listener?.answer(request, reply.topic, reply.payload);
  }

  async function answerProvisioning(request: ProvisioningPublish): Promise<void> {
    const { topic, payload } = await provisioning.answer(request);
    listener?.answer(request, topic, payload);
  }

  async function rejected({ topic, payload, thingName, request }: GatewayRequest, code: ErrorCode) {
    const { operation, jobId } = request as RequestTopic; // a rule fires on an operation alone
    return jobs.refuse(topic, Uint8Array.from(payload), await reject(thingName, operation, jobId, code));
  }

  function throttle(request: GatewayRequest): void {
    const message = `${UNANSWERED_PER_CONNECTION_MAX} requests of this connection wait for their answer`;
    const reply = jobs.refuse(request.topic, request.payload, { code: 'RequestThrottled', message });
    tellAnswer(meter, request.topic, reply, 0);
    listener?.answer(request, reply.topic, reply.payload);
  }
}

/** Operators by HTTPS: the control plane, and the data plane for those who sign their requests. */
export function openForOperators(
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
export function openForDevices(
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

/** Requests that failed by a mistake of ours, with its trace: whoever asked is told a number alone. */
export function failureLog(log: Log): DataPlaneOptions['onFailure'] {
  return ({ requestId, operation, error }) =>
    log('error', `${operation ?? 'a request'} failed: ${(error as Error)?.stack ?? error}`, { requestId });
}
