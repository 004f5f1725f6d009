// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in documents are spelled like this
/**
 * A board with 64 MB: the agent, its programs, and the pages of the files that they read and write in a control group of that size, with a
 * Node of its own, so that nobody else's use of the program's pages is for free. Where no group can be made, the agent's pages are
 * only counted.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Child } from '../child.ts';
import { limitMemory, type MemoryLimit } from '../memoryLimit.ts';
import { AGENT, arnOf, FULL_AGENT, type House, openHouse } from './house.ts';

const BOARD_BYTES = 64 * 1024 * 1024;
/** What cannot be read again from a file: the rest of the board is for pages of Node, of what is loaded, and for the kernel. */
const OWN_BYTES_MAX = BOARD_BYTES / 2;
const FILE_BYTES = 200_000_000;
const STREAM_BYTES = 50_000_000;
/** As in the unit file. */
const FLAGS = ['--use-openssl-ca', '--max-semi-space-size=1'];
const URL_IN_DOCUMENT = '${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/big}';
const ROLE = 'roleArn=arn:aws:iam::123456789012:role/reader,expiresInSec=600';

interface Context {
  house: House;
  /** On a disk: what lies on a RAM disk is memory too. */
  folder: string;
  node: string;
  sha256: string;
  limit: MemoryLimit | undefined;
}

const test = suite<Context>('64 MB of memory');
test.before(async (context) => {
  context.folder = mkdtempSync('/var/tmp/errand-memory-');
  const { folder } = context;
  context.node = path.join(folder, 'node');
  copyFileSync(process.execPath, context.node);
  // Out of the page cache: who reads it first is who has it counted.
  spawnSync('dd', [`of=${context.node}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0']);
  context.limit = limitMemory(BOARD_BYTES);
  context.house = await openHouse();
  const content = Buffer.alloc(FILE_BYTES, randomBytes(1_000_003));
  context.sha256 = createHash('sha256').update(content).digest('hex');
  writeFileSync(path.join(folder, 'big'), content);
  await context.house.errand('put-artifact', path.join(folder, 'big'));
});
test.after(async ({ house, limit, folder }) => {
  await house?.end();
  limit?.end();
  if (folder) rmSync(folder, { recursive: true });
});

/** An agent in what a board has. */
async function onBoard({ house, limit, node }: Context, thingName: string, file: string, ...more: string[]) {
  const words = [...(limit?.words ?? []), node, ...FLAGS] as [string, ...string[]];
  const agent = house.startAgent({ file, node: words }, await house.thing(thingName), ...more);
  await agent.line(/ connected/);
  return agent;
}

/** What it holds after all that, told and judged. */
function fits({ limit }: Context, agent: Child): void {
  const kilobytes = (file: string, name: string) => {
    const text = readFileSync(`/proc/${agent.pid}/${file}`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)![1]);
  };
  const [held, own] = [kilobytes('smaps_rollup', 'Pss'), kilobytes('status', 'RssAnon')];
  const how = limit ? `all of it held to 64 MB by ${limit.kind}` : 'held to nothing, as no control group can be made';
  console.log(`\n  ${how}: the agent has ${held} KB, ${own} KB of them its own`);
  assert.ok(own * 1024 <= OWN_BYTES_MAX, `${own} KB of its own`);
  assert.ok(held * 1024 <= BOARD_BYTES, `${held} KB`);
  assert.is(limit?.kills() ?? 0, 0);
}

async function ended({ house }: Context, agent: Child, jobId: string, thingName: string) {
  await agent.line(new RegExp(`${jobId}: (SUCCEEDED|FAILED)`)); // rejects when it was killed
  const { status, statusDetails } = await house.until(jobId, thingName, 'SUCCEEDED', 'FAILED');
  assert.is(status, 'SUCCEEDED', `${JSON.stringify(statusDetails)}\n${agent.lines.join('\n')}`);
  return statusDetails.detailsMap!;
}

/** A job that prints 100 MB, half of it in one line on stderr. */
async function prints(context: Context, agent: Child, thingName: string): Promise<void> {
  const jobId = `print-${thingName}`;
  const stderr = `head -c ${STREAM_BYTES} /dev/zero | tr '\\000' e >&2`;
  const stdout = `yes 0123456789 | head -c ${STREAM_BYTES}; echo; echo end`;
  await context.house.job(jobId, thingName, `sh,-c,${stderr}; ${stdout}`);
  const details = await ended(context, agent, jobId, thingName);
  assert.match(details.stdout!, /0123456789\n(.*\n)?end\n$/);
  assert.match(details.stderr!, /^e+$/);
}

test('every part: a download of 200 MB, then 100 MB of output', async (context) => {
  const { house, sha256 } = context;
  const downloads = path.join(context.folder, 'downloads');
  const agent = await onBoard(context, 'full', FULL_AGENT, '--downloads', downloads);
  const args = [URL_IN_DOCUMENT, 'big', `sha256=${sha256}`, `size=${FILE_BYTES}`];
  const steps = [{ action: { name: 'load', type: 'runHandler', input: { handler: 'errand:download', args } } }];
  const document = JSON.stringify({ version: '1.0', steps });
  const job = ['--job-id', 'load', '--targets', arnOf('full'), '--document', document];
  await house.errand('create-job', ...job, '--presigned-url-config', ROLE);
  await ended(context, agent, 'load', 'full');
  const loaded = createHash('sha256').update(readFileSync(path.join(downloads, 'big')));
  assert.is(loaded.digest('hex'), sha256);
  await prints(context, agent, 'full');
  fits(context, agent);
  assert.is(await agent.kill('SIGTERM'), 0);
});

test('the lean agent: 100 MB of output', async (context) => {
  const agent = await onBoard(context, 'lean', AGENT);
  await prints(context, agent, 'lean');
  fits(context, agent);
});

test.run();
