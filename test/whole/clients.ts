/** Debian's Mosquitto clients at a broker that asks for certificates: MQTT as others wrote it, seen from outside. */
import * as assert from 'uvu/assert';
import { type Child, runChild, startChild } from '../child.ts';

/** A broker and who comes to it; files are PEM. */
export interface Door {
  /** `host:port` */
  address: string;
  ca: string;
  cert?: string;
  key?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: tests read what came as it came
export type Json = any;

export interface Received {
  topic: string;
  qos: number;
  retained: boolean;
  payload: string;
}

/** What each client prints for a message, and nothing else of theirs begins so. */
const FORMAT = 'message %q %r %t %p';
/** mosquitto_rr gives up after this; it bounds a failing test and no passing one waits for it. */
const ANSWER_SECONDS_MAX = 10;

function argumentsOf({ address, ca, cert, key }: Door, clientId: string): string[] {
  const [host, port] = address.split(':') as [string, string];
  const own = cert === undefined || key === undefined ? [] : ['--cert', cert, '--key', key];
  return ['-h', host, '-p', port, '--cafile', ca, ...own, '-V', 'mqttv311', '-q', '1', '-i', clientId];
}

/** Runs mosquitto_sub or mosquitto_pub to its end, with its own log (`-d`). */
export function run(program: 'mosquitto_sub' | 'mosquitto_pub', door: Door, clientId: string, ...more: string[]) {
  return runChild(program, [...argumentsOf(door, clientId), '-d', ...more]);
}

let publishers = 0; // several may be at it, and a client identifier is one connection's

/** Publishes at QoS 1 and waits for PUBACK. */
export async function publish(door: Door, topic: string, payload: string): Promise<void> {
  const clientId = `publisher-${++publishers}`;
  const { code, stdout, stderr } = await run('mosquitto_pub', door, clientId, '-t', topic, '-m', payload);
  assert.is(code, 0, `${stdout}${stderr}`);
}

/**
 * Publishes a request and gives the answer on `{topic}/{kind}`; mosquitto_rr does both on one connection.
 *
 * @param payload  text as it is; bytes; any other value as JSON
 */
export async function request(
  door: Door,
  topic: string,
  payload: string | Uint8Array | object,
  kind: 'accepted' | 'rejected' = 'accepted',
): Promise<Received & { body: Json }> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const rest = ['-t', topic, '-e', `${topic}/${kind}`, '-W', `${ANSWER_SECONDS_MAX}`, '-F', FORMAT];
  const all = [...argumentsOf(door, 'requester'), ...rest];
  // Bytes that are no text cannot be an argument of Node's, but can be one of the shell's.
  const { code, stdout, stderr } =
    payload instanceof Uint8Array
      ? await runChild('sh', ['-c', `exec mosquitto_rr "$@" -m "$(printf '${octal(payload)}')"`, 'sh', ...all])
      : await runChild('mosquitto_rr', [...all, ...(text === '' ? ['-n'] : ['-m', text])]);
  assert.is(code, 0, `mosquitto_rr: no answer on ${topic}/${kind}: ${stdout}${stderr}`);
  const received = readMessage(stdout.trimEnd());
  return { ...received, body: JSON.parse(received.payload) };
}

function octal(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

/** A mosquitto_sub that stays. */
export interface Listener extends Child {
  /** What it has received so far. */
  messages(): Received[];
  /** The next message that was not taken yet. */
  next(): Promise<Received>;
}

/**
 * Subscribes at QoS 1; resolves when all is granted. The listener is its caller's to end.
 *
 * @param persistent  with a session that outlives the connection
 */
export async function listen(
  door: Door,
  filters: readonly string[],
  { clientId = 'listener', persistent = false } = {},
): Promise<Listener> {
  const topics = filters.flatMap((filter) => ['-t', filter]);
  // Line by line: into a pipe mosquitto_sub holds its lines back until there are many.
  const child = startChild('stdbuf', [
    '-oL',
    'mosquitto_sub',
    ...argumentsOf(door, clientId),
    '-d',
    ...(persistent ? ['-c'] : []),
    ...topics,
    '-F',
    FORMAT,
  ]);
  await child.line(new RegExp(`^Subscribed \\(mid: \\d+\\): ${filters.map(() => 1).join(', ')}$`));
  let from = 0;
  return {
    ...child,
    messages: () => child.lines.filter((line) => line.startsWith('message ')).map(readMessage),
    async next() {
      const line = await child.lineAfter(from, /^message /);
      from = child.lines.indexOf(line, from) + 1;
      return readMessage(line);
    },
  };
}

function readMessage(line: string): Received {
  const match = /^message (\d) (\d) (\S+) (.*)$/.exec(line);
  if (match === null) throw new Error(`not a message in the format of these clients: ${line}`);
  const [, qos, retained, topic, payload] = match as unknown as [string, string, string, string, string];
  return { qos: Number(qos), retained: retained === '1', topic, payload };
}
