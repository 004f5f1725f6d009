/** What programs print and how they end, held against the built agent: the same sentences in pieces are in test/transports/programs.test.ts. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Child } from '../../child.ts';
import type { Board } from '../../torture/agent/board.ts';
import { openStand, type Stand, sh } from './stand.ts';

const test = suite<{ stand: Stand; board: Board; agent: Child }>('output');
test.before(async (context) => {
  context.stand = await openStand();
  context.board = await context.stand.board('loud');
  context.agent = context.board.start();
});
test.after(async ({ stand }) => stand?.end());

/** As the agent's memory may grow while it reads 100 MB: portions that the collector has not come to. */
const GROWTH_KB_MAX = 48_000;
/** What a value of statusDetails holds. */
const TAIL_CHARS = 1_024;

const memory = (pid: number, what: 'VmRSS' | 'VmHWM') =>
  Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

test('100 MB on stderr, then stdout: the job succeeds, the ends of both are reported, memory stays bounded', async ({
  stand,
  board,
  agent,
}) => {
  await stand.run(board, agent, 'quiet', [sh('quiet', 'echo quiet')]);
  const before = memory(agent.pid, 'VmRSS');
  const script =
    'head -c 100000000 /dev/zero | tr "\\0" e >&2; head -c 100000000 /dev/zero | tr "\\0" o; echo; echo done';
  const { status, details } = await stand.run(board, agent, 'loud', [sh('loud', script)]);
  const peak = memory(agent.pid, 'VmHWM');
  console.log(`\n  resident ${before} kB before, at most ${peak} kB while 200 MB came`);
  assert.is(status, 'SUCCEEDED');
  assert.is(details.stderr, 'e'.repeat(TAIL_CHARS));
  assert.match(details.stdout!, /^o+\ndone\n$/);
  assert.is(details.stdout!.length, TAIL_CHARS);
  assert.ok(peak - before < GROWTH_KB_MAX, `${peak - before} kB more`);
});

test('one line of 10 MB, and binary output: the end of it is reported, as text', async ({ stand, board, agent }) => {
  const line = await stand.run(board, agent, 'line', [sh('line', 'head -c 10000000 /dev/zero | tr "\\0" x')]);
  assert.equal([line.status, line.details.stdout], ['SUCCEEDED', 'x'.repeat(TAIL_CHARS)]);
  const bytes = 'head -c 1000000 /dev/urandom; printf "\\377\\376\\000\\033[0m end"';
  const binary = await stand.run(board, agent, 'binary', [sh('binary', `${bytes}; head -c 1000000 /dev/urandom >&2`)]);
  assert.is(binary.status, 'SUCCEEDED', JSON.stringify(binary));
  assert.match(binary.details.stdout!, / end$/);
  for (const text of [binary.details.stdout!, binary.details.stderr!]) {
    assert.ok(text.length > 0 && text.length <= TAIL_CHARS);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    assert.not.match(text, /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/);
  }
});

test('a program that forks a daemon which keeps the output open: the step ends, the daemon lives', async ({
  stand,
  board,
  agent,
}) => {
  const { status, details } = await stand.run(board, agent, 'daemon', [sh('fork', 'setsid sleep 600 & echo $!')]);
  assert.is(status, 'SUCCEEDED');
  const daemon = Number(details.stdout);
  assert.match(readFileSync(`/proc/${daemon}/cmdline`, 'utf8'), /^sleep/);
  process.kill(daemon, 'SIGKILL');
});

// Those that come after them (34 to 64), which Node takes for exit code 0: test/transports/programs.test.ts.
test('death by each signal that has a name is a failure that names it, and never a success', async ({
  stand,
  board,
  agent,
}) => {
  const some =
    'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT XCPU XFSZ VTALRM PROF IO PWR SYS';
  const names = some.split(' ');
  const numberOf = (name: string) => os.constants.signals[`SIG${name}` as NodeJS.Signals];
  const steps = names.map((name) => sh(name, `kill -${numberOf(name)} $$`, { ignoreStepFailure: true }));
  const last = await stand.run(board, agent, 'signals', [...steps, sh('last', 'kill -SEGV $$')]);
  assert.equal([last.status, last.details.reason], ['FAILED', 'Job killed by signal: SIGSEGV']);
  const said = agent.lines.flatMap(
    (line) => /'(\w+)' ended: Job killed by signal: SIG(\w+)/.exec(line)?.slice(1) ?? [],
  );
  assert.equal(said, [...names.flatMap((name) => [name, name]), 'last', 'SEGV']);
});

test('a program that ignores TERM is killed when its agent must end, and its job fails', async ({
  stand,
  board,
  agent,
}) => {
  await stand.job(board, 'stubborn', [sh('stubborn', 'trap "" TERM; echo $$; while :; do sleep 600; done')]);
  await agent.line(/'stubborn' started/);
  agent.process.kill('SIGTERM');
  await agent.line(/ending/);
  // A second SIGTERM does not wait, neither for the step nor for the answer to its report.
  assert.is(await agent.kill('SIGTERM'), 0);
  await board.start().line(/job stubborn: report accepted/);
  const { status, details } = await stand.execution(board, 'stubborn');
  assert.equal(
    [status, details.reason],
    ['FAILED', "step 1 of 1 'stubborn' was ended because the agent was asked to end"],
  );
});

test.run();
