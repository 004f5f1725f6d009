import type { JobsService } from '../jobs/service.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/open.ts';
import { countExecutions, countWaiting, ping } from '../store/readings.ts';
import { type OpsListener, serveOps } from './listener.ts';
import type { Door, Meter } from './meter.ts';
import type { Metrics } from './metrics.ts';

/** The parts of a running service that are looked at. */
export interface Parts {
  store: Store;
  jobs: Pick<JobsService, 'waiting'>;
  doors: Readonly<Record<Door, { connections(): number | Promise<number>; listening(): boolean }>>;
  /** Requests of the data plane that are held open. */
  held: () => number;
  /** Why the last tick failed; undefined: it did not. */
  tickFailure: () => string | undefined;
}

declare const ERRAND_VERSION: string;

export interface Operating {
  meter: Meter;
  /** Serves /healthz and /metrics. */
  listen(host: string, port: number, parts: Parts, log: Log): Promise<OpsListener>;
}

/** @param wanted  false: nothing is counted, and the library that counts is not loaded */
export async function prepareOps(wanted: boolean): Promise<Operating | undefined> {
  if (!wanted) return undefined;
  const { createMetrics } = await import('./metrics.ts');
  let parts: Parts | undefined;
  const metrics: Metrics = createMetrics({
    version: typeof ERRAND_VERSION === 'string' ? ERRAND_VERSION : 'source',
    connections: (door) => parts?.doors[door].connections() ?? 0,
    executions: async () => (parts === undefined ? new Map() : countExecutions(parts.store)),
    queues: async () =>
      parts === undefined
        ? {}
        : { requests: parts.jobs.waiting(), held: parts.held(), ...(await countWaiting(parts.store)) },
  });
  return {
    meter: metrics,
    async listen(host, port, running, log) {
      parts = running;
      const listener = await serveOps({
        host,
        port,
        health: () => faultsOf(running),
        metrics,
        onFailure: (what, error) => log('error', `${what}: ${(error as Error)?.stack ?? error}`),
      });
      return {
        port: listener.port,
        async close() {
          await listener.close();
          metrics.end();
        },
      };
    },
  };
}

/** What keeps the service from its work, one sentence each. */
async function faultsOf({ store, doors, tickFailure }: Parts): Promise<string[]> {
  const faults: string[] = [];
  try {
    await ping(store);
  } catch (error) {
    faults.push(`the store does not answer: ${(error as Error).message}`);
  }
  for (const [door, { listening }] of Object.entries(doors))
    if (!listening()) faults.push(`${door}: does not listen; the service ends`);
  const failure = tickFailure();
  if (failure !== undefined) faults.push(`the last tick failed: ${failure}`);
  return faults;
}
