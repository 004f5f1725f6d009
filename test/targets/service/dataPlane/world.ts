import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type Agent, type RequestOptions, request } from 'node:https';
import { type DevicesListener, serveDevices } from '../../../../targets/service/dataPlane/devices.ts';
import { createDataPlane, type DataPlane } from '../../../../targets/service/dataPlane/plane.ts';
import type { DeviceCertificate } from '../../../../targets/service/identity/deviceCertificate.ts';
import { attachThingPrincipal, findPrincipal } from '../../../../targets/service/registry/principals.ts';
import { createThing } from '../../../../targets/service/registry/things.ts';
import { type ControlPlane, REGION, startControlPlane } from '../http/controlPlane.ts';
import type { Answer } from '../http/signedRequest.ts';

/** The operators' port and the devices' on one Jobs service with a store in memory. */
export interface World {
  plane: ControlPlane;
  devices: DevicesListener;
  /** Behind the devices' port. */
  dataPlane: DataPlane;
  logs: { level: string; message: string; fields: Record<string, string | number> }[];
  failures: unknown[];
  /** Makes a thing with an active certificate of its own. */
  addDevice(thingName: string): Promise<DeviceCertificate>;
  addJob(jobId: string, thingNames: readonly string[], document?: string): Promise<void>;
  deactivate(device: DeviceCertificate): Promise<void>;
  /** As a device asks, over mutual TLS. */
  ask(device: DeviceCertificate | undefined, method: string, path: string, more?: Ask): Promise<Answer>;
  /** The same, without waiting for the answer. */
  begin(device: DeviceCertificate | undefined, method: string, path: string, more?: Ask): ClientRequest;
  /** Resolves when so many requests are held open. */
  held(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
  agent?: Agent;
  tls?: RequestOptions;
}

export async function startWorld(nowMillis: () => number = Date.now): Promise<World> {
  const plane = await startControlPlane(nowMillis);
  const logs: World['logs'] = [];
  const failures: unknown[] = [];
  const onFailure = (failure: unknown) => void failures.push(failure);
  const dataPlane = createDataPlane({ ask: plane.jobs.ask, heldMax: 100, onFailure });
  plane.onNotified((topic) => dataPlane.notified(topic));
  const devices = await serveDevices({
    host: '127.0.0.1',
    port: 0,
    ca: plane.identity.caPem,
    certificate: plane.identity.server,
    dataPlane,
    identify: (certificateId) => findPrincipal(plane.store, certificateId),
    log: (level, message, fields = {}) => void logs.push({ level, message, fields }),
    onFailure,
  });

  const begin: World['begin'] = (device, method, path, { body, headers = {}, agent, tls = {} } = {}) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: devices.port,
      servername: 'localhost',
      ca: plane.identity.caPem,
      ...(device === undefined ? {} : { cert: device.certificatePem, key: device.keyPair.PrivateKey }),
      method,
      path,
      headers,
      agent: agent ?? false,
      ...tls,
    });
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    return outgoing;
  };

  return {
    plane,
    devices,
    dataPlane,
    logs,
    failures,
    async addDevice(thingName) {
      const { certificateId, certificatePem, keyPair } = await plane.identity.issueCertificate();
      const row = {
        certificate_id: certificateId,
        pem: certificatePem,
        status: 'ACTIVE' as const,
        created_at: Date.now(),
      };
      await plane.store.db.insertInto('certificate').values(row).execute();
      await createThing(plane.registry, { thingName });
      const principal = `arn:aws:iot:${REGION}:111122223333:cert/${certificateId}`;
      await attachThingPrincipal(plane.registry, { thingName, principal });
      return { certificateId, certificatePem, keyPair };
    },
    async addJob(jobId, thingNames, document = '{}') {
      const targets = thingNames.map((name) => `arn:aws:iot:${REGION}:111122223333:thing/${name}`);
      await plane.jobs.control.createJob({ jobId, targets, document });
      await plane.jobs.tick();
    },
    async deactivate({ certificateId }) {
      await plane.store.db
        .updateTable('certificate')
        .set({ status: 'INACTIVE' })
        .where('certificate_id', '=', certificateId)
        .execute();
    },
    begin,
    ask: async (...args) => answerOf(begin(...args)),
    held: (count) => turnUntil(() => dataPlane.held() === count, `${count} requests are held`),
    async close() {
      dataPlane.end();
      await devices.close();
      await plane.close();
    },
  };
}

/** Before a test that waits for what does not come fails, milliseconds; shorter than the longest wait of a request. */
const GIVE_UP_MILLIS = 20_000;

/** For what nothing tells: looks for it, a turn of the event loop at a time. */
export async function turnUntil(holds: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MILLIS;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error(`it never came that ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Reads an answer whole. */
export async function answerOf(outgoing: ClientRequest): Promise<Answer> {
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const type = answer.headers['x-amzn-errortype'];
  return {
    status: answer.statusCode as number,
    type: typeof type === 'string' ? type : undefined,
    headers: answer.headers,
    body: JSON.parse(text),
    reusedSocket: outgoing.reusedSocket,
  };
}
