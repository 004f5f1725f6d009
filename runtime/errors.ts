/**
 * The peer broke a protocol: what was found, what was expected, where it is written. Thrown by decoders; the owner
 * of the connection catches it once and closes.
 */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
  /** @param section  where the rule is written, such as `MQTT 3.1.1 §2.2.3` */
  constructor(section: string, found: string) {
    super(`${section}: ${found}`);
  }
}
