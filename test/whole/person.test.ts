import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, runChild, startChild } from '../child.ts';
import { type House, type Identity, openHouse } from './house.ts';

const AGENT = fileURLToPath(new URL('../../dist/errand-agent-full.cjs', import.meta.url));

const person = suite<{ house: House; agents: Child[] }>('the person at the board');
person.before(async (context) => {
  context.agents = [];
  context.house = await openHouse();
});
person.after(async ({ house, agents }) => {
  for (const agent of agents) await agent.kill();
  await house?.end();
});

const run = (...args: string[]) => runChild(process.execPath, [AGENT, ...args]);

function flagsOf(house: House, { thingName, cert, key }: Identity, endpoint = house.endpoints.mqtts): string[] {
  const own = ['--endpoint', endpoint, '--thing', thingName, '--ca', house.endpoints.ca, '--cert', cert, '--key', key];
  return [...own, '--data', path.join(house.folder, `${thingName}.data`), '--handlers', '/nowhere'];
}

person('status says what the agent is doing, metrics count it, systemd is told that it is up', async (context) => {
  const { house, agents } = context;
  const identity = await house.thing('seen');
  const flags = flagsOf(house, identity);
  assert.equal((await run('status', ...flags)).code, 1);
  const metrics = path.join(house.folder, 'metrics.prom');
  const told = path.join(house.folder, 'told');
  const bin = path.join(house.folder, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${told}\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '40000' };
  const agent = startChild(process.execPath, ['--use-openssl-ca', AGENT, ...flags, '--metrics', metrics], { env });
  agents.push(agent);
  await agent.line(/ connected$/);
  const go = path.join(house.folder, 'go');
  await house.job('watched', 'seen', `sh,-c,until test -e ${go}; do sleep 0.05; done`, 'true');
  await agent.line(/step 1 of 2/);
  const during = (await run('status', ...flags)).stdout;
  assert.match(during, /^thing {7}seen\nconnection {2}connected\ndoing {7}job watched, step 1 of 2 'step-1'$/m);
  assert.match(readFileSync(metrics, 'utf8'), /errand_agent_connected 1\n[\s\S]*job_running 1\n/);
  const { stdout } = await run('doctor', ...flags);
  assert.match(stdout, /ok {5}service: not asked, because an agent runs here/);
  writeFileSync(go, '');
  await house.until('watched', 'seen', 'SUCCEEDED');
  await agent.line(/SUCCEEDED/);
  assert.match((await run('status', ...flags)).stdout, /^job {9}\S+ watched SUCCEEDED: Job exited with status: 0$/m);
  assert.match(readFileSync(metrics, 'utf8'), /jobs_total\{status="SUCCEEDED"\} 1\n/);
  const lines = () => readFileSync(told, 'utf8').split('\n');
  while (!lines().includes('WATCHDOG=1')) await new Promise((resolve) => setImmediate(resolve));
  assert.is(lines()[0], '--ready');
  assert.is(await agent.kill('SIGTERM'), 0);
  assert.is((await run('status', ...flags)).code, 1);
});

