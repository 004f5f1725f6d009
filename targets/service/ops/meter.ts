/** Where a request came in: MQTT, HTTPS for devices, HTTPS for operators. */
export type Door = 'mqtt' | 'devices' | 'operators';

/** What the service counts while it works. Labels are words of the protocol, never the name of a Thing, a job or a client. */
export interface Meter {
  /**
   * A request was answered.
   *
   * @param operation  its name in the API; undefined: it was refused before that was known
   * @param code       `OK`, or the error's code or type
   */
  answered(door: Door, operation: string | undefined, code: string, millis: number): void;
  /** An execution came into a status. */
  changed(status: string): void;
  /** @param lagMillis  by how much a tick began later than it was due */
  ticked(lagMillis: number, tookMillis: number, failed: boolean): void;
}

/** Counts nothing. */
export const NO_METER: Meter = { answered: () => {}, changed: () => {}, ticked: () => {} };
