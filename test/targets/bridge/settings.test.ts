import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readPorts, readSerial } from '../../../targets/bridge/portPlan.ts';
import { bridgeHelp, readBridgeSettings } from '../../../targets/bridge/settings.ts';
import { makeCa, makeCertificate } from '../../transports/certificates.ts';

const test = suite('settings of the bridge');

const folder = mkdtempSync(path.join(tmpdir(), 'errand-settings-'));
test.after(() => rmSync(folder, { recursive: true }));

const ca = makeCa(folder, 'ca');
const own = makeCertificate(folder, 'bridge', ca);

function read(members: object, ...argv: string[]) {
  const config = path.join(folder, 'bridge.json');
  const files = { endpoint: 'jobs.example:8884', ca: ca.certFile, cert: own.certFile, key: own.keyFile };
  writeFileSync(config, JSON.stringify({ ...files, ...members }));
  return readBridgeSettings(['--config', config, ...argv], {});
}

function faults(members: object, ...argv: string[]): string {
  const settings = read(members, ...argv);
  return 'faults' in settings ? settings.faults.join('\n') : '';
}

test('ports by path, by USB name, on a bus, with rates and lines; flags add to them', () => {
  const ports = [
    { port: '/dev/ttyUSB0', thing: 'mcu-1' },
    { port: 'usb:2341:0043', baud: 'probe', dtr: true },
    { port: '/dev/ttyS1', baud: [9600, 19200], bus: { 1: 'node-1', 246: 'node-2' }, answer: 200 },
  ];
  const settings = read({ ports, hardware: { abc: 'mcu-2' } }, '--serial', '/dev/ttyACM0=mcu-3');
  if ('faults' in settings) throw new Error(settings.faults.join('\n'));
  assert.equal(
    settings.ports.map(({ things }) => [...things]),
    [
      [[0, 'mcu-1']],
      [],
      [
        [1, 'node-1'],
        [246, 'node-2'],
      ],
      [[0, 'mcu-3']],
    ],
  );
  assert.equal(
    settings.ports.map(({ bauds }) => bauds.length),
    [1, 9, 2, 1],
  );
  assert.equal(
    settings.ports.map(({ answerMillis }) => answerMillis),
    [undefined, undefined, 200, undefined],
  );
  assert.equal(settings.ports[1]?.lines, { dtr: true });
  assert.equal(
    [settings.host, settings.port, settings.clientId, settings.thing],
    ['jobs.example', 8884, 'mcu-1', undefined],
  );
  const board = read({ ports, hardware: { abc: 'mcu-2' }, thing: 'gateway' });
  assert.is('clientId' in board && board.clientId, 'gateway-mcus');
});

test('what is wrong is said with its place, all of it at once', () => {
  assert.match(faults({}), /no port is named/);
  assert.match(faults({ ports: [{ port: '/dev/x' }] }), /no Thing is named/);
  assert.match(
    faults({
      ports: [
        { port: '/dev/x', thing: 'a' },
        { port: '/dev/y', thing: 'a' },
      ],
    }),
    /'a' is given to two/,
  );
  assert.match(faults({ ports: [{ port: '/dev/x', thing: 'a' }], thing: 'a' }), /is this board and a microcontroller/);
  assert.match(faults({ ports: [{ port: 'COM1', thing: 'a' }] }), /"ports": \[0\]\.port: 'COM1': expected a path/);
  assert.match(faults({ ports: [{ port: '/dev/x', thing: 'a', speed: 5 }] }), /\[0\]: "speed" is none of/);
  assert.match(faults({ ports: [{ port: '/dev/x', bus: { 300: 'a' } }] }), /address '300': expected 1 to 246/);
  assert.match(
    faults({ ports: [{ port: '/dev/x', bus: [1], answer: 0 }] }),
    /\.answer: expected milliseconds, 1 to 10000/,
  );
  assert.match(faults({ ports: [{ port: '/dev/x', thing: 'a', answer: 9 }] }), /\.answer: only devices of a "bus"/);
  assert.match(faults({ ports: [{ port: '/dev/x', thing: 'a', baud: 'fast' }] }), /\.baud: expected a whole number/);
  assert.match(
    faults({ ports: [{ port: '/dev/x', thing: 'a' }], things: { b: {} } }),
    /'b' is no Thing of this bridge/,
  );
  const several = faults({ ports: [{ port: '/dev/x', thing: 'a' }], colour: 1, 'keep-alive': 1 }, '--cert', 'none.pem');
  assert.match(several, /unknown setting "colour"/);
  assert.match(several, /keep-alive '1' \(.*\): expected a whole number, 5 to 1200/);
  assert.match(several, /cert 'none.pem' \(--cert\): ENOENT/);
});

test('what is missing because of another fault is not told beside it; a port named twice is', () => {
  const faultsOf = (...argv: string[]) => {
    const found = readBridgeSettings(argv, {});
    return 'faults' in found ? found.faults : [];
  };
  for (const file of ['/nowhere.json', '/']) assert.is(faultsOf('--config', file).length, 1);
  const ports = (...argv: string[]) => faultsOf(...argv).filter((fault) => /port|serial/.test(fault));
  assert.equal(ports('--serial', 'ttyUSB0=a').length, 1);
  assert.equal(ports('--serial', '/dev/ttyUSB0'), ["--serial '/dev/ttyUSB0': expected PORT=THING"]);
  assert.equal(ports('--serial', '/dev/x=a', '--serial', '/dev/x=b'), [
    'port /dev/x is named twice: give its Things once, several on one line as "bus"',
  ]);
});

test('a Thing may have a certificate of its own', () => {
  const things = { 'mcu-1': { cert: own.certFile, key: path.basename(own.keyFile) } };
  const settings = read({ ports: [{ port: '/dev/x', thing: 'mcu-1' }], things });
  assert.ok('own' in settings && settings.own.get('mcu-1')?.key === `${own.key}`);
});

test('--serial: the last = parts port and Thing', () => {
  assert.is(readSerial('/dev/serial/by-path/a=b=mcu').port, '/dev/serial/by-path/a=b');
  assert.throws(() => readSerial('/dev/ttyUSB0'), /expected/);
  assert.throws(() => readPorts([{ port: '/dev/x', thing: 'a', bus: {} }]), /"thing" or "bus", not both/);
});

test('--help names every setting', () => assert.match(bridgeHelp(), /--serial PORT=THING[\s\S]*"hardware"/));

test.run();
