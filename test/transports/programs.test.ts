import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../runtime/effects.ts';
import type { Step } from '../../runtime/jobs/document.ts';
import { createPrograms, type Programs } from '../../transports/programs.ts';
import { findUser } from '../../transports/users.ts';

type Exited = Extract<Event, { on: 'exited' }>;
interface Context {
  root: string;
  handlers: string;
  work: string;
}

const test = suite<Context>('programs', { root: '', handlers: '', work: '' });
test.before.each((context) => {
  context.root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-programs-')));
  context.handlers = path.join(context.root, 'handlers');
  context.work = path.join(context.root, 'work');
  for (const folder of [context.handlers, context.work]) mkdirSync(folder, { mode: 0o700 });
});
test.after.each(({ root }) => rmSync(root, { recursive: true }));

const isRoot = process.getuid?.() === 0;

interface Watch {
  /** Called at every portion of output. */
  onOutput?: (programs: Programs, text: string) => void;
  /** Output is counted, not kept. */
  count?: boolean;
}

/** Runs one step to its end. */
function runStep(context: Context, step: Partial<Step> & Pick<Step, 'run'>, watch: Watch = {}) {
  const output = { stdout: '', stderr: '' };
  const chars = { stdout: 0, stderr: 0 };
  return new Promise<{ end: Exited; output: typeof output; chars: typeof chars }>((resolve) => {
    const programs = createPrograms({
      thingName: 'lamp',
      handlers: context.handlers,
      work: context.work,
      mark: () => '/record 7 9',
      tell: (event) => {
        if (event.on === 'exited') return resolve({ end: event, output, chars });
        if (event.on !== 'output') return;
        chars[event.stream] += event.text.length;
        if (!watch.count) output[event.stream] += event.text;
        watch.onOutput?.(programs, event.text);
      },
    });
    programs.run({ do: 'run', run: 7, step: { name: 'flash', ignoreStepFailure: false, ...step } });
  });
}

const command = (...argv: [string, ...string[]]): Pick<Step, 'run'> => ({ run: { type: 'runCommand', argv } });
const sh = (script: string) => command('/bin/sh', '-c', script);
const handler = (name: string, args: string[] = [], folder?: string): Pick<Step, 'run'> => ({
  run: { type: 'runHandler', handler: name, args, ...(folder === undefined ? {} : { path: folder }) },
});

function addHandler(folder: string, name: string, script: string, mode = 0o700): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, mode);
  return file;
}

test('runCommand: words reach the program as they are, no shell sees them', async (context) => {
  const { end, output } = await runStep(context, command('printf', '%s|', 'a b', '$HOME', '*', ';', ''));
  assert.equal(end, { on: 'exited', run: 7, code: 0 });
  assert.is(output.stdout, 'a b|$HOME|*|;||');
});

test('the exit code is told, and which signal killed', async (context) => {
  assert.equal((await runStep(context, sh('exit 3'))).end, { on: 'exited', run: 7, code: 3 });
  assert.equal((await runStep(context, sh('kill -SEGV $$'))).end, { on: 'exited', run: 7, signal: 'SIGSEGV' });
});

test('death by each real-time signal, 34 to 64, is told by its number, also behind much output', async (context) => {
  for (let number = 34; number <= 64; number++) {
    const before = number % 2 === 0 ? 'head -c 300000 /dev/zero; echo last >&2; ' : '';
    const { end } = await runStep(context, sh(`${before}kill -${number} $$`), { count: true });
    assert.equal(end, { on: 'exited', run: 7, signal: `${number}` });
  }
});

test('who closes its outputs and then exits with 0 has succeeded', async (context) => {
  const { end } = await runStep(context, sh('exec >&- 2>&-; sleep 0.1; exit 0'));
  assert.equal(end, { on: 'exited', run: 7, code: 0 });
});

test('death by each signal that ends a program is told by its name, never as an exit code', async (context) => {
  const names = ['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2'];
  for (const name of [...names, 'PIPE', 'ALRM', 'TERM', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'SYS'])
    assert.equal((await runStep(context, sh(`kill -${name} $$`))).end, { on: 'exited', run: 7, signal: `SIG${name}` });
});

test('a program starts in the work folder, with /dev/null as stdin, in its own group, and sees none of our variables', async (context) => {
  process.env.SECRET_OF_OURS = 'x';
  const { output } = await runStep(
    context,
    sh('pwd; cat; ps -o pgid= -p $$; echo $$; env | cut -d= -f1 | sort | tr "\\n" " "'),
  );
  delete process.env.SECRET_OF_OURS;
  const [cwd, group, pid, variables] = output.stdout.trim().split('\n');
  assert.is(cwd, context.work);
  assert.is(group?.trim(), pid?.trim());
  assert.equal(
    variables?.split(' ').filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)),
    ['ERRAND_THING', 'HOME', 'LANG', 'LOGNAME', 'PATH', 'USER', '_ERRAND_STEP'],
  );
});

