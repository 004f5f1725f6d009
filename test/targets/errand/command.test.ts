import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openIdentity } from '../../../targets/service/identity/identity.ts';
import { hyphenated } from '../../../targets/service/operations/operation.ts';
import { OPERATIONS } from '../../../targets/service/operations/table.ts';
import { type ControlPlane, REGION, startControlPlane } from '../service/http/controlPlane.ts';

const test = suite('errand');
let plane: ControlPlane;
let program: string;
test.before(async () => {
  plane = await startControlPlane();
  program = path.join(plane.folder, 'errand.mjs');
  symlinkSync(
    fileURLToPath(new URL('../../../node_modules', import.meta.url)),
    path.join(plane.folder, 'node_modules'),
  );
  await build({
    entryPoints: ['targets/errand/main.ts'],
    absWorkingDir: fileURLToPath(new URL('../../../', import.meta.url)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: program,
    external: ['better-sqlite3', '@aws-sdk/*'],
    define: { ERRAND_VERSION: '"1.2.3"' },
    banner: {
      js: "import { createRequire as made } from 'node:module'; const require = made(import.meta.url);",
    },
    logLevel: 'error',
  });
});
test.after(() => plane.close());

/** Runs the command as its own process. */
async function errand(args: string[], env: Record<string, string> = { ERRAND_ENDPOINTS: plane.endpointsFile }) {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: plane.folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, error] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (error += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, error };
}

async function succeeds(...args: string[]): Promise<string> {
  const { code, out, error } = await errand(args);
  assert.is(code, 0, error);
  assert.is(error, '');
  return out;
}

