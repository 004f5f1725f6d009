import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { faultOfPortName, findPort, listPorts } from '../../../transports/serial/portNames.ts';

/** A machine with two adapters of one kind, an Arduino, and a PC port without a UART, as Linux shows them. */
function machine() {
  const root = mkdtempSync(path.join(tmpdir(), 'errand-ports-'));
  const [dev, sys] = [path.join(root, 'dev'), path.join(root, 'sys')];
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
  };
  const plug = (name: string, usb: { idVendor: string; idProduct: string; serial?: string; product?: string }) => {
    const device = path.join(sys, `devices/usb1/${name}-device`);
    for (const [file, text] of Object.entries(usb)) write(path.join(device, file), text);
    mkdirSync(path.join(device, 'interface'), { recursive: true });
    mkdirSync(path.join(sys, 'class/tty', name), { recursive: true });
    symlinkSync(path.join(device, 'interface'), path.join(sys, 'class/tty', name, 'device'));
    write(path.join(dev, name), '');
  };
  plug('ttyUSB0', { idVendor: '0403', idProduct: '6001', serial: 'A1', product: 'FT232R' });
  plug('ttyUSB10', { idVendor: '0403', idProduct: '6001', serial: 'B2', product: 'FT232R' });
  plug('ttyACM0', { idVendor: '2341', idProduct: '0043', product: 'Uno' });
  mkdirSync(path.join(sys, 'class/tty/ttyS3/device'), { recursive: true });
  write(path.join(sys, 'class/tty/ttyS3/type'), '0');
  mkdirSync(path.join(sys, 'class/tty/tty1'), { recursive: true });
  mkdirSync(path.join(dev, 'serial/by-id'), { recursive: true });
  symlinkSync('../../ttyUSB0', path.join(dev, 'serial/by-id/usb-FTDI_A1-if00'));
  return { dev, sys, remove: () => rmSync(root, { recursive: true }) };
}

const test = suite('names of serial ports');

test('listPorts: those with hardware behind them, each with all of its names', () => {
  const here = machine();
  try {
    assert.equal(
      listPorts(here).map(({ path: file, byId, usb }) => [
        path.basename(file),
        byId && path.basename(byId),
        usb?.serial,
      ]),
      [
        ['ttyACM0', undefined, undefined],
        ['ttyUSB0', 'usb-FTDI_A1-if00', 'A1'],
        ['ttyUSB10', undefined, 'B2'],
      ],
    );
    assert.is(listPorts(here)[0]?.usb?.description, 'Uno');
  } finally {
    here.remove();
  }
});

test('findPort: usb:VENDOR:PRODUCT finds the one adapter, asks for the serial number where there are two', () => {
  const here = machine();
  try {
    assert.is(findPort('usb:2341:0043', here), path.join(here.dev, 'ttyACM0'));
    assert.is(findPort('usb:0403:6001:B2', here), path.join(here.dev, 'ttyUSB10'));
    assert.is(findPort('usb:0403:9999', here), undefined);
    assert.equal(findPort('usb:0403:6001', here), {
      several: 'usb:0403:6001 fits 2 ports: name one of usb:0403:6001:A1, usb:0403:6001:B2',
    });
  } finally {
    here.remove();
  }
});

test('findPort: a link leads to the device that it names now', () => {
  const here = machine();
  try {
    const link = path.join(here.dev, 'serial/by-id/usb-FTDI_A1-if00');
    assert.is(findPort(link, here), path.join(here.dev, 'ttyUSB0'));
    rmSync(link);
    assert.is(findPort(link, here), undefined);
    symlinkSync('../../ttyUSB10', link);
    assert.is(findPort(link, here), path.join(here.dev, 'ttyUSB10'));
  } finally {
    here.remove();
  }
});

test('faultOfPortName: neither path nor USB name is said in one sentence', () => {
  assert.is(faultOfPortName('/dev/ttyUSB0'), undefined);
  assert.is(faultOfPortName('usb:2341:0043'), undefined);
  assert.match(faultOfPortName('usb:2341') ?? '', /^'usb:2341': expected a path/);
  assert.match(faultOfPortName('COM3') ?? '', /expected a path/);
});

test.run();
