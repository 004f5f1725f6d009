import { isObject, isWhole } from '../../../runtime/jobs/json.ts';
import type { Handler, HandlerContext } from '../handlers/handler.ts';

/** `download-file.sh` of AWS's template, and the same under a name that no file has. */
export const DOWNLOADERS: readonly Handler[] = ['download-file.sh', 'errand:download'].map((name) => ({
  name,
  idempotent: true,
  run,
}));

/** Behind URL and file. */
const NAMED = { size: /^\d{1,15}$/, sha256: /^[0-9a-f]{64}$/i, signature: /^[\w+/]+={0,2}$/ };

/** `URL FILE [size=BYTES] [sha256=HEX] [signature=BASE64]`; a signature may also come as AWS Signer's `codesign` (documents §6). */
async function run({ args, document, freshArgs, download }: HandlerContext): Promise<undefined> {
  const [url = '', file = '', ...more] = args;
  if (!URL.canParse(url)) throw new Error('its first argument is no URL');
  const named: { [name in keyof typeof NAMED]?: string } = {};
  for (const arg of more) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(arg) ?? [];
    if (!Object.hasOwn(NAMED, name) || !NAMED[name as keyof typeof NAMED].test(value))
      throw new Error(`'${arg.slice(0, 40)}': expected size=BYTES, sha256=HEX or signature=BASE64`);
    named[name as keyof typeof NAMED] = value;
  }
  const { signature, rawPayloadSize } = isObject(document.codesign) ? document.codesign : {};
  await download({
    url,
    file,
    sizeBytes: named.size ? Number(named.size) : isWhole(rawPayloadSize) ? rawPayloadSize : undefined,
    sha256: named.sha256,
    signature: named.signature ?? (typeof signature === 'string' ? signature : undefined),
    refresh: async () => (await freshArgs())[0]!,
  });
  return undefined;
}
