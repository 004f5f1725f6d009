import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OpsOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** What is wrong with the service, one sentence each; none: it can do its work. */
  health(): Promise<readonly string[]>;
  metrics: { contentType: string; text(): Promise<string> };
  onFailure(what: string, error: unknown): void;
}

export interface OpsListener {
  port: number;
  close(): Promise<void>;
}

/** Connections at the same time: a scraper, a supervisor and somebody who looks. */
const CONNECTIONS_MAX = 32;
/** How long the service has to say how it is, milliseconds; one that does not is not well. */
const HEALTH_MILLIS_MAX = 2_000;

/**
 * What keeps a service running: `GET /healthz` (200 `ok`, or 503 with what is wrong) and `GET /metrics` (Prometheus). Plain HTTP without
 * authorisation, hence a port of its own that listens on this machine unless told otherwise, and says nothing about any one device.
 *
 * @throws (rejects) when the port cannot be had
 */
export async function serveOps({ host, port, health, metrics, onFailure }: OpsOptions): Promise<OpsListener> {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?');
    const answer = path === '/healthz' ? answerHealth : path === '/metrics' ? answerMetrics : undefined;
    if (answer === undefined) return say(response, 404, 'expected /healthz or /metrics\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return say(response, 405, 'expected GET\n');
    answer(response).catch((error: unknown) => {
      onFailure(`${path} failed`, error);
      say(response, 500, 'failed; the log of the service has the reason\n');
    });
  });
  server.maxConnections = CONNECTIONS_MAX;

  async function answerHealth(response: ServerResponse): Promise<void> {
    const wrong = await withinTime(health());
    if (wrong.length === 0) say(response, 200, 'ok\n');
    else say(response, 503, wrong.map((sentence) => `${sentence}\n`).join(''));
  }

  async function answerMetrics(response: ServerResponse): Promise<void> {
    say(response, 200, await metrics.text(), metrics.contentType);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function say(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
}

async function withinTime(health: Promise<readonly string[]>): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve([`no answer within ${HEALTH_MILLIS_MAX / 1000} s`]), HEALTH_MILLIS_MAX);
  });
  try {
    return await Promise.race([health, late]);
  } finally {
    clearTimeout(timer);
  }
}
