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

test.run();
