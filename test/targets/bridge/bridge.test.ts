import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, startChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { arnOf, type House, openHouse } from '../../whole/house.ts';
import { type Board, openWorkshop, type Workshop } from './board.ts';

const test = suite('errand-bridge, the service and microcontrollers');
const BRIDGE = fileURLToPath(new URL('../../../dist/errand-bridge.cjs', import.meta.url));

let house: House;
let workshop: Workshop;
const bridges: Child[] = [];

/** A bridge with one certificate that is attached to all of these Things, each on its board's port. */
async function startBridge(name: string, boards: Record<string, Board>, more: object = {}, ...flags: string[]) {
  const [first, ...others] = [...Object.keys(boards), ...('thing' in more ? [`${more.thing}`] : [])];
  const { cert, key } = await house.thing(first!);
  const { principals } = (await house.errand('list-thing-principals', '--thing-name', first!)) as unknown as {
    principals: string[];
  };
  for (const thing of others) {
    await house.errand('create-thing', '--thing-name', thing);
    await house.errand('attach-thing-principal', '--thing-name', thing, '--principal', principals[0]!);
  }
  const config = path.join(house.folder, `${name}.json`);
  const ports = Object.entries(boards).map(([thing, { port }]) => ({ port, thing }));
  const settings = {
    endpoint: house.endpoints.mqtts,
    ca: house.endpoints.ca,
    cert,
    key,
    ports,
    'retry-max': 2,
    ...more,
  };
  writeFileSync(config, JSON.stringify({ data: path.join(house.folder, `${name}.data`), ...settings }));
  const start = () => {
    const env = { ...process.env, ERRAND_CACHE: path.join(workshop.folder, 'cache') };
    const bridge = startChild(process.execPath, [BRIDGE, '--config', config, ...flags], { env });
    bridges.push(bridge);
    return bridge;
  };
  return { start, config };
}

async function createJob(jobId: string, thing: string, document: object, ...more: string[]): Promise<void> {
  const what = ['--job-id', jobId, '--targets', arnOf(thing), '--document', JSON.stringify(document)];
  await house.errand('create-job', ...what, ...more);
}

const step = (name: string, handler: string, ...args: string[]) => ({
  action: { name, type: 'runHandler', input: { handler, args } },
});
const steps = (...all: object[]) => ({ version: '1.0', steps: all });
const command = (...commands: string[]) =>
  steps(
    ...commands.map((text, i) => ({ action: { name: `step-${i + 1}`, type: 'runCommand', input: { command: text } } })),
  );

/** Waits until the service was told how far a step is. */
async function untilProgress(jobId: string, thing: string, fits: RegExp): Promise<void> {
  for (;;) {
    const { statusDetails } = await house.until(jobId, thing, 'IN_PROGRESS', 'SUCCEEDED', 'FAILED');
    if (fits.test(JSON.stringify(statusDetails))) return;
  }
}

