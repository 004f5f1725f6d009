/** Bytes written down as numbers and text. */
export function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'number' ? [part] : [...(typeof part === 'string' ? Buffer.from(part) : part)],
    ),
  );
}

/** A packet of MQTT, its length before its body. */
export function packet(first: number, ...body: Parameters<typeof bytes>): Uint8Array {
  const rest = bytes(...body);
  return bytes(first, rest.length, rest);
}

/** Text behind its length, as MQTT has it. */
export function field(text: string): Uint8Array {
  return bytes(0, Buffer.byteLength(text), text);
}
