import type { ErrorCode } from '../../runtime/jobs/errorCodes.ts';
import type { RequestTopic } from '../../runtime/jobs/topics.ts';
import { rejectOnDemand } from './faults/rejection.ts';
import type { GatewayRequest, ProvisioningPublish } from './gateway/events.ts';
import type { Inside } from './inside.ts';
import { listenMqtt, type MqttListener, OPEN_HOST } from './mqttListener.ts';
import { tellAnswer } from './ops/answers.ts';
import { findPrincipal } from './registry/principals.ts';

/** Requests of one connection that wait for their answer; more are throttled. Devices of ours have one at a time. */
const UNANSWERED_PER_CONNECTION_MAX = 100;

/**
 * Devices by MQTT: the topics of Jobs and of fleet provisioning are answered, to who asked alone.
 *
 * @throws Error of the system when a port cannot be listened on
 */
export async function openForMqtt(inside: Inside): Promise<MqttListener> {
  const { settings, identity, registry, tidings, faults, log } = inside;
  const { host, mqttPort: port, mqttOpenPort: openPort, eventsTo } = settings;
  let listener: MqttListener | undefined;
  const { answer, answerProvisioning } = createAnswers(inside, (...reply) => listener?.answer(...reply));
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
    onWelcome: tidings.welcome,
    onProvision: (request) => void answerProvisioning(request),
    log: (level, message, fields) => log(level, message, fields),
    now: () => performance.now(),
  });
  if (listener.openPort !== undefined)
    log(
      'warn',
      `NOT PROTECTED: mqtt ${OPEN_HOST}:${listener.openPort} (--mqtt-open) lets every program of this machine publish and subscribe on any topic, in the name of any Thing, without certificate or encryption`,
    );
  return listener;
}

/** @param send  to who asked, once */
function createAnswers({ jobs, provisioning, meter, log }: Inside, send: MqttListener['answer']) {
  const unanswered = new Map<number, number>();
  const reject = rejectOnDemand(jobs.ask);

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
    if (reply !== undefined) send(request, reply.topic, reply.payload);
  }

  async function answerProvisioning(request: ProvisioningPublish): Promise<void> {
    const { topic, payload } = await provisioning.answer(request);
    send(request, topic, payload);
  }

  async function rejected({ topic, payload, thingName, request }: GatewayRequest, code: ErrorCode) {
    const { operation, jobId } = request as RequestTopic; // a rule fires on an operation alone
    return jobs.refuse(topic, Uint8Array.from(payload), await reject(thingName, operation, jobId, code));
  }

  function throttle(request: GatewayRequest): void {
    const message = `${UNANSWERED_PER_CONNECTION_MAX} requests of this connection wait for their answer`;
    const reply = jobs.refuse(request.topic, request.payload, { code: 'RequestThrottled', message });
    tellAnswer(meter, request.topic, reply, 0);
    send(request, reply.topic, reply.payload);
  }

  return { answer, answerProvisioning };
}
