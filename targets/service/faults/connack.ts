/** Reason codes of CONNACK that refuse (MQTT 5 §3.2.2.2). */
const REASON_CODES = new Set([
  0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c,
  0x9d, 0x9f,
]);

/** Return codes of MQTT 3.1.1 (§3.2.2.3), by place, and what MQTT 5 says instead. */
const RETURN_CODES: readonly (number | undefined)[] = [undefined, 0x84, 0x85, 0x88, 0x86, 0x87];

/** What clients of MQTT 3.1.1 are told where their version has no such code: server unavailable. */
const UNAVAILABLE = 3;

/**
 * A code that refuses CONNECT, for clients of both versions.
 *
 * @param code  1 to 5: of MQTT 3.1.1; from 0x80: of MQTT 5
 * @returns undefined when neither has it
 */
export function connackCodes(code: number): { returnCode: number; reasonCode: number } | undefined {
  const reasonCode = RETURN_CODES[code];
  if (reasonCode !== undefined) return { returnCode: code, reasonCode };
  if (!REASON_CODES.has(code)) return undefined;
  const returnCode = RETURN_CODES.indexOf(code);
  return { returnCode: returnCode > 0 ? returnCode : UNAVAILABLE, reasonCode: code };
}

/**
 * CONNACK that refuses.
 *
 *     20 02 | 00 | return code             MQTT 3.1.1 §3.2
 *     20 03 | 00 | reason code | 00        MQTT 5 §3.2: no properties
 */
export function encodeRefusal(protocolVersion: 4 | 5, code: number): Uint8Array {
  const codes = connackCodes(code);
  if (codes === undefined) throw new Error(`no CONNACK has the code ${code}`);
  return protocolVersion === 5
    ? Uint8Array.of(0x20, 3, 0, codes.reasonCode, 0)
    : Uint8Array.of(0x20, 2, 0, codes.returnCode);
}
