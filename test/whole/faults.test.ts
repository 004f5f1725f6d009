/** Faults on demand as people use them: the shipped service, its command line, and our own agent in the middle of it. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';
import { type House, openHouse } from './house.ts';

let house: House;
const ERRAND = fileURLToPath(new URL('../../dist/errand.mjs', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../examples/faults.json', import.meta.url));

test.before(async () => {
  house = await openHouse('--faults', EXAMPLE);
});
test.after(() => house.end());

/** A little of everything, each bounded, so that the test ends. */
const NASTY = {
  seed: 3,
  rules: [
    { name: 'refused', when: { operation: 'connect' }, nth: 1, do: { refuse: 3 } },
    { name: 'no CONNACK', when: { operation: 'connect' }, nth: 1, do: { cut: 'before' } },
    { name: 'half a CONNACK', when: { operation: 'connect' }, nth: 1, do: { cut: 2 } },
    { name: 'forgotten', when: { operation: 'connect' }, nth: 2, do: { lose: 'session' } },
    { name: 'half a SUBACK', when: { operation: 'subscribe' }, nth: 1, do: { cut: 1 } },
    { name: 'cut before PUBACK', when: { operation: 'publish' }, every: 5, times: 1, do: { cut: 'before' } },
    { name: 'cut after PUBACK', when: { operation: 'publish' }, every: 6, times: 1, do: { cut: 'after' } },
    { name: 'failed', when: { operation: 'UpdateJobExecution' }, nth: 2, do: { answer: 'InternalError' } },
    { name: 'throttled', when: { operation: 'UpdateJobExecution' }, nth: 4, do: { throttle: true } },
    { name: 'cut in the answer', when: { operation: 'UpdateJobExecution' }, nth: 3, do: { cut: 30 } },
    { name: 'doubled', when: { operation: 'UpdateJobExecution' }, every: 2, times: 4, do: { duplicate: 'request' } },
    { name: 'echoed', do: { duplicate: 'answer' }, probability: 0.5, times: 10 },
    { name: 'late', when: { operation: 'DescribeJobExecution' }, times: 3, do: { delay: 100 } },
    { name: 'news lost', when: { operation: 'notify-next' }, nth: 2, do: { drop: 'notification' } },
    { name: 'news twice', when: { operation: 'notify-next' }, do: { duplicate: 'notification' } },
  ],
};

test('the agent goes through a nasty mix: every job ends well, and no step ran twice', async () => {
  assert.match(await house.service.line(/faults are on/), /6 rules of .*examples\/faults\.json/);
  const file = path.join(house.folder, 'nasty.json');
  await writeFile(file, JSON.stringify(NASTY));
  const board = await house.thing('board-1');
  await house.errand('set-faults', file);
  house.agent(board);
  const marks = path.join(house.folder, 'marks');
  const script = path.join(house.folder, 'mark.sh');
  await writeFile(script, `#!/bin/sh\necho "$1" >> '${marks}'\n`, { mode: 0o755 });
  const jobs = ['one', 'two', 'three'];
  for (const jobId of jobs) await house.job(jobId, 'board-1', `${script},${jobId}-a`, `${script},${jobId}-b`);
  for (const jobId of jobs) await house.until(jobId, 'board-1', 'SUCCEEDED');
  const ran = (await readFile(marks, 'utf8')).trim().split('\n');
  assert.equal(ran.sort(), jobs.flatMap((jobId) => [`${jobId}-a`, `${jobId}-b`]).sort());
  const { counts } = (await house.errand('get-faults')) as unknown as { counts: { name: string; fired: number }[] };
  const fired = counts.filter((one) => one.fired > 0).map(({ name }) => name);
  assert.ok(fired.length >= 10, `only these fired: ${fired.join(', ')}`);
  const told = house.service.lines.filter((line) => line.includes('fault fired'));
  assert.is(
    told.length,
    counts.reduce((sum, one) => sum + one.fired, 0),
    'each that fired is in the log',
  );
});

test('set-faults, get-faults and clear-faults: shown as given, refused with the place, gone', async () => {
  await house.errand('set-faults', EXAMPLE);
  const shown = (await house.errand('get-faults')) as unknown as { faults: string; counts: object[] };
  assert.equal(JSON.parse(shown.faults), JSON.parse(await readFile(EXAMPLE, 'utf8')));
  assert.is(shown.counts.length, 6);
  const wrong = path.join(house.folder, 'wrong.json');
  await writeFile(wrong, '{"rules":[{"do":{"cut":"off"}}]}');
  const { code, stderr } = await house.tryErrand('set-faults', wrong);
  assert.is(code, 254);
  assert.match(
    stderr,
    /InvalidRequestException.*\$\.rules\[0\]\.do\.cut is "off": expected before, after, or a number/,
  );
  assert.is(
    ((await house.errand('get-faults')) as unknown as { counts: object[] }).counts.length,
    6,
    'nothing changed',
  );
  await house.errand('clear-faults');
  assert.equal(await house.errand('get-faults'), { counts: [] });
  const started = await runChild(process.execPath, [ERRAND, 'service', '--data', house.folder, '--faults', wrong]);
  assert.is(started.code, 2);
  assert.match(started.stderr, /^errand service: --faults: .*wrong\.json: \$\.rules\[0\]\.do\.cut is "off"[^\n]*\n$/);
  const missing = await runChild(process.execPath, [ERRAND, 'service', '--faults', '/nowhere.json']);
  assert.equal(
    [missing.code, missing.stderr],
    [2, 'errand service: --faults: cannot read /nowhere.json: it is not there (ENOENT)\n'],
  );
});

test.run();
