import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAwsChunked } from '../../../../targets/service/artifacts/awsChunked.ts';
import { FileError } from '../../../../targets/service/artifacts/refusals.ts';

async function decode(portions: readonly string[]) {
  const trailers = new Map<string, string>();
  const parts: Buffer[] = [];
  async function* source() {
    for (const portion of portions) yield Buffer.from(portion, 'latin1');
  }
  for await (const part of decodeAwsChunked(source(), trailers)) parts.push(Buffer.from(part));
  return { body: Buffer.concat(parts).toString('latin1'), trailers: Object.fromEntries(trailers) };
}

const BODY = '5\r\nhello\r\nA;x=y\r\n, \r\nworld!\r\n0\r\nx-amz-checksum-crc32:abcd==\r\n\r\n';
const EXPECTED = { body: 'hello, \r\nworld!', trailers: { 'x-amz-checksum-crc32': 'abcd==' } };

test('aws-chunked: the same body and trailers however the portions are cut', async () => {
  assert.equal(await decode([BODY]), EXPECTED);
  assert.equal(await decode([...BODY]), EXPECTED);
  for (let cut = 1; cut < BODY.length; cut++)
    assert.equal(await decode([BODY.slice(0, cut), BODY.slice(cut)]), EXPECTED);
  assert.equal(await decode(['0\r\n\r\n']), { body: '', trailers: {} });
});

for (const [name, body, why] of [
  ['an end inside of a chunk', '5\r\nhel', 'ends inside'],
  ['no last chunk', '5\r\nhello\r\n', 'ends inside'],
  ['a chunk that is longer than it says', '2\r\nhello\r\n0\r\n\r\n', 'longer than it says'],
  ['a size that is none', 'xyz\r\nhello', 'begin with its size'],
  ['a line without end', 'a'.repeat(10_000), 'longer than 512'],
  ['trailers without end', `0\r\n${'a:b\r\n'.repeat(100)}`, 'more than 16 lines'],
  ['something behind its end', '0\r\n\r\nmore', 'behind its end'],
] as const)
  test(`aws-chunked: refuses ${name}`, async () => {
    const error = await decode([body]).catch((reason: unknown) => reason);
    assert.ok(error instanceof FileError && error.code === 'IncompleteBody', String(error));
    assert.match(error.message, why);
  });

test.run();
