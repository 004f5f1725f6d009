import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pathOf, readObjectUrl } from '../../../../targets/service/artifacts/objectUrl.ts';
import { readRange } from '../../../../targets/service/artifacts/range.ts';

const HOSTS = ['localhost:9444'];
const OBJECT = { bucket: 'my.bucket', key: 'fw/v 7.bin' };

const URLS: [url: string, encoding: 'legacy' | 'plain' | 'percent', expected: object | RegExp][] = [
  ['https://s3.amazonaws.com/my.bucket/fw/v 7.bin', 'legacy', OBJECT],
  ['https://s3.amazonaws.com/my.bucket/fw/v%207.bin', 'legacy', OBJECT],
  ['https://s3.eu-west-1.amazonaws.com/my.bucket/fw/v%207.bin', 'percent', OBJECT],
  ['https://s3-eu-west-1.amazonaws.com/my.bucket/fw/v 7.bin', 'plain', OBJECT],
  ['https://s3.dualstack.eu-west-1.amazonaws.com/my.bucket/fw/v 7.bin', 'plain', OBJECT],
  ['https://s3.cn-north-1.amazonaws.com.cn/my.bucket/fw/v 7.bin', 'plain', OBJECT],
  ['https://my.bucket.s3.amazonaws.com/fw/v%207.bin', 'legacy', OBJECT],
  ['https://my.bucket.s3.eu-west-1.amazonaws.com/fw/v%207.bin', 'legacy', OBJECT],
  ['https://my.bucket.s3-eu-west-1.amazonaws.com/fw/v 7.bin', 'plain', OBJECT],
  ['https://localhost:9444/my.bucket/fw/v%207.bin', 'legacy', OBJECT],
  ['https://s3.amazonaws.com/bucket/100%25', 'plain', { bucket: 'bucket', key: '100%25' }],
  ['https://s3.amazonaws.com/bucket/100%', 'legacy', { bucket: 'bucket', key: '100%' }],
  ['https://s3.amazonaws.com/bucket/100%', 'percent', /not valid percent-encoding/],
  ['https://s3.amazonaws.com/bucket/a%3FversionId%3D7', 'percent', { bucket: 'bucket', key: 'a', versionId: '7' }],
  ['https://s3.amazonaws.com/bucket/a?versionId=7', 'plain', { bucket: 'bucket', key: 'a?versionId=7' }],
  ['https://s3.amazonaws.com/bucket', 'legacy', { bucket: 'bucket', key: '' }],
  [
    'https://example.com/bucket/a',
    'legacy',
    /expected https:\/\/s3.REGION.amazonaws.com\/BUCKET\/KEY or .*localhost:9444/,
  ],
  ['https://s3.amazonaws.com.example.com/bucket/a', 'legacy', /is not the URL of an object/],
  ['ftp://s3.amazonaws.com/bucket/a', 'legacy', /is not the URL of an object/],
  ['https://s3.amazonaws.com/Bucket/a', 'legacy', /the bucket is 'Bucket'/],
  ['https://s3.amazonaws.com/bucket/a/../b', 'legacy', /a part '.' or '..'/],
  ['https://s3.amazonaws.com/bucket/%2e%2e/b', 'percent', /a part '.' or '..'/],
  ['https://s3.amazonaws.com/bucket/a%00', 'percent', /control character/],
  [`https://s3.amazonaws.com/bucket/${'ü'.repeat(513)}`, 'plain', /1026 bytes/],
];

test('an object is read from every form of its URL, and what is none is refused with the reason (control-plane §8)', () => {
  for (const [url, encoding, expected] of URLS) {
    const found = readObjectUrl(url, encoding, HOSTS);
    if (expected instanceof RegExp) assert.match(String(found), expected, url);
    else assert.equal(found, expected, `${url} ${encoding}`);
  }
});

test('a path is percent-encoded but for its slashes, and read back the same', () => {
  assert.is(pathOf({ bucket: 'b-1', key: "a b/ü!'()*~%/c+" }), '/b-1/a%20b/%C3%BC%21%27%28%29%2A~%25/c%2B');
  for (const key of ['a b/c', '100%', 'ü/é', 'a?versionId=', '#+&=']) {
    const found = readObjectUrl(`https://s3.amazonaws.com${pathOf({ bucket: 'abc', key })}`, 'percent', []);
    assert.is(typeof found === 'string' ? found : found.key, key.replace('?versionId=', ''));
  }
});

const RANGES: [header: string | undefined, size: number, expected: ReturnType<typeof readRange>][] = [
  [undefined, 10, 'whole'],
  ['bytes=0-3', 10, { first: 0, last: 3 }],
  ['bytes=4-', 10, { first: 4, last: 9 }],
  ['bytes=-3', 10, { first: 7, last: 9 }],
  ['bytes=-30', 10, { first: 0, last: 9 }],
  ['bytes=5-99', 10, { first: 5, last: 9 }],
  ['bytes=9-9', 10, { first: 9, last: 9 }],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=-1', 0, 'unsatisfiable'],
  ['bytes=5-4', 10, 'whole'],
  ['bytes=0-1,3-4', 10, 'whole'],
  ['lines=0-1', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  ['bytes=99999999999999999999-', 10, 'whole'],
];

test('readRange: one range of bytes; others and what is not well formed are passed over (RFC 9110 §14.2)', () => {
  for (const [header, size, expected] of RANGES) assert.equal(readRange(header, size), expected, header);
});

test.run();
