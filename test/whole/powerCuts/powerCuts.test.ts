/**
 * Power cuts at the level of system calls. The shipped agents run jobs under strace; what they asked the kernel to do with their files is
 * done again up to every call, with every part of what was not synced by then lost, torn or out of order, and read as the next boot does.
 * Nearer to the truth than a file layer of our own would be: nothing between the agent and the kernel can be forgotten.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeSlot } from '../../../runtime/device/slots.ts';
import { decodeRecord, type JobRecord } from '../../../runtime/jobs/record.ts';
import { download } from '../../../targets/sbc/downloads/download.ts';
import type { Settings } from '../../../targets/sbc/settings.ts';
import { openRecord } from '../../../transports/record.ts';
import { startChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { documentOf, readLines, readName, type StepPlan, writeScript } from '../../torture/agent/jobs.ts';
import { arnOf, FULL_AGENT, type House, openHouse } from '../house.ts';
import { cuts, type Files, lay } from './disk.ts';
import { type Op, readTrace, tracing } from './trace.ts';

const AGENT = path.join(path.dirname(FULL_AGENT), 'errand-agent.cjs');

interface Context {
  house: House;
  /** States of the disk are laid out here, in memory where that is possible: thousands, and each is synced by who reads it. */
  scratch: string;
  script: string;
  server: Server;
  url: string;
}

const test = suite<Context>('power cuts');
test.before(async (context) => {
  context.house = await openHouse();
  context.scratch = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'errand-power-cuts-'));
  context.script = path.join(context.house.folder, 'step.sh');
  writeScript(context.script);
  context.server = createServer(serve);
  await new Promise<void>((resolve) => context.server.listen(0, '127.0.0.1', resolve));
  context.url = `http://127.0.0.1:${(context.server.address() as AddressInfo).port}/fw.bin`;
});
test.after(async ({ house, server, scratch }) => {
  rmSync(scratch, { recursive: true, force: true });
  server.closeAllConnections();
  server.close();
  await house?.end();
});

const CONTENT = randomBytes(150_000);
/** The first answer ends after so many bytes. */
const CUT_AT = 90_000;
let answers = 0;

const serve: Parameters<typeof createServer>[1] = ({ headers }, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  response.setHeader('etag', '"v1"').setHeader('content-length', CONTENT.length - from);
  if (from > 0) response.setHeader('content-range', `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`);
  response.writeHead(from > 0 ? 206 : 200);
  if (answers++ > 0) response.end(CONTENT.subarray(from));
  else response.write(CONTENT.subarray(0, CUT_AT), () => setTimeout(() => response.destroy(), 20));
};

const ONCE: StepPlan = { kind: 'once', millis: 0, code: 0 };

/** Runs these jobs, one after another, with an agent under strace. */
async function trace(context: Context, thing: string, file: string, jobs: Record<string, string>, ...more: string[]) {
  const { house } = context;
  const log = path.join(house.folder, `${thing}.strace`);
  const agent = house.startAgent({ file, node: tracing(log) }, await house.thing(thing), '--log', 'debug', ...more);
  for (const [jobId, document] of Object.entries(jobs)) {
    const from = agent.lines.length;
    await house.errand('create-job', '--job-id', jobId, '--targets', arnOf(thing), '--document', document);
    await agent.lineAfter(from, new RegExp(`${jobId}: report accepted`));
  }
  assert.is(await agent.kill('SIGTERM'), 0);
  const data = path.join(house.folder, `${thing}.data`);
  return { data, ops: readTrace(log, [data, path.join(house.folder, 'downloads')]) };
}

/** What a write to the record's file remembers; undefined when it is none of a slot. */
function recordOf(op: Op): { record: JobRecord | undefined } | undefined {
  if (op.do !== 'write') return undefined;
  const slot = decodeSlot(op.bytes);
  return typeof slot === 'string' ? undefined : { record: decodeRecord(slot.record) };
}

const textOf = (record: JobRecord | undefined) => JSON.stringify(record);

