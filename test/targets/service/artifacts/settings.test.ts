import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readS3Settings } from '../../../../targets/service/artifacts/settings.ts';
import { readServiceSettings } from '../../../../targets/service/settings.ts';

const ENV = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret' };

function read(given: Parameters<typeof readS3Settings>[0], env: NodeJS.ProcessEnv = ENV) {
  const faults: string[] = [];
  return { ...readS3Settings(given, 'eu-west-1', env, faults), faults };
}

test('without flags files are kept here, whatever the environment has', () => {
  assert.equal(read({}), { filesUrl: undefined, s3: undefined, faults: [] });
  const url = read({ 'files-url': 'https://files.example.com:444/' });
  assert.equal([url.filesUrl, url.faults], ['https://files.example.com:444', []]);
});

test('--s3-endpoint takes its key from the environment, or from a file that nobody else may read', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-s3-'));
  try {
    const endpoint = { 's3-endpoint': 'https://s3.eu-west-1.amazonaws.com' };
    const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'secret' };
    const s3 = { endpoint: endpoint['s3-endpoint'], region: 'eu-west-1', credentials };
    assert.equal(read(endpoint), { filesUrl: undefined, s3, faults: [] });
    const session = read(endpoint, { ...ENV, AWS_SESSION_TOKEN: 'token' });
    assert.is(session.s3?.credentials.sessionToken, 'token');
    const file = path.join(folder, 'key.json');
    writeFileSync(file, JSON.stringify({ ...credentials, accessKeyId: 'AKIAFILE' }), { mode: 0o600 });
    const flag = { ...endpoint, 's3-access-key-file': file };
    assert.is(read(flag, {}).s3?.credentials.accessKeyId, 'AKIAFILE');
    const open = path.join(folder, 'open.json');
    writeFileSync(open, '{}', { mode: 0o644 });
    assert.match(read({ ...endpoint, 's3-access-key-file': open }, {}).faults.join(), /open\.json.*mode 0644/);
    writeFileSync(file, '{"accessKeyId": 7}');
    assert.match(read(flag, {}).faults.join(), 'expected {"accessKeyId": "...", "secretAccessKey": "..."}');
    assert.match(read({ ...endpoint, 's3-access-key-file': `${file}x` }, {}).faults.join(), 'there is no such file');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is wrong with them comes as one sentence each', () => {
  assert.match(read({ 's3-endpoint': 'https://s3.amazonaws.com' }, {}).faults.join(), 'needs an access key');
  for (const url of ['s3.amazonaws.com', 'https://host/path', 'ftp://host', 'https://host?query'])
    assert.match(read({ 's3-endpoint': url }).faults.join(), `--s3-endpoint is '${url}': expected https://HOST[:PORT]`);
  assert.match(read({ 'files-url': 'http://host' }).faults.join(), "--files-url is 'http://host'");
  assert.equal(read({ 's3-region': 'eu-west-1' }).faults, ['--s3-region is given without --s3-endpoint']);
  const both = read({ 'files-url': 'https://a', 's3-endpoint': 'https://b' });
  assert.match(both.faults.join(), 'are both given');
});

test('--files-port is 9444 unless it is given, and any free one where --https-port is', () => {
  const port = (...argv: string[]) => {
    const settings = readServiceSettings(argv);
    return typeof settings === 'object' && 'filesPort' in settings ? settings.filesPort : settings;
  };
  assert.equal([port(), port('--https-port', '0'), port('--https-port', '0', '--files-port', '7')], [9444, 0, 7]);
  assert.equal(port('--files-port', 'x'), { faults: ["--files-port is 'x': expected a port, 0 to 65535"] });
});

test.run();