if (hasTool('gcc', 'build-essential')) {
  test.before(async () => {
    workshop = openWorkshop();
    house = await openHouse();
  });
  test.after(async () => {
    for (const bridge of bridges) await bridge.kill();
    await workshop.end();
    await house.end();
  });

  test('a command with arguments succeeds with its result, one that fails says why, in the Thing’s own executions', async () => {
    const board = await workshop.board('commands', 'frame=128');
    const { start } = await startBridge('commands', { 'mcu-1': board });
    const bridge = start();
    await createJob('sum', 'mcu-1', {
      ...command('print, measured 7 mV', 'slow,100', 'add, 40, 2'),
      includeStdOut: true,
    });
    const { status, statusDetails } = await house.until('sum', 'mcu-1', 'SUCCEEDED', 'FAILED');
    assert.is(status, 'SUCCEEDED', bridge.lines.join('\n'));
    assert.equal(statusDetails.detailsMap?.stdout, 'measured 7 mV\n42\n');
    await createJob('broken', 'mcu-1', command('fail'));
    const failed = await house.until('broken', 'mcu-1', 'SUCCEEDED', 'FAILED');
    assert.is(failed.status, 'FAILED');
    assert.is(failed.statusDetails.detailsMap?.reason, 'fail failed: the sensor does not answer, result -7');
    await createJob('missing', 'mcu-1', command('open-door'));
    const missing = await house.until('missing', 'mcu-1', 'SUCCEEDED', 'FAILED');
    assert.match(missing.statusDetails.detailsMap?.reason ?? '', /has no command 'open-door': it announces add, slow/);
    assert.equal(board.ran(), ['print', 'slow', 'add', 'fail']);
    await bridge.kill('SIGTERM');
    assert.is(bridge.lines.at(-1)?.includes('ended'), true);
  });

  test('a cancelled command is stopped on the microcontroller within a second, and the next job runs', async () => {
    const board = await workshop.board('cancel');
    const { start } = await startBridge('cancel', { 'mcu-cancel': board });
    const bridge = start();
    await createJob('long', 'mcu-cancel', command('slow,600000'));
    await untilProgress('long', 'mcu-cancel', /taking its time/);
    await house.errand('cancel-job', '--job-id', 'long', '--force');
    await bridge.line(/job long: .*(ended|stopped)/);
    await createJob('after', 'mcu-cancel', command('add,1,1'));
    assert.is((await house.until('after', 'mcu-cancel', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
    await bridge.kill();
  });

  test('a command that runs while the bridge is killed goes on, is taken up, and runs once', async () => {
    const board = await workshop.board('killed');
    const { start } = await startBridge('killed', { 'mcu-killed': board });
    const first = start();
    await createJob('survives', 'mcu-killed', command('slow,2500', 'add,2,3'));
    await untilProgress('survives', 'mcu-killed', /taking its time/);
    await first.kill('SIGKILL');
    const second = start();
    await second.line(/taken up again/);
    const { status, statusDetails } = await house.until('survives', 'mcu-killed', 'SUCCEEDED', 'FAILED');
    assert.is(status, 'SUCCEEDED', JSON.stringify(statusDetails));
    assert.equal(board.ran(), ['slow', 'add']);
    await second.kill();
  });

  test('a microcontroller that is reset while its command runs fails the job, and does not run it again', async () => {
    const board = await workshop.board('reset');
    const { start } = await startBridge('reset', { 'mcu-reset': board });
    const bridge = start();
    await createJob('cut', 'mcu-reset', command('slow,600000'));
    await untilProgress('cut', 'mcu-reset', /taking its time/);
    board.reset();
    const { status, statusDetails } = await house.until('cut', 'mcu-reset', 'SUCCEEDED', 'FAILED');
    assert.is(status, 'FAILED');
    assert.match(statusDetails.detailsMap?.reason ?? '', /the device restarted while 'slow' ran: it is not run again/);
    assert.equal(board.ran(), ['slow']);
    await bridge.kill();
  });

  test('16 KB of firmware arrive byte for byte through a reset, a pulled cable and a kill -9 of the bridge', async () => {
    const board = await workshop.board('flash', 'baud=57600', 'frame=128', 'block=64', 'count=8');
    const image = randomBytes(16_384);
    const sha256 = createHash('sha256').update(image).digest('hex');
    let served = 0;
    const server = createServer((_, response) => {
      served += 1;
      response.end(image);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/firmware.bin?signature=secret`;
    const { start } = await startBridge('flash', { 'mcu-flash': board }, { log: 'debug' });
    const first = start();
    await createJob('firmware', 'mcu-flash', steps(step('flash it', 'flash', url, `sha256=${sha256}`)));
    await first.line(/BLOCK 64 bytes at 20\d\d /);
    board.reset();
    await first.line(/BLOCK 64 bytes at 60\d\d /);
    board.cable();
    await first.line(/unplugged/);
    board.cable();
    await first.line(/BLOCK 64 bytes at 90\d\d /);
    await first.kill('SIGKILL');
    const second = start();
    const { status, statusDetails } = await house.until('firmware', 'mcu-flash', 'SUCCEEDED', 'FAILED');
    assert.is(status, 'SUCCEEDED', JSON.stringify(statusDetails));
    assert.match(statusDetails.detailsMap?.reason ?? '', new RegExp(`runs the firmware ${sha256.slice(0, 16)}`));
    assert.ok(board.file('firmware')?.equals(image));
    assert.is(served, 1, 'downloaded once');
    assert.ok(!second.lines.some((line) => /BLOCK 64 bytes at (0|[1-7]\d\d\d) /.test(line)), 'went on where it was');
    assert.ok(![...first.lines, ...second.lines].some((line) => line.includes('secret')));
    server.close();
    await second.kill();
  });

  test('an image comes from the service’s own store, by the URL that it signs and the authority that the bridge trusts', async () => {
    const board = await workshop.board('stored', 'frame=128', 'block=64', 'count=8');
    const image = randomBytes(3_000);
    const file = path.join(workshop.folder, 'stored.bin');
    writeFileSync(file, image);
    const put = (await house.errand('put-artifact', file)) as unknown as { sha256: string; placeholder: string };
    const { start } = await startBridge('stored', { 'mcu-stored': board });
    const bridge = start();
    const signing = ['--presigned-url-config', 'roleArn=arn:aws:iam::123456789012:role/files,expiresInSec=600'];
    const document = steps(step('flash', 'flash', put.placeholder, `sha256=${put.sha256}`));
    await createJob('stored', 'mcu-stored', document, ...signing);
    const { status, statusDetails } = await house.until('stored', 'mcu-stored', 'SUCCEEDED', 'FAILED');
    assert.is(status, 'SUCCEEDED', JSON.stringify(statusDetails));
    assert.ok(board.file('firmware')?.equals(image));
    await bridge.kill();
  });

  test('a job that is cancelled while the bridge is away ends on the microcontroller when it is back', async () => {
    const board = await workshop.board('away');
    const { start } = await startBridge('away', { 'mcu-away': board });
    const first = start();
    await createJob('away', 'mcu-away', command('slow,600000'));
    await untilProgress('away', 'mcu-away', /taking its time/);
    await first.kill('SIGTERM');
    await house.errand('cancel-job', '--job-id', 'away', '--force');
    const second = start();
    await second.line(/abandoned: .*stopped/);
    await createJob('next', 'mcu-away', command('add,1,1'));
    assert.is((await house.until('next', 'mcu-away', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
    await second.kill();
  });

  test('an image with another hash than the document says never reaches the microcontroller', async () => {
    const board = await workshop.board('wrong');
    const file = path.join(workshop.folder, 'wrong.bin');
    writeFileSync(file, randomBytes(1000));
    const { start } = await startBridge('wrong', { 'mcu-wrong': board });
    const bridge = start();
    await createJob('wrong', 'mcu-wrong', steps(step('flash', 'flash', file, `sha256=${'0'.repeat(64)}`)));
    const { status, statusDetails } = await house.until('wrong', 'mcu-wrong', 'SUCCEEDED', 'FAILED');
    assert.is(status, 'FAILED');
    assert.match(statusDetails.detailsMap?.reason ?? '', /SHA-256 is [0-9a-f]{64}: expected 0{64}/);
    assert.is(board.file('slot')?.length, 0);
    await bridge.kill();
  });

  test('four microcontrollers at once, one of them dead: three work, the fourth’s job waits until it is alive', async () => {
    const boards: Record<string, Board> = {};
    for (const thing of ['four-1', 'four-2', 'four-3', 'four-4']) boards[thing] = await workshop.board(thing);
    boards['four-4']!.child.process.kill('SIGSTOP');
    const { start } = await startBridge('four', boards);
    const bridge = start();
    for (const thing of Object.keys(boards)) await createJob(`job-${thing}`, thing, command('slow,300', 'add,1,2'));
    for (const thing of ['four-1', 'four-2', 'four-3'])
      assert.is((await house.until(`job-${thing}`, thing, 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
    assert.is((await house.execution('job-four-4', 'four-4')).status, 'QUEUED');
    boards['four-4']!.child.process.kill('SIGCONT');
    assert.is((await house.until('job-four-4', 'four-4', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
    await bridge.kill();
  });

  test('microcontrollers on one RS-485 line are Things each, by address or by hardware id; one that is missing holds nobody up', async () => {
    const line = await workshop.board('line', 'nodes=3');
    const { start } = await startBridge(
      'line',
      { 'node-1': line, 'node-2': line, 'node-9': line },
      {
        ports: [{ port: line.port, bus: [1, 2, 9] }],
        hardware: { 'line-1': 'node-1', 'line-2': 'node-2', gone: 'node-9' },
      },
    );
    const bridge = start();
    await createJob('line-1', 'node-1', command('add,1,2', 'slow,200'));
    await createJob('line-2', 'node-2', command('add,3,4'));
    assert.is((await house.until('line-1', 'node-1', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
    const { statusDetails } = await house.until('line-2', 'node-2', 'SUCCEEDED', 'FAILED');
    assert.is(statusDetails.detailsMap?.reason, 'add succeeded, result 7');
    assert.is(line.child.process.exitCode, null, 'no two spoke at once');
    await bridge.kill();
  });

  test('the board itself is a Thing with ordinary jobs in the same process; others find theirs by hardware id', async () => {
    const known = await workshop.board('serial-0815');
    const stranger = await workshop.board('serial-9999');
    const { start } = await startBridge(
      'own',
      { 'mcu-known': known },
      {
        ports: [{ port: stranger.port }, { port: known.port, baud: [9600, 115200] }],
        hardware: { 'serial-0815': 'mcu-known' },
        thing: 'gateway',
        handlers: path.join(workshop.folder, 'handlers'),
      },
    );
    const bridge = start();
    await bridge.line(/'serial-9999' is no Thing: add it to "hardware"/);
    await createJob('on-board', 'gateway', { ...command('echo,hello from the board'), includeStdOut: true });
    await createJob('on-mcu', 'mcu-known', command('add,20,22'));
    const own = await house.until('on-board', 'gateway', 'SUCCEEDED', 'FAILED');
    assert.is(own.statusDetails.detailsMap?.stdout, 'hello from the board\n');
    const theirs = await house.until('on-mcu', 'mcu-known', 'SUCCEEDED', 'FAILED');
    assert.is(theirs.statusDetails.detailsMap?.reason, 'add succeeded, result 42');
    bridge.process.kill('SIGTERM');
    assert.is(await bridge.ended, 0, bridge.lines.join('\n'));
  });
}

test.run();
