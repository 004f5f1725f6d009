import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUDGETS, REACHED } from '../bench/budgets.ts';
import { countJobs } from '../bench/counted-job.ts';
import { traceJobs } from '../bench/disk.ts';
import { sizeOf } from '../bench/peers/bundles.ts';
import { ERRAND, openSite, type Site } from '../bench/site.ts';
import { agentSize } from '../bench/size.ts';
import { hasTool } from '../tools.ts';
import { FULL_AGENT } from './house.ts';

const BRIDGE = fileURLToPath(new URL('../../dist/errand-bridge.cjs', import.meta.url));

/** What can be counted exactly, on every machine and at any load; times and memory are for `npm run bench`. */
const budgets = suite<{ site?: Site }>('budgets');
budgets.after(async ({ site }) => site?.end());

budgets('the agent is one file of at most 40 KB, and 14 KB gzipped', () => {
  const { bytes, gzipBytes } = agentSize();
  assert.ok(bytes <= BUDGETS.agentBytes.most, `${bytes} bytes`);
  assert.ok(gzipBytes <= BUDGETS.agentGzipBytes.most, `${gzipBytes} bytes gzipped`);
  assert.ok(bytes <= REACHED.agentBytes, `${bytes} bytes`);
});

budgets('no other file becomes larger unseen', () => {
  const full = sizeOf([FULL_AGENT]);
  assert.ok(full.bytes <= REACHED.fullAgentBytes, `the agent with every part: ${full.bytes} bytes`);
  assert.ok(full.gzipBytes <= REACHED.fullAgentGzipBytes, `the same gzipped: ${full.gzipBytes} bytes`);
  const bridge = sizeOf([BRIDGE]).bytes;
  assert.ok(bridge <= REACHED.bridgeBytes, `the bridge: ${bridge} bytes`);
  const errand = sizeOf([ERRAND]).bytes;
  assert.ok(errand <= REACHED.errandBytes, `service and command: ${errand} bytes`);
});

budgets('a job of one step: four records (claimed, running, ended, forgotten) within 8 syncs and 64 KB', async () => {
  const { records, recordBytes } = await countJobs(1);
  assert.is(records, REACHED.syncsPerJob);
  assert.ok(records <= BUDGETS.syncsPerJob.most);
  assert.ok(REACHED.recordBytesPerJob <= BUDGETS.recordBytesPerJob.most);
  assert.ok(recordBytes <= REACHED.recordBytesPerJob, `${recordBytes} bytes`);
});

budgets('a job of one step: three requests and 1,450 bytes inside TLS, both ways; 4 KB are allowed', async () => {
  const { sentBytes, receivedBytes, requests } = await countJobs(1);
  // IN_PROGRESS and SUCCEEDED; then what is next, after notify-next.
  assert.ok(requests <= REACHED.requestsPerJob, `${requests} requests`);
  const bytes = sentBytes + receivedBytes;
  assert.ok(REACHED.wireBytesPerJob <= BUDGETS.wireBytesPerJob.most);
  assert.ok(bytes <= REACHED.wireBytesPerJob, `${bytes} bytes`);
});

budgets('a job costs the same whether it is the first or the fifth, and the same in each run', async () => {
  const once = await countJobs(1);
  assert.equal(await countJobs(1), once);
  const { jobs: _, ...five } = await countJobs(5);
  for (const [what, total] of Object.entries(five)) assert.is(total, once[what as keyof typeof five] * 5, what);
});

budgets('the calls of the agent, under strace: a write and a sync for each record, and no others', async (context) => {
  if (!hasTool('strace', 'strace')) return;
  context.site = await openSite();
  const JOBS = 3;
  const { syncs, writes, bytes, blockBytes } = await traceJobs(context.site, JOBS);
  const { records } = await countJobs(JOBS);
  assert.is(syncs, records);
  assert.is(writes, records);
  assert.ok(bytes / JOBS <= BUDGETS.recordBytesPerJob.most, `${bytes / JOBS} bytes a job`);
  assert.ok(blockBytes / JOBS <= BUDGETS.recordBytesPerJob.most, `${blockBytes / JOBS} bytes of blocks a job`);
});

budgets.run();
