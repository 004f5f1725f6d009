import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { help, readSettings, type Settings } from '../../../targets/sbc/settings.ts';

const test = suite<{ folder: string; flags: Record<string, string>; home: string }>('settings', {
  folder: '',
  flags: {},
  home: process.cwd(),
});

const CERT = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const KEY = '-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n';

test.before.each((context) => {
  context.folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-settings-')));
  const file = (name: string, text: string) => {
    writeFileSync(path.join(context.folder, name), text, { mode: 0o600 });
    return path.join(context.folder, name);
  };
  context.flags = {
    endpoint: 'jobs.example.com',
    thing: 'lamp',
    ca: file('ca.pem', CERT),
    cert: file('cert.pem', CERT),
    key: file('key.pem', KEY),
  };
  process.chdir(context.folder);
});
test.after.each(({ folder, home }) => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

const argv = (flags: Record<string, string>) => Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);

function settings(args: string[], env: Record<string, string> = {}): Settings {
  const found = readSettings(args, env);
  if (!('host' in found)) throw new Error(JSON.stringify(found));
  return found;
}

function faults(args: string[], env: Record<string, string> = {}): string[] {
  const found = readSettings(args, env);
  return 'faults' in found ? found.faults : [`no fault: ${JSON.stringify(found)}`];
}

test('with the five that are needed, everything else has its default', ({ flags }) => {
  assert.equal(settings(argv(flags)), {
    host: 'jobs.example.com',
    port: 8883,
    thingName: 'lamp',
    ca: CERT,
    cert: CERT,
    key: KEY,
    data: '/var/lib/errand',
    handlers: '/etc/errand/handlers',
    keepAliveSeconds: 60,
    retryMaxMillis: 120_000,
    log: { level: 'info', json: false },
    warnings: [],
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    attributes: {},
    endpoint: { host: 'jobs.example.com', others: [] },
    mqttPort: 8883,
    proxy: undefined,
    proxyCredentials: undefined,
    keyEngine: undefined,
    metrics: undefined,
    downloads: '/var/lib/errand/downloads',
    downloadBytesMax: 1_024_000_000,
    downloadKey: undefined,
    operations: undefined,
    configured: CERT,
    template: undefined,
    parameters: {},
    keyFrom: 'device',
  });
});

test('what conditions ask for and what tells one boot from another are settings too', ({ flags, folder }) => {
  writeFileSync(path.join(folder, 'boot'), 'boot-7\n');
  const found = settings([...argv(flags), '--boot-id', 'boot', '--attributes', 'site=berlin, model = a=b']);
  assert.equal([found.bootId, found.attributes], ['boot-7', { site: 'berlin', model: 'a=b' }]);
  assert.equal(faults([...argv(flags), '--attributes', 'site', '--boot-id', 'none']), [
    `--boot-id 'none': ENOENT: no such file or directory, open '${folder}/none'`,
    "--attributes 'site': 'site': expected NAME=VALUE",
  ]);
});

test('flags win over variables, variables over the file; an empty variable is none', ({ flags, folder }) => {
  const file = path.join(folder, 'agent.json');
  writeFileSync(
    file,
    JSON.stringify({ ...flags, port: 1, 'keep-alive': 100, 'retry-max': '7', log: 'json', data: 'd' }),
  );
  const env = { ERRAND_CONFIG: file, ERRAND_PORT: '2', ERRAND_KEEP_ALIVE: '200', ERRAND_THING: '', PATH: '/bin' };
  const found = settings(['--port=3'], env);
  assert.is(found.port, 3);
  assert.is(found.keepAliveSeconds, 200);
  assert.is(found.retryMaxMillis, 7_000);
  assert.equal(found.log, { level: 'info', json: true });
  assert.is(found.thingName, 'lamp');
});

test('errand-agent.json in the current folder is read when no file is named', ({ flags, folder }) => {
  writeFileSync(path.join(folder, 'errand-agent.json'), JSON.stringify(flags));
  assert.is(settings([]).host, 'jobs.example.com');
});

