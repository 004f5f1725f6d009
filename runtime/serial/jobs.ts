/** What a host asks of a device, and what it answers: the bodies of REQUEST and reply. README.md, "Jobs", has the tables. */
import { ProtocolError } from '../errors.ts';
import { type Cbor, type CborMap, cborMap, decodeBody, encodeBody } from './cbor.ts';
import type { DeviceHello } from './hello.ts';

/** By their numbers on the wire. */
const OPERATIONS = ['PING', 'RUN', 'PULL', 'STATUS', 'STOP', 'FLASH', 'SWITCH'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** By their numbers on the wire. */
const STATES = ['running', 'succeeded', 'failed', 'unknown', 'busy', 'refused'] as const;

/** How a run stands. */
export interface State {
  readonly state: (typeof STATES)[number];
  /** Percent. */
  readonly progress?: number;
  readonly words?: string;
  readonly result?: Cbor;
}

export type Asking =
  | { readonly operation: 'PING' | 'PULL' | 'SWITCH' }
  | { readonly operation: 'STATUS' | 'STOP'; readonly run: number }
  | { readonly operation: 'RUN'; readonly run: number; readonly command: string; readonly args: readonly Cbor[] }
  | { readonly operation: 'FLASH'; readonly size: number; readonly sha256: Uint8Array; readonly image: number };

const OPERATION = 0;
const STATE = 0;
const PROGRESS = 1;
const WORDS = 2;
const RESULT = 3;
/** In HELLO. */
export const COMMANDS = 16;

/** The members of a REQUEST by their keys, in the order they are written. */
export function askingMap(asking: Asking): CborMap {
  const members: [number, Cbor | undefined][] = [[OPERATION, OPERATIONS.indexOf(asking.operation)]];
  if ('run' in asking) members.push([1, asking.run]);
  if (asking.operation === 'RUN')
    members.push([2, asking.command], [3, asking.args.length > 0 ? asking.args : undefined]);
  if (asking.operation === 'FLASH') members.push([1, asking.size], [2, asking.sha256], [3, asking.image || undefined]);
  return cborMap(members);
}

export function encodeAsking(asking: Asking): Uint8Array {
  return encodeBody(askingMap(asking));
}

/** @throws ProtocolError when the body is broken, or its state is none that this version knows */
export function decodeState(body: Uint8Array): State {
  const map = decodeBody(body);
  const state = STATES[map.get(STATE) as number];
  if (state === undefined) throw broken(`state ${said(map.get(STATE))}: expected 0..${STATES.length - 1}`);
  const progress = map.get(PROGRESS);
  const words = map.get(WORDS);
  const result = map.get(RESULT);
  return {
    state,
    ...(typeof progress === 'number' ? { progress: Math.min(Math.max(progress, 0), 100) } : {}),
    ...(typeof words === 'string' && words !== '' ? { words } : {}),
    ...(result === undefined ? {} : { result }),
  };
}

export function encodeState({ state, progress, words, result }: State): Uint8Array {
  return encodeBody(
    cborMap([
      [STATE, STATES.indexOf(state)],
      [PROGRESS, progress],
      [WORDS, words],
      [RESULT, result],
    ]),
  );
}

/** Whether a reply is a STATE; a PULL has no key 0. */
export function isState(body: Uint8Array): boolean {
  return decodeBody(body).has(STATE);
}

/** The commands that a device announces; empty when it announces none. */
export function commandsOf({ more }: DeviceHello): readonly string[] {
  const commands = more.get(COMMANDS);
  return Array.isArray(commands) ? commands.filter((command) => typeof command === 'string') : [];
}

/** What kind of request a body is, for people; undefined when it is none that this version knows. */
export function operationOf(map: CborMap): Operation | undefined {
  return OPERATIONS[map.get(OPERATION) as number];
}

function said(value: Cbor | undefined): string {
  return value === undefined ? 'missing' : `${value}`;
}

function broken(found: string): ProtocolError {
  return new ProtocolError('runtime/serial/README.md, jobs', found);
}
