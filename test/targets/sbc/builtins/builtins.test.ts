import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../../../runtime/effects.ts';
import { BUILT_IN } from '../../../../targets/sbc/builtins/builtins.ts';
import { hostHandlers } from '../../../../targets/sbc/handlers/host.ts';
import type { Programs } from '../../../../transports/programs.ts';

interface Context {
  root: string;
  handlers: string;
  tools: string;
  calls: string;
  before: string | undefined;
}

const test = suite<Context>('builtins', { root: '', handlers: '', tools: '', calls: '', before: '' });
test.before.each((context) => {
  context.root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-builtins-')));
  for (const name of ['handlers', 'tools'] as const) {
    context[name] = path.join(context.root, name);
    mkdirSync(context[name], { mode: 0o700 });
  }
  context.calls = path.join(context.root, 'calls');
  context.before = process.env.PATH;
  process.env.PATH = context.tools;
});
test.after.each(({ root, before }) => {
  process.env.PATH = before;
  rmSync(root, { recursive: true });
});

/** A program of this name that notes how it is called, then does as `script` says. */
function standIn({ tools, calls }: Context, name: string, script = ''): void {
  const file = path.join(tools, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> ${calls}\n${script}\n`);
  chmodSync(file, 0o755);
}

/** `env` as it is, which is not in the folder of stand-ins. */
function addEnv({ tools }: Context): void {
  writeFileSync(path.join(tools, 'env'), '#!/bin/sh\nexport "$1"; shift; exec "$@"\n', { mode: 0o755 });
}

const called = ({ calls }: Context) => readFileSync(calls, 'utf8').trim().split('\n');

type Exited = Extract<Event, { on: 'exited' }>;

/** Runs a step of a built-in handler to its end; `act` is called at its first output. */
function run(context: Context, handler: string, args: string[], act?: (programs: Programs) => void) {
  let stdout = '';
  return new Promise<Exited & { stdout: string }>((resolve) => {
    const programs = hostHandlers(BUILT_IN)({
      thingName: 'lamp',
      handlers: context.handlers,
      work: context.root,
      tell: (event) => {
        if (event.on === 'exited') resolve({ ...event, stdout });
        if (event.on !== 'output') return;
        if (stdout === '') act?.(programs);
        stdout += event.text;
      },
    });
    const step = { name: 's', ignoreStepFailure: false, run: { type: 'runHandler', handler, args } as const };
    programs.run({ do: 'run', run: 7, step });
  });
}

test('install-packages.sh: apt-get gets each name by itself, behind --, and asks nothing', async (context) => {
  addEnv(context);
  standIn(context, 'apt-get', 'echo "frontend $DEBIAN_FRONTEND"');
  const { code, stdout } = await run(context, 'install-packages.sh', ['wget  curl', 'g++']);
  assert.is(code, 0);
  assert.is(stdout, 'frontend noninteractive\n');
  assert.equal(called(context), ['apt-get --yes install -- wget curl g++']);
});

test('install-packages.sh: old lists are fetched once and it is tried again; its exit code is the step’s', async (context) => {
  standIn(context, 'opkg', '[ "$1" = update ]');
  assert.is((await run(context, 'install-packages.sh', ['wget'])).code, 1);
  assert.equal(called(context), ['opkg install wget', 'opkg update', 'opkg install wget']);
});

const PACKAGE_CALLS = {
  'apt-get': 'apt-get --yes remove -- a b',
  apk: 'apk del a b',
  opkg: 'opkg remove a b',
  dnf: 'dnf --assumeyes remove a b',
};
for (const [manager, call] of Object.entries(PACKAGE_CALLS))
  test(`remove-packages.sh: by ${manager} where that is there`, async (context) => {
    addEnv(context);
    standIn(context, manager);
    assert.is((await run(context, 'remove-packages.sh', ['a b'])).code, 0);
    assert.equal(called(context), [call]);
  });

test('services: systemd takes all names at once, OpenRC and sysv one after the other, also after a failure', async (context) => {
  standIn(context, 'service', '[ "$1" != a ]');
  assert.is((await run(context, 'stop-services.sh', ['a b'])).code, 1);
  assert.equal(called(context), ['service a stop', 'service b stop']);
  standIn(context, 'rc-service');
  assert.is((await run(context, 'restart-services.sh', ['a b'])).code, 0);
  assert.equal(called(context).slice(2), ['rc-service a restart', 'rc-service b restart']);
  standIn(context, 'systemctl');
  assert.is((await run(context, 'start-services.sh', ['a b'])).code, 0);
  assert.equal(called(context).slice(4), ['systemctl start -- a b']);
});

test('nothing that could be an option, a path or another package is passed on', async (context) => {
  addEnv(context);
  for (const name of ['apt-get', 'systemctl']) standIn(context, name);
  for (const handler of ['install-packages.sh', 'remove-packages.sh', 'start-services.sh'])
    for (const bad of ['-y', '--root=/', 'a --force', './x.deb', '../x', 'a/b', 'gone-', 'a;b', '$(id)', '*', 'ä'])
      assert.match((await run(context, handler, [bad])).error!, /cannot be one of the (packages|services)/, bad);
  assert.match((await run(context, 'start-services.sh', [' '])).error!, /expected the names of services, found none/);
  assert.throws(() => called(context), /ENOENT/);
});

test('without a manager of packages the step fails in one sentence', async (context) => {
  const { error } = await run(context, 'install-packages.sh', ['wget']);
  assert.is(error, "step 's': install-packages.sh: none of apt-get, apk, opkg, dnf is on PATH");
});

test('a file of the same name in the handler folder wins', async (context) => {
  standIn(context, 'apt-get');
  const file = path.join(context.handlers, 'install-packages.sh');
  writeFileSync(file, '#!/bin/sh\necho "own $2"\n', { mode: 0o700 });
  const { code, stdout } = await run(context, 'install-packages.sh', ['wget']);
  assert.equal([code, stdout], [0, 'own wget\n']);
});

test('SIGTERM reaches the program of a handler and ends the step; SIGKILL ends what ignores it', async (context) => {
  standIn(context, 'opkg', 'echo begun; exec /bin/sleep 100');
  const asked = await run(context, 'remove-packages.sh', ['a'], (programs) =>
    programs.signal({ do: 'signal', run: 7, signal: 'SIGTERM' }),
  );
  assert.is(asked.signal, 'SIGTERM');
  standIn(context, 'opkg', 'trap "" TERM; echo begun; while :; do /bin/sleep 100; done');
  const killed = await run(context, 'remove-packages.sh', ['a'], (programs) => {
    programs.signal({ do: 'signal', run: 7, signal: 'SIGTERM' });
    programs.signal({ do: 'signal', run: 7, signal: 'SIGKILL' });
  });
  assert.is(killed.signal, 'SIGKILL');
});

test('reboot.sh and shutdown.sh: success before the device is off', async (context) => {
  standIn(context, 'reboot');
  assert.is((await run(context, 'reboot.sh', [])).code, 0);
  standIn(context, 'systemctl');
  standIn(context, 'shutdown');
  assert.is((await run(context, 'shutdown.sh', [])).code, 0);
  assert.equal(called(context), ['reboot ', 'shutdown -h +1']);
});

test.run();
