import { ModelledError } from '../../modelledError.ts';
import type { Connection } from '../../store/statement.ts';
import type { Clock } from '../clock.ts';
import type { Signer } from '../delivery.ts';
import type { Change } from '../storedExecution.ts';

/** What the operations of the control plane work on. */
export interface Control {
  store: Connection;
  clock: Clock;
  /** Both appear in ARNs. */
  region: string;
  account: string;
  /** Signs URLs in documents; undefined: there is none. */
  signer: Signer | undefined;
  /** Reads what stands behind a documentSource, once, when a job is made; undefined: nothing does. */
  readDocument: ((url: string) => Promise<string>) | undefined;
  /** To be called when a tick is needed at a time. */
  due: (atMillis: number | undefined) => void;
  /** To be called after a commit that changed executions. */
  committed: (changes: readonly Change[]) => void;
}

/** An ARN of this service: `arn:aws:iot:{region}:{account}:{kind}/{name}` (control-plane §1.2). */
export function arnOf({ region, account }: Control, kind: 'thing' | 'thinggroup' | 'job', name: string): string {
  return `arn:aws:iot:${region}:${account}:${kind}/${name}`;
}

/** A time as the control plane shows it: seconds since the Unix epoch with a fraction of milliseconds. */
export function epochSeconds(millis: number): number {
  return millis / 1000;
}

export function invalidRequest(message: string): ModelledError {
  return new ModelledError('InvalidRequestException', 400, message);
}

export function notFound(message: string): ModelledError {
  return new ModelledError('ResourceNotFoundException', 404, message);
}

/** `nextToken` for the page behind `place`: opaque to clients. */
export function pageToken(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The place that a `nextToken` stands for.
 *
 * @throws ModelledError InvalidRequestException when it is not one of ours, for as many numbers
 */
export function placeIn(token: string, numbers: number): number[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(place) && place.length === numbers && place.every(Number.isSafeInteger)) return place;
  } catch {
    // Said below.
  }
  throw invalidRequest('The nextToken is not one that this operation gave');
}
