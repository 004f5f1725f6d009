import { ProtocolError } from '../../../runtime/errors.ts';

/** The reason codes that this gateway gives, by the standard's names (MQTT 5 §2.4). From 0x80 on they are refusals. */
export const REASON = {
  success: 0x00,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  malformedPacket: 0x81,
  protocolError: 0x82,
  clientIdentifierNotValid: 0x85,
  notAuthorized: 0x87,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  qosNotSupported: 0x9b,
  sharedSubscriptionsNotSupported: 0x9e,
} as const;

export type ReasonCode = (typeof REASON)[keyof typeof REASON];

/** Why something is not taken: the code for a client of MQTT 5, the sentence for it and for the log. */
export interface Refusal {
  reasonCode: ReasonCode;
  reason: string;
}

/** A broken protocol that MQTT 5 has a code of its own for. */
export class ReasonedError extends ProtocolError {
  constructor(
    readonly reasonCode: ReasonCode,
    section: string,
    found: string,
  ) {
    super(section, found);
  }
}

/** What a client of MQTT 5 is told about `error`: Malformed Packet, unless the error says better (MQTT 5 §4.13.1). */
export function reasonOf(error: ProtocolError): ReasonCode {
  return error instanceof ReasonedError ? error.reasonCode : REASON.malformedPacket;
}
