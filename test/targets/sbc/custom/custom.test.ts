import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compiledIn } from '../../../../targets/sbc/custom/custom.ts';
import { LINE_CHARS_MAX } from '../../../../targets/sbc/custom/limits.ts';
import type { Download, HandlerContext } from '../../../../targets/sbc/handlers/handler.ts';

/** The agent's side of a handler whose process is played by `child`, which is given its end of the line. */
async function converse(child: (line: Duplex, told: string) => Promise<number>, more: Partial<HandlerContext> = {}) {
  (globalThis as { ERRAND_CUSTOM?: unknown }).ERRAND_CUSTOM = [['pump', true]];
  const [{ run, ...handler }] = compiledIn() as [ReturnType<typeof compiledIn>[number]];
  assert.equal(handler, { name: 'pump', idempotent: true });
  const told: object[] = [];
  const context = {
    thingName: 'lamp',
    document: { steps: [] },
    args: ['x', 'https://one'],
    progress: (details: object) => told.push(details),
    conclude: (details: object) => told.push(details),
    async converse(meet: (line: Duplex) => void, ...argv: string[]) {
      assert.equal(argv.slice(-2), ['handler', 'pump']);
      const [ours, theirs] = duplexPair();
      const first = new Promise<string>((resolve) => theirs.setEncoding('utf8').once('data', resolve));
      meet(ours);
      return child(theirs, await first);
    },
    ...more,
  } as unknown as HandlerContext;
  return run(context).then(
    (code) => ({ code, told }),
    ({ message }: Error) => ({ message, told }),
  );
}

/** Written, and read over there if anybody still reads. */
async function say(line: Duplex, text: string): Promise<void> {
  line.write(text);
  for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('the process is told its step in one line; what it tells comes in portions of any size', async () => {
  const result = await converse(async (line, told) => {
    assert.is(told, '["lamp",{"steps":[]},["x","https://one"]]\n');
    for (const part of ['["te', 'll",{"a":1}]\n["done"', ',{"b":true}]\n']) await say(line, part);
    return 0;
  });
  assert.equal(result, { code: 0, told: [{ a: '1' }, { b: 'true' }] });
});

test('what is no JSON, no details or endless is no harm: the process is no longer listened to', async () => {
  for (const junk of ['{\n', '7\n', 'null\n', 'x'.repeat(LINE_CHARS_MAX + 1)]) {
    const result = await converse(async (line) => {
      await say(line, junk);
      await say(line, '["done",{}]\n');
      return 0;
    });
    assert.equal(result, { message: 'its process ended by itself before it had returned', told: [] }, junk.slice(0, 9));
  }
  const odd = await converse(async (line) => {
    await say(line, '["tell",[1]]\n["tell",{"a b":1}]\n["what"]\n["fault",{"x":1}]\n');
    return 1;
  });
  assert.equal(odd, { message: '[object Object]', told: [{}, {}] });
});

test('download: a URL among args is fetched anew when it has expired, another is not; a fault comes back as a sentence', async () => {
  const seen: (Download & { fresh?: string })[] = [];
  const download = async ({ refresh, ...what }: Download) => {
    seen.push({ ...what, ...(refresh && { fresh: await refresh() }) });
    if (!refresh) throw new Error('the server answered 403');
  };
  const result = await converse(
    async (line) => {
      let heard = '';
      line.on('data', (text) => (heard += text));
      await say(line, '["load",1,"https://one","a",5,"00"]\n["load",2,"https://two","b",null,null,"sig"]\n');
      while (heard.split('\n').length < 3) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(heard.trim().split('\n').sort(), ['[1,null]', '[2,"the server answered 403"]']);
      await say(line, '["done",{}]\n');
      return 0;
    },
    { download, freshArgs: async () => ['y', 'https://fresh'] },
  );
  assert.equal(result, { code: 0, told: [{}] });
  seen.sort((one, other) => one.file.localeCompare(other.file));
  assert.equal(JSON.parse(JSON.stringify(seen)), [
    { url: 'https://one', file: 'a', sizeBytes: 5, sha256: '00', fresh: 'https://fresh' },
    { url: 'https://two', file: 'b', signature: 'sig' },
  ]);
});

test.run();
