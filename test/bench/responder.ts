/**
 * A Jobs service without memory: the production gateway over mutual TLS, behind it one thing's endless queue of jobs of one step. It bounds
 * a device far less than a service that syncs every answer to its disk, so what is measured is the device.
 *
 *   node responder.cjs CA CERT KEY DOCUMENT     prints { "port": ... }
 */
import { readFileSync } from 'node:fs';
import { answerTopic } from '../../runtime/jobs/topics.ts';
import { listenMqtt, type MqttListener } from '../../targets/service/mqttListener.ts';

const [ca = '', cert = '', key = '', document = '{}'] = process.argv.slice(2);
const jobDocument: unknown = JSON.parse(document);
const encode = (message: object) => Buffer.from(JSON.stringify(message));
let job = 1;
let listener: MqttListener;

void listenMqtt({
  host: '127.0.0.1',
  port: 0,
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
  identify: async (certificateId) => ({ certificateId, thingNames: ['device'] }),
  now: () => performance.now(),
  log: (level, message, fields) => {
    if (level === 'warn') console.error(message, fields);
  },
  onRequest: (request) => {
    const { thingName, topic } = request;
    const asked = JSON.parse(Buffer.from(request.payload).toString()) as { clientToken?: string; status?: string };
    const timestamp = Math.floor(Date.now() / 1000);
    const answer = (members: object) => {
      const payload = encode({ timestamp, ...members, clientToken: asked.clientToken });
      listener.answer(request, answerTopic(topic, 'accepted'), payload);
    };
    if (topic.endsWith('/start-next'))
      return answer({
        execution: { ...execution(timestamp), status: 'IN_PROGRESS', versionNumber: 2, startedAt: timestamp },
      });
    if (asked.status === undefined) return answer({ execution: execution(timestamp) });
    const version = asked.status === 'IN_PROGRESS' ? 2 : 3;
    answer({ executionState: { status: asked.status, versionNumber: version, statusDetails: {} } });
    if (asked.status === 'IN_PROGRESS') return;
    job++;
    const payload = encode({ timestamp, execution: execution(timestamp) });
    listener.publish(`$aws/things/${thingName}/jobs/notify-next`, payload, 1);
  },
}).then((listening) => {
  listener = listening; // before any request can come
  console.log(JSON.stringify({ port: listening.port }));
});

function execution(timestamp: number): object {
  const jobId = `job-${String(job).padStart(8, '0')}`;
  const times = { queuedAt: timestamp, lastUpdatedAt: timestamp };
  return { jobId, status: 'QUEUED', ...times, versionNumber: 1, executionNumber: 1, jobDocument };
}
