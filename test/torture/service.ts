import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import SqliteDriver from 'better-sqlite3';
import { type Child, startChild } from '../child.ts';

const ERRAND = fileURLToPath(new URL('../../dist/errand.mjs', import.meta.url));
/** More than the step timer of a minute. */
const AGED_MILLIS = 120_000;

export interface Endpoints {
  mqtts: string;
  https: string;
  ca: string;
  caPem: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  /** `host:port` of the data plane by HTTPS. */
  data: string;
}

/** `errand service` as a process that is killed and started again on the same data and ports. */
export interface Tortured {
  endpoints: Endpoints;
  store: string;
  /** Resolves when it serves; at once unless it is dead just now. */
  up(): Promise<void>;
  /** kill -9, then whatever is to happen while it is dead. */
  kill(meanwhile: (db: SqliteDriver.Database) => void): Promise<void>;
  start(): Promise<void>;
  /** SIGTERM. @returns its exit code */
  end(): Promise<number | string>;
  remove(): Promise<void>;
}

export async function openTortured(): Promise<Tortured> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'errand-torture-'));
  const store = path.join(folder, 'errand.db');
  const ports = await portsToKeep(3);
  let child: Child | undefined;
  let serving = false;
  let wake = () => {};
  let ready = new Promise<void>((resolve) => (wake = resolve));
  let endpoints: Endpoints | undefined;

  async function start(): Promise<void> {
    const [mqtt = 0, https = 0, data = 0] = ports;
    const args = [
      'service',
      '--data',
      folder,
      '--mqtt-port',
      `${mqtt}`,
      '--https-port',
      `${https}`,
      '--data-port',
      `${data}`,
      '--files-port',
      '0',
    ];
    child = startChild(process.execPath, [ERRAND, ...args, '--log', 'warn,info']);
    const line = await child.line(/ready: /);
    if (endpoints === undefined) {
      const told = JSON.parse(await readFile(path.join(folder, 'endpoints.json'), 'utf8')) as Endpoints;
      const address = /devices by HTTPS at (\S+?:\d+)/.exec(line)![1]!;
      endpoints = { ...told, caPem: await readFile(told.ca, 'utf8'), data: address };
    }
    serving = true;
    wake();
  }
  await start();
  return {
    get endpoints() {
      return endpoints!;
    },
    store,
    up: () => ready,
    async kill(meanwhile) {
      if (serving) ready = new Promise<void>((resolve) => (wake = resolve)); // else those who wait for it still do
      serving = false;
      await child!.kill('SIGKILL');
      const db = new SqliteDriver(store);
      try {
        meanwhile(db);
      } finally {
        db.close();
      }
    },
    start,
    end: () => child!.kill('SIGTERM'),
    async remove() {
      await child?.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Below those that the system gives to who connects: while the service is dead nobody else is given them, itself least of all. */
async function portsToKeep(count: number): Promise<number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const server = createServer().listen(10_000 + Math.floor(Math.random() * 20_000), '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isFree) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Makes the timers of executions due, as though the service had been dead for two minutes. */
export function age(
  db: SqliteDriver.Database,
  executions: { jobId: string; thingName: string; executionNumber: number }[],
): void {
  const move = db.prepare(
    `update exec set step_deadline = step_deadline - ${AGED_MILLIS}, deadline = deadline - ${AGED_MILLIS}
     where deadline is not null and no = ? and job_no = (select job_no from job where job_id = ?)
     and thing_no = (select thing_no from thing where thing_name = ?)`,
  );
  for (const { jobId, thingName, executionNumber } of executions) {
    const { changes } = move.run(executionNumber, jobId, thingName);
    if (changes !== 1)
      throw new Error(`the timer of ${jobId} ${thingName} ${executionNumber} was acknowledged and is not in the store`);
  }
}
