import { randomInt } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { OFFICES } from './offices.ts';
import { runCourse } from './scenario.ts';

/** `npm run torture:network` has 30 % and 2 s. */
const BADNESS = { loss: 0.1, delayMillis: 20 };

const test = suite('over a bad network');

test(`behind ${OFFICES.join(', ')}: every job ends as it should and no step runs twice, though each byte goes by itself, one packet in ten is lost, and connections break`, async () => {
  const seed = randomInt(2 ** 31);
  const courses = OFFICES.map((office) => runCourse({ office, badness: BADNESS, rounds: 1, cuts: true, seed }));
  for (const { jobs, connections } of await Promise.all(courses)) {
    assert.is(jobs, 5);
    assert.ok(connections > 1);
  }
});

if (hasTool('mosquitto', 'mosquitto') && hasTool('openssl', 'openssl') && hasTool('python3', 'python3')) test.run();
