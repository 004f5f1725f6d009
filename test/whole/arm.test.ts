// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in documents are spelled like this
/**
 * The files that are copied to boards, run by Node as it is built for 32 and 64 bits of ARM, JIT and all, under qemu-user. What the jobs
 * start are this machine's own programs: only Node itself is another machine's.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bridgeOptions } from '../../targets/bridge/bundle.mjs';
import { ARM_NODES, type ArmNode, emulatedNode } from '../armNodes.ts';
import { type Child, runChild } from '../child.ts';
import { openWorkshop } from '../targets/bridge/board.ts';
import { hasTool } from '../tools.ts';
import { arnOf, FULL_AGENT, type House, type Identity, openHouse } from './house.ts';

type Command = NonNullable<ReturnType<typeof emulatedNode>>;

const root = path.resolve(import.meta.dirname, '../..');
const URL_IN_DOCUMENT = '${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/firmware}';
const ROLE = 'roleArn=arn:aws:iam::123456789012:role/reader,expiresInSec=600';

const test = suite<{ house: House }>('on ARM');
test.before(async (context) => {
  context.house = await openHouse();
});
test.after(({ house }) => house?.end());

function runsJobs(node: ArmNode, command: Command): void {
  test(`${node.arch}: a whole job over mutual TLS`, async ({ house }) => {
    const agent = await wholeJob(house, await house.thing(node.arch), command);
    assert.is(await agent.kill('SIGTERM'), 0);
  });
}

async function wholeJob(house: House, board: Identity, node: Command): Promise<Child> {
  const { thingName } = board;
  const agent = house.startAgent({ node }, board);
  await house.job(`whole-${thingName}`, thingName, 'echo,on ARM', 'sh,-c,exit 3');
  await agent.line(/whole-.* FAILED/); // asking meanwhile would take its processor
  const { status, statusDetails } = await house.until(`whole-${thingName}`, thingName, 'SUCCEEDED', 'FAILED');
  assert.equal([status, statusDetails.detailsMap!.stdout], ['FAILED', 'on ARM\n'], agent.lines.join('\n'));
  assert.match(statusDetails.detailsMap!.reason!, 'exited with status: 3');
  return agent;
}

function goesOn({ arch }: ArmNode, node: Command): void {
  test(`${arch}: a whole job; after kill -9 no step runs again; a signed file is loaded`, async ({ house }) => {
    const board = await house.thing(arch);
    const lean = await wholeJob(house, board, node);
    const marks = path.join(house.folder, `marks-${arch}`);
    await house.job('cut', board.thingName, `sh,-c,echo once >> ${marks}; exec sleep 5`, 'true');
    await lean.line(/cut: step 1 of 2/);
    while (!existsSync(marks)) await new Promise((resolve) => setImmediate(resolve));
    await lean.kill();

    const keys = generateKeyPairSync('ed25519');
    const keyFile = path.join(house.folder, `${arch}.pub`);
    writeFileSync(keyFile, keys.publicKey.export({ type: 'spki', format: 'pem' }));
    const downloads = path.join(house.folder, `downloads-${arch}`);
    const more = ['--downloads', downloads, '--download-key', keyFile];
    const full = house.startAgent({ node, file: FULL_AGENT }, board, ...more);
    await full.line(/ connected/);
    const cut = await house.until('cut', board.thingName, 'FAILED', 'SUCCEEDED');
    assert.match(cut.statusDetails.detailsMap!.reason!, "'step-1'", full.lines.join('\n'));
    assert.is(readFileSync(marks, 'utf8'), 'once\n');

    const content = randomBytes(500_000);
    writeFileSync(path.join(house.folder, 'firmware'), content);
    await house.errand('put-artifact', path.join(house.folder, 'firmware'));
    const sha256 = createHash('sha256').update(content).digest();
    const signature = sign(null, sha256, keys.privateKey).toString('base64');
    const args = [URL_IN_DOCUMENT, 'firmware', `sha256=${sha256.toString('hex')}`, `signature=${signature}`];
    const steps = [{ action: { name: 'load', type: 'runHandler', input: { handler: 'errand:download', args } } }];
    const document = JSON.stringify({ version: '1.0', steps });
    const job = ['--job-id', 'load', '--targets', arnOf(board.thingName), '--document', document];
    await house.errand('create-job', ...job, '--presigned-url-config', ROLE);
    await full.line(/load: (SUCCEEDED|FAILED)/);
    const loaded = await house.until('load', board.thingName, 'FAILED', 'SUCCEEDED');
    assert.is(loaded.status, 'SUCCEEDED', `${JSON.stringify(loaded)}\n${full.lines.join('\n')}`);
    assert.ok(readFileSync(path.join(downloads, 'firmware')).equals(content));
    assert.is(await full.kill('SIGTERM'), 0);
  });
}

function bridges({ arch }: ArmNode, [program, ...words]: Command): void {
  test(`${arch}: the bridge finds ports, and talks to a board through that architecture's native code`, async () => {
    const workshop = openWorkshop();
    const file = path.join(workshop.folder, 'errand-bridge.cjs');
    const into = { absWorkingDir: root, bundle: true, platform: 'node', outfile: file, logLevel: 'error' } as const;
    await build({ ...bridgeOptions(`linux-${arch}`), ...into });
    const env = { ...process.env, ERRAND_CACHE: path.join(workshop.folder, 'cache') };
    const bridge = (...args: string[]) => runChild(program, [...words, file, ...args], { env });
    const { port } = await workshop.board(arch);
    const pinging = bridge('ping', port, '--shell', 'serialport', '--count', '1');
    const [ports, ping] = await Promise.all([bridge('ports'), pinging]);
    assert.is(ports.code, 0, ports.stderr);
    assert.is(ping.code, 0, ping.stderr);
    assert.match(ping.stdout, /commands: add, .*\nanswer 1: /);
    await workshop.end();
  });
}

for (const node of ARM_NODES) {
  const command = emulatedNode(node);
  if (command === undefined) continue;
  // What is emulated is slow, and one of them shows it.
  if (node.arch === 'arm') goesOn(node, command);
  else runsJobs(node, command);
  if (hasTool('gcc', 'build-essential')) bridges(node, command);
}
test.run();
