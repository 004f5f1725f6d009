/**
 * Real firmware, real bridge, real service: the example devices on emulated boards, the single-file bridge on their
 * pseudo-terminals with `serialport`, and the service over MQTT with mutual TLS. ERRAND_SEED and ERRAND_ROUNDS: as many
 * resets and kills as asked for, at random (`npm run torture:firmware`).
 */
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, startChild } from '../child.ts';
import { createChance } from '../sim/chance.ts';
import {
  BOARDS,
  type BoardName,
  canEmulate,
  type EmulatedBoard,
  type Emulators,
  openEmulators,
} from '../targets/mcu/emulators.ts';
import { arnOf, type House, openHouse } from './house.ts';

const test = suite('jobs for real firmware');
const BRIDGE = fileURLToPath(new URL('../../dist/errand-bridge.cjs', import.meta.url));
const imageUrl = (key: string) => `\${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/${key}}`;
const ROLE = 'roleArn=arn:aws:iam::123456789012:role/files,expiresInSec=3600';
/** An image of 256 KB for the large board. What the small ones have no room for is left out. */
const NEXT: Record<BoardName, string[]> = { uno: [], microbit: ['PADDING=32768'], mps2: ['PADDING=262144'] };
const BOOT_ID_FIRST: Record<BoardName, number> = { uno: 0, microbit: 1, mps2: 1 };
const DATA_BYTES = 16_384;
const ROUNDS = Number(process.env.ERRAND_ROUNDS ?? 0);
const SEED = Number(process.env.ERRAND_SEED ?? randomInt(2 ** 31));
if (ROUNDS > 0) console.log(`\n  ERRAND_SEED=${SEED} ERRAND_ROUNDS=${ROUNDS}`);
const chance = createChance(SEED);

const boards = new Map<BoardName, EmulatedBoard>();
let emulators: Emulators;
let house: House;
let bridge: Child;
let startBridge: () => Child;

const killed = new Set<Child>();
let restarted = Promise.resolve();

/** kill -9 and a new start, one after another. */
function killBridge(): Promise<void> {
  restarted = restarted.then(async () => {
    killed.add(bridge);
    await bridge.kill('SIGKILL');
    bridge = startBridge();
  });
  return restarted;
}

const run = (command: string) => ({ action: { name: command.split(',')[0], type: 'runCommand', input: { command } } });

async function createJob(jobId: string, thing: string, ...steps: object[]): Promise<void> {
  const document = JSON.stringify({ version: '1.0', includeStdOut: true, steps });
  const job = ['--job-id', jobId, '--targets', arnOf(thing), '--document', document];
  await house.errand('create-job', ...job, '--presigned-url-config', ROLE);
}

/** Puts a file into the service's store and makes a job that flashes it. */
async function flash(jobId: string, thing: string, file: string, ...more: string[]): Promise<string> {
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  await house.errand('put-artifact', file, '--key', jobId);
  const input = { handler: 'flash', args: [imageUrl(jobId), `sha256=${sha256}`, ...more] };
  await createJob(jobId, thing, { action: { name: 'flash', type: 'runHandler', input } });
  return sha256;
}

const ended = async (jobId: string, thing: string) => {
  const { status, statusDetails } = await house.until(jobId, thing, 'SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELED');
  const { reason = '', stdout = '' } = statusDetails.detailsMap ?? {};
  return { status, reason, stdout, log: bridge.lines.slice(-40).join('\n') };
};

test.before(async () => {
  emulators = openEmulators();
  house = await openHouse();
  const things = BOARDS.filter(canEmulate);
  for (const name of things) boards.set(name, await emulators.start(name, emulators.build(name)));
  const { cert, key } = await house.thing(things[0] ?? 'none');
  const { principals } = (await house.errand(
    'list-thing-principals',
    '--thing-name',
    things[0] ?? 'none',
  )) as unknown as {
    principals: [string];
  };
  for (const thing of things.slice(1)) {
    await house.errand('create-thing', '--thing-name', thing);
    await house.errand('attach-thing-principal', '--thing-name', thing, '--principal', principals[0]);
  }
  const config = path.join(house.folder, 'bridge.json');
  const { mqtts, ca } = house.endpoints;
  const settings = { endpoint: mqtts, ca, cert, key, shell: 'serialport', log: 'debug', 'retry-max': 2 };
  const ports = [...boards].map(([thing, { port }]) => ({ port, thing }));
  writeFileSync(config, JSON.stringify({ ...settings, data: path.join(house.folder, 'bridge.data'), ports }));
  const env = { ...process.env, ERRAND_CACHE: path.join(emulators.folder, 'cache') };
  startBridge = () => startChild(process.execPath, [BRIDGE, '--config', config], { env });
  bridge = startBridge();
});
test.after(async () => {
  await bridge?.kill();
  await emulators?.end();
  await house?.end();
});

