import { createHash, createSign, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { download } from '../../../../targets/sbc/downloads/download.ts';
import { DOWNLOADERS } from '../../../../targets/sbc/downloads/handler.ts';
import { AGENT_ENDS, type Download, type HandlerContext } from '../../../../targets/sbc/handlers/handler.ts';
import type { Settings } from '../../../../targets/sbc/settings.ts';

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

interface Context {
  root: string;
  folder: string;
  server: Server;
  url: string;
  serve: Serve;
  /** The `Range` of each request. */
  ranges: (string | undefined)[];
}

const CONTENT = randomBytes(200_000);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

const test = suite<Context>('downloads');
test.before.each(async (context) => {
  context.root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-downloads-')));
  context.folder = path.join(context.root, 'files');
  context.ranges = [];
  context.serve = whole;
  context.server = createServer((request, response) => {
    context.ranges.push(request.headers.range);
    context.serve(request, response);
  });
  await new Promise<void>((resolve) => context.server.listen(0, '127.0.0.1', resolve));
  context.url = `http://127.0.0.1:${(context.server.address() as AddressInfo).port}/fw.bin`;
});
test.after.each(({ root, server }) => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true });
});

const ETAG = '"v1"';

/** As a server of files does it: all of it, or what a Range with the right If-Range asks for. */
const whole: Serve = ({ headers }, response) => {
  const [, first] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
  const from = first !== undefined && headers['if-range'] === ETAG ? Number(first) : 0;
  response.setHeader('etag', ETAG).setHeader('content-length', CONTENT.length - from);
  if (from > 0) response.setHeader('content-range', `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`);
  response.writeHead(from > 0 ? 206 : 200).end(CONTENT.subarray(from));
};

/** Some of it, then the connection ends: once there is something of it on disk. */
const cutAt =
  ({ folder }: Context, bytes: number): Serve =>
  async (_, response) => {
    response.writeHead(200, { etag: ETAG, 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, bytes));
    const part = path.join(folder, '.fw.bin.errand-part');
    while (!existsSync(part) || statSync(part).size === 0) await new Promise((resolve) => setImmediate(resolve));
    response.destroy();
  };

/** Each request is served by the next of these, the last serves all others. */
function inTurn(context: Context, ...serves: Serve[]): void {
  context.serve = (request, response) => (serves.length > 1 ? serves.shift()! : serves[0]!)(request, response);
}

function load(context: Context, what: Partial<Download> = {}, more: Partial<Settings> = {}, signal?: AbortSignal) {
  const settings = { downloads: context.folder, downloadBytesMax: 1e6, ca: '', ...more } as Settings;
  const progress: HandlerContext['progress'] = () => {};
  const given = { signal: signal ?? new AbortController().signal, progress, runAsUser: undefined };
  return download(settings, given, { url: context.url, file: 'fw.bin', ...what });
}

const failure = (start: Promise<void>) =>
  start.then(
    () => 'no failure',
    ({ message }: Error) => message,
  );
const loaded = ({ folder }: Context, name = 'fw.bin') => readFileSync(path.join(folder, name));
const left = ({ folder }: Context) => (existsSync(folder) ? readdirSync(folder) : []);

test('a file appears under its name when all of it is there and right; nothing else is left', async (context) => {
  await load(context, { sha256: SHA256.toUpperCase(), sizeBytes: CONTENT.length });
  assert.ok(loaded(context).equals(CONTENT));
  assert.equal(left(context), ['fw.bin']);
  assert.is(statSync(path.join(context.folder, 'fw.bin')).mode & 0o777, 0o644);
});

test('a connection that ends in the middle is gone on with where it was', async (context) => {
  inTurn(context, cutAt(context, 70_000), whole);
  await load(context);
  assert.ok(loaded(context).equals(CONTENT));
  assert.is(context.ranges.length, 2);
  assert.match(context.ranges[1]!, /^bytes=[1-9]\d*-$/);
});

test('what an ended process has left is gone on with; another ETag or a torn note starts anew', async (context) => {
  const leave = (etag: string, bytes: Buffer) => {
    mkdirSync(context.folder, { recursive: true });
    writeFileSync(path.join(context.folder, '.fw.bin.errand-part'), bytes);
    const note = JSON.stringify({ source: context.url, etag });
    writeFileSync(path.join(context.folder, '.fw.bin.errand-part.json'), etag ? note : note.slice(0, 20));
  };
  leave(ETAG, CONTENT.subarray(0, 1_000));
  await load({ ...context, url: `${context.url}?X-Amz-Signature=2` });
  leave('"v0"', randomBytes(1_000));
  await load(context, { sha256: SHA256 });
  leave('', randomBytes(1_000));
  await load(context, { sha256: SHA256 });
  assert.equal(context.ranges, ['bytes=1000-', 'bytes=1000-', undefined]);
  assert.ok(loaded(context).equals(CONTENT));
});

