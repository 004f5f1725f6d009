import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { JobExecution } from '../../../runtime/jobs/answers.ts';
import { parseDocument } from '../../../runtime/jobs/document.ts';
import { type Facts, RESTART_SECONDS } from '../../../runtime/jobs/guards.ts';
import type { JsonValue } from '../../../runtime/jobs/json.ts';
import { type Family, shortened } from '../../../runtime/jobs/operations.ts';
import type { UpdateRequest } from '../../../runtime/jobs/requests.ts';
import { bench, EXECUTION, STEP } from './runnerBench.ts';

const FACTS: Facts = { bootId: 'boot-1', restarts: ['reboot.sh'], idempotent: [], attributes: {} };
const factsOf = (operations?: Family): Facts => ({ ...FACTS, operations });

const FILE = {
  fileName: 'app/main.js',
  fileSource: { url: 'https://s3/app.js?X' },
  checksum: { hashAlgorithm: 'SHA256', inline: { value: 'ab12' } },
};
const INSTALL = { operation: 'install', packageName: 'p', workingDirectory: '../p', files: [FILE] };

const execution = (jobDocument: object): JobExecution => ({
  ...EXECUTION,
  jobDocument: jobDocument as JsonValue & object,
});
const details = (b: ReturnType<typeof bench>) => (b.ask as UpdateRequest).statusDetails;

test('old schema: the operation is the step and its handler, with nobody as its user (documents §4)', () => {
  const value = {
    operation: 'install-packages.sh',
    args: ['lftp'],
    path: 'default',
    allowStdErr: 2,
    includeStdOut: true,
  };
  const document = parseDocument(value, factsOf('device-client'));
  assert.ok(typeof document !== 'string');
  assert.equal(document.includeStdOut, true);
  assert.equal(document.source, value);
  const [step, ...others] = document.steps;
  assert.equal(others, []);
  assert.equal(
    [step!.name, step!.run, step!.runAsUser, step!.allowStdErr, step!.ignoreStepFailure],
    [
      'install-packages.sh',
      { type: 'runHandler', handler: 'install-packages.sh', args: ['lftp'], path: 'default' },
      undefined,
      2,
      false,
    ],
  );
});

test('old schema: a version that is not text counts as none, one that is means steps (documents §3.1)', () => {
  for (const version of [1, null, ''])
    assert.type(parseDocument({ version, operation: 'x.sh' }, factsOf('device-client')), 'object');
  assert.match(
    parseDocument({ version: '1.0', operation: 'x.sh' }, factsOf('device-client')) as string,
    /at \$\.steps: expected an array/,
  );
});

test('old schema: a handler that restarts the device is one here too, and members of our own are read', () => {
  const reboot = parseDocument({ operation: 'reboot.sh' }, factsOf('device-client'));
  assert.ok(typeof reboot !== 'string');
  assert.equal([reboot.steps[0]!.restarts, reboot.steps[0]!.timeoutSeconds], [true, RESTART_SECONDS]);
  const timed = parseDocument({ operation: 'x.sh', timeoutSeconds: 9, idempotent: true }, factsOf('device-client'));
  assert.ok(typeof timed !== 'string');
  assert.equal([timed.steps[0]!.idempotent, timed.steps[0]!.timeoutSeconds], [true, 9]);
});

test('an operation is REJECTED while QUEUED unless a setting allows it, and the sentence says which', () => {
  const b = bench(undefined, factsOf()).boot();
  b.accept({ execution: execution({ operation: 'reboot' }) });
  assert.equal(
    [(b.ask as UpdateRequest).status, details(b)?.reason],
    [
      'REJECTED',
      'invalid job document at $.operation: expected a document of steps (the setting \'operations\', device-client or jobs-agent, allows others), found "reboot"',
    ],
  );
  assert.equal([b.runs, b.disk], [[], undefined]);
});

