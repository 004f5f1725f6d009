/**
 * The Jobs service of one thing behind a plain broker: a client of the broker that answers the device's requests by the rule book, from memory.
 */
import mqtt from 'mqtt';
import { type Execution, isPending, type Party, type Status, setStatus } from '../../../runtime/jobs/execution.ts';
import type { Pair } from '../../transports/certificates.ts';

export interface Responder {
  create(jobId: string, jobDocument: object): Promise<void>;
  /** As an operator does, with force. */
  cancel(jobId: string): Promise<void>;
  /** Resolves when it has ended. */
  ended(jobId: string): Promise<Status>;
  end(): Promise<void>;
}

interface Job extends Execution {
  jobId: string;
  jobDocument: object;
}

interface Request {
  clientToken?: string;
  status?: Status;
  expectedVersion?: string | number;
  statusDetails?: Record<string, string>;
}

export async function openResponder(port: number, ca: Pair, own: Pair, thingName: string): Promise<Responder> {
  const prefix = `$aws/things/${thingName}/jobs`;
  const jobs = new Map<string, Job>();
  const waiting = new Set<() => void>();
  const door = { protocol: 'mqtts', host: 'localhost', port, ca: ca.cert, cert: own.cert, key: own.key } as const;
  const client = await mqtt.connectAsync({ ...door, clientId: 'responder', clean: true });
  client.on('message', (topic, payload) => void answer(topic, JSON.parse(payload.toString())));
  await client.subscribeAsync([`${prefix}/+/get`, `${prefix}/+/update`], { qos: 1 });

  const publish = (topic: string, body: object) => client.publishAsync(topic, JSON.stringify(body), { qos: 1 });

  const next = () => {
    const pending = [...jobs.values()].filter(({ status }) => isPending(status));
    return pending.find(({ status }) => status === 'IN_PROGRESS') ?? pending[0];
  };

  async function answer(topic: string, { clientToken, ...request }: Request): Promise<void> {
    const [jobId = '', operation] = topic.slice(prefix.length + 1).split('/');
    const timestamp = seconds(Date.now());
    const job = jobId === '$next' ? next() : jobs.get(jobId);
    if (operation === 'get' && (job || jobId === '$next'))
      return void publish(`${topic}/accepted`, { timestamp, clientToken, ...(job && { execution: shown(job) }) });
    const refusal = job ? move(jobId, 'device', request) : 'ResourceNotFound';
    const executionState = job && { status: jobs.get(jobId)!.status, versionNumber: jobs.get(jobId)!.versionNumber };
    if (refusal) {
      const message = `${operation} of ${jobId}: ${refusal}`;
      return void publish(`${topic}/rejected`, { timestamp, clientToken, code: refusal, message, executionState });
    }
    await publish(`${topic}/accepted`, { timestamp, clientToken, executionState });
    if (!isPending(jobs.get(jobId)!.status)) await notify();
  }

  function move(jobId: string, by: Party, { status, expectedVersion, statusDetails }: Request): string | undefined {
    const expected = expectedVersion === undefined ? undefined : Number(expectedVersion);
    const [to, nowMillis] = [status!, Date.now()];
    const moved = setStatus(jobs.get(jobId)!, { by, to, nowMillis, expectedVersion: expected, statusDetails });
    if (typeof moved === 'string') return moved;
    jobs.set(jobId, moved);
    for (const look of waiting) look();
    return undefined;
  }

  async function notify(): Promise<void> {
    const job = next();
    await publish(`${prefix}/notify-next`, { timestamp: seconds(Date.now()), ...(job && { execution: shown(job) }) });
  }

  return {
    async create(jobId, jobDocument) {
      const now = Date.now();
      const first = { status: 'QUEUED', versionNumber: 1, statusDetails: {} } as const;
      const before = next();
      jobs.set(jobId, { jobId, jobDocument, ...first, queuedAtMillis: now, lastUpdatedAtMillis: now });
      if (next() !== before) await notify();
    },
    async cancel(jobId) {
      move(jobId, 'operatorWithForce', { status: 'CANCELED' });
      await notify();
    },
    ended: (jobId) =>
      new Promise((resolve) => {
        const look = () => {
          const now = jobs.get(jobId)!.status;
          if (isPending(now)) return;
          waiting.delete(look);
          resolve(now);
        };
        waiting.add(look);
        look();
      }),
    end: () => client.endAsync(true),
  };
}

function shown({ jobId, jobDocument, status, versionNumber, queuedAtMillis, lastUpdatedAtMillis }: Job): object {
  const times = { queuedAt: seconds(queuedAtMillis), lastUpdatedAt: seconds(lastUpdatedAtMillis) };
  return { jobId, status, versionNumber, executionNumber: 1, ...times, jobDocument };
}

function seconds(millis: number): number {
  return Math.floor(millis / 1000);
}
