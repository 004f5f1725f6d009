import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { standInForDeviceClient } from '../../../../targets/sbc/legacy/standIn.ts';
import { readSettings, type Settings } from '../../../../targets/sbc/settings.ts';
import { startChild } from '../../../child.ts';
import { hasTool } from '../../../tools.ts';

/** A home as AWS IoT Device Client has it, with the modes that it insists on. */
const test = suite<{ home: string; before: string | undefined; folder: string }>('deviceClient');
const CERT = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const KEY = '-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n';

test.before.each((context) => {
  context.before = process.env.HOME;
  context.home = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-device-client-')));
  process.env.HOME = context.home;
  context.folder = path.join(context.home, '.aws-iot-device-client');
  mkdirSync(context.folder, { mode: 0o745 });
  mkdirSync(path.join(context.folder, 'jobs'), { mode: 0o700 });
  mkdirSync(path.join(context.home, 'certs'), { mode: 0o700 });
  for (const [name, text, mode] of [
    ['ca.pem', CERT, 0o644],
    ['cert.pem', CERT, 0o644],
    ['key.pem', KEY, 0o600],
  ] as const)
    writeFileSync(path.join(context.home, 'certs', name), text, { mode });
});
test.after.each(({ home, before }) => {
  process.env.HOME = before;
  rmSync(home, { recursive: true });
});

const CONFIG = {
  endpoint: 'abc-ats.iot.eu-west-1.amazonaws.com',
  cert: '~/certs/cert.pem',
  key: '$HOME/certs/key.pem',
  'root-ca': '~/certs/ca.pem',
  'thing-name': 'lamp',
  'clean-session': true,
  logging: { level: 'DEBUG', type: 'STDOUT', file: '' },
  jobs: { enabled: true, 'handler-directory': '' },
  tunneling: { enabled: false },
  'device-defender': { enabled: false, interval: 300 },
  'fleet-provisioning': { enabled: false, 'template-name': '' },
  samples: { 'pub-sub': { enabled: false } },
};

function write(folder: string, config: object, name = 'aws-iot-device-client.conf'): string {
  const file = path.join(folder, name);
  writeFileSync(file, JSON.stringify(config), { mode: 0o644 });
  return file;
}

function settings(...args: string[]): Settings {
  const found = readSettings(args, {});
  if ('faults' in found) throw new Error(found.faults.join('\n'));
  return found;
}

function faults(...args: string[]): string {
  const found = readSettings(args, {});
  return 'faults' in found ? found.faults.join('\n') : 'none';
}

test('each member becomes the setting that it is, and what is not said has the default of that client', ({
  home,
  folder,
}) => {
  const file = write(home, CONFIG, 'other.conf');
  const { endpoint, thingName, ca, cert, key, handlers, data, log, operations, warnings } = settings(
    '--device-client-config',
    file,
  );
  assert.equal(
    { endpoint, thingName, ca, cert, key, handlers, data, log, operations, warnings },
    {
      endpoint: {
        host: CONFIG.endpoint,
        port: 8883,
        others: [{ host: CONFIG.endpoint, port: 443 }],
      },
      thingName: 'lamp',
      ca: CERT,
      cert: CERT,
      key: KEY,
      handlers: path.join(folder, 'jobs'),
      data: path.join(folder, 'errand'),
      log: { level: 'debug', json: false },
      operations: 'device-client',
      warnings: [],
    },
  );
});

test('found where that client keeps it when nothing else says an endpoint, and says so', ({ folder }) => {
  const file = write(folder, CONFIG);
  const found = settings();
  assert.equal([found.thingName, found.warnings], ['lamp', [`no settings of its own: those in ${file} are used`]]);
  assert.match(faults('--endpoint', 'jobs.example.com'), /^thing is missing/m);
});

test('flags win over it; relative paths start from the current folder', ({ home, folder }) => {
  write(folder, { ...CONFIG, jobs: { 'handler-directory': 'mine' }, endpoint: 'localhost:1883' });
  const found = settings('--thing', 'other', '--log', 'warn', '--operations', 'none', '--data', home);
  assert.equal(
    [found.thingName, found.log.level, found.operations, found.data, found.handlers, found.port],
    ['other', 'warn', undefined, home, path.resolve('mine'), 1883],
  );
});

test('features that only that client has are named in one line, those that are on without being said too', ({
  folder,
}) => {
  const { tunneling: _, ...config } = CONFIG;
  write(folder, {
    ...config,
    'sample-shadow': { enabled: true },
    samples: { 'pub-sub': { enabled: true } },
    'sensor-publish': { sensors: [{ name: 's' }] },
    logging: { type: 'FILE', file: '/var/log/dc.log' },
  });
  const [, missing, log, ...others] = settings().warnings;
  assert.match(
    missing!,
    /this agent has none of these features .*: tunneling, samples\.pub-sub, sample-shadow, sensor-publish$/,
  );
  assert.match(log!, /"logging\.type" in .*: the log goes to stdout, and not to \/var\/log\/dc\.log$/);
  assert.equal(others, []);
});

