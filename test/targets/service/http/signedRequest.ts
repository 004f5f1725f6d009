import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type Agent, request } from 'node:https';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../../../targets/service/http/sha256.ts';
import { type ControlPlane, REGION } from './controlPlane.ts';

export interface Sent {
  method?: string;
  /** As on the wire. */
  path?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string;
  /** What is done to the signed headers before they are sent. */
  change?: (headers: Record<string, string>) => void;
  /** The body that is sent, where it is not the one that was signed. */
  sentBody?: string;
  service?: string;
  region?: string;
  signedAtMillis?: number;
  secretAccessKey?: string;
  accessKeyId?: string;
  unsigned?: boolean;
  agent?: Agent;
}

export interface Answer {
  status: number;
  type: string | undefined;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
  reusedSocket: boolean;
}

/** One signed request by hand, with any part of it wrong. */
export async function send(plane: ControlPlane, sent: Sent): Promise<Answer> {
  const { method = 'GET', path = '/things', query = {}, body = '' } = sent;
  const signer = new SignatureV4({
    service: sent.service ?? 'iot',
    region: sent.region ?? REGION,
    credentials: {
      accessKeyId: sent.accessKeyId ?? plane.key.accessKeyId,
      secretAccessKey: sent.secretAccessKey ?? plane.key.secretAccessKey,
    },
    sha256: Sha256,
    applyChecksum: false,
  });
  const headers = { host: `localhost:${plane.https.port}`, ...sent.headers };
  const signed = await signer.sign(new HttpRequest({ method, path, query, headers, body }), {
    signingDate: new Date(sent.signedAtMillis ?? Date.now()),
  });
  sent.change?.(signed.headers);
  const search = new URLSearchParams(query).toString().replaceAll('+', '%20');
  return exchange(
    plane,
    method,
    search === '' ? path : `${path}?${search}`,
    sent.unsigned ? headers : signed.headers,
    sent.sentBody ?? body,
    sent.agent,
  );
}

async function exchange(
  plane: ControlPlane,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string,
  agent: Agent | undefined,
): Promise<Answer> {
  const outgoing = request({
    host: '127.0.0.1',
    port: plane.https.port,
    servername: 'localhost',
    ca: plane.identity.caPem,
    method,
    path,
    headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    agent: agent ?? false,
  });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const type = answer.headers['x-amzn-errortype'];
  return {
    status: answer.statusCode!,
    type: typeof type === 'string' ? type : undefined,
    headers: answer.headers,
    body: JSON.parse(text),
    reusedSocket: outgoing.reusedSocket,
  };
}
