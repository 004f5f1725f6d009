/**
 * The least client that works through jobs: raw socket, no check, no record, no retry, no time-out. With PROGRAM it starts that for each job.
 *
 *   node prototype-jobs.cjs HOST PORT CA CERT KEY THING WARMUP JOBS [PROGRAM]
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { createCounter } from './job-counter.ts';

const [host = '', port, ca = '', cert = '', key = '', thing = '', warmup, jobs, program] = process.argv.slice(2);
const prefix = `$aws/things/${thing}/jobs/`;
const count = createCounter(Number(warmup), Number(jobs));
const socket = connect({ host, port: Number(port), ca: read(ca), cert: read(cert), key: read(key), servername: host });
socket.setNoDelay(true);
let identifier = 1;
let rest: Buffer = Buffer.alloc(0);
let running: string | undefined;

socket.on('secureConnect', () => send(packet(0x10, [field('MQTT'), Buffer.from([4, 2, 0, 60]), field(thing)])));
socket.on('data', (bytes: Buffer) => {
  socket.cork(); // one tick's packets in one write, as the agent does
  rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
  for (;;) {
    let size = 0;
    let at = 1;
    for (let shift = 0; at < rest.length; shift += 7) {
      size |= (rest[at]! & 0x7f) << shift;
      if (rest[at++]! < 0x80) break;
    }
    if (rest.length < 2 || rest.length < at + size) break;
    take(rest[0]!, rest.subarray(at, at + size));
    rest = rest.subarray(at + size);
  }
  socket.uncork();
});

function take(first: number, body: Buffer): void {
  if (first === 0x20) {
    const filters = ['notify-next', '$next/get/accepted', '+/update/accepted'];
    send(
      packet(0x82, [Buffer.from([0, 1]), ...filters.flatMap((filter) => [field(prefix + filter), Buffer.from([1])])]),
    );
  }
  if (first === 0x90) publish('$next/get', {});
  if (first >> 4 !== 3) return;
  const end = 2 + body.readUInt16BE(0);
  const topic = body.toString('utf8', 2 + prefix.length, end);
  const kept = (first & 6) !== 0;
  if (kept) send(Buffer.from([0x40, 2, body[end]!, body[end + 1]!]));
  const { execution } = JSON.parse(body.toString('utf8', end + (kept ? 2 : 0))) as {
    execution?: { jobId: string; versionNumber: number; status: string };
  };
  if (topic === 'notify-next' || topic === '$next/get/accepted') {
    if (execution?.jobId === undefined || execution.jobId === running) return;
    running = execution.jobId;
    publish(`${running}/update`, {
      status: 'IN_PROGRESS',
      expectedVersion: execution.versionNumber,
      clientToken: running,
    });
  } else if (topic.endsWith('/update/accepted')) updated(body.includes(`"clientToken":"${running}"`));
}

function updated(started: boolean): void {
  if (!started) return count();
  const jobId = running;
  const succeed = () => publish(`${jobId}/update`, { status: 'SUCCEEDED', clientToken: 'end' });
  if (program === undefined) succeed();
  else spawn(program, { stdio: ['ignore', 'pipe', 'pipe'], detached: true }).on('close', succeed);
}

function publish(topic: string, message: object): void {
  identifier = (identifier % 65_535) + 1;
  const payload = Buffer.from(JSON.stringify(message));
  send(packet(0x32, [field(prefix + topic), Buffer.from([identifier >> 8, identifier & 0xff]), payload]));
}

function packet(first: number, parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Buffer.from([first, ...size]), body]);
}

function field(text: string): Buffer {
  return Buffer.concat([Buffer.from([0, Buffer.byteLength(text)]), Buffer.from(text)]);
}

function send(bytes: Buffer): void {
  socket.write(bytes);
}

function read(file: string): Buffer {
  return readFileSync(file);
}