test('100 MB on stderr before stdout hold nothing up', async (context) => {
  const script = 'head -c 100000000 /dev/zero | tr "\\0" e >&2; echo done';
  const { end, chars } = await runStep(context, sh(script), { count: true });
  assert.is(end.code, 0);
  assert.equal(chars, { stdout: 5, stderr: 100_000_000 });
});

test('one line of 10 MB arrives whole, in portions', async (context) => {
  const { chars } = await runStep(context, sh('head -c 10000000 /dev/zero | tr "\\0" x'), { count: true });
  assert.is(chars.stdout, 10_000_000);
});

test('characters cut between portions are whole, a half one at the end and binary bytes become U+FFFD', async (context) => {
  const script = "printf '\\303'; sleep 0.05; printf '\\274\\377\\000ok\\342\\202'";
  assert.is((await runStep(context, sh(script))).output.stdout, 'ü\ufffd\0ok\ufffd');
});

test('a program that ignores TERM goes with KILL, and its children too', async (context) => {
  const script = 'trap "" TERM; sleep 600 & echo $!; wait; wait; wait; sleep 600';
  let child = '';
  const { end } = await runStep(context, sh(script), {
    onOutput: (programs, text) => {
      child = text.trim();
      programs.signal({ do: 'signal', run: 7, signal: 'SIGTERM' });
      programs.signal({ do: 'signal', run: 99, signal: 'SIGTERM' });
      programs.signal({ do: 'signal', run: 7, signal: 'SIGKILL' });
    },
  });
  assert.equal(end, { on: 'exited', run: 7, signal: 'SIGKILL' });
  await hasEnded(child);
});

test('when a program ends on TERM, what ignores it in its group is killed', async (context) => {
  const script = '(trap "" TERM; sleep 600 & echo $!; wait; wait) & trap "exit 9" TERM; wait';
  let child = '';
  const { end } = await runStep(context, sh(script), {
    onOutput: (programs, text) => {
      child = text.trim();
      programs.signal({ do: 'signal', run: 7, signal: 'SIGTERM' });
    },
  });
  assert.is(end.code, 9);
  await hasEnded(child);
});

test('a daemon that keeps the output open does not keep the step open', async (context) => {
  const { end, output } = await runStep(context, sh('setsid sleep 100 & echo $!'));
  const daemon = output.stdout.trim();
  assert.is(end.code, 0);
  assert.ok(isRunning(daemon), 'what left the group lives on');
  process.kill(Number(daemon), 'SIGKILL');
});

/** A process that was sent KILL ends when the kernel gets to it. */
async function hasEnded(pid: string): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setImmediate(resolve));
}

function isRunning(pid: string): boolean {
  try {
    // A killed process that nobody has collected yet is a zombie.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${Number(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('what cannot be started is told in one sentence', async (context) => {
  const bad = path.join(context.work, 'script');
  writeFileSync(bad, '#!/no/such/interpreter\n', { mode: 0o700 });
  const plain = path.join(context.work, 'plain');
  writeFileSync(plain, '', { mode: 0o600 });
  const rows: [Pick<Step, 'run'>, RegExp][] = [
    [
      command('no-such-program'),
      /^step 'flash': no-such-program could not be started: .* is neither in its folder nor on PATH, \/.*:\/.*$/,
    ],
    [command('/no/such/program'), /^step 'flash': \/no\/such\/program could not be started: it, or the interpreter/],
    [command(bad), /script could not be started: it, or the interpreter in its first line/],
    [command(plain), /plain could not be started: its user may not execute it; run: chmod u\+x \/.*plain$/],
    [command('echo', 'x'.repeat(200_000)), /echo could not be started: spawn E2BIG$/],
    [
      handler('no-such.sh'),
      /^step 'flash': no-such\.sh could not be started: .* is neither in its folder nor on PATH, \/.*:\/.*$/,
    ],
    [handler('sh', [], 'default'), /^step 'flash': sh could not be started: it is not in .*handlers$/],
    [handler('sub/sh'), /^step 'flash': sub\/sh could not be started: it is not in .*handlers$/],
    [handler('sh', [], 'relative'), /expected an absolute path, found relative$/],
  ];
  for (const [step, expected] of rows) {
    const { end } = await runStep(context, step);
    assert.match(end.error ?? JSON.stringify(end), expected);
    assert.is(end.code, undefined);
  }
});

test('runHandler: the user comes first, even when there is none; then the arguments', async (context) => {
  addHandler(context.handlers, 'show.sh', 'printf "<%s>" "$@"');
  assert.is((await runStep(context, handler('show.sh', ['a b', '']))).output.stdout, '<><a b><>');
  assert.is(
    (await runStep(context, { ...handler('show.sh', ['x']), runAsUser: os.userInfo().username })).output.stdout,
    `<${os.userInfo().username}><x>`,
  );
});

