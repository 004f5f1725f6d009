import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fetchImage } from '../../../targets/bridge/image.ts';

const test = suite('firmware images on the bridge');
const image = randomBytes(5_000);
const sha256 = createHash('sha256').update(image).digest('hex');

async function fetchFrom(
  answer: RequestListener,
  more: { bytesMax?: number; stopped?: AbortSignal; hash?: string } = {},
) {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-image-'));
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/image?token=secret`;
  const { bytesMax = 10_000, stopped = new AbortController().signal, hash = sha256 } = more;
  try {
    const how = { bytesMax, ca: '', progress: () => {}, stopped };
    const first = await fetchImage({ source, sha256: hash }, folder, how);
    return { first, again: await fetchImage({ source, sha256: hash }, folder, how), left: readdirSync(folder) };
  } catch (error) {
    assert.equal(readdirSync(folder), [], 'nothing is left of an image that failed');
    return { error: (error as Error).message };
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

test('fetched, checked, and kept for the next try', async () => {
  let asked = 0;
  const { first, again, left } = await fetchFrom((_, response) => {
    asked += 1;
    response.end(image);
  });
  assert.ok(first && Buffer.from(first).equals(image) && again && Buffer.from(again).equals(image));
  assert.equal([asked, left], [1, [sha256]]);
});

test('redirects are followed, what a server refuses is final and named without its signature', async () => {
  const moved = await fetchFrom((request, response) => {
    if (request.url === '/there') response.end(image);
    else response.writeHead(302, { location: '/there' }).end();
  });
  assert.ok(moved.first);
  const refused = await fetchFrom((_, response) => response.writeHead(403).end());
  assert.match(refused.error ?? '', /^http:\/\/127\.0\.0\.1:\d+\/image: the server answers 403/);
  const loop = await fetchFrom((_, response) => response.writeHead(301, { location: '/again' }).end());
  assert.match(loop.error ?? '', /more than 5 redirects/);
  const elsewhere = await fetchFrom((_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end());
  assert.match(elsewhere.error ?? '', /redirects to file:/);
});

test('too large is refused, by what the server says and by what comes', async () => {
  const said = await fetchFrom((_, response) => response.writeHead(200, { 'content-length': '20000' }).end(), {});
  assert.match(said.error ?? '', /has 20000 bytes or more: at most 10000/);
  const came = await fetchFrom((_, response) => {
    response.write(Buffer.alloc(8_000));
    response.end(Buffer.alloc(8_000));
  });
  assert.match(came.error ?? '', /has 1?[68]000 bytes or more: at most 10000/);
});

test('another hash is refused, and nothing of it is kept', async () => {
  const { error } = await fetchFrom((_, response) => response.end('something else'));
  assert.match(error ?? '', /SHA-256 is [0-9a-f]{64}: expected/);
});

test('a server that breaks off is asked again', async () => {
  let asked = 0;
  const { first } = await fetchFrom((_, response) => {
    asked += 1;
    if (asked > 1) return response.end(image);
    response.writeHead(200, { 'content-length': '5000' }).write(image.subarray(0, 1000));
    return setImmediate(() => response.destroy());
  });
  assert.equal([first?.length, asked], [5_000, 2]);
});

test('stopped: ends at once', async () => {
  const stop = new AbortController();
  const { error } = await fetchFrom(
    (_, response) => {
      response.write('a');
      stop.abort();
    },
    { stopped: stop.signal },
  );
  assert.is(error, 'it was stopped');
});

test('a file of the board, by its path', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-image-'));
  const how = { bytesMax: 10_000, ca: '', progress: () => {}, stopped: new AbortController().signal };
  try {
    const file = path.join(folder, 'image.bin');
    writeFileSync(file, image);
    const images = path.join(folder, 'images');
    assert.is((await fetchImage({ source: file, sha256 }, images, how)).length, 5_000);
    assert.ok(existsSync(path.join(images, sha256)));
    const missing = await fetchImage({ source: '/nowhere', sha256: '0'.repeat(64) }, images, how).catch(
      (error: Error) => error,
    );
    assert.match(`${missing}`, /\/nowhere: ENOENT/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