test('certificate and keys are written where the options say, for their owner alone; nowhere to write: nothing is made', async () => {
  const file = (name: string) => path.join(plane.folder, name);
  const [certificate, key, publicKey] = [file('made.pem'), file('made.key'), file('made.pub')];
  const options = ['--certificate-pem-outfile', certificate, '--private-key-outfile', key];
  const answer = JSON.parse(
    await succeeds('create-keys-and-certificate', ...options, '--public-key-outfile', publicKey),
  );
  const { PrivateKey, PublicKey } = answer.keyPair;
  for (const [name, text] of [
    [certificate, answer.certificatePem],
    [key, PrivateKey],
    [publicKey, PublicKey],
  ]) {
    assert.is(readFileSync(name, 'utf8'), text);
    assert.is(statSync(name).mode & 0o777, 0o600);
  }
  const wrong = await errand(['create-keys-and-certificate', ...options, '--query', 'length(`5`)']);
  assert.is(wrong.code, 255);
  assert.match(wrong.error, /^errand: --query .*the request was carried out, and its whole answer is on stdout\n$/);
  assert.is(readFileSync(key, 'utf8'), JSON.parse(wrong.out).keyPair.PrivateKey);
  const count = async () => JSON.parse(await succeeds('list-certificates', '--page-size', '1')).certificates.length;
  const before = await count();
  const { code, error } = await errand(['create-keys-and-certificate', '--private-key-outfile', file('no/where')]);
  assert.is(code, 252);
  assert.match(
    error,
    /^errand: --private-key-outfile .*no\/where: its folder cannot be written: it is not there \(ENOENT\)\n$/,
  );
  const folder = await errand(['create-keys-and-certificate', '--private-key-outfile', plane.folder]);
  assert.equal([folder.code, folder.out], [252, '']);
  assert.match(folder.error, /^errand: --private-key-outfile .*: it is a folder: expected a file's name\n$/);
  assert.is(await count(), before);
});

test('a list goes on where --max-items ended; two ways of paging at once are refused', async () => {
  for (const name of ['fan-1', 'fan-2', 'fan-3']) await succeeds('create-thing', '--thing-name', name);
  const listed = (...more: string[]) => succeeds('list-things', ...more);
  const names = (text: string) => JSON.parse(text).things.map(({ thingName }: { thingName: string }) => thingName);
  const first = await listed('--max-items', '2');
  const rest = await listed('--page-size', '2', '--starting-token', JSON.parse(first).NextToken);
  assert.equal([...names(first), ...names(rest)], names(await listed()));
  const text = await listed('--max-items', '1', '--output', 'text');
  assert.match(text, /^THINGS\t[^\n]*\nNEXTTOKEN\t[A-Za-z0-9+/=]+\n$/);
  for (const [options, fault] of [
    [['--max-items', '1', '--max-results', '1'], /expected one way/],
    [['--no-paginate', '--page-size', '1'], /--no-paginate is given with another option of pages/],
    [['--max-items', '0'], /--max-items is '0': expected a whole number above 0/],
  ] as const) {
    const { code, error } = await errand(['list-things', ...options]);
    assert.is(code, 252);
    assert.match(error, fault);
  }
});

test('from a thing to a cancelled job, with the options of the AWS CLI', async () => {
  const thing = JSON.parse(
    await succeeds('create-thing', '--thing-name', 'pump:1', '--attribute-payload', 'attributes={site=a}'),
  );
  assert.is(thing.thingArn, `arn:aws:iot:${REGION}:111122223333:thing/pump:1`);
  const certificate = JSON.parse(await succeeds('create-keys-and-certificate', '--set-as-active'));
  assert.is(
    await succeeds('attach-thing-principal', '--thing-name', 'pump:1', '--principal', certificate.certificateArn),
    '',
    'an answer without members prints nothing',
  );
  const group = JSON.parse(await succeeds('create-thing-group', '--thing-group-name', 'pumps'));
  await succeeds('add-thing-to-thing-group', '--thing-name', 'pump:1', '--thing-group-name', 'pumps');
  writeFileSync(path.join(plane.folder, 'job.json'), '{"operation":"reboot"}');
  const created = await succeeds(
    ...[
      'create-job',
      '--job-id',
      'j1',
      '--targets',
      thing.thingArn,
      group.thingGroupArn,
      '--document',
      'file://job.json',
    ],
    ...['--timeout-config', 'inProgressTimeoutInMinutes=20', '--target-selection=SNAPSHOT', '--tags', 'Key=a,Value=b'],
  );
  assert.is(created, `{\n    "jobArn": "arn:aws:iot:${REGION}:111122223333:job/j1",\n    "jobId": "j1"\n}\n`);
  await plane.jobs.tick();
  const { job } = JSON.parse(await succeeds('describe-job', '--job-id', 'j1'));
  assert.equal([job.targets.length, job.timeoutConfig.inProgressTimeoutInMinutes], [2, 20]);
  assert.match(job.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d$/);
  assert.is(await succeeds('get-job-document', '--job-id', 'j1', '--output', 'text'), '{"operation":"reboot"}\n');
  const list = await succeeds('list-job-executions-for-thing', '--thing-name', 'pump:1', '--output', 'text');
  assert.match(list, /^EXECUTIONSUMMARIES\tj1\nJOBEXECUTIONSUMMARY\t1\t[^\t]+\t[^\t]+\t0\tQUEUED\n$/);
  await succeeds(
    'cancel-job',
    '--cli-input-json',
    '{"jobId":"j1","comment":"from JSON"}',
    '--force',
    '--comment',
    'option wins',
  );
  const after = JSON.parse(await succeeds('describe-job', '--job-id', 'j1')).job;
  assert.equal([after.status, after.forceCanceled, after.comment], ['CANCELED', true, 'option wins']);
});

test('members come in YAML too, and --query takes what is wanted out of an answer', async () => {
  writeFileSync(
    path.join(plane.folder, 'group.yaml'),
    'thingGroupName: wells\nthingGroupProperties:\n  thingGroupDescription: deep\n',
  );
  const made = await succeeds(
    'create-thing-group',
    '--cli-input-yaml',
    'file://group.yaml',
    '--query',
    'thingGroupName',
  );
  assert.is(made, '"wells"\n');
  const asked = ['describe-thing-group', '--thing-group-name', 'wells', '--output', 'text'];
  assert.is(
    await succeeds(...asked, '--query', '[thingGroupName, thingGroupProperties.thingGroupDescription]'),
    'wells\tdeep\n',
  );
});

test('a list is printed whole however many pages it has, and one page when the command line says which', async () => {
  const row = { thing_type: null, attributes: '{}', version: 1, created_at: 0 };
  const rows = Array.from({ length: 300 }, (_, n) => ({ ...row, thing_name: `fleet-${n}`, thing_id: `${n}` }));
  await plane.store.db.insertInto('thing').values(rows).execute();
  const all = JSON.parse(await succeeds('list-things'));
  const names = new Set(all.things.map((thing: { thingName: string }) => thing.thingName));
  assert.ok(names.size === all.things.length && rows.every((one) => names.has(one.thing_name)));
  assert.equal(Object.keys(all), ['things']);
  const first = JSON.parse(await succeeds('list-things', '--max-results', '2'));
  assert.is(first.things.length, 2);
  const second = JSON.parse(await succeeds('list-things', '--next-token', first.nextToken, '--max-results', '2'));
  assert.equal(second.things, all.things.slice(2, 4));
});

test('a refusal of the service is on stderr in the words of the AWS CLI, exit code 254', async () => {
  const { code, out, error } = await errand(['describe-job', '--job-id', 'none']);
  assert.equal([code, out], [254, '']);
  assert.match(
    error,
    /^\nAn error occurred \(ResourceNotFoundException\) when calling the DescribeJob operation: .*none/,
  );
  const range = await errand(['list-jobs', '--max-results', '251']);
  assert.is(range.code, 254);
  assert.match(
    range.error,
    "(InvalidRequestException) when calling the ListJobs operation: 1 validation error detected: Value '251'",
  );
});

test('a wrong command line is one sentence and exit code 252, before anything is sent', async () => {
  const wrong: [args: string[], message: string][] = [
    [['describe-jobb'], "no command 'describe-jobb'"],
    [['--output', 'json'], "found '--output': expected a command before its options"],
    [['describe-job'], 'the following arguments are required: --job-id'],
    [['describe-job', '--job-id'], '--job-id: expected a value behind it'],
    [['describe-job', '--job-id', 'a', '--job-id', 'b'], '--job-id is given twice'],
    [
      ['describe-job', '--jobid', 'a'],
      'no option --jobid (did you mean --job-id?): errand describe-job --help lists them',
    ],
    [['describe-job', 'a'], "found 'a': expected an option"],
    [['cancel-job', '--job-id', 'a', '--force', '--no-force'], '--force and its opposite are both given'],
    [['cancel-job', '--job-id', 'a', '--force', 'yes'], "--force: found 'yes' behind it"],
    [['list-jobs', '--output', 'yaml'], "--output is 'yaml': expected json, table, text"],
    [['cancel-job', '--cli-input-json', '{"jobid":"a"}'], "--cli-input-json: no member 'jobid'"],
    [['cancel-job', '--cli-input-yaml', 'jobid: a'], "--cli-input-yaml: no member 'jobid'"],
    [['cancel-job', '--cli-input-yaml', 'a'], '--cli-input-yaml: expected a map in YAML with members such as jobId'],
    [
      ['cancel-job', '--cli-input-yaml', 'jobId: [a'],
      '--cli-input-yaml: not valid YAML: unexpected end of the stream within a flow collection (1:10)',
    ],
    [
      ['cancel-job', '--cli-input-yaml', 'jobId: a\njobId: b'],
      '--cli-input-yaml: not valid YAML: duplicated mapping key (2:1)',
    ],
    [['cancel-job', '--cli-input-yaml', 'jobId: a', '--cli-input-json', '{"jobId":"a"}'], 'are both given'],
    [['list-jobs', '--query', 'jobs['], "--query 'jobs['"],
  ];
  const answers = await Promise.all(wrong.map(([args]) => errand(args, {})));
  for (const [index, { code, out, error }] of answers.entries()) {
    assert.equal([code, out], [252, ''], error);
    assert.match(error, /^errand: [^\n]+\n$/);
    assert.match(error, wrong[index]![1]);
  }
});

test('a command or an option with a slip in it is told with the one that is near; help COMMAND is its --help', async () => {
  const slips: [string[], RegExp][] = [
    [['creat-job'], /^errand: no command 'creat-job' \(did you mean create-job\?\): errand --help lists them\n$/],
    [['sevrice'], /did you mean service\?/],
    [['frobnicate'], /^errand: no command 'frobnicate': errand --help lists them\n$/],
    [['list-things', '--max-itmes', '1'], /did you mean --max-items\?\): errand list-things --help lists them\n$/],
    [['list-things', '--ouptut', 'text'], /did you mean --output\?/],
    [['create-thing', '--thing-nam', 'a'], /did you mean --thing-name\?/],
    [['cancel-job', '--frobnicate'], /: expected one of --job-id, [^\n]*: errand cancel-job --help lists them\n$/],
  ];
  const answers = await Promise.all(slips.map(([args]) => errand(args, {})));
  for (const [index, { code, out, error }] of answers.entries()) {
    assert.equal([code, out], [252, ''], error);
    assert.match(error, slips[index]![1]);
  }
  assert.is(await succeeds('help', 'cancel-job'), await succeeds('cancel-job', '--help'));
  assert.not.match(await succeeds('get-faults', '--help'), /\n\n\n/);
});