test('an abort leaves nothing, one for the end of the agent keeps what there is', async (context) => {
  context.serve = (_, response) => {
    response.writeHead(200, { etag: ETAG, 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 5_000));
  };
  const part = path.join(context.folder, '.fw.bin.errand-part');
  for (const [reason, kept] of [
    [undefined, []],
    [AGENT_ENDS, ['.fw.bin.errand-part', '.fw.bin.errand-part.json']],
  ]) {
    const abort = new AbortController();
    const ended = failure(load(context, {}, {}, abort.signal));
    while (!existsSync(part) || statSync(part).size === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(reason);
    await ended;
    assert.equal(left(context).sort(), kept);
  }
});

test('after a restart of the device only what was synced is gone on with', async (context) => {
  mkdirSync(context.folder);
  const part = path.join(context.folder, '.fw.bin.errand-part');
  const note = { source: context.url, etag: ETAG, synced: 70_000, bootId: 'one' };
  for (const [bootId, range] of [
    ['one', 'bytes=90000-'],
    ['two', 'bytes=70000-'],
  ] as const) {
    const lost = bootId === 'two' ? Buffer.alloc(20_000) : CONTENT.subarray(70_000, 90_000);
    writeFileSync(part, Buffer.concat([CONTENT.subarray(0, 70_000), lost]));
    writeFileSync(`${part}.json`, JSON.stringify(note));
    await load(context, {}, { bootId });
    assert.is(context.ranges.at(-1), range);
    assert.ok(loaded(context).equals(CONTENT));
  }
});

test('a server that knows no ETag is asked for all of it again', async (context) => {
  const weak =
    (serve: Serve): Serve =>
    (request, response) => {
      const { setHeader } = response;
      response.setHeader = ((name: string, value: string) =>
        setHeader.call(response, name, name === 'etag' ? 'W/"1"' : value)) as never;
      serve(request, response);
    };
  inTurn(
    context,
    (_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 100), () => response.destroy());
    },
    weak(whole),
  );
  await load(context, { sha256: SHA256 });
  assert.equal(context.ranges.slice(-1), [undefined]);
});

test('an expired URL is asked for anew, and the part that is there is kept', async (context) => {
  inTurn(context, cutAt(context, 50_000), (_, response) => response.writeHead(403).end('expired'), whole);
  await load(context, { refresh: async () => `${context.url}?fresh` });
  assert.is(context.ranges.length, 3);
  assert.match(context.ranges[2]!, /^bytes=[1-9]\d*-$/);
  assert.ok(loaded(context).equals(CONTENT));
});

test('sizes: more than is stated or allowed is refused before it is loaded, also where the server does not say', async (context) => {
  assert.match(await failure(load(context, { sizeBytes: 10 })), 'it has 200000 bytes or more: at most 10 are allowed');
  assert.match(await failure(load(context, { sizeBytes: 200_001 })), 'it has 200000 bytes, expected 200001');
  assert.match(await failure(load(context, {}, { downloadBytesMax: 1_000 })), 'at most 1000 are allowed');
  assert.is(context.ranges.length, 3);
  context.serve = (_, response) => response.end(CONTENT);
  assert.match(await failure(load(context, { sizeBytes: 10 })), 'at most 10 are allowed');
  assert.equal(left(context), []);
});

test('content that is not as stated is not kept', async (context) => {
  const expected = '0'.repeat(64);
  assert.is(await failure(load(context, { sha256: expected })), `its SHA-256 is ${SHA256}, expected ${expected}`);
  assert.equal(left(context), []);
});

test('signatures: Ed25519 of the SHA-256, ECDSA of the content; with a key, none or a wrong one is refused', async (context) => {
  const ed = generateKeyPairSync('ed25519');
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const digest = createHash('sha256').update(CONTENT).digest();
  const good: [key: typeof ed.publicKey, signature: Buffer][] = [
    [ed.publicKey, sign(null, digest, ed.privateKey)],
    [ec.publicKey, createSign('sha256').update(CONTENT).sign(ec.privateKey)],
    [ec.publicKey, createSign('sha256').update(CONTENT).sign({ key: ec.privateKey, dsaEncoding: 'ieee-p1363' })],
  ];
  for (const [key, signature] of good) {
    const downloadKey = key.export({ type: 'spki', format: 'pem' }) as string;
    await load(context, { signature: signature.toString('base64') }, { downloadKey });
    rmSync(path.join(context.folder, 'fw.bin'));
    signature[signature.length - 1]! ^= 1;
    const wrong = load(context, { signature: signature.toString('base64') }, { downloadKey });
    assert.match(await failure(wrong), 'the signature is not of this content');
    assert.match(await failure(load(context, {}, { downloadKey })), 'there is no signature');
    assert.equal(left(context), []);
  }
});

