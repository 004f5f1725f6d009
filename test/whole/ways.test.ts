import { chmod, readFile, writeFile } from 'node:fs/promises';
import net, { type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, startChild } from '../child.ts';
import { startProxy, type TestProxy } from '../transports/ways/connectProxy.ts';
import { type House, type Identity, openHouse } from './house.ts';

const AGENT = fileURLToPath(new URL('../../dist/errand-agent-full.cjs', import.meta.url));

const ways = suite<{ house: House; agents: Child[]; ends: (() => void)[] }>('ways in');
ways.before(async (context) => {
  context.agents = [];
  context.ends = [];
  context.house = await openHouse();
});
ways.after(async ({ house, agents, ends }) => {
  for (const agent of agents) await agent.kill();
  for (const end of ends) end();
  await house?.end();
});

function startAgent(
  { house, agents }: { house: House; agents: Child[] },
  identity: Identity,
  flags: readonly string[],
  env: Record<string, string> = {},
): Child {
  const { thingName, cert, key } = identity;
  const own = ['--thing', thingName, '--ca', house.endpoints.ca, '--cert', cert, '--key', key, '--retry-max', '1'];
  const data = ['--data', path.join(house.folder, `${thingName}.data`), '--handlers', '/nowhere'];
  const agent = startChild(process.execPath, ['--use-openssl-ca', AGENT, ...own, ...data, ...flags], {
    env: { PATH: process.env.PATH, ...env },
  });
  agents.push(agent);
  return agent;
}

/** The address of the HTTPS data plane, as the service says it. */
const httpsOf = ({ service }: House): string =>
  `https://${/devices by HTTPS at (?:https:..)?([^,\s]+)/.exec(service.lines.join())![1]}`;

ways(
  'a job over the HTTPS data plane alone: it comes without being asked for twice, and is reported',
  async (context) => {
    const { house } = context;
    const identity = await house.thing('web');
    const agent = startAgent(context, identity, ['--endpoint', httpsOf(house)]);
    await agent.line(/ connected$/);
    await house.job('over-https', 'web', 'echo,one', 'echo,two');
    const { status, statusDetails } = await house.until('over-https', 'web', 'SUCCEEDED', 'FAILED', 'REJECTED');
    assert.is(status, 'SUCCEEDED', agent.lines.join('\n'));
    assert.is(statusDetails.detailsMap?.stdout, 'one\ntwo\n');
    assert.is(await agent.kill('SIGTERM'), 0);
  },
);

ways(
  'over HTTPS a job that is deleted and made anew under its name ends the old program, and is done',
  async (context) => {
    const { house } = context;
    const agent = startAgent(context, await house.thing('anew'), ['--endpoint', httpsOf(house)]);
    await agent.line(/ connected$/);
    const file = path.join(house.folder, 'old.pid');
    await house.job('same-name', 'anew', `sh,-c,echo $$ > ${file}.new && mv ${file}.new ${file} && exec sleep 600`);
    await agent.line(/step 1 of 1 .*started/);
    const from = agent.lines.length;
    await house.errand('delete-job', '--job-id', 'same-name', '--force');
    // It is deleted after the answer.
    while ((await house.tryErrand('describe-job', '--job-id', 'same-name')).code === 0);
    await house.job('same-name', 'anew', 'echo,new', 'true');
    const { status, statusDetails } = await house.until('same-name', 'anew', 'SUCCEEDED', 'FAILED', 'REJECTED');
    const lines = agent.lines.slice(from);
    assert.is(status, 'SUCCEEDED', lines.join('\n'));
    assert.is(statusDetails.detailsMap?.stdout, 'new\n');
    const pid = Number(await readFile(file, 'utf8'));
    assert.throws(() => process.kill(pid, 0), /ESRCH/);
    const ended = lines.findIndex((line) => /step 1 of 1 .*killed by signal: SIGTERM/.test(line));
    const begun = lines.findIndex((line) => /step 1 of 2 .*started/.test(line));
    assert.ok(ended >= 0 && ended < begun, lines.join('\n'));
    assert.is(await agent.kill('SIGTERM'), 0);
  },
);

ways(
  'a job through a proxy of settings or environment, with credentials that no line of the log has',
  async (context) => {
    const { house } = context;
    const identity = await house.thing('behind');
    const proxy: TestProxy = await startProxy('board:very secret');
    context.ends.push(proxy.close);
    const file = path.join(house.folder, 'credentials');
    await writeFile(file, 'board:very secret\n');
    await chmod(file, 0o600);
    const byFlags = ['--proxy', `127.0.0.1:${proxy.port}`, '--proxy-credentials', file];
    const byEnvironment = {
      https_proxy: `http://board:very%20secret@127.0.0.1:${proxy.port}`,
      no_proxy: 'elsewhere.example',
    };
    for (const [jobId, endpoint, flags, env] of [
      ['mqtt', house.endpoints.mqtts, byFlags, {}],
      ['https', httpsOf(house), [], byEnvironment],
    ] as const) {
      const agent = startAgent(context, identity, ['--endpoint', endpoint, '--log', 'debug', ...flags], env);
      await agent.line(/ connected$/);
      await house.job(`proxied-${jobId}`, 'behind', 'true');
      assert.is((await house.until(`proxied-${jobId}`, 'behind', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
      assert.is(await agent.kill('SIGTERM'), 0);
      assert.not.match(agent.lines.join(), /secret|Ym9hcmQ6/);
    }
    assert.equal(
      new Set(proxy.asked.map(({ target }) => `https://${target}`.replace(/.*:/, ''))),
      new Set([house.endpoints.mqtts, httpsOf(house)].map((address) => address.replace(/.*:/, '').replace('/', ''))),
    );
  },
);

ways('MQTT cut off: HTTPS takes over, the job that runs goes on; a lost HTTPS gives back', async (context) => {
  const { house } = context;
  const identity = await house.thing('roaming');
  const gate = await openGate(Number(house.endpoints.mqtts.split(':').at(-1)));
  context.ends.push(gate.close);
  const endpoint = `localhost:${gate.port},${httpsOf(house)}`;
  const agent = startAgent(context, identity, ['--endpoint', endpoint]);
  await agent.line(/ connected$/);
  const flag = path.join(house.folder, 'go');
  await house.job('roams', 'roaming', `sh,-c,until test -e ${flag}; do sleep 0.05; done`, 'true');
  await agent.line(/step 1 of 2/);
  const from = agent.lines.length;
  gate.shut();
  await agent.lineAfter(from, /trying https:/);
  await agent.lineAfter(from, / connected$/);
  await writeFile(flag, '');
  assert.is((await house.until('roams', 'roaming', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED', agent.lines.join('\n'));
  assert.is(agent.lines.filter((line) => /step 1 of 2 .*started/.test(line)).length, 1);
  assert.is(await agent.kill('SIGTERM'), 0);
});

/** A way to a port that can be shut: what is open breaks, what comes is refused. */
async function openGate(to: number): Promise<{ port: number; shut(): void; close(): void }> {
  const sockets = new Set<Socket>();
  let open = true;
  const server = net.createServer((socket) => {
    if (!open) return void socket.destroy();
    const far = net.connect(to, 'localhost');
    for (const one of [socket, far]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        socket.destroy();
        far.destroy();
      });
    }
    socket.pipe(far).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const shut = () => {
    open = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    shut,
    close: () => {
      shut();
      server.close();
    },
  };
}

ways.run();
