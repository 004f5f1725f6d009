import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, runChild, startChild } from '../child.ts';
import { arnOf, FULL_AGENT, type House, openHouse } from './house.ts';

/** The built agent in the place of AWS IoT Device Client: that client's configuration and handlers, and nothing else. */
const test = suite<{ house: House; home: string; agents: Child[] }>('deviceClient');
test.before(async (context) => {
  context.house = await openHouse();
  context.home = path.join(context.house.folder, 'home');
  context.agents = [];
});
test.after(async ({ house, agents }) => {
  for (const agent of agents ?? []) await agent.kill();
  await house?.end();
});

/** Written as AWS's samples are: the user first, then the arguments; sudo where there is such a user. */
const HANDLER = `#!/usr/bin/env sh
set -e
user=$1
shift 1
echo "user:$user arguments:$@ count:$#"
if id "$user" 2>/dev/null && command -v "sudo" > /dev/null; then
  sudo -u "$user" -n echo "as $user" >> "$HOME/greeted"
else
  echo "$@" >> "$HOME/greeted"
fi
>&2 echo "a line on stderr"
`;

async function create(house: House, jobId: string, document: object, thingName = 'board'): Promise<void> {
  const job = ['--job-id', jobId, '--targets', arnOf(thingName), '--document', JSON.stringify(document)];
  await house.errand('create-job', ...job);
}

test('started with that configuration and handler folder alone, it runs both schemas', async ({
  house,
  home,
  agents,
}) => {
  const { cert, key } = await house.thing('board');
  const folder = path.join(home, '.aws-iot-device-client');
  await mkdir(home, { mode: 0o755 });
  await mkdir(folder, { mode: 0o745 });
  await mkdir(path.join(folder, 'jobs'), { mode: 0o700 });
  await writeFile(path.join(folder, 'jobs', 'greet.sh'), HANDLER, { mode: 0o700 });
  const config = {
    endpoint: house.endpoints.mqtts,
    cert,
    key,
    'root-ca': house.endpoints.ca,
    'thing-name': 'board',
    logging: { level: 'INFO', type: 'STDOUT' },
    jobs: { enabled: true },
    'device-defender': { enabled: true, interval: 300 },
    tunneling: { enabled: false },
  };
  await writeFile(path.join(folder, 'aws-iot-device-client.conf'), JSON.stringify(config), { mode: 0o644 });
  const env = { HOME: home, PATH: process.env.PATH };

  const doctor = await runChild(process.execPath, [FULL_AGENT, 'doctor'], { cwd: home, env });
  assert.is(doctor.code, 0, doctor.stdout);
  assert.match(doctor.stdout, /^note {3}.*device-defender$/m);

  const agent = startChild(process.execPath, [FULL_AGENT], { cwd: home, env });
  agents.push(agent);
  await agent.line(/ warn .* which are on: device-defender$/);
  await agent.line(/ connected/);

  await create(house, 'old', { operation: 'greet.sh', args: ['a', 'b c'], path: 'default', includeStdOut: 'true' });
  const old = await house.until('old', 'board', 'SUCCEEDED', 'FAILED', 'REJECTED');
  assert.is(old.status, 'SUCCEEDED', agent.lines.join('\n'));
  assert.match(old.statusDetails.detailsMap!.stdout!, /^user: arguments:a b c count:2/);
  assert.is(old.statusDetails.detailsMap!.stderr, 'a line on stderr\n');

  const input = { handler: 'greet.sh', args: ['new'], path: 'default' };
  const steps = [{ action: { name: 'greet', type: 'runHandler', input, allowStdErr: 0 } }];
  await create(house, 'new', { version: '1.0', steps });
  const strict = await house.until('new', 'board', 'SUCCEEDED', 'FAILED', 'REJECTED');
  assert.equal(
    [strict.status, strict.statusDetails.detailsMap!.reason],
    ['FAILED', '1 lines on stderr: at most 0 are allowed'],
  );
  assert.match(await readFile(path.join(home, 'greeted'), 'utf8').catch(() => ''), /^(a b c\nnew\n)?$/);
  assert.is(await agent.kill('SIGTERM'), 0);
});

test("a jobs-agent's operations: REJECTED without the setting, done in its words with it", async ({ house }) => {
  const identity = await house.thing('legacy');
  const ends = ['SUCCEEDED', 'FAILED', 'REJECTED'];
  const run = async (jobId: string, document: object) => {
    await create(house, jobId, document, 'legacy');
    const { status, statusDetails } = await house.until(jobId, 'legacy', ...ends);
    return { status, details: statusDetails.detailsMap! };
  };
  const strict = house.startAgent({ file: FULL_AGENT }, identity);
  const refused = await run('refused', { operation: 'systemStatus' });
  assert.is(refused.status, 'REJECTED');
  assert.match(refused.details.reason!, /at \$\.operation: expected a document of steps \(the setting 'operations'/);
  assert.is(await strict.kill('SIGTERM'), 0);

  const agent = house.startAgent({ file: FULL_AGENT }, identity, '--operations', 'jobs-agent');
  const { status, details } = await run('status', { operation: 'systemStatus' });
  assert.is(status, 'SUCCEEDED', agent.lines.join('\n'));
  assert.equal(
    [details.operation, details.installedPackages, details.platform, details.arch],
    ['systemStatus', '[]', process.platform, process.arch],
  );
  const source = path.join(house.folder, 'app.sh');
  await writeFile(source, 'echo hello\n');
  const files = [{ fileName: 'app.sh', fileSource: { url: `file://${source}` } }];
  const installed = await run('install', { operation: 'install', packageName: 'p', workingDirectory: 'p', files });
  assert.equal(
    [installed.status, installed.details.operation, installed.details.state],
    ['SUCCEEDED', 'install', 'package files installed'],
  );
  assert.is(await readFile(path.join(house.folder, 'legacy.data', 'packages', 'p', 'app.sh'), 'utf8'), 'echo hello\n');
  const unknown = await run('start', { operation: 'start', packageName: 'q' });
  assert.equal(
    [unknown.status, unknown.details.errorCode, unknown.details.errorMessage],
    ['FAILED', 'ERR_INVALID_PACKAGE_NAME', 'no package installed called: q'],
  );
  assert.is(await agent.kill('SIGTERM'), 0);
});

test.run();
