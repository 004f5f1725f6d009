import { type DataPlane, OPERATOR } from '../dataPlane/plane.ts';
import { ModelledError } from '../modelledError.ts';
import type { Operation } from '../operations/operation.ts';
import { notFound, refusal } from '../operations/refusals.ts';
import { type Handlers, OPERATIONS } from '../operations/table.ts';
import { readInput } from './input.ts';
import { BODY_BYTES_MAX, CONNECTIONS_MAX } from './limits.ts';
import {
  type Arrived,
  type HttpAnswer,
  type HttpsListener,
  type HttpsListenerOptions,
  listenHttps,
} from './listener.ts';
import { routerOf } from './route.ts';
import { type Claim, readClaim, unrecognized, verifySignature } from './signature.ts';

export interface HttpsOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** PEM texts; `cert` may hold a chain. */
  certificate: { key: string; cert: string };
  /** The region that signatures must be made for. */
  region: string;
  handlers: Handlers;
  /** The rows of the table as they are served here. */
  operations?: readonly Operation[];
  /** Answers what is signed for `iot-jobs-data`. */
  dataPlane: Pick<DataPlane, 'answer'>;
  /** The secret of an active access key; undefined when there is none with this id. */
  findSecretAccessKey(accessKeyId: string): Promise<string | undefined>;
  nowMillis(): number;
  /** Told of every failure that a client sees only as a 500. */
  onFailure: HttpsListenerOptions<never>['onFailure'];
  onAnswered?: NonNullable<HttpsListenerOptions<never>['onAnswered']>;
}

export type HttpsServer = HttpsListener;

/**
 * Serves operators over HTTPS: checks the signature (SigV4), and by the service that it is made for hands the request to the
 * control plane (finds the operation in the table, validates, calls its handler) or to the data plane. Never by the path
 * alone: two paths are operations of both, with answers of different shape (data plane §8.2).
 *
 * What is checked when: the claim and its access key before the body is read, so that a stranger cannot make us hold a
 * megabyte; the signature before the path is looked at, so that a stranger does not learn what is served.
 *
 * @throws Error when the port cannot be listened on
 */
export function serveHttps(options: HttpsOptions): Promise<HttpsServer> {
  const route = routerOf<Operation>(options.operations ?? OPERATIONS);
  const { host, port, certificate, onFailure } = options;

  async function control(arrived: Arrived): Promise<HttpAnswer> {
    const { id, method, target, headers, body } = arrived;
    const found = route(method, target.segments);
    if (found === undefined) throw notFound(`No operation is served at this path with ${method}`);
    const { name } = found.operation;
    arrived.operation = name;
    const input = readInput(found, target.query, headers, body);
    const output = await options.handlers[name as keyof Handlers](input as never).catch((error: unknown) => {
      if (error instanceof ModelledError) throw error;
      onFailure({ requestId: id, operation: name, error });
      throw internalFailure();
    });
    return { body: output ?? {} };
  }

  return listenHttps<{ claim: Claim; plane: 'control' | 'data'; secret: string }>({
    host,
    port,
    tls: certificate,
    bodyBytesMax: BODY_BYTES_MAX,
    connectionsMax: CONNECTIONS_MAX,
    admit: async ({ headers }) => {
      const { claim, plane } = readClaim(headers, options.region, options.nowMillis());
      const secret = await options.findSecretAccessKey(claim.accessKeyId);
      if (secret === undefined) throw unrecognized();
      return { claim, plane, secret };
    },
    answer: async (arrived, { claim, plane, secret }) => {
      await verifySignature(claim, secret, arrived);
      return plane === 'control' ? control(arrived) : options.dataPlane.answer(arrived, OPERATOR);
    },
    failure: internalFailure,
    onFailure,
    ...(options.onAnswered && { onAnswered: options.onAnswered }),
  });
}

function internalFailure(): ModelledError {
  return refusal(
    'InternalFailureException',
    'The service failed; its log has the reason under the id in x-amzn-RequestId',
  );
}
