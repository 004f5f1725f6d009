import type { DevicesListener } from './dataPlane/devices.ts';
import type { DataPlane } from './dataPlane/plane.ts';
import type { Principal } from './gateway/events.ts';
import { type Log, troubleLog } from './log.ts';
import type { MqttListener } from './mqttListener.ts';
import type { Store } from './store/open.ts';
import { type Message, openRelay } from './workers/relay.ts';

/** The parts of this process that pass on what is told; a door is among them once it is open. */
export interface Hearers {
  planes: readonly Pick<DataPlane, 'notified'>[];
  mqtt: Pick<MqttListener, 'publish' | 'revoke' | 'elsewhere'> | undefined;
  devices: Pick<DevicesListener, 'revoke'> | undefined;
}

/** What is to reach every client that it concerns, whichever worker it is connected to. */
export interface Tidings {
  /** A notification or an event. Resolves when the other workers will get it; undefined where there can be none. */
  publish(topic: string, payload: Uint8Array): Promise<void> | undefined;
  /** A certificate, or what it is attached to, has changed. */
  revoke(certificateId: string): void;
  /** A client was let in here. */
  welcome(client: { clientId: string; principal: Principal }): void;
  /** Hears from other workers no more. */
  close(): Promise<void> | undefined;
}

/** Tells those who hear here, and where the store is shared the other workers, who are heard from then on. */
export async function openTidings(hearers: Hearers, store: Store, log: Log): Promise<Tidings> {
  const { nowMillis } = store;
  const relay = store.isShared ? await openRelay({ store, hear, log }) : undefined;
  const trouble = troubleLog(log);

  function hear(message: Message): void {
    if (message.tell === 'publish') publishHere(message.topic, Buffer.from(message.payload));
    else if (message.tell === 'revoke') revokeHere(message.certificateId);
    else hearers.mqtt?.elsewhere(message, nowMillis() - message.at);
  }

  function publishHere(topic: string, payload: Uint8Array): void {
    hearers.mqtt?.publish(topic, payload, 1);
    for (const plane of hearers.planes) plane.notified(topic);
  }

  function revokeHere(certificateId: string): void {
    hearers.mqtt?.revoke(certificateId);
    void hearers.devices?.revoke(certificateId);
  }

  return {
    publish(topic, payload) {
      publishHere(topic, payload);
      return relay?.send({ tell: 'publish', topic, payload: Buffer.from(payload).toString() });
    },
    revoke(certificateId) {
      revokeHere(certificateId);
      relay?.send({ tell: 'revoke', certificateId }).catch((error) => trouble('a revocation was not passed on', error));
    },
    welcome({ clientId, principal }) {
      relay
        ?.send({ tell: 'welcome', clientId, principal, at: nowMillis() })
        .catch((error) => trouble('a connection was not passed on', error));
    },
    close: () => relay?.close(),
  };
}
