import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { documentText, namedFor } from '../../../../targets/service/artifacts/signer.ts';

const S3 = 'https://s3.eu-west-1.amazonaws.com';

test('namedFor: an upload that names no key, or neither bucket nor key, gets a key of its execution’s own (control-plane §8)', () => {
  const named = (url: string, executionNumber = 1) => {
    const asked = { method: 'PUT', encoding: 'legacy', expiresInSeconds: 60, roleArn: '' } as const;
    const { bucket, key } = namedFor({ ...asked, url, thingName: 'T', jobId: 'j', executionNumber }, []);
    return `${bucket} ${key}`;
  };
  assert.is(named(''), 'uploads T/j/1');
  assert.is(named(`${S3}/logs/`), 'logs T/j/1');
  assert.is(named('', 2), 'uploads T/j/2', 'the next try of a job does not overwrite what the first has left');
  assert.is(named(`${S3}/logs/a.txt`), 'logs a.txt');
});

test('documentText: what is not UTF-8 is refused (control-plane §2.1)', () => {
  assert.is(documentText(Buffer.from('{"a":"ü"}')), '{"a":"ü"}');
  assert.throws(() => documentText(Buffer.from('{"a":"ü"}', 'latin1')), 'it is not UTF-8');
});

test.run();