test('output that cannot be written is one sentence, exit code 255', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [program, '--help'], { stdio: ['ignore', full, 'pipe'] });
  let error = '';
  child.stderr!.on('data', (portion) => (error += portion));
  assert.equal(await once(child, 'close'), [255, null]);
  closeSync(full);
  assert.is(
    error,
    'errand: the output cannot be written: the disk is full (ENOSPC); what was asked for has been done\n',
  );
});

test('endpoints: the option wins over the environment, which wins over ./errand-data; what is wrong is named, exit code 253', async () => {
  const said = async (args: string[], env: Record<string, string> = {}) => {
    const { code, error } = await errand(['list-jobs', ...args], env);
    assert.is(code, 253, error);
    return error;
  };
  assert.match(
    await said([]),
    'cannot read errand-data/endpoints.json (the default): it is not there (ENOENT); is the service started here?',
  );
  assert.match(
    await said([], { ERRAND_ENDPOINTS: '/a.json' }),
    'cannot read /a.json ($ERRAND_ENDPOINTS): it is not there (ENOENT)',
  );
  assert.match(
    await said(['--endpoints', '/b.json'], { ERRAND_ENDPOINTS: '/a.json' }),
    'cannot read /b.json (--endpoints)',
  );
  const file = path.join(plane.folder, 'partial.json');
  writeFileSync(file, '{"mqtts":"localhost:1"}');
  assert.match(
    await said(['--endpoints', file]),
    "partial.json: no 'https': expected a JSON object with mqtts, https, ca",
  );
  assert.is((await errand(['list-jobs', '--endpoints', plane.endpointsFile], {})).code, 0);
});

