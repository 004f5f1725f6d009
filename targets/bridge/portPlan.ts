/** Which port has which Things: "ports" and "hardware" of the file, and `--serial`. */
import { isObject, type JsonValue } from '../../runtime/jobs/json.ts';
import { isThingName } from '../../runtime/jobs/names.ts';
import { BUS_ADDRESS_MAX } from '../../runtime/serial/limits.ts';
import { faultOfPortName } from '../../transports/serial/portNames.ts';
import { BAUD_MAX, BAUD_MIN, BAUD_RATES, type ModemLines } from '../../transports/serial/serialPort.ts';

export interface PortPlan {
  /** See portNames.ts. */
  port: string;
  bauds: readonly number[];
  lines: ModemLines | undefined;
  /** How long a device of a bus may take to begin its answer; undefined: the default. */
  answerMillis: number | undefined;
  /** Who may answer: 0 alone on its line, or 1..246. */
  addresses: readonly number[];
  /** Address -> Thing. Whoever answers at another one is looked up by its hardware id. */
  things: ReadonlyMap<number, string>;
}

const MEMBERS = ['port', 'baud', 'thing', 'bus', 'answer', 'dtr', 'rts'];
/** A device that takes longer looks like none. */
const ANSWER_MILLIS_MAX = 10_000;

/** @throws Error, one sentence: where, what was expected */
export function readPorts(value: JsonValue | undefined): PortPlan[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error('expected an array of objects');
  return value.map((entry, i) => {
    const fail = (what: string): never => {
      throw new Error(`[${i}]${what}`);
    };
    if (!isObject(entry)) return fail(': expected an object with "port"');
    const unknown = Object.keys(entry).find((name) => !MEMBERS.includes(name));
    if (unknown) return fail(`: "${unknown}" is none of ${MEMBERS.join(', ')}`);
    const { port, thing, bus, answer } = entry;
    if (typeof port !== 'string') return fail('.port: expected a path or usb:VENDOR:PRODUCT');
    const fault = faultOfPortName(port);
    if (fault) return fail(`.port: ${fault}`);
    if (thing !== undefined && bus !== undefined) return fail(': "thing" or "bus", not both');
    const lines = { ...line(entry.dtr, 'dtr', fail), ...line(entry.rts, 'rts', fail) };
    const addresses = Array.isArray(bus) ? bus.map((address) => readAddress(address, fail)) : undefined;
    const things = bus === undefined ? single(thing, fail) : addresses ? new Map() : readBus(bus, fail);
    return {
      port,
      bauds: readBauds(entry.baud, fail),
      lines: Object.keys(lines).length > 0 ? lines : undefined,
      answerMillis: readAnswer(answer, bus !== undefined, fail),
      addresses: addresses ?? (bus === undefined ? [0] : [...things.keys()]),
      things,
    };
  });
}

/** `PORT=THING`: the last `=` parts them. */
export function readSerial(text: string): PortPlan {
  const [, port = '', thing = ''] = /^(.+)=([^=]+)$/s.exec(text) ?? [];
  const fault = port && faultOfPortName(port);
  if (fault || !isThingName(thing)) throw new Error(fault || 'expected PORT=THING');
  return {
    port,
    bauds: [BAUD_RATES[0]],
    lines: undefined,
    answerMillis: undefined,
    addresses: [0],
    things: new Map([[0, thing]]),
  };
}

export function readHardware(value: JsonValue | undefined): Map<string, string> {
  if (value === undefined) return new Map();
  if (!isObject(value)) throw new Error('expected an object: hardware id to Thing');
  const entries = Object.entries(value).map(([id, thing]): [string, string] => {
    if (typeof thing !== 'string' || !isThingName(thing)) throw new Error(`"${id}": expected the name of a Thing`);
    return [id, thing];
  });
  return new Map(entries);
}

type Fail = (what: string) => never;

function single(thing: JsonValue | undefined, fail: Fail): Map<number, string> {
  if (thing === undefined) return new Map();
  if (typeof thing !== 'string' || !isThingName(thing)) return fail('.thing: expected the name of a Thing');
  return new Map([[0, thing]]);
}

function readBus(bus: JsonValue, fail: Fail): Map<number, string> {
  if (!isObject(bus) || Object.keys(bus).length === 0)
    return fail('.bus: expected an object, address to Thing, or an array of addresses');
  return new Map(
    Object.entries(bus).map(([address, thing]): [number, string] => {
      const read = readAddress(/^\d{1,3}$/.test(address) ? +address : address, fail);
      if (typeof thing !== 'string' || !isThingName(thing))
        return fail(`.bus["${address}"]: expected the name of a Thing`);
      return [read, thing];
    }),
  );
}

function readAddress(address: JsonValue, fail: Fail): number {
  if (typeof address === 'number' && Number.isInteger(address) && address >= 1 && address <= BUS_ADDRESS_MAX)
    return address;
  return fail(`.bus: address '${address}': expected 1 to ${BUS_ADDRESS_MAX}`);
}

function readAnswer(millis: JsonValue | undefined, isBus: boolean, fail: Fail): number | undefined {
  if (millis === undefined) return undefined;
  if (!isBus) return fail('.answer: only devices of a "bus" are waited for by turns');
  if (typeof millis === 'number' && millis >= 1 && millis <= ANSWER_MILLIS_MAX) return millis;
  return fail(`.answer: expected milliseconds, 1 to ${ANSWER_MILLIS_MAX}`);
}

function readBauds(baud: JsonValue | undefined, fail: Fail): readonly number[] {
  if (baud === undefined) return [BAUD_RATES[0]];
  if (baud === 'probe') return BAUD_RATES;
  const rates = Array.isArray(baud) ? baud : [baud];
  const isRate = (rate: JsonValue): rate is number =>
    typeof rate === 'number' && Number.isInteger(rate) && rate >= BAUD_MIN && rate <= BAUD_MAX;
  if (rates.length === 0 || !rates.every(isRate))
    return fail(`.baud: expected a whole number from ${BAUD_MIN} to ${BAUD_MAX}, an array of them, or "probe"`);
  return rates;
}

function line(value: JsonValue | undefined, name: 'dtr' | 'rts', fail: Fail): ModemLines {
  if (value === undefined) return {};
  return typeof value === 'boolean' ? { [name]: value } : fail(`.${name}: expected true or false`);
}
