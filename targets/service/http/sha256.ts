import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';

/** Bytes in one of the spellings that the signer hands over. */
type Source = string | ArrayBuffer | ArrayBufferView;

/** SHA-256, or with a secret HMAC-SHA-256: Node's own, in the shape that @smithy/signature-v4 asks for. */
export class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: Source) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }

  update(data: Source): void {
    this.#hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  /** The signer makes a new one for each hash and never starts one again. */
  reset(): void {
    throw new Error('Sha256: a hash that was begun cannot be begun again');
  }
}

function bytes(source: Source): Uint8Array {
  if (typeof source === 'string') return Buffer.from(source);
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}