test('commands: one with arguments, one that fails, one that is cancelled while it runs; the next runs', async () => {
  await Promise.all(
    [...boards.keys()].map(async (thing) => {
      await createJob(`sum-${thing}`, thing, run('add, 40, 2'));
      const sum = await ended(`sum-${thing}`, thing);
      assert.equal([sum.status, sum.stdout], ['SUCCEEDED', '42\n'], sum.log);
      await createJob(`fail-${thing}`, thing, run('fail'), run('add'));
      const failed = await ended(`fail-${thing}`, thing);
      assert.is(failed.status, 'FAILED');
      assert.match(failed.reason, /the sensor does not answer/);
      await createJob(`long-${thing}`, thing, run('wait,600000'));
      await house.until(`long-${thing}`, thing, 'IN_PROGRESS');
      await house.errand('cancel-job', '--job-id', `long-${thing}`, '--force');
      await createJob(`next-${thing}`, thing, run('wait,10'));
      assert.is((await ended(`next-${thing}`, thing)).status, 'SUCCEEDED');
    }),
  );
});
for (const name of BOARDS)
  test(`${name}: new firmware boots, after a reset of the board and a kill -9 of the bridge half-way`, async () => {
    const board = boards.get(name);
    if (board === undefined) return;
    const { image } = emulators.build(name, 'FIRMWARE=2', ...NEXT[name]);
    const sha256 = await flash(`boots-${name}`, name, image);
    await disturb(`boots-${name}`, name, readFileSync(image).length);
    const outcome = await ended(`boots-${name}`, name);
    assert.equal([outcome.status, outcome.reason.includes(sha256.slice(0, 16))], ['SUCCEEDED', true], outcome.log);
    await createJob(`sum-on-next-${name}`, name, run('add,20,22'));
    const sum = await ended(`sum-on-next-${name}`, name);
    assert.equal([sum.status, sum.stdout], ['SUCCEEDED', '42\n'], sum.log);
    const hello = bridge.lines.find((line) => line.includes(`'${name}-1', boot-id`) && line.includes('firmware 2 '));
    const [, bootId] = /boot-id (\d+)/.exec(hello ?? '') ?? [];
    assert.ok(Number(bootId) >= BOOT_ID_FIRST[name] + 2, `${hello}: a reset and the restart with the new firmware`);
    if (name !== 'uno') assert.ok((await board.slot(readFileSync(image).length)).equals(readFileSync(image)));
  });

test('uno: 16 KB of data into the space left arrive byte for byte, after a reset and a kill -9 half-way', async () => {
  const board = boards.get('uno');
  if (board === undefined) return;
  const file = path.join(emulators.folder, 'data.bin');
  writeFileSync(file, randomBytes(DATA_BYTES));
  await flash('data', 'uno', file, 'image=1');
  await disturb('data', 'uno', DATA_BYTES);
  const outcome = await ended('data', 'uno');
  assert.is(outcome.status, 'SUCCEEDED', outcome.log);
  assert.match(outcome.reason, /has verified image 1/);
  assert.ok((await board.slot(DATA_BYTES)).equals(readFileSync(file)));
});

/** Waits until the bridge has sent a block that begins at `offset` or later, or the job has ended. */
async function untilSent(jobId: string, thing: BoardName, offset: number): Promise<void> {
  const port = boards.get(thing)?.port;
  const fits = new RegExp(`BLOCK \\d+ bytes at \\d+|job ${jobId}: (SUCCEEDED|FAILED)`);
  for (;;) {
    const listened = bridge;
    try {
      for (let from = 0; ; ) {
        const line = await listened.lineAfter(from, fits);
        const [, at] = /BLOCK \d+ bytes at (\d+)/.exec(line) ?? [];
        if (at === undefined || (line.includes(` ${port} `) && Number(at) >= offset)) return;
        from = listened.lines.indexOf(line, from) + 1;
      }
    } catch (error) {
      if (!killed.has(listened)) throw error;
      await restarted;
      if ((await house.execution(jobId, thing)).status !== 'IN_PROGRESS') return;
    }
  }
}

/** A reset and a kill on the way of an image; ERRAND_ROUNDS of them, at places that the seed tells. */
async function disturb(jobId: string, thing: BoardName, size: number): Promise<void> {
  const cuts =
    ROUNDS === 0 ? [0.3, 0.6] : Array.from({ length: ROUNDS }, () => chance.unit() * 0.95).sort((a, b) => a - b);
  for (const [i, cut] of cuts.entries()) {
    await untilSent(jobId, thing, Math.floor(cut * size));
    if (ROUNDS === 0 ? i === 0 : chance.is(0.5)) await boards.get(thing)?.reset();
    else await killBridge();
  }
}

test.run();
