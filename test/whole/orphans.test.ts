import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FULL_AGENT, type House, openHouse } from './house.ts';

/** The agent alone is killed, with no init system that would end its programs: the built agent and service as processes. */
const test = suite<{ house: House }>('orphans');
test.before(async (context) => {
  context.house = await openHouse();
});
test.after(async ({ house }) => house?.end());

const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));

test('kill -9 of the agent: its program is gone before anything else is begun; the daemon of a finished step lives on', async ({
  house,
}) => {
  const log = path.join(house.folder, 'log');
  const identity = await house.thing('orphaned');
  const first = house.startAgent({ file: FULL_AGENT }, identity);
  const pids = () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').map(Number) : []);
  await house.job(
    'cut',
    'orphaned',
    // A daemon with a session of its own; the name has what proc(5) puts around names.
    `sh,-c,setsid sleep 600 >/dev/null 2>&1 & echo $! >> ${log}`,
    // The program, one that it waits for without our variable, and one in a session of its own.
    `sh,-c,env -i sleep 600 & echo $$ $! | tr " " "\\n" >> ${log}; setsid sh -c 'echo $$ >> ${log}; exec sleep 600' & wait`,
  );
  try {
    await first.line(/step 2 of 2/);
    while (pids().length < 4) await new Promise((resolve) => setImmediate(resolve));
    await first.kill();
    const [daemon, ...begun] = pids() as [number, number, number, number];
    assert.equal([daemon, ...begun].map(isAlive), [true, true, true, true]);
    // A zombie whose new parent takes its time has ended, too.
    const look = begun.map((pid) => `grep -qs ") [^Z]" /proc/${pid}/stat && exit 1`).join('; ');
    await house.job('next', 'orphaned', `sh,-c,${look}; exit 0`);
    const second = house.startAgent({ file: FULL_AGENT }, identity);
    const { status, statusDetails } = await house.until('cut', 'orphaned', 'FAILED', 'SUCCEEDED');
    assert.is(status, 'FAILED');
    assert.match(statusDetails.detailsMap!.reason!, /was interrupted/);
    assert.is((await house.until('next', 'orphaned', 'FAILED', 'SUCCEEDED')).status, 'SUCCEEDED');
    assert.equal([daemon, ...begun].map(isAlive), [true, false, false, false]);
    await second.kill('SIGTERM');
    assert.ok(isAlive(daemon));
  } finally {
    for (const pid of pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
});

test.run();
