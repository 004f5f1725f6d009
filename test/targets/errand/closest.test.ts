import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { didYouMean } from '../../../targets/errand/closest.ts';

const WORDS = ['create-job', 'create-job-template', 'list-jobs', 'list-things', 'watch'];

test('the nearest word is named: a letter wrong, missing, too many, or two swapped', () => {
  for (const [typed, meant] of [
    ['creatw-job', 'create-job'],
    ['creat-job', 'create-job'],
    ['create-jobs', 'create-job'],
    ['craete-job', 'create-job'],
    ['list-job', 'list-jobs'],
    ['list-thing', 'list-things'],
    ['wacth', 'watch'],
  ])
    assert.is(didYouMean(typed!, WORDS), ` (did you mean ${meant}?)`);
});

test('a word that is like none names none', () => {
  for (const typed of ['', 'job', 'x', 'wtchs', 'create-things-and-more']) assert.is(didYouMean(typed, WORDS), '');
});

test.run();
