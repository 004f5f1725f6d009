// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in documents are spelled like this
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arnOf, FULL_AGENT, type House, openHouse } from './house.ts';

/** Downloads with the built agent and the service's own store of files, over mutual trust and presigned URLs. */
const test = suite<{ house: House; content: Buffer }>('downloads');
test.before(async (context) => {
  context.house = await openHouse();
  context.content = randomBytes(3_000_000);
  await writeFile(path.join(context.house.folder, 'fw.bin'), context.content);
  await context.house.errand('put-artifact', path.join(context.house.folder, 'fw.bin'));
});
test.after(async ({ house }) => house?.end());

const URL_IN_DOCUMENT = '${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/fw.bin}';
const ENDS = ['SUCCEEDED', 'FAILED', 'REJECTED'];

async function create(house: House, jobId: string, thing: string, args: string[], seconds = 600): Promise<void> {
  const steps = [{ action: { name: 'load', type: 'runHandler', input: { handler: 'errand:download', args } } }];
  const role = `roleArn=arn:aws:iam::123456789012:role/reader,expiresInSec=${seconds}`;
  const document = JSON.stringify({ version: '1.0', steps });
  const job = ['--job-id', jobId, '--targets', arnOf(thing), '--document', document];
  await house.errand('create-job', ...job, '--presigned-url-config', role);
}

/** Lets this many bytes of files through and then nothing more, until it is opened; every connection goes by it. */
function throttle(bytesMax: number, opened: () => boolean): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let head = '';
    socket.on('error', () => {});
    sockets.add(socket);
    socket.on('data', function first(bytes) {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', first);
      const [, host, port] = /^CONNECT (.*):(\d+) /.exec(head)!;
      const to = connect(Number(port), host!, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(to);
        let passed = 0;
        to.on('data', (part) => {
          passed += part.length;
          if (opened() || passed < bytesMax) socket.write(part);
        });
        to.on('error', () => {}).on('close', () => socket.destroy());
      });
      socket.on('close', () => to.destroy());
    });
  });
  server.on('close', () => sockets.forEach((socket) => void socket.destroy()));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

test('kill -9 in the middle of a download: the next start goes on where it was, and the file is right', async ({
  house,
  content,
}) => {
  let opened = false;
  const proxy = await throttle(1_500_000, () => opened);
  const { port } = proxy.address() as { port: number };
  const downloads = path.join(house.folder, 'downloads');
  const identity = await house.thing('killed');
  const start = () =>
    house.startAgent({ file: FULL_AGENT }, identity, '--downloads', downloads, '--proxy', `127.0.0.1:${port}`);
  const first = start();
  const sha256 = createHash('sha256').update(content).digest('hex');
  await create(house, 'load', 'killed', [URL_IN_DOCUMENT, 'fw.bin', `sha256=${sha256}`, `size=${content.length}`]);
  await first.line(/step 1 of 1 'load' started/);
  const part = path.join(downloads, '.fw.bin.errand-part');
  const have = () => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  while (have() < 1_000_000) await new Promise((resolve) => setImmediate(resolve));
  await first.kill();
  const before = have();
  opened = true;
  const second = start();
  const { status, statusDetails } = await house.until('load', 'killed', ...ENDS);
  assert.is(status, 'SUCCEEDED', `${JSON.stringify(statusDetails)}\n${second.lines.join('\n')}`);
  assert.ok(before > 0 && before < content.length);
  assert.ok(readFileSync(path.join(downloads, 'fw.bin')).equals(content));
  assert.equal(readdirSync(downloads), ['fw.bin']);
  await second.kill();
  proxy.close();
});

test('a download that is cancelled leaves nothing behind', async ({ house }) => {
  const proxy = await throttle(1_500_000, () => false);
  const { port } = proxy.address() as { port: number };
  const downloads = path.join(house.folder, 'cancelled');
  const flags = ['--downloads', downloads, '--proxy', `127.0.0.1:${port}`];
  const agent = house.startAgent({ file: FULL_AGENT }, await house.thing('cancelled'), ...flags);
  await create(house, 'never', 'cancelled', [URL_IN_DOCUMENT, 'fw.bin']);
  const part = path.join(downloads, '.fw.bin.errand-part');
  while (!((statSync(part, { throwIfNoEntry: false })?.size ?? 0) > 1_000_000)) await new Promise(setImmediate);
  await house.errand('cancel-job', '--job-id', 'never', '--force');
  await agent.line(/'load' ended/);
  assert.equal(readdirSync(downloads), []);
  await agent.kill();
  proxy.close();
});

test('AWS-Download-File: from a URL into the folder for downloads, and nowhere else', async ({ house, content }) => {
  const downloads = path.join(house.folder, 'managed');
  const agent = house.startAgent({ file: FULL_AGENT }, await house.thing('managed'), '--downloads', downloads);
  const server = (await import('node:http')).createServer((_, response) => response.end(content));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const arn = 'arn:aws:iot:us-east-1::jobtemplate/AWS-Download-File:1.0';
  const run = async (jobId: string, filePath: string) => {
    const parameters = JSON.stringify({ downloadUrl: `http://127.0.0.1:${port}/x`, filePath });
    const job = ['--job-id', jobId, '--targets', arnOf('managed'), '--job-template-arn', arn];
    await house.errand('create-job', ...job, '--document-parameters', parameters);
    return house.until(jobId, 'managed', ...ENDS);
  };
  const inside = await run('inside', path.join(downloads, 'x'));
  assert.is(inside.status, 'SUCCEEDED', `${JSON.stringify(inside)}\n${agent.lines.join('\n')}`);
  assert.ok(readFileSync(path.join(downloads, 'x')).equals(content));
  const outside = await run('outside', path.join(house.folder, 'x'));
  assert.is(outside.status, 'FAILED');
  assert.match(outside.statusDetails.detailsMap!.reason!, /outside of .*; --downloads says where files may be put/);
  server.closeAllConnections();
  server.close();
});

test.run();