test('a service that is not there, or is another, is one sentence with the address and the file it came from, exit code 255', async () => {
  const endpoints = JSON.parse(readFileSync(plane.endpointsFile, 'utf8'));
  const said = async (name: string, changed: object) => {
    const file = path.join(plane.folder, name);
    writeFileSync(file, JSON.stringify({ ...endpoints, ...changed }));
    const { code, error } = await errand(['list-jobs', '--endpoints', file]);
    assert.is(code, 255, error);
    assert.match(error, /^errand: cannot reach the service at https:\/\/[^\n]+\n$/);
    assert.match(error, `(from ${file})`);
    return error;
  };
  const reserved = createServer().listen(0, '127.0.0.1');
  await once(reserved, 'listening');
  const { port } = reserved.address() as { port: number };
  reserved.close();
  await once(reserved, 'close');
  assert.match(await said('gone.json', { https: `https://localhost:${port}` }), 'ECONNREFUSED');
  const other = await openIdentity({ folder: path.join(plane.folder, 'other'), nowMillis: () => Date.now() });
  assert.match(
    await said('other.json', { ca: other.caFile }),
    `its certificate is not one of the CA in ${other.caFile}`,
  );
});

test('wrong keys are a refusal of the service', async () => {
  const file = path.join(plane.folder, 'keys.json');
  const endpoints = JSON.parse(readFileSync(plane.endpointsFile, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...endpoints, secretAccessKey: 'wrong' }));
  const { code, error } = await errand(['list-jobs', '--endpoints', file]);
  assert.is(code, 254);
  assert.match(error, '(InvalidSignatureException)');
});

test('--help lists every operation, and each shows every option; --version is that of the build', async () => {
  const overview = await succeeds('--help');
  for (const { name } of OPERATIONS) assert.match(overview, new RegExp(`^  ${hyphenated(name)} `, 'm'));
  assert.is(await succeeds('--version'), 'errand 1.2.3\n');
  for (const name of ['create-job', 'cancel-job-execution']) {
    const help = await succeeds(name, '--help');
    for (const member of Object.keys(OPERATIONS.find((row) => hyphenated(row.name) === name)!.input))
      assert.match(help, `  --${hyphenated(member)} `);
  }
});

test('access keys: made, listed without secrets, deactivated and deleted; the last active one stays', async () => {
  const { AccessKey } = JSON.parse(await succeeds('create-access-key'));
  const { AccessKeyId, SecretAccessKey } = AccessKey;
  assert.is(SecretAccessKey.length, 40);
  assert.is(await succeeds('update-access-key', '--access-key-id', AccessKeyId, '--status', 'Inactive'), '');
  const listed = await succeeds('list-access-keys', '--output', 'text');
  assert.match(listed, new RegExp(`^ACCESSKEYMETADATA\t${AccessKeyId}\t.*\tInactive$`, 'm'));
  assert.not.match(listed, SecretAccessKey);
  const { code, error } = await errand(['delete-access-key', '--access-key-id', plane.key.accessKeyId]);
  assert.is(code, 254);
  assert.match(error, `(ConflictException) when calling the DeleteAccessKey operation`);
  await succeeds('delete-access-key', '--access-key-id', AccessKeyId);
});

test.run();