/** Cuts the trace everywhere and reads what is left; gives one state of the disk for each record that was read, clean and torn. */
function cutRecord(ops: readonly Op[], data: string, folder: string): Map<string, Files> {
  const file = path.join(data, 'record');
  const number = ops.find((op) => op.do === 'name' && op.name === 'record' && op.folder === data);
  assert.ok(number?.do === 'name');
  const own = ops.filter((op) => ('file' in op && op.file === number.file) || ('folder' in op && op.folder === data));
  const samples = new Map<string, Files>();
  let states = 0;
  for (let cut = 1; cut <= own.length; cut++) {
    const done = own.slice(0, cut);
    const synced = done.findLastIndex((op) => op.do === 'sync');
    const before = done
      .slice(0, synced + 1)
      .map(recordOf)
      .findLast(Boolean)?.record;
    const after = done.slice(synced + 1).flatMap((op) => recordOf(op) ?? []);
    const may: (string | undefined)[] = [before, ...after.map(({ record }) => record)].map(textOf);
    for (const { how, files, torn } of cuts(own, cut)) {
      states += 1;
      lay(files, data, folder);
      const { record, close } = openRecord(path.join(folder, 'record'));
      close();
      const text = record && Buffer.from(record).toString();
      assert.ok(may.includes(text), `${how}: read ${text}\nexpected one of\n${may.join('\n')}`);
      samples.set(`${text} ${torn ? 'torn' : ''}`, files);
    }
  }
  console.log(
    `\n  ${path.basename(data)}: ${own.length} calls on ${path.basename(file)}, ${states} states of the disk`,
  );
  return samples;
}

/** Nothing is done before it is remembered, nothing forgotten before it was answered. */
function checkOrder(ops: readonly Op[], script: string): void {
  let synced: JobRecord | undefined;
  let written: { record: JobRecord | undefined } | undefined;
  let accepted = true;
  let steps = 0;
  for (const op of ops) {
    const record = recordOf(op);
    if (record !== undefined) {
      if (record.record === undefined) assert.ok(accepted, 'forgotten before its report was accepted');
      if (record.record !== undefined) accepted = false;
      written = record;
    } else if (op.do === 'sync' && written !== undefined) {
      synced = written.record;
      written = undefined;
    } else if (op.do === 'say') {
      if (op.text.includes('report accepted')) accepted = true;
    } else if (op.do === 'send' || op.do === 'exec') {
      assert.is(written, undefined, `${op.do} before the record was synced`);
      const at = op.do === 'exec' ? op.words.indexOf(script) : -1;
      if (op.do !== 'exec' || at < 0) continue;
      const [jobId, , step] = op.words.slice(at + 1);
      steps += 1;
      assert.ok(synced?.job.jobId === jobId);
      if (step === 'tidy') assert.is(synced?.phase, 'cleaning');
      else assert.equal([synced?.phase, synced?.phase === 'running' && synced.step], ['running', Number(step)]);
    }
  }
  assert.ok(steps > 0);
}

/** Starts the agent on what is left of its disk, without a service: no step may run, and its record says what must become of the job. */
async function boot({ house, script }: Context, thing: string, file: string, files: Files, from: string, n: number) {
  const data = path.join(house.folder, `boot-${n}`);
  lay(files, from, data);
  const identity = ['cert', 'key'].flatMap((kind) => [`--${kind}`, path.join(house.folder, `${thing}.${kind}.pem`)]);
  const args = ['--endpoint', '127.0.0.1:1', '--thing', thing, '--ca', house.endpoints.ca, ...identity, '--data', data];
  const before = openRecord(path.join(data, 'record'));
  before.close();
  const had = before.record && decodeRecord(before.record);
  const steps = () => readLines(`${script}.lines`).filter(({ step }) => step !== 'tidy').length;
  const ran = steps();
  const agent = startChild(process.execPath, [file, ...args, '--handlers', '/nowhere']);
  await agent.line(/not connected/);
  if (had?.phase === 'cleaning') await agent.line(/clean-up ended/);
  assert.is(await agent.kill('SIGTERM'), 0);
  assert.is(steps(), ran, `a step ran at boot with ${textOf(had)}`);
  const after = openRecord(path.join(data, 'record'));
  after.close();
  const has = after.record && decodeRecord(after.record);
  if (had === undefined || had.phase === 'claimed' || had.phase === 'ended')
    assert.is(textOf(has), textOf(had), 'kept as it was');
  else if (had.phase === 'running' && had.idempotent) assert.is(textOf(has), textOf(had), 'to be repeated');
  else {
    const outcome = has && 'outcome' in has ? has.outcome : undefined;
    assert.is(outcome?.status, 'FAILED');
    if (had.phase === 'running') assert.match(outcome!.statusDetails!.reason!, `${had.name} was interrupted`);
  }
}

