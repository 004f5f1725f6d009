/** What boards meet: disks that take nothing, clocks that jump, another service; the built agents in the middle of it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { readLines } from '../../torture/agent/jobs.ts';
import { openStand, type Stand, sh } from './stand.ts';

const test = suite<{ stand: Stand }>('adverse');
test.before(async (context) => {
  context.stand = await openStand();
});
test.after(async ({ stand }) => stand?.end());

const isRoot = process.getuid?.() === 0;

/** A step whose program leaves its two lines. */
const lineStep = (script: string, jobId: string, step: number) => ({
  action: { name: `s${step}`, type: 'runCommand', input: { command: `/bin/sh,${script},${jobId},0,${step},0,0` } },
});

if (isRoot && hasTool('unshare', 'util-linux')) {
  /** What runs Node with a small disk of its own for its data, after `more`. */
  const onSmallDisk = (data: string, more: string) =>
    [
      'unshare',
      '-m',
      'sh',
      '-c',
      `mount -t tmpfs -o size=80k,mode=700 none '${data}' && ${more} exec "$0" "$@"`,
      process.execPath,
    ] as [string, ...string[]];

  test('full disk: a job that fills it runs on, and the next one too, because the record has its space already', async ({
    stand,
  }) => {
    const board = await stand.board('filled');
    const agent = board.start({ node: onSmallDisk(board.data, '') });
    const fill = sh('fill', `head -c 1000000 /dev/zero > '${path.join(board.data, 'full')}'`, {
      ignoreStepFailure: true,
    });
    const first = await stand.run(board, agent, 'fill', [fill, lineStep(board.script, 'fill', 1)]);
    assert.is(first.status, 'SUCCEEDED', agent.lines.join('\n'));
    assert.match(first.details.stderr!, /No space left on device/);
    assert.is((await stand.run(board, agent, 'next', [lineStep(board.script, 'next', 0)])).status, 'SUCCEEDED');
    assert.is(await agent.kill('SIGTERM'), 0);
  });

  test('a disk that is full, or read-only, from the beginning: the agent says so in a sentence, takes no job, and runs it later', async ({
    stand,
  }) => {
    const board = await stand.board('refused');
    await stand.job(board, 'later', [lineStep(board.script, 'later', 0)]);
    for (const [more, reason] of [
      [`head -c 70000 /dev/zero > '${board.data}/full';`, 'ENOSPC'],
      [
        `mkdir '${board.data}/work' && chmod 700 '${board.data}/work' && mount -o remount,ro '${board.data}' &&`,
        'EROFS',
      ],
    ] as const) {
      const agent = board.start({ node: onSmallDisk(board.data, more) });
      assert.is(await agent.ended, 1, agent.lines.join('\n'));
      assert.match(
        agent.lines.at(-1)!,
        new RegExp(`error the data folder .* cannot be used: .*${reason}`),
        agent.lines.join('\n'),
      );
    }
    assert.is((await stand.execution(board, 'later')).status, 'QUEUED');
    const agent = board.start();
    await agent.line(/job later: report accepted/);
    assert.is((await stand.execution(board, 'later')).status, 'SUCCEEDED');
  });
}