test('runHandler: no path means the handler folder, then PATH; default the folder alone; else that folder', async (context) => {
  const other = path.join(context.root, 'other');
  mkdirSync(other);
  addHandler(context.handlers, 'echo', 'printf ours');
  addHandler(other, 'echo', 'printf theirs');
  mkdirSync(path.join(context.handlers, 'sub'));
  addHandler(path.join(context.handlers, 'sub'), 'deep.sh', 'printf deep');
  const rows = [
    [handler('echo', ['x']), 'ours'],
    [handler('echo', [], ''), 'ours'],
    [handler('echo', [], 'default'), 'ours'],
    [handler('echo', [], other), 'theirs'],
    [handler('sub/deep.sh'), 'deep'],
    [handler('printf', ['x']), ''],
  ] as const;
  for (const [step, expected] of rows) assert.is((await runStep(context, step)).output.stdout, expected);
});

test('runHandler: what others may change, what leads outside and what is not executable is refused', async (context) => {
  const outside = addHandler(context.root, 'outside.sh', 'exit 0');
  symlinkSync(outside, path.join(context.handlers, 'link.sh'));
  addHandler(context.handlers, 'group.sh', 'exit 0', 0o770);
  addHandler(context.handlers, 'all.sh', 'exit 0', 0o707);
  addHandler(context.handlers, 'plain.sh', 'exit 0', 0o600);
  const open = path.join(context.root, 'open');
  mkdirSync(open);
  addHandler(open, 'x.sh', 'exit 0');
  chmodSync(open, 0o777);
  const rows: [Pick<Step, 'run'>, RegExp][] = [
    [handler('link.sh'), /it leads to .*outside\.sh, outside of its folder$/],
    [handler('../outside.sh'), /it leads to .*outside\.sh, outside of its folder$/],
    [handler('group.sh'), /mode 770 opens .*group\.sh to others; run: chmod go-w .*group\.sh$/],
    [handler('all.sh'), /mode 707 opens .*all\.sh to others; run: chmod go-w/],
    [
      handler('plain.sh'),
      /plain\.sh could not be started: its user may not execute it; run: chmod u\+x \/.*\/plain\.sh$/,
    ],
    [handler('x.sh', [], open), /mode 777 opens .*open to others; run: chmod go-w/],
    [handler('.'), /outside of its folder$/],
  ];
  for (const [step, expected] of rows) assert.match((await runStep(context, step)).end.error ?? 'ran', expected);
});

test('runAsUser: an unknown user fails the step', async (context) => {
  const { end } = await runStep(context, { ...command('id'), runAsUser: 'nobody-of-that-name' });
  assert.is(end.error, "step 'flash': id could not be started: there is no user 'nobody-of-that-name' in /etc/passwd");
});

if (isRoot && findUser('nobody')) {
  test('runAsUser: real and effective ids are those of the user, and no group of ours is left', async (context) => {
    const { output, end } = await runStep(context, {
      ...sh('grep -E "^(Uid|Gid|Groups)" /proc/self/status; pwd; echo $USER'),
      runAsUser: 'nobody',
    });
    const { uid, gid } = findUser('nobody')!;
    assert.is(end.code, 0, output.stderr);
    const [uids, gids, groups, cwd, name] = output.stdout.trim().split('\n');
    assert.is(uids, `Uid:\t${[uid, uid, uid, uid].join('\t')}`);
    assert.is(gids, `Gid:\t${[gid, gid, gid, gid].join('\t')}`);
    assert.is(groups?.trim(), 'Groups:');
    assert.is(cwd, '/');
    assert.is(name, 'nobody');
  });

  test('runAsUser: an agent that is not root fails the step', async (context) => {
    chmodSync(context.root, 0o755);
    // A process cannot become root again: another one tries.
    const script = `
      import { createPrograms } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../transports/programs.ts'))};
      process.setgid(65534);
      process.setuid(65534);
      const step = { name: 'flash', ignoreStepFailure: false, runAsUser: 'root', run: { type: 'runCommand', argv: ['id'] } };
      createPrograms({ thingName: 'lamp', handlers: '/', work: '/', tell: (event) => console.log(event.error) })
        .run({ do: 'run', run: 1, step });`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.is(
      stdout,
      "step 'flash': id could not be started: only root may run it as 'root', the agent has uid 65534\n",
      stderr,
    );
  });
}

test('findUser: reads passwd, by name or by number, and passes over other lines', ({ root }) => {
  const file = path.join(root, 'passwd');
  writeFileSync(
    file,
    '# comment\n+::::::\nroot:x:0:0:root:/root:/bin/sh\npi:x:1000:1001:,,,:/home/pi:/bin/bash\nlp:x:7:7::\n',
  );
  const pi = { name: 'pi', uid: 1000, gid: 1001, home: '/home/pi' };
  assert.equal(findUser('pi', file), pi);
  assert.equal(findUser(1000, file), pi);
  assert.is(findUser(7, file)?.home, '/');
  assert.is(findUser('Pi', file), undefined);
  assert.is(findUser('+', file), undefined);
});

test.run();
