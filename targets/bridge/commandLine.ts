/** `errand-bridge COMMAND ...`: the words of the bench tools. The bridge itself has no command; settings.ts reads its own. */

import { BUS_ADDRESS_MAX, BUS_ANSWER_MILLIS } from '../../runtime/serial/limits.ts';
import { faultOfPortName } from '../../transports/serial/portNames.ts';
import {
  BAUD_MAX,
  BAUD_MIN,
  BAUD_RATES,
  type ModemLines,
  type SerialShell,
} from '../../transports/serial/serialPort.ts';

export interface ToolOptions {
  bauds: readonly number[];
  addr: number;
  shell: 'auto' | SerialShell['name'];
  lines: ModemLines | undefined;
  waitMillis: number;
  hex: boolean;
  listen: boolean;
  count: number;
  image: number;
  from: number;
  to: number;
  answerMillis: number;
}

export type Tool = { options: ToolOptions } & (
  | { tool: 'ports' }
  | { tool: 'monitor' | 'ping' | 'scan'; port: string }
  | { tool: 'run'; port: string; command: string; args: string[] }
  | { tool: 'flash'; port: string; file: string }
);

const TOOLS = {
  ports: ['', 'what is plugged in, by every name it has'],
  monitor: ['PORT', 'frames, text and noise as they pass, with time, direction and meaning'],
  ping: ['PORT', 'who is there, and how long an answer takes'],
  scan: ['PORT', 'every address of an RS-485 line, 1..246: who answers'],
  run: ['PORT COMMAND [ARGUMENT...]', 'one command of the device; options come before COMMAND'],
  flash: ['PORT IMAGE', 'an image; goes on where an earlier one was cut off'],
} as const;

/** Value, what for, and how the text becomes it. */
const OPTIONS = {
  baud: [
    'RATE',
    `${BAUD_RATES[0]} when left out; 'probe' tries ${BAUD_RATES.length} rates; or several with commas`,
    readBauds,
  ],
  addr: ['N', 'the device on a bus, 1..246', whole(0, 246)],
  shell: ['NAME', 'serialport or tty; the first that works when left out', oneOf('auto', 'serialport', 'tty')],
  dtr: ['on|off', 'sets the line when the port is open', oneOf('on', 'off')],
  rts: ['on|off', 'likewise', oneOf('on', 'off')],
  wait: ['SECONDS', 'for the device, at first (10)', whole(1, 3_600)],
  count: ['N', 'ping: how often (4)', whole(1, 1_000_000)],
  from: ['N', 'scan: the first address (1)', whole(1, BUS_ADDRESS_MAX)],
  to: ['N', `scan: the last address (${BUS_ADDRESS_MAX})`, whole(1, BUS_ADDRESS_MAX)],
  answer: ['MILLIS', `scan: how long a device may take to answer (${BUS_ANSWER_MILLIS})`, whole(1, 1_000)],
  image: ['N', 'flash: which image; 0 is the firmware that runs', whole(0, 255)],
} as const;

const FLAGS = { hex: 'monitor: the bytes too', listen: 'monitor: say nothing, only listen' } as const;

export function isTool(word: string | undefined): boolean {
  return word !== undefined && Object.hasOwn(TOOLS, word);
}

