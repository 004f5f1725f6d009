/**
 * One wire to a peer. It moves bytes and says that it opened and closed; framing and retries are decided elsewhere.
 *
 * Each `on...` takes one listener, given in the same tick as the transport was made. Nothing follows the closed event.
 */
export interface Transport {
  /** Tells once that the peer is there; over TLS: that it is the one meant. */
  onOpened(tell: () => void): void;
  onBytes(take: (bytes: Uint8Array) => void): void;
  /** Tells exactly once that the wire is gone or could not be made: why, in one clear sentence, unless it was wanted. */
  onClosed(tell: (reason?: string) => void): void;
  /** @returns false when the peer is slow: hold back */
  write(bytes: Uint8Array): boolean;
  /** Sends what was written, says goodbye and closes; a peer that takes nothing is waited for CLOSE_MILLIS_MAX. */
  close(): void;
}

/** Starts to make a new wire to the same peer. Whatever goes wrong comes as its closed event. */
export type Connect = () => Transport;

/** How long a closing wire may take to send what was written. */
export const CLOSE_MILLIS_MAX = 1_000;
