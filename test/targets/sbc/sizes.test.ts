import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withoutSentences } from '../../../targets/sbc/sizes.mjs';

test('withoutSentences: cuts out what is said to people, and leaves words of protocols', () => {
  const text = 'f("IN_PROGRESS", "x y", `the file #{name} is not there: #{how}`, "give it a name")'.replaceAll(
    '#',
    '$',
  );
  const { rest, count } = withoutSentences(text);
  assert.is(rest, 'f("IN_PROGRESS", "x y", `the file #{name}#{how}`, "")'.replaceAll('#', '$'));
  assert.is(count, 2);
});

test.run();