/** @throws Error, one sentence, when a word is wrong */
export function readTool([tool, ...words]: readonly string[]): Tool {
  const given = new Map<string, unknown>();
  const rest: string[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i]!;
    const [, name, inline] = /^--([a-z]+)(?:=(.*))?$/s.exec(word) ?? [];
    // Behind the command's name all words are the device's, `-3` too.
    if (name === undefined || (tool === 'run' && rest.length >= 2)) rest.push(word);
    else if (Object.hasOwn(FLAGS, name)) given.set(name, true);
    else if (!Object.hasOwn(OPTIONS, name)) throw new Error(`unknown option ${word}: see --help`);
    else {
      const [value, , read] = OPTIONS[name as keyof typeof OPTIONS];
      const text = inline ?? words[++i];
      if (text === undefined) throw new Error(`--${name} needs a value: ${value}`);
      given.set(name, read(text, `--${name}`));
    }
  }
  const line = (name: 'dtr' | 'rts') => (given.has(name) ? { [name]: given.get(name) === 'on' } : {});
  const lines = { ...line('dtr'), ...line('rts') };
  const options = {
    bauds: (given.get('baud') as number[] | undefined) ?? [BAUD_RATES[0]],
    addr: (given.get('addr') as number | undefined) ?? 0,
    shell: (given.get('shell') as ToolOptions['shell'] | undefined) ?? 'auto',
    lines: Object.keys(lines).length > 0 ? lines : undefined,
    waitMillis: ((given.get('wait') as number | undefined) ?? 10) * 1_000,
    hex: given.has('hex'),
    listen: given.has('listen'),
    count: (given.get('count') as number | undefined) ?? 4,
    image: (given.get('image') as number | undefined) ?? 0,
    from: (given.get('from') as number | undefined) ?? 1,
    to: (given.get('to') as number | undefined) ?? BUS_ADDRESS_MAX,
    answerMillis: (given.get('answer') as number | undefined) ?? BUS_ANSWER_MILLIS,
  };
  if (options.from > options.to)
    throw new Error(`--from ${options.from} --to ${options.to}: expected the lower one first`);
  return { options, ...wordsOf(tool as keyof typeof TOOLS, rest) } as unknown as Tool;
}

function wordsOf(tool: keyof typeof TOOLS, [port = '', second = '', ...more]: string[]): object {
  const usage = new Error(`expected: errand-bridge ${tool} ${TOOLS[tool][0]}`.trim());
  if (tool === 'ports') {
    if (port) throw usage;
    return { tool };
  }
  if (!port) throw usage;
  const fault = faultOfPortName(port);
  if (fault) throw new Error(fault);
  if (tool === 'run') {
    if (!second) throw usage;
    return { tool, port, command: second, args: more };
  }
  if ((tool === 'flash') !== (second !== '') || more.length > 0) throw usage;
  return tool === 'flash' ? { tool, port, file: second } : { tool, port };
}

export function toolHelp(): string {
  const row = (left: string, right: string) => `  ${left.padEnd(34)}${right}\n`;
  const tools = Object.entries(TOOLS).map(([name, [words, what]]) => row(`${name} ${words}`, what));
  const options = Object.entries(OPTIONS).map(([name, [value, what]]) => row(`--${name} ${value}`, what));
  const flags = Object.entries(FLAGS).map(([name, what]) => row(`--${name}`, what));
  return `at the bench, without any cloud:

${tools.join('')}
PORT is a path (/dev/ttyUSB0, /dev/serial/by-id/...) or usb:VENDOR:PRODUCT[:SERIAL]. An ARGUMENT is a whole number, true, false,
hex:00ff, a JSON array, a JSON object with whole numbers as keys, or text.

${options.join('')}${flags.join('')}
Exit codes: 0 done, 1 refused, failed or no answer, 2 wrong words, 130 Ctrl-C.
`;
}

function readBauds(text: string, name: string): number[] {
  if (text === 'probe') return [...BAUD_RATES];
  return text.split(',').map((rate) => whole(BAUD_MIN, BAUD_MAX)(rate, name));
}

function whole(min: number, max: number): (text: string, name: string) => number {
  return (text, name) => {
    if (/^\d+$/.test(text) && +text >= min && +text <= max) return +text;
    throw new Error(`${name} '${text}': expected a whole number, ${min} to ${max}`);
  };
}

function oneOf(...words: string[]): (text: string, name: string) => string {
  return (text, name) => {
    if (words.includes(text)) return text;
    throw new Error(`${name} '${text}': expected ${words.join(' or ')}`);
  };
}
