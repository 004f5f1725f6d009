/** How a worker reaches the service: by MQTT or by HTTPS, as a device; each answer, refusal, or a connection lost before it. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import mqtt from 'mqtt';
import type { Tortured } from './service.ts';

/** Many times what an answer takes on a machine that is busy. */
const ANSWER_MILLIS_MAX = 30_000;

// biome-ignore lint/suspicious/noExplicitAny: read as it came
type Json = any;

/** `lost`: nobody knows whether it was applied. */
export type Reply = { accepted: Json } | { refused: string; body: Json } | 'lost';

export interface Line {
  /** Only a repeated request of this kind is known by its token. */
  hasTokens: boolean;
  pending(): Promise<Reply>;
  update(jobId: string, body: Record<string, unknown>): Promise<Reply>;
  close(): void;
}

export interface Credentials {
  thingName: string;
  cert: string;
  key: string;
}

export function mqttLine({ endpoints, up }: Tortured, { thingName, cert, key }: Credentials, version: 4 | 5): Line {
  const [host, port] = endpoints.mqtts.split(':') as [string, string];
  const jobs = `$aws/things/${thingName}/jobs`;
  let client: mqtt.MqttClient | undefined;
  let tokens = 0;

  async function connected(): Promise<mqtt.MqttClient | undefined> {
    if (client?.connected) return client;
    await up();
    client?.end(true);
    const made = mqtt.connect(`mqtts://${host}:${port}`, {
      ca: endpoints.caPem,
      cert,
      key,
      clientId: `torture-${thingName}`,
      protocolVersion: version,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
    });
    made.on('error', () => {}); // 'close' follows
    made.setMaxListeners(0);
    client = made;
    return new Promise((resolve) => {
      made.once('connect', () => resolve(made));
      made.once('close', () => resolve(undefined));
    });
  }
  async function ask(path: string, body: Record<string, unknown>): Promise<Reply> {
    const connection = await connected();
    if (connection === undefined) return 'lost';
    const clientToken = `${body.clientToken ?? ++tokens}`;
    return new Promise((resolve, reject) => {
      const unanswered = `${path} was not answered within ${ANSWER_MILLIS_MAX} ms, and the connection stood`;
      const giveUp = setTimeout(() => reject(new Error(unanswered)), ANSWER_MILLIS_MAX);
      const end = (reply: Reply) => {
        clearTimeout(giveUp);
        connection.off('message', take);
        connection.off('close', lost);
        resolve(reply);
      };
      const lost = () => end('lost');
      const take = (topic: string, payload: Buffer) => {
        if (!topic.startsWith(`${jobs}/${path}/`)) return;
        const answer = JSON.parse(payload.toString()) as Json;
        if (answer.clientToken !== clientToken) return;
        end(topic.endsWith('/accepted') ? { accepted: answer } : { refused: answer.code, body: answer });
      };
      connection.on('message', take);
      connection.on('close', lost);
      connection.publish(
        `${jobs}/${path}`,
        JSON.stringify({ ...body, clientToken }),
        { qos: 1 },
        (error) => error && lost(),
      );
    });
  }
  return {
    hasTokens: true,
    pending: () => ask('get', {}),
    update: (jobId, body) => ask(`${jobId}/update`, body),
    close: () => void client?.end(true),
  };
}

export function httpsLine({ endpoints, up }: Tortured, { thingName, cert, key }: Credentials): Line {
  const [host, port] = endpoints.data.split(':') as [string, string];
  const agent = new Agent({ ca: endpoints.caPem, cert, key, keepAlive: true, maxSockets: 1 });

  async function ask(method: string, path: string, body?: object): Promise<Reply> {
    await up();
    try {
      const outgoing = request({ host, port, agent, method, path: `/things/${thingName}/jobs${path}` });
      outgoing.end(body && JSON.stringify(body));
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      let text = '';
      for await (const piece of answer.setEncoding('utf8')) text += piece;
      const members = JSON.parse(text) as Json;
      if (answer.statusCode === 200) return { accepted: members };
      return { refused: `${answer.headers['x-amzn-errortype']}`, body: members };
    } catch {
      return 'lost';
    }
  }
  return {
    hasTokens: false,
    pending: () => ask('GET', ''),
    update: (jobId, { clientToken: _, ...body }) => ask('POST', `/${jobId}`, body),
    close: () => agent.destroy(),
  };
}
