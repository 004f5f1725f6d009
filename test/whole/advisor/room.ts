/** The built agents before a server that misbehaves, each test with agents and servers of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Packet } from 'mqtt-packet';
import { suite, type Test } from 'uvu';
import { type Child, startChild } from '../../child.ts';
import { makeCa, makeCertificate, type Pair } from '../../transports/certificates.ts';
import { type Behaviour, type Endpoint, openEndpoint } from './endpoint.ts';

export const AGENTS = { lean: 'errand-agent.cjs', full: 'errand-agent-full.cjs' };
/** So many times as fast is the agents' clock, where a test says nothing else. */
export const SPEED = 80;
export const JOBS = '$aws/things/board/jobs';

export interface Room {
  folder: string;
  ca: Pair;
  stranger: Pair;
  server: Pair;
  device: Pair;
  opened: { close(): void }[];
  agents: Child[];
}

export function roomSuite(name: string): Test<Room> {
  const test = suite<Room>(name);
  test.before((room) => {
    room.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-advisor-'));
    const { folder } = room;
    room.ca = makeCa(folder, 'ca');
    room.stranger = makeCa(folder, 'stranger');
    room.server = makeCertificate(folder, 'server', room.ca, 'DNS:localhost');
    room.device = makeCertificate(folder, 'device', room.ca);
  });
  test.before.each((room) => {
    room.opened = [];
    room.agents = [];
  });
  test.after.each(async ({ opened, agents }) => {
    for (const agent of agents) await agent.kill();
    for (const one of opened) one.close();
  });
  test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));
  return test;
}

export async function open(room: Room, behaviour: Behaviour = {}, pair = room.server): Promise<Endpoint> {
  const endpoint = await openEndpoint(pair, room.ca, behaviour);
  room.opened.push(endpoint);
  return endpoint;
}

export interface How {
  file?: string;
  /** `https://` for the HTTPS data plane. */
  scheme?: string;
  flags?: string[];
  env?: NodeJS.ProcessEnv;
  speed?: number;
}

/** The agent of a port has a data folder of its own, the same one when it is started again. */
export function start(
  { folder, ca, device, agents }: Room,
  { port }: Pick<Endpoint, 'port'>,
  { file = AGENTS.lean, scheme = '', flags = [], env = {}, speed = SPEED }: How = {},
): Child {
  const root = fileURLToPath(new URL('../../../dist/', import.meta.url));
  const data = path.join(folder, `data-${port}`);
  const keys = ['--ca', ca.certFile, '--cert', device.certFile, '--key', device.keyFile];
  const own = [
    '--endpoint',
    `${scheme}localhost:${port}`,
    '--thing',
    'board',
    '--data',
    data,
    '--handlers',
    '/nowhere',
  ];
  const clock = ['--require', fileURLToPath(new URL('fastClock.cjs', import.meta.url))];
  const agent = startChild(process.execPath, [...clock, path.join(root, file), ...keys, ...own, ...flags], {
    env: { ...process.env, ERRAND_TEST_SPEED: String(speed), ...env },
  });
  agents.push(agent);
  return agent;
}

export const is =
  (cmd: Packet['cmd'], from = 1) =>
  (packet: Packet, connection: number) =>
    packet.cmd === cmd && connection >= from;

/** A message at QoS 1 on the topic that an agent has subscribed to: Device Advisor's TRIGGER_TOPIC. */
export function trigger(messageId: number, payload: string): Packet {
  return { cmd: 'publish', topic: `${JOBS}/notify-next`, payload, qos: 1, messageId, dup: false, retain: false };
}