test('no path and no link leads out of the folder', async (context) => {
  mkdirSync(path.join(context.folder, 'in'), { recursive: true });
  mkdirSync(path.join(context.root, 'filesystem'));
  symlinkSync(context.root, path.join(context.folder, 'out'));
  symlinkSync('/etc/passwd', path.join(context.folder, 'link'));
  for (const file of ['../x', '/etc/x', 'in/../../x', 'out/x', '../filesystem/x'])
    assert.match(await failure(load(context, { file })), /leads to .*, outside of/, file);
  for (const file of ['', 'in/', '.', '..', 'a\0b'])
    assert.not.equal(await failure(load(context, { file })), 'no failure', file);
  assert.match(await failure(load(context, { file: 'link' })), 'is there and is not a file');
  assert.match(await failure(load(context, { file: 'none/x' })), /ENOENT/);
  symlinkSync('/etc/passwd', path.join(context.folder, '.fw.bin.errand-part'));
  assert.match(await failure(load(context)), /ELOOP/);
  assert.equal(context.ranges, []);
  await load(context, { file: path.join(context.folder, 'in', 'a') });
  assert.ok(loaded(context, 'in/a').equals(CONTENT));
});

test('redirects are followed, but not for ever and not to another kind of URL', async (context) => {
  const to =
    (location: string): Serve =>
    (_, response) =>
      response.writeHead(302, { location }).end();
  inTurn(context, to('/other'), whole);
  await load(context);
  context.serve = to('/again');
  assert.match(await failure(load(context)), 'redirected more than 5 times');
  context.serve = to('file:///etc/passwd');
  assert.match(await failure(load(context)), 'file:// cannot be loaded here');
});

test('what does not pass is not tried again: 404, and 403 without another URL', async (context) => {
  for (const status of [404, 403]) {
    context.serve = (_, response) => response.writeHead(status).end();
    assert.is(await failure(load(context)), `the server answered ${status}`);
  }
  assert.is(context.ranges.length, 2);
});

test('a proxy of the settings is gone through, with its credentials', async (context) => {
  const asked: string[] = [];
  let passed = 0;
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization']}`);
    const [host, port] = request.url!.split(':');
    const to = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      to.on('data', ({ length }) => (passed += length));
      to.pipe(socket).pipe(to);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  await load(context, { sha256: SHA256 }, { proxy: { host: '127.0.0.1', port }, proxyCredentials: 'me:secret' });
  const authorization = Buffer.from('me:secret').toString('base64');
  assert.equal(asked, [`${new URL(context.url).host} Basic ${authorization}`]);
  assert.ok(passed > CONTENT.length, `${passed} bytes came through it`);
  proxy.closeAllConnections();
  proxy.close();
});

test('download-file.sh: URL, file and what is stated of it; the signature also as AWS Signer gives it', async () => {
  const [handler] = DOWNLOADERS;
  const given: Download[] = [];
  const call = (args: string[], document = {}) =>
    handler!.run({
      args,
      document,
      download: async (what: Download) => void given.push(what),
    } as unknown as HandlerContext);
  await call(['https://x.example/a?b', 'a', 'size=7', `sha256=${SHA256}`, 'signature=QUJD']);
  await call(['https://x.example/a?b', 'a'], { codesign: { signature: 'QUJD', rawPayloadSize: 9 } });
  assert.equal(
    given.map(({ url, file, sizeBytes, sha256, signature }) => [url, file, sizeBytes, sha256, signature]),
    [
      ['https://x.example/a?b', 'a', 7, SHA256, 'QUJD'],
      ['https://x.example/a?b', 'a', 9, undefined, 'QUJD'],
    ],
  );
  for (const args of [[], ['no url', 'a'], ['https://x', 'a', 'size=-1'], ['https://x', 'a', 'constructor=1']])
    assert.match(await failure(call(args) as Promise<never>), /its first argument is no URL|expected size=BYTES/);
});

test.run();
