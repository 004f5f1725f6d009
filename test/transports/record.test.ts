import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RECORD_BYTES_MAX, SLOT_BYTES } from '../../runtime/device/slots.ts';
import { openRecord } from '../../transports/record.ts';

const test = suite<{ folder: string; file: string }>('record', { folder: '', file: '' });
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-record-'));
  context.file = path.join(context.folder, 'record');
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);

/** What the next start finds. */
function read(file: string): { text: string | undefined; warning: string | undefined } {
  const { record, warning, close } = openRecord(file);
  close();
  return { text: record && Buffer.from(record).toString(), warning };
}

function write(file: string, ...records: string[]): void {
  const { persist, close } = openRecord(file);
  for (const record of records) persist(bytes(record));
  close();
}

test('a new one is private, has its full length at once, and holds nothing', ({ file }) => {
  assert.equal(read(file), { text: undefined, warning: undefined });
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(statSync(file).size, 2 * SLOT_BYTES);
  assert.ok(statSync(file).blocks * 512 >= 2 * SLOT_BYTES, 'no hole');
});

test('the newest record is read back, an empty one is nothing to remember', ({ file }) => {
  for (const record of ['one', 'two', 'three, longer than the others', 'four']) {
    write(file, record);
    assert.equal(read(file), { text: record, warning: undefined });
  }
  write(file, '');
  assert.equal(read(file), { text: undefined, warning: undefined });
  assert.is(statSync(file).size, 2 * SLOT_BYTES);
});

test('a write torn at any byte leaves the record before it', ({ file }) => {
  write(file, 'first', 'the second one');
  const before = readFileSync(file);
  write(file, 'third');
  const after = readFileSync(file);
  const changed = [...after.keys()].filter((i) => after[i] !== before[i]);
  const [from, to] = [changed[0]!, changed.at(-1)! + 1];
  assert.ok(to <= SLOT_BYTES, 'the older slot was overwritten');
  for (let torn = from; torn < to; torn += 1) {
    const mixed = Buffer.from(before);
    after.copy(mixed, 0, 0, torn);
    writeFileSync(file, mixed);
    assert.equal(read(file), { text: 'the second one', warning: undefined }, `torn at ${torn}`);
    // The tail alone, as a disk that writes sectors out of order may leave it.
    const tail = Buffer.from(after);
    before.copy(tail, 0, 0, torn + 1);
    writeFileSync(file, tail);
    assert.is(read(file).text, torn + 1 <= from ? 'third' : 'the second one', `tail from ${torn + 1}`);
  }
});

test('after a torn write the surviving record is never the one overwritten', ({ file }) => {
  write(file, 'first', 'second');
  const torn = readFileSync(file);
  torn.fill(0xa5, 4, 40);
  writeFileSync(file, torn);
  write(file, 'third');
  const half = readFileSync(file);
  half.fill(0, 0, 40);
  writeFileSync(file, half);
  assert.equal(read(file), { text: 'second', warning: undefined });
});

test('a file cut at any place while it was made is completed', ({ file }) => {
  for (const size of [0, 1, SLOT_BYTES - 1, SLOT_BYTES, 2 * SLOT_BYTES - 1]) {
    writeFileSync(file, new Uint8Array(size));
    write(file, 'kept');
    assert.equal(read(file), { text: 'kept', warning: undefined }, `${size} bytes`);
    assert.is(statSync(file).size, 2 * SLOT_BYTES);
  }
});

test('when both slots are unreadable one sentence says so, and the next record is kept', ({ file }) => {
  writeFileSync(file, Buffer.alloc(2 * SLOT_BYTES, 0xa5));
  const found = read(file);
  assert.is(found.text, undefined);
  assert.match(found.warning ?? '', /^no readable record is left in .*record: /);
  write(file, 'again');
  assert.equal(read(file), { text: 'again', warning: undefined });
});

test('a record that does not fit is refused and the one before stays', ({ file }) => {
  const { persist, close } = openRecord(file);
  persist(bytes('small'));
  assert.throws(() => persist(new Uint8Array(RECORD_BYTES_MAX + 1)), /at most 16368/);
  close();
  assert.is(read(file).text, 'small');
  write(file, 'x'.repeat(RECORD_BYTES_MAX));
  assert.is(read(file).text?.length, RECORD_BYTES_MAX);
});

test('a write that failed is repeated into the same slot and wins', ({ file }) => {
  write(file, 'first', 'second');
  const before = readFileSync(file);
  const { persist, close } = openRecord(file);
  close(); // every write now fails with EBADF
  assert.throws(() => persist(bytes('third')), /EBADF/);
  assert.equal(readFileSync(file), before);
  truncateSync(file, 2 * SLOT_BYTES);
  write(file, 'third');
  assert.equal(readFileSync(file).subarray(SLOT_BYTES), before.subarray(SLOT_BYTES));
  assert.is(read(file).text, 'third');
});

test.run();
