import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { IoTClient } from '@aws-sdk/client-iot';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { type Artifacts, openArtifacts } from '../../../../targets/service/artifacts/artifacts.ts';
import { createDataPlane, type DataPlane } from '../../../../targets/service/dataPlane/plane.ts';
import { handlersOf } from '../../../../targets/service/http/handlers.ts';
import { type HttpsServer, serveHttps } from '../../../../targets/service/http/server.ts';
import { writeEndpoints } from '../../../../targets/service/identity/endpointsFile.ts';
import { type Identity, openIdentity } from '../../../../targets/service/identity/identity.ts';
import { createJobsService, type JobsService } from '../../../../targets/service/jobs/service.ts';
import type { Handlers } from '../../../../targets/service/operations/table.ts';
import {
  type AccessKey,
  findSecretAccessKey,
  firstAccessKey,
} from '../../../../targets/service/registry/accessKeys.ts';
import type { Registry } from '../../../../targets/service/registry/registry.ts';
import type { Store } from '../../../../targets/service/store/open.ts';
import { freshStore } from '../store/engines.ts';

/** The SDK would say on stderr that it will want a newer Node. */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** The operators' port with a store in memory, served over TLS on a free port of 127.0.0.1. */
export interface ControlPlane {
  folder: string;
  identity: Identity;
  key: AccessKey;
  https: HttpsServer;
  store: Store;
  jobs: JobsService;
  registry: Registry;
  artifacts: Artifacts;
  /** By scope of the signature, on the same port. */
  dataPlane: DataPlane;
  /** `tell` hears the topic of each notification from now on. */
  onNotified(tell: (topic: string) => void): void;
  url: string;
  /** As the service writes it. */
  endpointsFile: string;
  /** Set to make an operation fail, or to look at what it is given. */
  handlers: { -readonly [Name in keyof Handlers]: Handlers[Name] };
  failures: { requestId: string; operation: string | undefined; error: unknown }[];
  /** The SDK's own client, trusting only the service's CA. */
  client(key?: Partial<AccessKey>, region?: string): IoTClient;
  close(): Promise<void>;
}

export const REGION = 'eu-central-1';
export const arn = (kind: string, name: string) => `arn:aws:iot:${REGION}:111122223333:${kind}/${name}`;

/** @param nowMillis  the clock of the service, and so of signatures */
export async function startControlPlane(nowMillis: () => number = Date.now): Promise<ControlPlane> {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-control-plane-'));
  const identity = await openIdentity({ folder, nowMillis });
  const store = await freshStore();
  const place = { region: REGION, account: '111122223333' };
  const listeners: ((topic: string) => void)[] = [(topic) => dataPlane.notified(topic)];
  const publish = (topic: string) => {
    for (const tell of listeners) tell(topic);
  };
  const failures: ControlPlane['failures'] = [];
  const onFailure = (failure: ControlPlane['failures'][0]) => void failures.push(failure);
  const log = (operation: string, error: unknown) => onFailure({ requestId: '', operation, error });
  const jobs = createJobsService({ store, nowMillis, ...place, publish, log });
  const registry: Registry = {
    engine: store.engine,
    db: store.db,
    nowMillis,
    randomBytes,
    ...place,
    issueCertificate: identity.issueCertificate,
    certifyRequest: identity.certifyRequest,
    endpoints: () => ({ mqtts: 'localhost:8883', data: 'localhost:8443' }),
    membership: jobs.membership,
    revoke: () => {},
  };
  const key = await firstAccessKey(registry);
  const artifacts = openArtifacts({ store, folder: path.join(folder, 'artifacts'), nowMillis });
  const handlers: ControlPlane['handlers'] = handlersOf(registry, jobs.control, { plan: undefined }, artifacts);
  const dataPlane = createDataPlane({ ask: jobs.ask, heldMax: 100, onFailure });
  const https = await serveHttps({
    host: '127.0.0.1',
    port: 0,
    certificate: identity.server,
    region: REGION,
    handlers,
    dataPlane,
    findSecretAccessKey: (accessKeyId) => findSecretAccessKey(registry, accessKeyId),
    nowMillis,
    onFailure,
  });
  const url = `https://localhost:${https.port}`;
  const endpointsFile = path.join(folder, 'endpoints.json');
  writeEndpoints(endpointsFile, { mqtts: 'localhost:8883', https: url, ca: identity.caFile, ...key, region: REGION });
  const clients: IoTClient[] = [];
  return {
    folder,
    identity,
    key,
    https,
    store,
    jobs,
    registry,
    artifacts,
    dataPlane,
    onNotified: (tell) => void listeners.push(tell),
    url,
    endpointsFile,
    handlers,
    failures,
    client: (changed = {}, region = REGION) => {
      const client = new IoTClient({
        endpoint: url,
        region,
        credentials: { ...key, ...changed },
        maxAttempts: 1,
        requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: identity.caPem, keepAlive: true }) }),
      });
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients) client.destroy();
      dataPlane.end();
      await https.close();
      await jobs.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
