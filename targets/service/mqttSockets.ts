import type { Socket } from 'node:net';
import type { Millis } from '../../runtime/effects.ts';
import { createFaultyGateway, faultyWakeAt, stepFaulty } from './faults/faultyGateway.ts';
import type { FaultSwitch } from './faults/plan.ts';
import type { GatewayEvent, GatewayRequest, Principal, ProvisioningPublish } from './gateway/events.ts';
import { createGateway } from './gateway/gateway.ts';
import { lingerMillisMax, unsentBytesMax } from './gateway/limits.ts';

/** Who is told of what the gateway says, and what it works with. */
export interface GatewayOwner {
  /** Answered later with `answer`, by the same connection and client identifier. */
  onRequest: (request: GatewayRequest) => void;
  /** The same for those of fleet provisioning; not given: they stay without answer. */
  onProvision?: (request: ProvisioningPublish) => void;
  /** Told of every client that was let in. */
  onWelcome?: (client: { clientId: string; principal: Principal }) => void;
  log: (level: 'info' | 'warn', message: string, fields: Record<string, string | number>) => void;
  /** A clock that only runs forward. */
  now: () => Millis;
  /** Where the faults are that were asked for. */
  faults?: FaultSwitch;
}

/** A gateway with the sockets of its connections, the clock and the one timer. */
export interface MqttSockets {
  step: (event: GatewayEvent) => void;
  /**
   * Gives a socket to the gateway, and closes it when the gateway says so.
   *
   * @param failure  see failureOf, which is asked as soon as there is a socket
   */
  admit: (connection: number, socket: Socket, principal: Principal, failure: () => Error | undefined) => void;
  /** Open connections. */
  count: () => number;
  /** From now on what arrives is dropped, and what was accepted can still be answered. */
  drain: () => void;
  /** Ends every connection, those of MQTT 5 with the reason; resolves when all are gone. */
  end: () => Promise<void>;
}

export function createMqttSockets(owner: GatewayOwner): MqttSockets {
  const { log, now } = owner;
  const gateway = createFaultyGateway(createGateway(), owner.faults ?? { plan: undefined });
  const sockets = new Map<number, Socket>();
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let draining = false;

  function step(event: GatewayEvent): void {
    const slow: number[] = [];
    for (const effect of stepFaulty(gateway, event, now())) {
      switch (effect.do) {
        case 'write': {
          const socket = sockets.get(effect.connection);
          socket?.write(effect.bytes);
          if (socket !== undefined && socket.writableLength > unsentBytesMax) slow.push(effect.connection);
          break;
        }
        case 'close':
          finish(effect.connection);
          break;
        case 'request':
          owner.onRequest(effect);
          break;
        case 'welcome':
          owner.onWelcome?.(effect);
          break;
        case 'provision':
          owner.onProvision?.(effect);
          break;
        case 'log':
          log(effect.level, effect.message, effect.fields);
          break;
      }
    }
    for (const connection of slow) cutOff(connection);
    arm();
  }

  /** Lets the last bytes leave, for so long. */
  function finish(connection: number): void {
    const socket = sockets.get(connection);
    sockets.delete(connection);
    if (socket === undefined) return;
    socket.end();
    const linger = setTimeout(() => socket.destroy(), lingerMillisMax);
    socket.once('close', () => clearTimeout(linger));
  }

  function cutOff(connection: number): void {
    const socket = sockets.get(connection);
    if (socket === undefined) return;
    sockets.delete(connection);
    const reason = `it reads too slowly: ${socket.writableLength} bytes unsent, at most ${unsentBytesMax}`;
    socket.destroy();
    step({ on: 'closed', connection, reason });
  }

  /** The timer is moved only to an earlier time: with every packet some keep-alive starts anew, later. */
  function arm(): void {
    const at = faultyWakeAt(gateway);
    if (at === undefined || at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(
      () => {
        timerAt = Number.POSITIVE_INFINITY;
        step({ on: 'wake' });
      },
      Math.max(0, at - now()),
    );
  }

  function admit(connection: number, socket: Socket, principal: Principal, failure: () => Error | undefined): void {
    sockets.set(connection, socket);
    socket.on('close', () => {
      if (!sockets.delete(connection)) return; // it was closed from here
      const reason = failure()?.message;
      step({ on: 'closed', connection, ...(reason !== undefined && { reason }) });
    });
    step({ on: 'connected', connection, principal });
    // Read only now: what the client sent meanwhile has waited in the socket.
    socket.on('data', (bytes: Buffer) => {
      // Dropped, not left unread: a socket that is closed with unread bytes resets, and an answer on its way may be lost.
      if (!draining) step({ on: 'bytes', connection, bytes });
    });
  }

  async function end(): Promise<void> {
    clearTimeout(timer);
    timerAt = Number.NEGATIVE_INFINITY; // and never again
    const told = [...sockets.values()].map((socket) => {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      return { socket, closed };
    });
    step({ on: 'closing' });
    for (const { socket } of told) socket.destroySoon(); // once its last bytes are handed over, or `lingerMillisMax` is up
    await Promise.all(told.map(({ closed }) => closed));
    sockets.clear();
  }

  const drain = () => {
    draining = true;
  };
  return { step, admit, count: () => sockets.size, drain, end };
}

/** Keeps why a socket failed; 'close' always follows. */
export function failureOf(socket: Socket): () => Error | undefined {
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  return () => failure;
}
