import type { ErrorCode } from '../../../runtime/jobs/errorCodes.ts';
import { ERROR_MEANINGS } from '../../../runtime/jobs/errorMeanings.ts';

export const PLANES = ['mqtt', 'https'] as const;
export type Plane = (typeof PLANES)[number];

/** The four operations of a device, on both planes. */
const REQUESTS = [
  'GetPendingJobExecutions',
  'StartNextPendingJobExecution',
  'DescribeJobExecution',
  'UpdateJobExecution',
] as const;
const NOTIFICATIONS = ['notify', 'notify-next'] as const;
/** What a client of MQTT sends, and is answered by the packet of `ACKNOWLEDGEMENTS`. */
const EXCHANGES = ['connect', 'publish', 'subscribe', 'ping'] as const;

/** What a rule can be about. */
export const FAULT_OPERATIONS = [...REQUESTS, ...NOTIFICATIONS, ...EXCHANGES] as const;
export type FaultOperation = (typeof FAULT_OPERATIONS)[number];
export type Exchange = (typeof EXCHANGES)[number];

/** The packets that can be withheld, and what each acknowledges. */
export const ACKNOWLEDGEMENTS = {
  CONNACK: 'connect',
  PUBACK: 'publish',
  SUBACK: 'subscribe',
  PINGRESP: 'ping',
} as const satisfies Record<string, Exchange>;
export type Acknowledgement = keyof typeof ACKNOWLEDGEMENTS;

export type Affected = 'request' | 'answer' | 'notification';

/** What a rule does when it fires. */
export type Action =
  /** It never arrives: the request at the service, or what the service says at the device. */
  | { do: 'drop' | 'duplicate'; what: Affected }
  | { do: 'delay'; millis: number }
  /** Not carried out, but answered with this code. */
  | { do: 'reject'; code: ErrorCode }
  /** CONNACK with this return code of MQTT 3.1.1 or reason code of MQTT 5, then the end. */
  | { do: 'refuse'; code: number }
  /** Carried out, not acknowledged; the connection stays. */
  | { do: 'withhold'; packet: Acknowledgement }
  /** Carried out; the connection ends before its answer, after it, or after so many bytes of it. */
  | { do: 'cut'; at: 'before' | 'after' | number }
  /** The client's session is forgotten just before it connects. */
  | { do: 'lose' };

/** What happens, as rules look at it. */
export interface Occasion {
  plane: Plane;
  operation: FaultOperation;
  /** The things that it is about: one for a request or notification, those of the client for an exchange. */
  things: readonly string[];
  /** False for a PUBLISH of QoS 0, which has no PUBACK that could be withheld. */
  acknowledged?: boolean;
}

/** Which of the occasions that fit: all, the nth alone, every nth, or some by chance. */
export type Often = { nth: number } | { every: number } | { probability: number } | 'always';

export interface Rule {
  readonly name: string;
  /** Names, in which `*` stands for any characters; undefined: all things. */
  readonly things: readonly string[] | undefined;
  readonly operations: ReadonlySet<FaultOperation>;
  readonly plane: Plane | undefined;
  readonly often: Often;
  /** It fires no more often than this. */
  readonly times: number;
  readonly action: Action;
}

/** The nine codes of an ErrorResponse (data plane §9). */
export const ERROR_CODES = Object.keys(ERROR_MEANINGS) as ErrorCode[];

/**
 * What each action can be done to. An answer that comes twice is a thing of MQTT: over HTTPS a request has one answer.
 *
 *     drop, duplicate request, answer     the four operations (duplicate answer: MQTT alone)
 *     drop, duplicate notification        notify, notify-next
 *     delay                               all; over MQTT connect, publish, subscribe and ping hold up what follows them
 *     throttle, answer                    the four operations
 *     cut                                 the four operations, connect, publish, subscribe, ping
 *     refuse, lose                        connect
 *     withhold                            what the packet acknowledges
 */
export function canBeDone(action: Action, operation: FaultOperation, plane: Plane): boolean {
  const isRequest = isOneOf(REQUESTS, operation);
  if (plane === 'https' && !isRequest) return false;
  switch (action.do) {
    case 'drop':
    case 'duplicate':
      if (action.what === 'notification') return isOneOf(NOTIFICATIONS, operation);
      return isRequest && !(plane === 'https' && action.do === 'duplicate' && action.what === 'answer');
    case 'delay':
      return true;
    case 'reject':
      return isRequest;
    case 'cut':
      return isRequest || isOneOf(EXCHANGES, operation);
    case 'refuse':
    case 'lose':
      return operation === 'connect';
    case 'withhold':
      return operation === ACKNOWLEDGEMENTS[action.packet];
  }
}

/** What the log says of a rule that fired. */
export function firedLine({ name: rule, action }: Rule, { plane, operation, things }: Occasion) {
  const fields = { rule, fault: describeAction(action), plane, operation, thingName: things.join(' ') };
  return { message: 'fault fired', fields };
}

/** `drop answer`, `cut after 17 bytes`. */
function describeAction(action: Action): string {
  switch (action.do) {
    case 'drop':
    case 'duplicate':
      return `${action.do} ${action.what}`;
    case 'delay':
      return `delay ${action.millis} ms`;
    case 'reject':
      return `answer ${action.code}`;
    case 'refuse':
      return `refuse ${action.code}`;
    case 'withhold':
      return `withhold ${action.packet}`;
    case 'cut':
      return typeof action.at === 'number' ? `cut after ${action.at} bytes` : `cut ${action.at}`;
    case 'lose':
      return 'lose session';
  }
}

function isOneOf(list: readonly string[], operation: FaultOperation): boolean {
  return list.includes(operation);
}
