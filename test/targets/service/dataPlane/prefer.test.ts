import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { waitSecondsOf } from '../../../../targets/service/dataPlane/prefer.ts';

const HEADERS: { header: string | undefined; seconds: number | undefined; why: string }[] = [
  { header: undefined, seconds: undefined, why: 'there is none' },
  { header: '', seconds: undefined, why: 'it is empty' },
  { header: 'wait=10', seconds: 10, why: '§4.3' },
  { header: 'wait=61', seconds: 60, why: 'our bound' },
  { header: 'wait=999999999', seconds: 60, why: 'our bound' },
  { header: 'wait=1', seconds: 1, why: 'the least' },
  { header: 'wait=0', seconds: undefined, why: 'no time to wait' },
  { header: 'wait', seconds: undefined, why: 'no value' },
  { header: 'wait=', seconds: undefined, why: 'no value' },
  { header: 'wait=-5', seconds: undefined, why: 'delay-seconds has digits only' },
  { header: 'wait=1.5', seconds: undefined, why: 'delay-seconds has digits only' },
  { header: 'wait=9999999999', seconds: undefined, why: 'more digits than are read' },
  { header: 'WAIT = 7 ', seconds: 7, why: 'names in any case; space around =' },
  { header: 'wait="12"', seconds: 12, why: 'a quoted value is the same (§2)' },
  { header: 'respond-async, wait=5', seconds: 5, why: 'among others' },
  { header: 'wait=5; a=b, handling=lenient', seconds: 5, why: 'parameters are passed over' },
  { header: 'wait=5, wait=50', seconds: 5, why: 'the first one counts (§2)' },
  { header: 'await=5, x=wait=3', seconds: undefined, why: 'another name' },
];

for (const { header, seconds, why } of HEADERS)
  test(`Prefer: ${header} is ${seconds === undefined ? 'no wait' : `${seconds} s`}: ${why} (RFC 7240)`, () => {
    assert.is(waitSecondsOf(header), seconds);
  });

test('a long header of nothing but separators is read in no time', () => {
  for (const piece of [' ', ',', ';', '=', '"', 'wait', 'wait=1 '])
    assert.is(waitSecondsOf(`x${piece.repeat(16_384 / piece.length)}x`), undefined, piece);
});

test.run();
