/**
 * Names of serial ports. A board should not depend on the order in which adapters were found, so a port has three names:
 *
 *     /dev/ttyUSB0                  the device file, which another adapter may have tomorrow
 *     /dev/serial/by-id/usb-...     a link that udev makes from maker, product and serial number
 *     usb:2341:0043[:SERIAL]        vendor and product (hexadecimal), and serial number where there are several
 */
import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Where the system keeps what it knows about its devices; a test has its own. */
export interface SystemFolders {
  dev: string;
  sys: string;
}

const SYSTEM: SystemFolders = { dev: '/dev', sys: '/sys' };

export interface FoundPort {
  path: string;
  /** The link below /dev/serial/by-id, where udev made one. */
  byId?: string;
  /** Vendor and product as four hexadecimal digits each. */
  usb?: { vendor: string; product: string; serial?: string; description: string };
  /** The kernel's driver. */
  driver?: string;
}

const USB = /^usb:([0-9a-f]{4}):([0-9a-f]{4})(?::(.+))?$/i;

/** @returns one sentence when it can name no port */
export function faultOfPortName(name: string): string | undefined {
  if (USB.test(name) || name.startsWith('/')) return undefined;
  return `'${name}': expected a path such as /dev/ttyUSB0, or usb:VENDOR:PRODUCT[:SERIAL] in hexadecimal`;
}

/**
 * The device file behind a name, as of now.
 *
 * @returns undefined when nothing of that name is plugged in; `several`, one sentence, when the name fits more than one
 */
export function findPort(name: string, system = SYSTEM): string | { several: string } | undefined {
  const [, vendor, product, serial] = USB.exec(name) ?? [];
  if (vendor === undefined) return realPath(name);
  const fits = listPorts(system).filter(
    ({ usb }) =>
      usb?.vendor === vendor.toLowerCase() &&
      usb.product === product?.toLowerCase() &&
      (serial === undefined || usb.serial === serial),
  );
  if (fits.length <= 1) return fits[0]?.path;
  const serials = fits.map(({ usb, path }) => (usb?.serial === undefined ? path : `${name}:${usb.serial}`));
  return { several: `${name} fits ${fits.length} ports: name one of ${serials.join(', ')}` };
}

/** Every serial port with hardware behind it, by its path. */
export function listPorts({ dev, sys } = SYSTEM): FoundPort[] {
  const links = new Map(
    names(join(dev, 'serial/by-id')).map((link) => [realPath(join(dev, 'serial/by-id', link)), link]),
  );
  return names(join(sys, 'class/tty'))
    .filter((name) => hasHardware(join(sys, 'class/tty', name)))
    .map((name) => {
      const path = join(dev, name);
      const device = realPath(join(sys, 'class/tty', name, 'device'));
      const driver = device && realPath(join(device, 'driver'));
      const link = links.get(realPath(path));
      const usb = device && usbOf(device, sys);
      return {
        path,
        ...(link ? { byId: join(dev, 'serial/by-id', link) } : {}),
        ...(usb ? { usb } : {}),
        ...(driver ? { driver: basename(driver) } : {}),
      };
    })
    .sort((one, other) => one.path.localeCompare(other.path, 'en', { numeric: true }));
}

/** The kernel makes 32 entries for PC ports; those without a UART have type 0. Consoles and ptys have no device. */
function hasHardware(entry: string): boolean {
  if (lstatSync(join(entry, 'device'), { throwIfNoEntry: false }) === undefined) return false;
  return text(join(entry, 'type')) !== '0';
}

/** The USB device that an interface belongs to is the nearest folder above it with a vendor. */
function usbOf(device: string, sys: string): FoundPort['usb'] | undefined {
  const root = realPath(sys) ?? sys;
  for (let folder = device; folder.startsWith(root) && folder !== root; folder = dirname(folder)) {
    const vendor = text(join(folder, 'idVendor'));
    const product = text(join(folder, 'idProduct'));
    if (vendor === undefined || product === undefined) continue;
    const serial = text(join(folder, 'serial'));
    const words = [text(join(folder, 'manufacturer')), text(join(folder, 'product'))];
    return { vendor, product, ...(serial ? { serial } : {}), description: words.filter(Boolean).join(' ') };
  }
  return undefined;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // this system has none
  }
}

function text(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
