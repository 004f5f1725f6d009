import type { Millis } from '../../../runtime/effects.ts';
import type { ProtocolError } from '../../../runtime/errors.ts';
import type { RequestTopic } from '../../../runtime/jobs/topics.ts';
import type { ProvisioningRequest } from '../../../runtime/provisioning/topics.ts';
import type { Action } from '../faults/rule.ts';

/** Who stands behind a connection: a certificate and the things that it is attached to. */
export interface Principal {
  /** SHA-256 of the certificate's DER, hexadecimal. */
  certificateId: string;
  thingNames: readonly string[];
  /** Of a claim certificate, which makes identities for boards and does nothing else: the templates that it is for. */
  claims?: readonly string[] | undefined;
  /** May publish and subscribe anywhere: an operator's listener, or a service started open. */
  open?: boolean;
  /** May subscribe to what the service tells of jobs, `$aws/events/...`. */
  hearsEvents?: boolean;
}

/** All that a gateway may be told. A connection is a number of the shell's choosing, never used twice. */
export type GatewayEvent =
  | { on: 'connected'; connection: number; principal: Principal }
  | { on: 'bytes'; connection: number; bytes: Uint8Array }
  /** The peer went away, or the shell gave it up: its will is published. */
  | { on: 'closed'; connection: number; reason?: string }
  /** What came are no packets of MQTT, says who cuts the bytes into packets in the gateway's place. */
  | { on: 'broken'; connection: number; error: ProtocolError }
  /** The session of a client identifier ends, with the connection that it may have. */
  | { on: 'forget'; clientId: string }
  /** The client identifier has connected to another process of the same service, at this time of the gateway's clock. */
  | { on: 'elsewhere'; clientId: string; principal: Principal; at: Millis }
  /** The service's own message, such as `notify`, to all who subscribed. */
  | { on: 'publish'; topic: string; payload: Uint8Array; qos: 0 | 1 }
  /** The answer to a request, with the `connection` and `clientId` that the request had: to that client alone, once, subscribed or not. */
  | {
      on: 'answer';
      connection: number;
      clientId: string;
      topic: string;
      payload: Uint8Array;
      /** Of the request, to be given back. */
      correlationData?: Uint8Array | undefined;
      /** Of the request: what is to happen to this answer. The gateway itself does not look at it. */
      fault?: Action | undefined;
    }
  /** The certificate is no longer good: everybody who came with it goes. */
  | { on: 'revoked'; certificateId: string }
  /** The server ends: all connections are closed, those of MQTT 5 with the reason. No will is published. */
  | { on: 'closing' }
  /** The time of `wakeAt` has come. */
  | { on: 'wake' };

/** All that a gateway may ask for, to be carried out in this order. */
export type GatewayEffect =
  /** All bytes of this step for this connection. */
  | { do: 'write'; connection: number; bytes: Uint8Array }
  /** Close once the bytes before are sent; the gateway has forgotten the connection. */
  | { do: 'close'; connection: number; reason: string }
  /** A CONNECT was accepted; not of a client whose identifier is generated here, and may be another's elsewhere. */
  | { do: 'welcome'; clientId: string; principal: Principal }
  | ({ do: 'request' } & GatewayRequest)
  | ({ do: 'provision' } & ProvisioningPublish)
  | { do: 'log'; level: 'info' | 'warn'; message: string; fields: Record<string, string | number> };

/** A publish on a topic of fleet provisioning, by one who may: to be answered with `answer`. */
export interface ProvisioningPublish extends Pick<GatewayRequest, 'connection' | 'clientId' | 'topic' | 'payload'> {
  /** Whose certificate it came with. */
  certificateId: string;
  request: ProvisioningRequest;
  correlationData?: Uint8Array | undefined;
}

/** A publish of a client inside a thing's jobs namespace, by one who may: to be answered with `answer`. */
export interface GatewayRequest {
  connection: number;
  clientId: string;
  thingName: string;
  topic: string;
  /** The operation; `'InvalidTopic'` is to be answered with the error of that name on `{topic}/rejected`. */
  request: RequestTopic | 'InvalidTopic';
  /** As received; it may share memory with other messages, so copy what is kept. */
  payload: Uint8Array;
  /** Correlation Data of a request of MQTT 5: the answer is to have it (MQTT 5 §4.10). */
  correlationData?: Uint8Array | undefined;
  /** A fault that was asked for: 'reject' is to be answered so and not carried out, any other comes back with the answer. */
  fault?: Action | undefined;
}