person(
  'doctor: all right, and each thing that is wrong in a line of its own that says what to do',
  async ({ house }) => {
    const identity = await house.thing('patient');
    const flags = flagsOf(house, identity);
    const well = await run('doctor', ...flags);
    assert.is(well.code, 0, well.stdout);
    assert.match(well.stdout, /^ok {5}service: connected, and jobs can be asked for$/m);
    const other = await house.thing('other');
    const saysOf = async (...changed: string[]) => {
      const { code, stdout } = await run('doctor', ...changed);
      assert.is(code, 1, stdout);
      return stdout
        .split('\n')
        .filter((line) => line.startsWith('WRONG'))
        .join('\n');
    };
    const with_ = (name: string, value: string) => flags.map((flag, i) => (flags[i - 1] === name ? value : flag));
    assert.match(await saysOf(...with_('--key', other.key)), /certificate: the key is not that of the certificate/);
    assert.match(await saysOf(...with_('--endpoint', 'localhost:1')), /service: localhost:1: nothing listens there/);
    assert.match(
      await saysOf(...with_('--thing', 'stranger')),
      /policy is the reason: allow iot:Connect for the client str/,
    );
    assert.match(await saysOf(...with_('--ca', identity.cert)), /service: .*the server's certificate is refused/);
    const open = path.join(house.folder, 'open.key');
    writeFileSync(open, readFileSync(identity.key));
    chmodSync(open, 0o644);
    assert.match(await saysOf(...with_('--key', open)), /mode 644 opens .*run: chmod go-rwx/);
  },
);

person(
  'run FILE runs a document without a service, and says how it ended; --dry-run runs nothing',
  async ({ house }) => {
    const file = path.join(house.folder, 'job.json');
    const mark = path.join(house.folder, 'mark');
    const step = (command: string) => ({ action: { name: command, type: 'runCommand', input: { command } } });
    const write = (...commands: string[]) =>
      writeFileSync(file, JSON.stringify({ version: '1.0', includeStdOut: true, steps: commands.map(step) }));
    write(`touch,${mark}`, 'echo,done');
    const dry = await run('run', file, '--dry-run');
    assert.equal([dry.code, dry.stdout.trimEnd().split('\n').at(-1)], [0, 'valid']);
    assert.throws(() => statSync(mark));
    const real = await run('run', file);
    assert.is(real.code, 0, real.stdout);
    assert.ok(statSync(mark));
    assert.match(real.stdout, /^stdout: done$/m);
    write('false');
    const failed = await run('run', file);
    assert.equal([failed.code, failed.stdout.trimEnd().split('\n').at(-1)], [1, 'FAILED']);
    assert.is((await run('run', '/nowhere.json')).code, 2);
  },
);

person(
  'install writes what the init system wants, keeps what is there, and says what to do next',
  async ({ house }) => {
    const root = path.join(house.folder, 'root');
    for (const [init, file, text] of [
      ['systemd', 'etc/systemd/system/errand-agent.service', /Type=notify\n[\s\S]*Restart=always/],
      ['openrc', 'etc/init.d/errand-agent', /supervise-daemon/],
      ['procd', 'etc/init.d/errand-agent', /procd_set_param respawn/],
    ] as const) {
      const args = ['install', '--root', path.join(root, init), '--init', init];
      const shown = await run(...args, '--dry-run');
      assert.match(shown.stdout, text);
      assert.throws(() => statSync(path.join(root, init, file)));
      const { code, stdout } = await run(...args);
      assert.is(code, 0, stdout);
      assert.match(stdout, /now run: /);
      const written = path.join(root, init, file);
      assert.match(readFileSync(written, 'utf8'), text);
      assert.is(statSync(written).mode & 0o777, init === 'systemd' ? 0o644 : 0o755);
      assert.is((await run(...args)).code, 0, 'the same again changes nothing');
      writeFileSync(written, 'mine');
      assert.is((await run(...args)).code, 1);
      assert.is(readFileSync(written, 'utf8'), 'mine');
    }
    assert.match(
      (await run('install', '--init', 'upstart')).stderr,
      /^errand-agent: install: upstart: give --init syst/,
    );
  },
);

person(
  'a word behind run and install that is not known is refused, and nothing is run or written',
  async ({ house }) => {
    const [file, mark, root] = ['typo.json', 'typo.mark', 'typo root'].map((name) => path.join(house.folder, name));
    const action = { name: 'touch', type: 'runCommand', input: { command: `touch,${mark}` } };
    writeFileSync(file!, JSON.stringify({ version: '1.0', steps: [{ action }] }));
    for (const [words, said] of [
      [['run', file!, '--dry-rnu'], /: unknown --dry-rnu: expected: errand-agent run FILE/],
      [['run', file!, '--dry-run=yes'], /: unknown --dry-run=yes: /],
      [['run', file!, 'other.json'], /: expected: errand-agent run FILE/],
      [['run', file!, '--thing'], /: --thing has nothing behind it: /],
      [['install', '--init', 'systemd', '--root', root!, '--dry-rnu'], /: unknown --dry-rnu: /],
      [['install', '--init', 'systemd', '--root', root!, 'now'], /: expected: errand-agent install /],
    ] as const) {
      const { code, stdout, stderr } = await run(...words);
      assert.equal([code, stdout, stderr.trim().split('\n').length], [2, '', 1]);
      assert.match(stderr, said);
    }
    for (const made of [mark!, root!]) assert.throws(() => statSync(made));
    const handlers = path.join(house.folder, 'my handlers');
    mkdirSync(handlers);
    writeFileSync(path.join(handlers, 'one'), '#!/bin/sh\necho one\n', { mode: 0o755 });
    const step = { action: { name: 'one', type: 'runHandler', input: { handler: 'one' } } };
    writeFileSync(file!, JSON.stringify({ version: '1.0', includeStdOut: true, steps: [step] }));
    assert.match((await run('run', file!, '--handlers', handlers)).stdout, /^stdout: one$/m);
  },
);

person('metrics that cannot be written are told once', async ({ house, agents }) => {
  const flags = flagsOf(house, await house.thing('unmetered'));
  const agent = startChild(process.execPath, [AGENT, ...flags, '--metrics', '/nowhere/metrics.prom']);
  agents.push(agent);
  await agent.line(/ connected$/);
  assert.is(await agent.kill('SIGTERM'), 0);
  assert.is(agent.lines.filter((line) => /metrics are not written: ENOENT.*nowhere/.test(line)).length, 1);
});

person.run();