test('relative paths start from the current folder, in the file from the folder of the file', ({ flags, folder }) => {
  mkdirSync(path.join(folder, 'etc'));
  writeFileSync(path.join(folder, 'etc', 'a.json'), JSON.stringify({ ...flags, key: '../key.pem', data: '../data' }));
  const found = settings(['--config', 'etc/a.json', '--handlers', 'handlers']);
  assert.is(found.data, path.join(folder, 'data'));
  assert.is(found.handlers, path.join(folder, 'handlers'));
  assert.is(found.key, KEY);
});

test('an endpoint may have a port, a port setting wins over it, IPv6 is taken in both spellings', ({ flags }) => {
  const rows: [string, string[], string, number][] = [
    ['a.example:443', [], 'a.example', 443],
    ['a.example:443', ['--port', '8884'], 'a.example', 8884],
    ['192.0.2.7:1', [], '192.0.2.7', 1],
    ['[2001:db8::7]:9', [], '2001:db8::7', 9],
    ['[::1]', [], '::1', 8883],
    ['2001:db8::7', [], '2001:db8::7', 8883],
  ];
  for (const [endpoint, more, host, port] of rows) {
    const found = settings([...argv({ ...flags, endpoint }), ...more]);
    assert.equal([found.host, found.port], [host, port], endpoint);
  }
});

test('log takes a level, json, or both', ({ flags }) => {
  assert.equal(settings(argv({ ...flags, log: 'debug' })).log, { level: 'debug', json: false });
  assert.equal(settings(argv({ ...flags, log: 'json,warn' })).log, { level: 'warn', json: true });
});

test('every missing setting is named, with the three ways to give it', ({ folder }) => {
  const found = faults([]);
  assert.is(found.length, 5);
  for (const name of ['endpoint', 'thing', 'ca', 'cert', 'key']) {
    const sentence = found.find((fault) => fault.startsWith(`${name} is missing`));
    assert.match(
      sentence ?? '',
      new RegExp(`--${name} .*ERRAND_${name.toUpperCase()} or "${name}" in the file`),
      folder,
    );
  }
});

test('a wrong value is one sentence with what was found, where, and what is expected', ({ flags, folder }) => {
  const rows: [name: string, value: string, expected: RegExp][] = [
    ['endpoint', 'mqtts://a.example', /^--endpoint 'mqtts:\/\/a\.example': expected HOST or HOST:PORT/],
    ['endpoint', 'a.example:0', /expected a whole number, 1 to 65535$/],
    ['endpoint', 'a.example:65536', /expected a whole number/],
    ['endpoint', 'a b', /expected HOST or HOST:PORT/],
    ['port', '0', /^--port '0': expected a whole number, 1 to 65535$/],
    ['port', '88x', /^--port '88x': /],
    ['thing', 'a/b', /^--thing 'a\/b': expected 1 to 128 letters/],
    ['keep-alive', '4', /^--keep-alive '4': expected a whole number, 5 to 1200$/],
    ['retry-max', '1.5', /^--retry-max '1\.5': expected a whole number, 1 to 3600$/],
    ['log', 'loud', /^--log 'loud': 'loud' is none of debug, info, warn, error, json$/],
    ['ca', 'nowhere.pem', /^--ca 'nowhere\.pem': ENOENT: no such file or directory, open '\/.*\/nowhere\.pem'$/],
    ['cert', folder, /^--cert '.*': EISDIR/],
    ['ca', flags.key!, /^--ca '.*key\.pem': expected PEM with a CERTIFICATE and no passphrase, found EC PRIVATE KEY$/],
    ['key', flags.cert!, /^--key '.*cert\.pem': expected PEM with a PRIVATE KEY and no passphrase, found CERTIFICATE$/],
  ];
  for (const [name, value, expected] of rows) {
    const found = faults(argv({ ...flags, [name]: value }));
    assert.is(found.length, 1, found.join('\n'));
    assert.match(found[0]!, expected);
  }
});

