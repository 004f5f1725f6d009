import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { type Artifacts, openArtifacts } from '../../../../targets/service/artifacts/artifacts.ts';
import { type FilesListener, serveFiles } from '../../../../targets/service/artifacts/listener.ts';
import { localFiles, type Files as Seams } from '../../../../targets/service/artifacts/signer.ts';
import { openIdentity } from '../../../../targets/service/identity/identity.ts';
import type { Store } from '../../../../targets/service/store/open.ts';
import { freshStore } from '../store/engines.ts';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

export const REGION = 'eu-central-1';
/** What the operator has, and what URLs in documents are signed with. */
export const OPERATOR = { accessKeyId: 'AKIAOPERATOR', secretAccessKey: 'secret-of-operator' };
const URL_KEY = { accessKeyId: 'AKIAURLS', secretAccessKey: 'secret-of-urls' };
/** Small, so that tests reach them. */
export const BYTES_MAX = { operator: 2_000_000, url: 1_000 };

/** The artifact store on a store in memory and a temporary folder, served over TLS, with a clock that a test moves. */
export interface Files extends Seams {
  /** Where contents are. */
  folder: string;
  origin: string;
  store: Store;
  artifacts: Artifacts;
  listener: FilesListener;
  /** What was logged as an error. */
  errors: string[];
  at(millis: number): void;
  /** AWS's own client, with what a test changes. */
  client(changed?: Partial<S3ClientConfig>): S3Client;
  put(bucket: string, key: string, content: string | Buffer): Promise<void>;
  /** A signed URL as a document would have it. */
  url(key: string, changed?: { method?: 'GET' | 'PUT'; expiresInSeconds?: number }): Promise<string>;
  send(url: string, options?: Sent): Promise<Answer>;
  close(): Promise<void>;
}

export interface Sent {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** `<Code>` of a refusal. */
  code: string | undefined;
}

export async function openFiles(): Promise<Files> {
  const base = mkdtempSync(path.join(os.tmpdir(), 'errand-files-'));
  const folder = path.join(base, 'artifacts');
  const identity = await openIdentity({ folder: base, nowMillis: Date.now });
  const store = await freshStore();
  let offset = 0;
  const nowMillis = () => Date.now() + offset;
  const artifacts = openArtifacts({ store, folder, nowMillis });
  const errors: string[] = [];
  const listener = await serveFiles({
    host: '127.0.0.1',
    port: 0,
    certificate: identity.server,
    artifacts,
    verifier: {
      region: REGION,
      nowMillis,
      isUrlKey: (id) => id === URL_KEY.accessKeyId,
      findSecretAccessKey: async (id) =>
        [OPERATOR, URL_KEY].find(({ accessKeyId }) => accessKeyId === id)?.secretAccessKey,
    },
    log: (level, message) => void (level === 'error' && errors.push(message)),
    bytesMax: BYTES_MAX,
  });
  const origin = `https://localhost:${listener.port}`;
  const seams = localFiles({ artifacts, key: URL_KEY, region: REGION, nowMillis, origin: () => origin });
  const agent = new Agent({ ca: identity.caPem, keepAlive: true });
  const clients: S3Client[] = [];
  return {
    ...seams,
    folder,
    origin,
    store,
    artifacts,
    listener,
    errors,
    at: (millis) => void (offset = millis - Date.now()),
    client(changed = {}) {
      const client = new S3Client({
        endpoint: origin,
        region: REGION,
        credentials: OPERATOR,
        forcePathStyle: true,
        maxAttempts: 1,
        requestHandler: new NodeHttpHandler({ httpsAgent: agent }),
        ...changed,
      });
      clients.push(client);
      return client;
    },
    async put(bucket, key, content) {
      const received = await artifacts.receive(Readable.from([Buffer.from(content)]));
      await artifacts.put({ bucket, key }, received, { metadata: {} });
    },
    url: async (key, { method = 'GET', expiresInSeconds = 60 } = {}) =>
      seams.signer.sign({
        method,
        url: `https://s3.amazonaws.com/bucket/${key}`,
        encoding: 'percent',
        expiresInSeconds,
        roleArn: 'arn:aws:iam::123456789012:role/r',
        thingName: 'T1',
        jobId: 'j1',
        executionNumber: 1,
      }),
    send: (url, sent) => send(url, agent, sent),
    async close() {
      for (const client of clients) client.destroy();
      agent.destroy();
      await listener.close();
      await store.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** One request as it stands: no path is normalised. */
function send(url: string, agent: Agent, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
  const [, port, rest = '/'] = /^https:\/\/localhost:(\d+)(.*)$/s.exec(url) ?? [];
  return new Promise((resolve, reject) => {
    const sized = body !== undefined && headers['transfer-encoding'] === undefined;
    const length = sized ? { 'content-length': Buffer.byteLength(body) } : {};
    const outgoing = request({
      host: 'localhost',
      port,
      path: rest,
      method,
      agent,
      headers: { ...length, ...headers },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      const portions: Buffer[] = [];
      answer.on('error', reject);
      answer.on('data', (portion) => portions.push(portion));
      answer.on('end', () => {
        const whole = Buffer.concat(portions);
        const code = /<Code>([^<]*)<\/Code>/.exec(whole.toString('latin1'))?.[1];
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: whole, code });
        if (!outgoing.writableEnded) outgoing.destroy(); // refused before its body was wanted
      });
    });
    if (headers.expect === undefined) outgoing.end(body);
    else {
      outgoing.on('continue', () => outgoing.end(body));
      outgoing.flushHeaders();
    }
  });
}