if (hasTool('strace', 'strace')) {
  /** `at`: from which record on. */
  const FAULTS = [
    { call: 'pwrite64', error: 'ENOSPC', at: [1, 2, 3, 4] },
    { call: 'pwrite64', error: 'EROFS', at: [1, 3] },
    { call: 'fdatasync', error: 'EIO', at: [2, 4] },
  ];
  FAULTS.forEach(({ call, error, at }, i) => {
    test(`${error} from ${call} at any record of a job: nothing runs unremembered, nothing twice, and the job ends`, async ({
      stand,
    }) => {
      const board = await stand.board(`faulty-${i}`, i === 1);
      await board.start().line(/ connected/);
      await board.kill('all'); // its record is there from now on
      // Records of a job of two steps: claimed, running 0, running 1, ended, none.
      for (const from of at) {
        const jobId = `${board.thingName}-${from}`;
        await stand.job(board, jobId, [lineStep(board.script, jobId, 0), lineStep(board.script, jobId, 1)]);
        const record = path.join(board.data, 'record');
        const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${from}+`, '-P', record];
        const how = ['-D', '-f', '--seccomp-bpf', ...inject, '-o', '/dev/null', process.execPath];
        const agent = board.start({ node: ['strace', ...how] });
        await agent.line(/the record could not be written/);
        if (from > 1) {
          const accepted = await agent.line(new RegExp(`${jobId}: report accepted`));
          // Killed within its last write, before that is taken back, it may have been forgotten after all, and say nothing.
          await agent.lineAfter(agent.lines.indexOf(accepted) + 1, /the record could not be written/);
        }
        const during = await stand.execution(board, jobId);
        await board.kill('all');
        const after = board.start();
        if (from === 1) await after.line(new RegExp(`${jobId}: report accepted`));
        else await after.line(/the service (has its report already|no longer holds it|holds it as)|report accepted/);
        assert.is(await after.kill('SIGTERM'), 0);
        const { status, details } = await stand.execution(board, jobId);
        const lines = readLines(board.lines).filter((line) => line.jobId === jobId && line.what === 'begin');
        const said = `${jobId}: ${agent.lines.join('\n')}\n\n${after.lines.join('\n')}`;
        if (from === 1) assert.equal([during.status, status], ['QUEUED', 'SUCCEEDED'], said);
        else if (from < 4) {
          assert.is(status, 'FAILED', said);
          assert.match(details.reason!, `the step was not started: its record could not be written: ${error}`);
        } else assert.is(status, 'SUCCEEDED', said);
        const ran = from === 1 || from === 4 ? ['0', '1'] : ['0'].slice(0, from - 2);
        assert.equal(
          lines.map(({ step }) => step),
          ran,
          said,
        );
        assert.is(board.record().record, undefined, said);
      }
    });
  });
}

if (hasTool('faketime', 'faketime')) {
  const library = readdirSync('/usr/lib')
    .map((folder) => `/usr/lib/${folder}/faketime/libfaketime.so.1`)
    .find((file) => isThere(file))!;

  test('the clock jumps ten years ahead and back: no step is ended for it, and one that takes too long is', async ({
    stand,
  }) => {
    const board = await stand.board('jumping', true);
    const jump = path.join(stand.folder, 'jump');
    const gate = path.join(stand.folder, 'gate');
    writeFileSync(jump, '+0');
    const env = { ...process.env, LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: jump, FAKETIME_NO_CACHE: '1' };
    const agent = board.start({ env: { ...env, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' } });
    await stand.job(board, 'jumps', [
      sh('long', `until [ -e ${gate} ]; do sleep 0.02; done`, { timeoutSeconds: 600 }),
      sh('ahead', 'sleep 600', { timeoutSeconds: 1, ignoreStepFailure: true }),
      sh('back', 'sleep 600', { timeoutSeconds: 1 }),
    ]);
    await agent.line(/'long' started/);
    writeFileSync(jump, '+3650d');
    writeFileSync(gate, '');
    await agent.line(/'ahead' started/);
    await agent.line(/'back' started/);
    writeFileSync(jump, '-3650d');
    await agent.line(/job jumps: report accepted/);
    const { status, details } = await stand.execution(board, 'jumps');
    assert.equal([status, details.reason], ['FAILED', 'it was ended after 1 s: its timeoutSeconds']);
    const yearOf = (fits: RegExp) => Number(agent.lines.find((line) => fits.test(line))!.slice(0, 4));
    const year = new Date().getUTCFullYear();
    assert.match(agent.lines.find((line) => /'long' ended/.test(line))!, 'exited with status: 0');
    assert.ok(yearOf(/'long' ended/) >= year + 9, agent.lines.join('\n'));
    assert.ok(yearOf(/report accepted/) <= year - 9, agent.lines.join('\n'));
  });
}

test('a thing that moves to another service goes on there: what it had begun is not taken for the job of the same name', async ({
  stand,
}) => {
  const other = await openStand();
  try {
    for (const full of [false, true]) {
      const thing = `moved-${full}`;
      const same = `same-${full}`;
      const here = await stand.board(thing, full);
      const there = await other.board(thing, full);
      const begun = sh('begun', `echo '${same} 0 0 begin' >> '${here.lines}'; sleep 600`);
      await stand.job(here, same, [begun, lineStep(here.script, same, 1)]);
      await other.job(there, same, [lineStep(there.script, same, 0), lineStep(there.script, same, 1)]);
      const first = here.start();
      await first.line(/'begun' started/);
      while (readLines(here.lines).length === 0) await new Promise((resolve) => setImmediate(resolve));
      await here.kill('all');
      // The same board, with what the other service has given it.
      const moved = there.start({ data: here.data });
      await moved.line(new RegExp(`job ${same}: report accepted`));
      assert.is(await moved.kill('SIGTERM'), 0);
      assert.is((await other.execution(there, same)).status, 'SUCCEEDED', moved.lines.join('\n'));
      assert.equal(
        readLines(there.lines).map(({ step, what }) => `${step} ${what}`),
        ['0 begin', '0 end', '1 begin', '1 end'],
      );
      const back = here.start();
      await back.line(new RegExp(`job ${same}: report accepted`));
      const { status, details } = await stand.execution(here, same);
      assert.equal([status, details.reason], ['FAILED', 'it was IN_PROGRESS, but this device has no record of it']);
      assert.is(readLines(here.lines).length, 1, 'no step of it ran again');
    }
  } finally {
    await other.end();
  }
});

function isThere(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

test.run();