test('each fault of an operation is found with its path', () => {
  const cases: [Family, object, RegExp][] = [
    ['device-client', { operation: 7 }, /at \$\.operation: expected text, found 7/],
    ['device-client', { operation: '' }, /at \$\.operation: expected text, found ""/],
    ['device-client', { operation: '../x.sh' }, /at \$\.operation: expected a name inside the handler folder/],
    ['device-client', { operation: 'x.sh', args: ['a', 1] }, /at \$\.args\[1\]: expected text, found 1/],
    ['device-client', { operation: 'x.sh', path: '/a/../b' }, /at \$\.path: expected a folder without/],
    ['device-client', { operation: 'x.sh', allowStdErr: -1 }, /at \$\.allowStdErr: expected a number of lines/],
    ['device-client', { operation: 'x.sh', includeStdOut: 'yes' }, /at \$\.includeStdOut: expected true or false/],
    ['jobs-agent', { operation: 'x.sh' }, /at \$\.operation: expected one of install, start, stop/],
    ['jobs-agent', { operation: 'start' }, /at \$\.packageName: expected the name of a package/],
    ['jobs-agent', { operation: 'stop', packageName: 'x'.repeat(129) }, /at \$\.packageName: .* 128 characters/],
    ['jobs-agent', { operation: 'reboot', delay: 'now' }, /at \$\.delay: expected whole minutes, 0 to 10000/],
    ['jobs-agent', { operation: 'shutdown', delay: 10_001 }, /at \$\.delay/],
    ['jobs-agent', { ...INSTALL, files: undefined }, /at \$\.files: expected an array, found nothing/],
    ['jobs-agent', { ...INSTALL, files: [] }, /at \$\.files: expected 1 to 100 files/],
    ['jobs-agent', { ...INSTALL, files: [FILE, { ...FILE, fileName: '../x' }] }, /at \$\.files\[1\]\.fileName/],
    ['jobs-agent', { ...INSTALL, files: [{ ...FILE, fileName: '/x' }] }, /at \$\.files\[0\]\.fileName/],
    ['jobs-agent', { ...INSTALL, files: [{ fileName: 'x' }] }, /at \$\.files\[0\]\.fileSource: expected an object/],
    [
      'jobs-agent',
      { ...INSTALL, files: [{ ...FILE, checksum: { hashAlgorithm: 'crc32' } }] },
      /at \$\.files\[0\]\.checksum\.hashAlgorithm: expected md5/,
    ],
    [
      'jobs-agent',
      { ...INSTALL, files: [{ ...FILE, checksum: { hashAlgorithm: 'md5' } }] },
      /at \$\.files\[0\]\.checksum\.inline: expected an object/,
    ],
  ];
  for (const [family, value, said] of cases)
    assert.match(parseDocument(value as never, factsOf(family)) as string, said);
});

test('a document of steps is the same with either setting', () => {
  const value = { version: '1.0', steps: [STEP('one')] } as unknown as JsonValue;
  const plain = parseDocument(value, FACTS);
  for (const family of ['device-client', 'jobs-agent'] as const)
    assert.equal(parseDocument(value, factsOf(family)), plain);
});

test('install: its step has the URLs as arguments, and is taken back when the job does not succeed', () => {
  const document = parseDocument(INSTALL, factsOf('jobs-agent'));
  assert.ok(typeof document !== 'string');
  assert.equal(document.steps[0]!.run, {
    type: 'runHandler',
    handler: 'jobs-agent:install',
    args: ['https://s3/app.js?X'],
  });
  assert.equal(document.onFailure!.run, { type: 'runHandler', handler: 'jobs-agent:roll-back', args: ['p'] });
});

test('systemStatus: what its handler concludes is reported, beside the operation (documents §5.3)', () => {
  const b = bench(undefined, factsOf('jobs-agent')).running(execution({ operation: 'systemStatus' }));
  b.tell({ on: 'exited', run: b.runs[0]!.run, code: 0, details: { installedPackages: '[]', uptime: '5' } });
  b.save();
  assert.equal(
    [(b.ask as UpdateRequest).status, details(b)],
    [
      'SUCCEEDED',
      { operation: 'systemStatus', installedPackages: '[]', uptime: '5', reason: 'Job exited with status: 0' },
    ],
  );
});

test('reboot: initiated, then rebooted once the boot id is another; it is not done twice (documents §5.3)', () => {
  const b = bench(undefined, factsOf('jobs-agent')).running(execution({ operation: 'reboot', delay: '1' }));
  assert.is(b.runner.document!.steps[0]!.timeoutSeconds, 60 + RESTART_SECONDS);
  b.tell({ on: 'exited', run: b.runs[0]!.run, code: 0 });
  const after = bench(b.disk, { ...factsOf('jobs-agent'), bootId: 'boot-2' }).boot();
  after.accept({
    execution: { ...execution({ operation: 'reboot', delay: '1' }), status: 'IN_PROGRESS', versionNumber: 2 },
  });
  after.save();
  assert.equal(after.runs, []);
  assert.equal(
    [(after.ask as UpdateRequest).status, details(after)],
    ['SUCCEEDED', { operation: 'reboot', step: 'rebooted', reason: 'the device has restarted' }],
  );
});

test('progress and failure have the words of jobs-agent.js, ERR_UNEXPECTED where its handler has none', () => {
  const b = bench(undefined, factsOf('jobs-agent')).boot();
  b.accept({ execution: execution({ operation: 'start', packageName: 'p' }) }).save();
  assert.equal(details(b), { operation: 'start', step: 'starting package, checking stability' });
  b.accept().save();
  b.tell({ on: 'exited', run: b.runs[0]!.run, signal: 'SIGSEGV' });
  b.save();
  assert.equal(
    [(b.ask as UpdateRequest).status, details(b)],
    [
      'FAILED',
      {
        operation: 'start',
        errorCode: 'ERR_UNEXPECTED',
        errorMessage: 'Job killed by signal: SIGSEGV',
        reason: 'Job killed by signal: SIGSEGV',
      },
    ],
  );
});

test('a text of an error is cut to 64 characters as jobs-agent.js does', () => {
  assert.is(shortened('x'.repeat(64)), 'x'.repeat(64));
  assert.is(shortened('x'.repeat(65)), `${'x'.repeat(61)}...`);
});

test.run();
