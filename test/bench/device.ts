/**
 * The agent without programs: core, loop, TLS and record as in production; a step that is to run has run at once, with exit code 0.
 * What remains is the job protocol itself, comparable to clients that have no runner.
 *
 *   node device.cjs HOST PORT CA CERT KEY THING DATA WARMUP JOBS     no record where DATA is ''
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createDevice, step } from '../../runtime/device/device.ts';
import { type Loop, startLoop } from '../../transports/loop.ts';
import { openRecord } from '../../transports/record.ts';
import { tls } from '../../transports/tls.ts';
import { createCounter } from './job-counter.ts';

const [host = '', port, ca = '', cert = '', key = '', thingName = '', data = '', warmup, jobs] = process.argv.slice(2);
const pem = (file: string) => readFileSync(file);
const count = createCounter(Number(warmup), Number(jobs));
const loop: Loop = startLoop(
  createDevice({ thingName, clientId: thingName, keepAliveSeconds: 60, retryMaxMillis: 1_000 }),
  step,
  {
    connect: tls({ host, port: Number(port), ca: pem(ca), cert: pem(cert), key: pem(key) }),
    record: data === '' ? { persist: () => {} } : openRecord(path.join(data, 'record')),
    programs: { run: ({ run }) => loop.tell({ on: 'exited', run, code: 0 }), signal: () => {} },
    log: ({ message }) => {
      if (message.includes(': SUCCEEDED')) count();
    },
  },
);
loop.tell({ on: 'boot', record: undefined, seed: 1 });
