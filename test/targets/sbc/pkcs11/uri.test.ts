import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { orTokenKey, parseUri, readPin } from '../../../../targets/sbc/pkcs11/uri.ts';
import { readSettings } from '../../../../targets/sbc/settings.ts';

const test = suite<{ folder: string }>('uri');
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-uri-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

function write(folder: string, name: string, text: string, mode = 0o600): string {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode });
  return file;
}

test('parseUri: what the engine is told, and what the agent does itself (RFC 7512 §2.3, §2.4)', () => {
  const cases: [string, string, string | undefined, string | undefined][] = [
    ['pkcs11:id=%01%ff;type=private?pin-source=file:/etc/pin', 'pkcs11:id=%01%ff;type=private', '/etc/pin', undefined],
    ['pkcs11:object=k?module-path=/m.so&pin-source=/etc/a%20pin', 'pkcs11:object=k', '/etc/a pin', '/m.so'],
    ['pkcs11:object=k?pin-source=file:///etc/pin', 'pkcs11:object=k', '/etc/pin', undefined],
    ['pkcs11:?pin-source=/p', 'pkcs11:', '/p', undefined],
  ];
  for (const [uri, object, pinFile, module] of cases) assert.equal(parseUri(uri), { object, pinFile, module }, uri);
});

test('parseUri: refuses what the engine does not know, and a PIN that others could see', () => {
  const cases: [string, RegExp][] = [
    ['pkcs11:slot-id=3;object=k', /^found slot-id: expected token, manufacturer, serial, model, object, id, type/],
    ['pkcs11:object', /^'object': expected NAME=VALUE/],
    ['pkcs11:object=100%', /^'object=100%': expected NAME=VALUE, with %20 for a space/],
    ['pkcs11:object=k?pin-value=1234', /^put the PIN into a file of mode 0600, and pin-source=file:\/PATH here/],
    ['pkcs11:token=board;object=key', /^add \?pin-source=file:\/PATH, a file of mode 0600 with the token's PIN/],
    ['pkcs11:object=k?pin-source=pin', /^pin-source: expected an absolute path/],
    ['pkcs11:object=k?module-name=m', /^found module-name behind '\?': expected pin-source and module-path/],
    ['pkcs11:object=k?module-path=/a&module-path=/b&x=1', /^found x behind '\?'/],
  ];
  for (const [uri, said] of cases) assert.throws(() => parseUri(uri), said, uri);
});

test('a key is a URI or a file; the PIN has a file of one line that is closed to others', ({ folder }) => {
  const read = orTokenKey((_, file) => `the text of ${file}`);
  assert.is(read('key.pem', '/key.pem'), 'the text of /key.pem');
  const pin = write(folder, 'pin', '12 34\n');
  const uri = `pkcs11:object=k?pin-source=file:${pin}`;
  assert.is(read(uri, ''), uri);
  assert.is(readPin(pin), '12 34');
  assert.throws(
    () => read(`pkcs11:object=k?pin-source=${write(folder, 'open', '1234', 0o640)}`, ''),
    /run: chmod go-rwx/,
  );
  assert.throws(
    () => read(`pkcs11:object=k?pin-source=${write(folder, 'none', '\n')}`, ''),
    /expected one line with the/,
  );
  assert.throws(() => read(`${uri}&module-path=/no.so`, ''), /^module-path \/no\.so is not there/);
  const theirs = write(folder, 'conf', '{ "secure-element": { "secure-element-pin": "0000" } }', 0o644);
  assert.is(readPin(theirs), '0000');
});

test('what is said of a wrong URI does not have its PIN', () => {
  const found = readSettings(['--key', 'pkcs11:object=k?pin-value=4711&x=1', '--key-engine', '/no.so'], {});
  const faults = 'faults' in found ? found.faults.join('\n') : '';
  assert.match(faults, /^--key 'pkcs11:object=k\?pin-value=\.\.\.&x=1': put the PIN into a file/m);
  assert.match(faults, /^--key-engine '\/no\.so': there is no such file/m);
  assert.not.match(faults, /4711/);
});

test.run();
