import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLog, type LogOptions } from '../../../targets/sbc/log.ts';

function lines(options: LogOptions) {
  const out: string[] = [];
  return { out, log: createLog(options, (line) => out.push(line)) };
}

test('log: a line is time, level and message', () => {
  const { out, log } = lines({ level: 'info', json: false });
  log('info', "job fw-1: step 2 of 3 'flash' started", 'fw-1');
  assert.match(out[0]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info {2}job fw-1: step 2 of 3 'flash' started\n$/);
});

test('log: json has the same as one object a line, and the job by itself', () => {
  const { out, log } = lines({ level: 'info', json: true });
  log('warn', 'two\nlines', 'fw-1');
  const { time, ...rest } = JSON.parse(out[0]!);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(rest, { level: 'warn', message: 'two\nlines', jobId: 'fw-1' });
  assert.is(out[0]!.split('\n').length, 2);
});

test('log: less than the level asked for is not written', () => {
  for (const [level, expected] of [
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const) {
    const { out, log } = lines({ level, json: false });
    for (const one of ['debug', 'info', 'warn', 'error'] as const) log(one, 'x');
    assert.is(out.length, expected);
  }
});

test('log: one event stays one line, and no character steers the terminal', () => {
  const { out, log } = lines({ level: 'info', json: false });
  log('info', 'a\nb\r\x1b[31m\x7f');
  assert.ok(out[0]!.endsWith('info  a%0Ab%0D%1B[31m%7F\n'), out[0]);
});

test('log: queries of URLs and private keys are never written, in either form', () => {
  const url = 'https://bucket.example/fw.bin?sig=SECRET&X-Amz-Signature=SECRET';
  const key = '-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----';
  for (const json of [false, true]) {
    const { out, log } = lines({ level: 'info', json });
    log('info', `get ${url} now with ${key}`);
    assert.not.match(out[0]!, 'SECRET');
    assert.match(out[0]!, 'https://bucket.example/fw.bin?[removed]');
  }
});

test.run();
