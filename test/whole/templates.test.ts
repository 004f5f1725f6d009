import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arnOf, FULL_AGENT, type House, type Identity, openHouse } from './house.ts';

/** AWS's managed templates, made into jobs by name, on a board with no scripts installed; programs of the system stand in. */
const test = suite<{ house: House; board: Identity; calls: string; env: NodeJS.ProcessEnv }>('templates');
test.before(async (context) => {
  const house = await openHouse();
  const tools = path.join(house.folder, 'tools');
  const calls = path.join(house.folder, 'calls');
  await mkdir(tools);
  for (const name of ['apt-get', 'systemctl'])
    await writeFile(path.join(tools, name), `#!/bin/sh\necho "${name} $*" >> ${calls}\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` };
  Object.assign(context, { house, calls, env, board: await house.thing('board') });
});
test.after(async ({ house }) => house?.end());

/** Runs a template as a job; gives how it ended. */
async function run({ house }: { house: House }, template: string, parameters: Record<string, string>) {
  const jobId = template.slice('AWS-'.length);
  const arn = `arn:aws:iot:us-east-1::jobtemplate/${template}:1.0`;
  const given = Object.keys(parameters).length > 0 ? ['--document-parameters', JSON.stringify(parameters)] : [];
  await house.errand('create-job', '--job-id', jobId, '--targets', arnOf('board'), '--job-template-arn', arn, ...given);
  return house.until(jobId, 'board', 'SUCCEEDED', 'FAILED', 'REJECTED');
}

test('packages, services and commands: each template reaches the program it is about', async (context) => {
  const { house, board, env, calls } = context;
  const agent = house.startAgent({ file: FULL_AGENT, env }, board);
  const jobs: [template: string, parameters: Record<string, string>][] = [
    ['AWS-Install-Application', { packages: 'wget curl' }],
    ['AWS-Remove-Application', { packages: 'curl', pathToHandler: 'default' }],
    ['AWS-Start-Application', { services: 'nginx' }],
    ['AWS-Stop-Application', { services: 'nginx httpd' }],
    ['AWS-Restart-Application', { services: 'nginx@a.service' }],
    ['AWS-Run-Command', { command: 'apt-get,--version' }],
  ];
  for (const [template, parameters] of jobs) {
    const { status, statusDetails } = await run(context, template, parameters);
    assert.is(status, 'SUCCEEDED', `${template} ${JSON.stringify(statusDetails)}\n${agent.lines.join('\n')}`);
  }
  assert.equal((await readFile(calls, 'utf8')).trim().split('\n'), [
    'apt-get --yes install -- wget curl',
    'apt-get --yes remove -- curl',
    'systemctl start -- nginx',
    'systemctl stop -- nginx httpd',
    'systemctl restart -- nginx@a.service',
    'apt-get --version',
  ]);
  assert.is(await agent.kill('SIGTERM'), 0);
});

test('AWS-Reboot: SUCCEEDED only when the device has restarted, and it is not restarted again', async (context) => {
  const { house, board, env, calls } = context;
  const bootId = path.join(house.folder, 'boot-id');
  await writeFile(bootId, 'boot-1\n');
  await writeFile(path.join(house.folder, 'tools', 'reboot'), `#!/bin/sh\necho "reboot $*" >> ${calls}\n`, {
    mode: 0o755,
  });
  const start = () => house.startAgent({ file: FULL_AGENT, env }, board, '--boot-id', bootId);
  const before = start();
  const ended = run(context, 'AWS-Reboot', {});
  await before.line(/waits for the device to restart/);
  assert.is((await house.execution('Reboot', 'board')).status, 'IN_PROGRESS');
  assert.is(await before.kill('SIGTERM'), 0);
  await writeFile(bootId, 'boot-2\n');
  const after = start();
  const { status, statusDetails } = await ended;
  assert.equal([status, statusDetails.detailsMap?.reason], ['SUCCEEDED', 'the device has restarted']);
  assert.is((await readFile(calls, 'utf8')).split('\n').filter((line) => line === 'reboot ').length, 1);
  await after.kill();
});

test.run();
