import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Door, Meter } from './meter.ts';

/** What is looked up when somebody asks, rather than counted. */
export interface Readings {
  version: string;
  /** Open connections of a door. */
  connections(door: Door): number | Promise<number>;
  /** Executions by status, as DescribeJob counts them, over all jobs. */
  executions(): Promise<ReadonlyMap<string, number>>;
  /** Lengths of the queues, each under its name. */
  queues(): Promise<Readonly<Record<string, number>>>;
}

export interface Metrics extends Meter {
  contentType: string;
  /** Everything, as Prometheus reads it (text format 0.0.4). */
  text(): Promise<string>;
  end(): void;
}

const DOORS: readonly Door[] = ['mqtt', 'devices', 'operators'];
/** Upper ends of the latency histograms' buckets, seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Counts with prom-client, beside what it knows of the process. Loaded only where somebody wants metrics. */
export function createMetrics(readings: Readings): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'errand_requests_total',
    help: 'Requests answered, by door, operation and code (OK or the error)',
    labelNames: ['door', 'operation', 'code'],
    registers,
  });
  const latency = new Histogram({
    name: 'errand_request_seconds',
    help: 'From a request to its answer, in seconds',
    labelNames: ['door', 'operation'],
    buckets: SECONDS,
    registers,
  });
  const changes = new Counter({
    name: 'errand_execution_changes_total',
    help: 'Executions that devices, operators or timers brought into a status',
    labelNames: ['status'],
    registers,
  });
  const lag = new Gauge({
    name: 'errand_tick_lag_seconds',
    help: 'By how much the last tick began later than it was due',
    registers,
  });
  const ticks = new Histogram({
    name: 'errand_tick_seconds',
    help: 'How long ticks take: roll-outs, timers, counters',
    buckets: SECONDS,
    registers,
  });
  const failures = new Counter({ name: 'errand_tick_failures_total', help: 'Ticks that failed', registers });
  readWhenAsked(readings, registers);

  return {
    answered(door, operation = 'unknown', code, millis) {
      requests.inc({ door, operation, code });
      latency.observe({ door, operation }, millis / 1000);
    },
    changed: (status) => changes.inc({ status }),
    ticked(lagMillis, tookMillis, failed) {
      lag.set(lagMillis / 1000);
      ticks.observe(tookMillis / 1000);
      if (failed) failures.inc();
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
    end: () => registry.clear(),
  };
}

/** What is not counted but looked up, each time that somebody wants the metrics. */
function readWhenAsked(readings: Readings, registers: Registry[]): void {
  new Gauge({ name: 'errand_info', help: 'The version that runs', labelNames: ['version'], registers }).set(
    { version: readings.version },
    1,
  );
  new Gauge({
    name: 'errand_connections',
    help: 'Open connections, by door',
    labelNames: ['door'],
    registers,
    async collect() {
      for (const door of DOORS) this.set({ door }, await readings.connections(door));
    },
  });
  new Gauge({
    name: 'errand_executions',
    help: 'Executions in the store, by status: one for each Thing of each job',
    labelNames: ['status'],
    registers,
    async collect() {
      for (const [status, count] of await readings.executions()) this.set({ status }, count);
    },
  });
  new Gauge({
    name: 'errand_queue_length',
    help: 'What waits to be done, by queue',
    labelNames: ['queue'],
    registers,
    async collect() {
      for (const [queue, length] of Object.entries(await readings.queues())) this.set({ queue }, length);
    },
  });
}