test('without root-ca the authorities of the machine are trusted, and that is said', ({ folder }) => {
  const { 'root-ca': _, ...config } = CONFIG;
  write(folder, config);
  const found = readSettings([], {});
  if (!existsSync('/etc/ssl/certs/ca-certificates.crt')) return assert.ok('faults' in found);
  assert.ok(!('faults' in found));
  assert.match(found.warnings[1]!, /"root-ca" in .* is missing: all that \/etc\/.* trusts is trusted$/);
  assert.match(found.ca, /BEGIN CERTIFICATE/);
});

test('a device that fleet provisioning has been through is who it was made; one that has not has a claim', ({
  home,
  folder,
}) => {
  const provisioning = {
    enabled: true,
    'template-name': 'T',
    'template-parameters': '{"SerialNumber": "7", "Site": "berlin"}',
    'csr-file': '~/a.csr',
  };
  write(folder, { ...CONFIG, 'thing-name': 'claim', 'fleet-provisioning': provisioning });
  const before = settings();
  assert.equal(
    [before.thingName, before.claim, before.parameters],
    ['', { cert: CERT, key: KEY, template: 'T' }, { SerialNumber: '7', Site: 'berlin' }],
  );
  assert.match(before.warnings[1]!, /csr-file and device-key are not used/);
  const own = { 'completed-fp': true, cert: '~/own.pem', key: '~/certs/key.pem', 'thing-name': 'lamp-7' };
  write(folder, { 'runtime-config': own }, 'aws-iot-device-client-runtime.conf');
  writeFileSync(path.join(home, 'own.pem'), CERT.replace('MIIB', 'MIIC'));
  const { thingName, cert, key } = settings();
  assert.equal([thingName, cert, key], ['lamp-7', CERT.replace('MIIB', 'MIIC'), KEY]);
});

test('its HTTP proxy is used; for a user and a password it says what to do', ({ folder }) => {
  write(folder, CONFIG);
  const proxy = { 'http-proxy-host': '10.0.0.140', 'http-proxy-port': '9999', 'http-proxy-auth-method': 'None' };
  write(folder, { ...proxy, 'http-proxy-enabled': false }, 'http-proxy.conf');
  assert.is(settings().proxy, undefined);
  write(folder, { ...proxy, 'http-proxy-enabled': true }, 'http-proxy.conf');
  assert.equal(settings().proxy, { host: '10.0.0.140', port: 9999 });
  const asking = { ...proxy, 'http-proxy-enabled': true, 'http-proxy-auth-method': 'UserNameAndPassword' };
  write(folder, asking, 'http-proxy.conf');
  assert.match(settings().warnings[1]!, /http-proxy\.conf has a user and a password: .* --proxy-credentials$/);
});

test('what cannot be done is one sentence each, with where it was found', ({ folder }) => {
  const cases: [object, RegExp][] = [
    [{ jobs: { enabled: false } }, /jobs\.enabled is false: this agent runs jobs and nothing else/],
    [{ 'secure-element': { enabled: true } }, /secure-element: expected pkcs11-lib and secure-element-pin/],
    [
      { 'fleet-provisioning': { enabled: true, 'template-name': 'T', 'template-parameters': '{"a": "b,c"}' } },
      /template-parameters is \{"a": "b,c"\}: expected an object of values without commas/,
    ],
    [{ key: '~/none.pem' }, /"key" in .*none\.pem/],
    [{ 'thing-name': 7 }, /"thing-name" is 7: expected text/],
    [{ logging: { level: 'LOUD' } }, /"logging\.level" in .* 'loud': 'loud' is none of debug, info, warn, error/],
  ];
  for (const [more, said] of cases) {
    write(folder, { ...CONFIG, ...more });
    assert.match(faults(), said);
  }
  writeFileSync(path.join(folder, 'aws-iot-device-client.conf'), '{');
  assert.match(faults(), /^device-client-config '.*aws-iot-device-client\.conf': .*JSON/m);
});

test('the note that reboot.sh leaves behind is gone', ({ home }) => {
  const title = process.title;
  const note = path.join(home, 'dc-reboot.lock');
  writeFileSync(note, '1');
  standInForDeviceClient(note);
  process.title = title;
  assert.not.ok(existsSync(note));
});

if (hasTool('pidof', 'sysvinit-utils'))
  test('pidof aws-iot-device-client finds the agent, which restart-services.sh wants', async () => {
    const module = path.resolve(import.meta.dirname, '../../../../targets/sbc/legacy/standIn.ts');
    const script = `import('${module}').then(({ standInForDeviceClient }) => {
      standInForDeviceClient('/nonexistent/note');
      console.log('ready');
      setTimeout(() => {}, 60_000);
    })`;
    const child = startChild(process.execPath, ['--import', 'tsx', '-e', script]);
    await child.line(/ready/);
    const { stdout } = spawnSync('pidof', ['aws-iot-device-client'], { encoding: 'utf8' });
    await child.kill();
    assert.ok(stdout.trim().split(' ').includes(`${child.pid}`), stdout);
  });

test.run();
