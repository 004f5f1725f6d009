import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Artifacts, openArtifacts } from '../../../../targets/service/artifacts/artifacts.ts';
import { openContents } from '../../../../targets/service/artifacts/contents.ts';
import { freshStore } from '../store/engines.ts';

const test = suite<{ folder: string }>('contents');
test.before.each((context) => {
  context.folder = path.join(mkdtempSync(path.join(os.tmpdir(), 'errand-artifacts-')), 'artifacts');
});
test.after.each(({ folder }) => rmSync(path.dirname(folder), { recursive: true, force: true }));

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const from = (...texts: string[]) => Readable.from(texts.map((text) => Buffer.from(text)));

test('what is received is under a name of its own until it is kept, and then under its SHA-256, mode 0600', async ({
  folder,
}) => {
  const contents = openContents(folder);
  const received = await contents.receive(from('one ', 'two'), ['md5']);
  assert.equal([received.sha256, received.bytes], [sha256('one two'), 7]);
  assert.is(received.digests.md5!.toString('hex'), createHash('md5').update('one two').digest('hex'));
  assert.match(readdirSync(folder).join(), /^[0-9a-f-]{36}\.part$/);
  await received.keep();
  assert.equal(readdirSync(folder), [received.sha256]);
  assert.equal(
    [statSync(folder), statSync(path.join(folder, received.sha256))].map(({ mode }) => mode & 0o777),
    [0o700, 0o600],
  );
  await received.drop(); // too late: it has its name
  assert.is(readFileSync(path.join(folder, received.sha256), 'utf8'), 'one two');
  const dropped = await contents.receive(from('three'));
  await dropped.drop();
  assert.equal(readdirSync(folder), [received.sha256]);
});

test('a source that breaks off leaves nothing', async ({ folder }) => {
  async function* breaking() {
    yield Buffer.from('half');
    throw new Error('gone');
  }
  const error = await openContents(folder)
    .receive(breaking())
    .catch((reason: Error) => reason);
  assert.is((error as Error).message, 'gone');
  assert.equal(readdirSync(folder), []);
});

test('only a SHA-256 is a name of content: nothing outside of the folder can be opened or removed', async ({
  folder,
}) => {
  const contents = openContents(folder);
  for (const name of ['../errand.db', '', 'x'.repeat(64), sha256('a').toUpperCase()]) {
    for (const act of [contents.open, contents.remove]) {
      const error = await Promise.resolve()
        .then(async () => void (await act(name)))
        .catch((reason: Error) => reason);
      assert.match((error as Error).message, 'is no SHA-256');
    }
  }
});

test('after a crash the halves and the contents without a name are swept away, and nothing else', async ({
  folder,
}) => {
  const contents = openContents(folder);
  assert.is(await contents.sweep(async () => true), 0, 'there is no folder yet');
  for (const text of ['named', 'unnamed']) await (await contents.receive(from(text))).keep();
  await contents.receive(from('half')); // neither kept nor dropped
  writeFileSync(path.join(folder, 'README'), 'not ours');
  assert.is(await contents.sweep(async (name) => name === sha256('named')), 2);
  assert.equal(readdirSync(folder).sort(), ['README', sha256('named')].sort());
});

const open = async (folder: string, nowMillis = () => 1) => {
  const store = await freshStore();
  const artifacts = openArtifacts({ store, folder, nowMillis });
  const put = async (key: string, text: string, bucket = 'bucket') =>
    artifacts.put({ bucket, key }, await artifacts.receive(from(text)), { metadata: {} });
  return { store, artifacts, put };
};
const read = async (artifacts: Artifacts, key: string) => {
  const handle = await artifacts.open((await artifacts.find({ bucket: 'bucket', key }))!);
  return handle.readFile('utf8').finally(() => handle.close());
};

test('the same bytes are kept once, and go with the last of their names', async ({ folder }) => {
  const { store, artifacts, put } = await open(folder);
  await Promise.all([put('a', 'same'), put('b', 'same'), put('c', 'other')]);
  assert.is(readdirSync(folder).length, 2);
  await put('a', 'other');
  assert.is(await read(artifacts, 'b'), 'same');
  assert.is(await artifacts.remove({ bucket: 'bucket', key: 'b' }), true);
  assert.is(await artifacts.remove({ bucket: 'bucket', key: 'b' }), false);
  assert.equal(readdirSync(folder), [sha256('other')]);
  // Removed and put at the same time, again and again: a name never stands for content that is not there.
  for (let i = 0; i < 20; i++) {
    await Promise.all([put('a', 'turn'), artifacts.remove({ bucket: 'bucket', key: 'd' }), put('d', 'turn')]);
    await Promise.all([artifacts.remove({ bucket: 'bucket', key: 'a' }), put('a', 'turn'), put('d', `turn ${i % 2}`)]);
    assert.is(await read(artifacts, 'a'), 'turn');
  }
  await store.close();
});

test('lists come by bucket and key, in the order of bytes, a page at a time, by bucket and by prefix', async ({
  folder,
}) => {
  const { store, artifacts, put } = await open(folder);
  for (const key of ['b/2', 'a', 'B', 'b/1', 'b_', 'ü']) await put(key, 'x');
  await put('first', 'x', 'aaa');
  const keys = async (filter: object) =>
    (await artifacts.list({ limit: 10, ...filter })).map(({ bucket, key }) => `${bucket}:${key}`);
  const all = ['aaa:first', 'bucket:B', 'bucket:a', 'bucket:b/1', 'bucket:b/2', 'bucket:b_', 'bucket:ü'];
  assert.equal(await keys({}), all);
  assert.equal(await keys({ bucket: 'bucket', prefix: 'b/' }), all.slice(3, 5));
  assert.equal(await keys({ prefix: 'b_' }), ['bucket:b_']);
  assert.equal(await keys({ after: { bucket: 'aaa', key: 'zzz' }, limit: 2 }), all.slice(1, 3));
  assert.equal(await keys({ after: { bucket: 'bucket', key: 'b/1' } }), all.slice(4));
  await store.close();
});

test.run();
