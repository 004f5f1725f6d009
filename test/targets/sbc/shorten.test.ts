import vm from 'node:vm';
import { parse } from 'acorn';
import { minify } from 'terser';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { shorten } from '../../../targets/sbc/shorten.mjs';

async function shortened(text: string): Promise<string> {
  const program = parse(text, { ecmaVersion: 2022 });
  shorten(program);
  // terser takes what acorn makes, which its types do not say.
  const parsed = { spidermonkey: true } as object;
  const { code } = await minify(program as unknown as string, { parse: parsed, compress: false, mangle: false });
  return code!;
}

test('shorten: names of the top level become short, those of members and of functions stay', async () => {
  const code = await shortened('function long(e){return{long:e,other:other.long}}let other={long:1};long(other);');
  assert.is(code, 'let n=e=>({long:e,other:t.long}),r,t={long:1};n(t);');
});

test('shorten: one name for undefined, and for what is called often, but none for what is called twice', async () => {
  const calls = (count: number) => 'JSON.parse(e);'.repeat(count);
  const text = (count: number) => `function read(e){${calls(count)}return e===void 0}read("1")`;
  assert.is(await shortened(text(2)), 'let t=e=>{JSON.parse(e);JSON.parse(e);return e===n},n;t("1");');
  assert.match(await shortened(text(20)), /^let \w=e=>\{(?:t\(e\);){20}return e===(\w)\},\1,t=JSON\.parse;/);
});

test('shorten: functions in functions are there before what calls them, as they were', async () => {
  const code = await shortened('function outer(e){let t=inner(e);return t;function inner(n){return n+1}}outer(1)');
  assert.is(code, 'let r=e=>{let inner=n=>n+1,t=inner(e);return t},o;r(1);');
  await assertThrows('function outer(){return this}outer()', /outer\(\) uses this or arguments/);
});

test('shorten: what it makes gives what was there before', async () => {
  const text = `
    const {join:a,sep}={join:(...e)=>e.join(Array.isArray(e)?"-":"+"),sep:"/"};
    class Own extends Error{constructor(e){super(e);this.name="Own"}}
    function check(e){if(e===void 0)throw new Own(sep);let{length:t=0}=e;return first(e)+t;function first(n){return a(...n)}}
    let out=[];for(const e of [[1,2],void 0])try{out.push(check(e))}catch(e){out.push(e.name+e.message)}
    String(out)`;
  assert.is(vm.runInNewContext(await shortened(text)), vm.runInNewContext(text));
});

async function assertThrows(text: string, message: RegExp): Promise<void> {
  try {
    await shortened(text);
  } catch (error) {
    return assert.match((error as Error).message, message);
  }
  assert.unreachable('it was taken');
}

test.run();