test('a private key that others can read is refused with the command that closes it', ({ flags }) => {
  for (const mode of [0o640, 0o604, 0o644]) {
    chmodSync(flags.key!, mode);
    const [fault] = faults(argv(flags));
    assert.match(
      fault!,
      new RegExp(
        `^--key '.*key.pem': mode ${mode.toString(8)} opens /.*key.pem to others; run: chmod go-rwx /.*key.pem$`,
      ),
    );
  }
});

test('a private key with a passphrase is refused', ({ flags }) => {
  writeFileSync(flags.key!, KEY.replace('EC', 'ENCRYPTED'));
  assert.match(faults(argv(flags))[0]!, /no passphrase, found/);
});

test('unknown, doubled and valueless arguments are named', ({ flags }) => {
  assert.equal(faults([...argv(flags), '--keepalive', '5', 'x']), [
    '--keepalive is no setting: see --help',
    'x is no setting: see --help',
  ]);
  assert.equal(faults([...argv(flags), '--thing', 'other']), ['--thing is given twice']);
  assert.equal(faults([...argv(flags), '--port']), ['--port is "": expected text or a number']);
  assert.equal(faults([...argv(flags), '--__proto__', 'x']), ['--__proto__ is no setting: see --help']);
});

test('an unknown variable with our prefix is only warned of', ({ flags }) => {
  assert.equal(settings(argv(flags), { ERRAND_KEEPALIVE: '5' }).warnings, [
    'ERRAND_KEEPALIVE is no setting: see --help',
  ]);
});

