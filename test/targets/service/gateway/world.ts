/** A gateway on a clock of the test's own, and clients whose packets `mqtt-packet` makes and reads. */
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type Packet,
  parser,
} from 'mqtt-packet';
import type {
  GatewayEffect,
  GatewayEvent,
  GatewayRequest,
  Principal,
} from '../../../../targets/service/gateway/events.ts';
import { createGateway, stepGateway, wakeAt } from '../../../../targets/service/gateway/gateway.ts';
import type { Gateway } from '../../../../targets/service/gateway/state.ts';

export interface World {
  gateway: Gateway;
  now: number;
  requests: GatewayRequest[];
  logs: string[];
  clients: Map<number, Client>;
  step: (event: GatewayEvent) => GatewayEffect[];
  /** Lets time pass, waking the gateway whenever it asked for it. */
  pass: (millis: number) => void;
  open: (principal?: Partial<Principal>, protocolVersion?: 4 | 5) => Client;
  /** Opens, sends CONNECT with a client identifier that is also the thing, and takes the CONNACK. */
  connect: (clientId: string, more?: Partial<IConnectPacket>, principal?: Partial<Principal>) => Client;
  /** The same with MQTT 5. */
  connect5: (clientId: string, more?: Partial<IConnectPacket>, principal?: Partial<Principal>) => Client;
}

export interface Client {
  number: number;
  closed: string | undefined;
  connack: IConnackPacket | undefined;
  /** Writes that the gateway asked for. */
  writes: number;
  send: (...packets: Packet[]) => void;
  sendBytes: (bytes: Uint8Array) => void;
  /** All packets that came since it was last asked. @throws when `mqtt-packet` cannot read what came */
  take: () => Packet[];
  /** The connection breaks. */
  drop: () => void;
  publish: (topic: string, payload: string, more?: Partial<IPublishPacket>) => void;
  /** @returns what SUBACK granted */
  subscribe: (filters: Record<string, 0 | 1 | 2>) => number[];
}

export function createWorld(): World {
  const clients = new Map<number, Client & { receive: (bytes: Uint8Array) => void }>();
  const world: World = {
    gateway: createGateway(),
    now: 1_000_000,
    requests: [],
    logs: [],
    clients,
    step(event) {
      const effects = stepGateway(world.gateway, event, world.now);
      for (const effect of effects) {
        if (effect.do === 'write') clients.get(effect.connection)?.receive(effect.bytes);
        if (effect.do === 'close') (clients.get(effect.connection) as Client).closed = effect.reason;
        if (effect.do === 'request') world.requests.push(effect);
        if (effect.do === 'log') world.logs.push(`${effect.message} ${JSON.stringify(effect.fields)}`);
      }
      return effects;
    },
    pass(millis) {
      const end = world.now + millis;
      for (let at = wakeAt(world.gateway); at !== undefined && at <= end; at = wakeAt(world.gateway)) {
        world.now = Math.max(world.now, at);
        world.step({ on: 'wake' });
      }
      world.now = end;
    },
    open(principal, protocolVersion = 4) {
      const number = clients.size + 1;
      const client = createClient(world, number, protocolVersion);
      clients.set(number, client);
      world.step({
        on: 'connected',
        connection: number,
        principal: { certificateId: `certificate${number}`, thingNames: [], ...principal },
      });
      return client;
    },
    connect: (clientId, more, principal) => connect(world, 4, clientId, more, principal),
    connect5: (clientId, more, principal) => connect(world, 5, clientId, more, principal),
  };
  return world;
}

function connect(
  world: World,
  protocolVersion: 4 | 5,
  clientId: string,
  more?: Partial<IConnectPacket>,
  principal?: Partial<Principal>,
): Client {
  const client = world.open({ certificateId: `of-${clientId}`, thingNames: [clientId], ...principal }, protocolVersion);
  client.send({ cmd: 'connect', protocolVersion, clientId, clean: true, keepalive: 60, ...more } as IConnectPacket);
  client.connack = client.take()[0] as IConnackPacket | undefined;
  return client;
}

function createClient(
  world: World,
  number: number,
  protocolVersion: 4 | 5,
): Client & { receive: (bytes: Uint8Array) => void } {
  const reader = parser({ protocolVersion });
  let failure: Error | undefined;
  reader.on('error', (error) => (failure ??= error));
  let packets: Packet[] = [];
  reader.on('packet', (packet) => packets.push(packet));
  const client = {
    number,
    closed: undefined,
    connack: undefined,
    writes: 0,
    receive(bytes: Uint8Array) {
      client.writes++;
      reader.parse(Buffer.from(bytes));
    },
    sendBytes: (bytes: Uint8Array) => void world.step({ on: 'bytes', connection: number, bytes }),
    send: (...sent: Packet[]) =>
      client.sendBytes(Buffer.concat(sent.map((packet) => generate(packet, { protocolVersion })))),
    take() {
      if (failure !== undefined) throw failure;
      const taken = packets;
      packets = [];
      return taken;
    },
    drop: () => void world.step({ on: 'closed', connection: number }),
    publish: (topic: string, payload: string, more?: Partial<IPublishPacket>) =>
      client.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, ...more } as IPublishPacket),
    subscribe(filters: Record<string, 0 | 1 | 2>) {
      const subscriptions = Object.entries(filters).map(([topic, qos]) => ({ topic, qos }));
      client.send({ cmd: 'subscribe', messageId: 77, subscriptions });
      const suback = packets.find(({ cmd }) => cmd === 'suback') as { granted: number[] } | undefined;
      packets = packets.filter(({ cmd }) => cmd !== 'suback');
      return suback?.granted ?? [];
    },
  };
  return client;
}

/** A packet in a line: what a test compares. */
export function show(packet: Packet): string {
  if (packet.cmd === 'publish') {
    const { qos, dup, retain, topic, payload, messageId } = packet;
    const flags = `${dup ? ' dup' : ''}${retain ? ' retain' : ''}`;
    const text = Object.entries(packet.properties ?? {}).map(([name, value]) => ` ${name}=${showValue(value)}`);
    return `${topic} ${payload} qos${qos}${messageId ? ` #${messageId}` : ''}${flags}${text.join('')}`;
  }
  if (packet.cmd === 'connack')
    return `connack ${packet.returnCode ?? hex(packet.reasonCode)}${packet.sessionPresent ? ' present' : ''}`;
  if (packet.cmd === 'disconnect') return `disconnect ${hex(packet.reasonCode)}`;
  const reason = 'reasonCode' in packet && packet.reasonCode ? ` ${hex(packet.reasonCode)}` : '';
  return `${packet.cmd}${packet.messageId ? ` #${packet.messageId}` : ''}${reason}`;
}

const hex = (code: number | undefined) => `0x${(code ?? 0).toString(16).padStart(2, '0')}`;

function showValue(value: unknown): string {
  return Buffer.isBuffer(value) || typeof value !== 'object' ? `${value}` : JSON.stringify(value);
}

export function shown(client: Client): string[] {
  return client.take().map(show);
}

export const ack = (messageId: number): Packet => ({ cmd: 'puback', messageId });