async function bootAll(context: Context, thing: string, file: string, samples: Map<string, Files>, from: string) {
  const left = [...samples.values()].entries();
  const one = async () => {
    for (const [n, files] of left) await boot(context, thing, file, files, from, n);
  };
  await Promise.all([one(), one(), one()]);
}

if (hasTool('strace', 'strace')) {
  test('the lean agent: after a cut at any call it reads the record before or after, and no step runs twice', async (context) => {
    const { script, scratch } = context;
    const plan = { jobId: 'two-steps', life: 0, steps: [ONCE, ONCE], cleanUp: false };
    const { ops, data } = await trace(context, 'lean', AGENT, { 'two-steps': documentOf(plan, script) });
    checkOrder(ops, script);
    const samples = cutRecord(ops, data, scratch);
    const phases = [...samples.keys()].map((text) => /"phase":"(\w+)"/.exec(text)?.[1]);
    for (const phase of ['claimed', 'running', 'ended', undefined]) assert.ok(phases.includes(phase), `${phase}`);
    await bootAll(context, 'lean', AGENT, samples, data);
  });

  test('the full agent: the same with clean-up and steps that may be repeated; of a download all or nothing is there, and it is gone on with rightly', async (context) => {
    const { house, scratch, script, url } = context;
    const failing: StepPlan[] = [ONCE, { ...ONCE, kind: 'repeatable' }, { ...ONCE, code: 3 }];
    const action = { name: 's0.0', type: 'runHandler', input: { handler: 'errand:download', args: [url, 'fw.bin'] } };
    const downloads = path.join(house.folder, 'downloads');
    const jobs = {
      failing: documentOf({ jobId: 'failing', life: 0, steps: failing, cleanUp: true }, script),
      load: JSON.stringify({ version: '1.0', steps: [{ action }] }),
    };
    const { ops, data } = await trace(context, 'full', FULL_AGENT, jobs, '--downloads', downloads);
    checkOrder(ops, script);
    assert.ok(readFileSync(path.join(downloads, 'fw.bin')).equals(CONTENT));
    const samples = cutRecord(ops, data, scratch);
    assert.ok([...samples.keys()].some((text) => readName(text)?.step === 'tidy'));
    await bootAll(context, 'full', FULL_AGENT, samples, data);
    await cutDownload(ops, downloads, scratch, url);
  });
}

async function cutDownload(ops: readonly Op[], from: string, folder: string, url: string): Promise<void> {
  const numbers = new Set(ops.flatMap((op) => (op.do === 'name' && op.folder === from ? op.file : [])));
  const own = ops.filter((op) => ('file' in op && numbers.has(op.file)) || ('folder' in op && op.folder === from));
  const seen = new Set<string>();
  let went = 0;
  for (let cut = 1; cut <= own.length; cut++)
    for (const { how, files } of cuts(own, cut)) {
      const key = createHash('sha1');
      for (const [name, bytes] of files) key.update(`${name} ${bytes.length} `).update(bytes);
      const digest = key.digest('hex');
      if (seen.has(digest)) continue;
      seen.add(digest);
      lay(files, from, folder);
      const whole = path.join(folder, 'fw.bin');
      if (existsSync(whole)) assert.ok(readFileSync(whole).equals(CONTENT), `${how}: under its name, and not whole`);
      // Nothing is stated of the content: what a cut has spoilt must not be taken for it.
      const settings = { downloads: folder, downloadBytesMax: 1e9, ca: '', bootId: 'after the cut' } as Settings;
      const context = { signal: new AbortController().signal, progress: () => {}, runAsUser: undefined };
      await download(settings, context, { url, file: 'fw.bin' });
      assert.ok(readFileSync(whole).equals(CONTENT), `${how}: gone on with, and not right`);
      went += 1;
    }
  console.log(`\n  downloads: ${own.length} calls, ${went} states of the disk gone on with`);
}

test.run();