test('faults of the file name the file', ({ flags, folder }) => {
  const file = path.join(folder, 'a.json');
  const rows: [string, RegExp][] = [
    ['{\n  "endpoint": "a",\n  "prot": 1\n}', /^"prot" in \/.*a\.json is no setting: see --help$/],
    ['{\n  "port": null\n}', /^"port" in \/.*a\.json is null: expected text or a number$/],
    ['{\n\n"port": "x"}', /^"port" in \/.*a\.json 'x': expected a whole number/],
    ['{\n  "port": 1,\n}', /^--config '\/.*a\.json': .*JSON/],
    ['{\n  "port": 1', /^--config '\/.*a\.json': .*JSON/],
    ['[]', /^--config '\/.*a\.json': expected one JSON object, without config$/],
    ['{"config": "b.json"}', /^--config '\/.*a\.json': expected one JSON object, without config$/],
  ];
  const { endpoint: _, ...others } = flags;
  for (const [content, expected] of rows) {
    writeFileSync(file, content);
    const found = faults([...argv({ ...others, endpoint: 'a' }), '--config', file]);
    assert.is(found.length, 1, found.join('\n'));
    assert.match(found[0]!, expected);
  }
  assert.match(faults([...argv(flags), '--config', 'gone.json'])[0]!, /gone\.json': ENOENT/);
});

test('of a file that cannot be read this alone is told, not what may be missing because of it', () => {
  for (const file of ['gone.json', os.tmpdir()]) assert.is(faults(['--config', file]).length, 1);
});

test('help keeps every flag apart from what it means, and has no default that says nothing', () => {
  for (const line of help()
    .split('\n')
    .filter((one) => one.startsWith('  --') && !one.includes('--version'))) {
    assert.match(line, /^ {2}--[\w-]+ \S+ +\S/);
    assert.is(line[30 - 1], ' ', line);
    assert.not.match(line, /\(,?\)/);
  }
});

test('help names every flag', () => {
  for (const flag of [
    'endpoint',
    'port',
    'thing',
    'ca',
    'cert',
    'key',
    'data',
    'handlers',
    'keep-alive',
    'retry-max',
    'log',
  ]) {
    assert.match(help(), `--${flag} `);
  }
  assert.ok(
    help()
      .split('\n')
      .every((line) => line.length <= 120),
  );
});

test('endpoints are a list in a file or with commas between them; https:// is the HTTPS data plane', ({
  folder,
  flags,
}) => {
  const without = argv({ ...flags, endpoint: '' }).slice(2);
  writeFileSync(path.join(folder, 'ways.json'), '{"endpoint":["a.example","b.example:443","https://c.example"]}');
  for (const words of [
    ['--config', path.join(folder, 'ways.json')],
    ['--endpoint', 'a.example, b.example:443,https://c.example/'],
  ]) {
    const { host, port, endpoint } = settings([...without, ...words]);
    assert.equal([host, port, endpoint!.isHttps], ['a.example', 8883, undefined]);
    assert.equal(endpoint!.others, [
      { host: 'b.example', port: 443 },
      { port: 8443, host: 'c.example', isHttps: true },
    ]);
  }
  assert.is(settings([...without, '--endpoint', 'https://c.example:9']).endpoint!.isHttps, true);
});

test('a proxy has its credentials in a file that nobody else can read, and nowhere else', ({ folder, flags }) => {
  const file = path.join(folder, 'credentials');
  writeFileSync(file, 'user:pa:ss\n', { mode: 0o600 });
  const proxied = (...more: string[]) => settings([...argv(flags), '--proxy', 'http://proxy:3128', ...more]);
  assert.equal(proxied().proxy, { host: 'proxy', port: 3128 });
  assert.is(proxied('--proxy-credentials', file).proxyCredentials, 'user:pa:ss');
  const wrong = (...more: string[]) => faults([...argv(flags), ...more]).join();
  assert.match(wrong('--proxy', 'user:pass@proxy:3128'), /expected HOST:PORT; user and password belong into the file/);
  chmodSync(file, 0o644);
  assert.match(wrong('--proxy-credentials', file), /mode 644 opens .* to others/);
});

test("without a proxy of its own the environment's is taken, as curl does, and no_proxy with it", ({
  folder,
  flags,
}) => {
  const HTTPS_PROXY = 'http://me:pa%3Ass@upper:3128/';
  const from = (env: Record<string, string>, ...more: string[]) => settings([...argv(flags), ...more], env);
  assert.equal(from({ HTTPS_PROXY, NO_PROXY: '.Example.com, [::1] host' }).proxy, {
    host: 'upper',
    port: 3128,
    except: ['', 'example.com', '::1', 'host'],
  });
  assert.is(from({ HTTPS_PROXY }).proxyCredentials, 'me:pa:ss');
  assert.is(from({ HTTPS_PROXY, https_proxy: 'lower:1' }).proxy!.host, 'lower');
  assert.is(from({ ALL_PROXY: 'http://all:1', http_proxy: 'http://plain:1', https_proxy: '' }).proxy!.host, 'all');
  assert.is(from({ http_proxy: 'http://plain:1' }).proxy, undefined);
  const file = path.join(folder, 'credentials');
  writeFileSync(file, 'file:secret', { mode: 0o600 });
  assert.is(from({ HTTPS_PROXY }, '--proxy-credentials', file).proxyCredentials, 'file:secret');
  const own = from({ HTTPS_PROXY, NO_PROXY: '*' }, '--proxy', 'own:2');
  assert.equal([own.proxy, own.proxyCredentials], [{ host: 'own', port: 2 }, undefined]);
});

test('a proxy of the environment that cannot be used is warned of, never with its password', ({ flags }) => {
  for (const https_proxy of ['socks5://me:secret@p:1', 'https://me:secret@p:1', 'me:secret@p', 'http://me:%zz@p:1']) {
    const { proxy, proxyCredentials, warnings } = settings(argv(flags), { https_proxy });
    assert.equal([proxy, proxyCredentials], [undefined, undefined], https_proxy);
    assert.equal(warnings, ['https_proxy is not used: expected http://[USER:PASSWORD@]HOST:PORT']);
  }
});

test.run();
