import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLog, failureLog, type LogOptions } from '../../../targets/service/log.ts';

function logged(options: LogOptions, ...said: Parameters<ReturnType<typeof createLog>>[]): string[] {
  const lines: string[] = [];
  const log = createLog(options, (line) => void lines.push(line));
  for (const one of said) log(...one);
  return lines;
}

test('json: one object a line with time, level, message and the fields, none of which hides the first three', () => {
  const [line = ''] = logged({ level: 'info', json: true }, [
    'warn',
    'two\nlines',
    { connection: 7, topic: 'a"b', level: 'x', time: 1 },
  ]);
  assert.match(line, /^[^\n]+\n$/);
  const { time, ...others } = JSON.parse(line);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(others, { level: 'warn', message: 'two\nlines', connection: 7, topic: 'a"b' });
});

test('plain: one line an event, whatever a client is named', () => {
  const [line = ''] = logged({ level: 'info', json: false }, [
    'error',
    'failed: Error: x\n    at y',
    { clientId: 'a\u001b[2J\rb' },
  ]);
  assert.match(line, /^\S+Z error failed: Error: x \| at y clientId=a\\u001b\[2J\\u000db\n$/);
});

test('a level says what is left out', () => {
  const all = ['debug', 'info', 'warn', 'error'] as const;
  for (const [index, level] of all.entries()) {
    const lines = logged({ level, json: true }, ...all.map((one): [typeof one, string] => [one, one]));
    assert.equal(
      lines.map((line) => JSON.parse(line).level),
      all.slice(index),
    );
  }
});

test('secrets are in no line: not in the message, not in a field, not under a telling name', () => {
  const secrets: [string, Record<string, string>][] = [
    ['GET https://s3/x?X-Amz-Signature=abcdef12', {}],
    ['postgres://errand:abcdef12@db/errand', {}],
    ['asked', { header: 'Authorization: abcdef12' }],
    ['key made', { secretAccessKey: 'abcdef12' }],
  ];
  for (const json of [true, false])
    for (const [message, fields] of secrets) {
      const [line = ''] = logged({ level: 'info', json }, ['info', message, fields]);
      assert.not.match(line, 'abcdef12');
      assert.match(line, '[removed]');
    }
});

test('a request that failed by a full disk is told without a trace, one that failed by a mistake of ours with it', () => {
  const lines: string[] = [];
  const tell = failureLog(createLog({ level: 'info', json: false }, (line) => lines.push(line)));
  const full = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  for (const error of [full, new Error('a mistake'), 'a text', undefined])
    tell({ requestId: 'r', operation: 'CreateThing', error });
  const [of, mistake, text, nothing] = lines.map((line) => line.slice(line.indexOf('error ')));
  assert.is(of, 'error CreateThing failed: database or disk is full: nothing of it was kept; make room requestId=r\n');
  assert.match(mistake!, /^error CreateThing failed: Error: a mistake \| at /);
  assert.is(text, 'error CreateThing failed: a text requestId=r\n');
  assert.is(nothing, 'error CreateThing failed: undefined requestId=r\n');
});

test.run();
