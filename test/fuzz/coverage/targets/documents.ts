import { parseDocument, STEPS_MAX, type Step, type StepDocument } from '../../../../runtime/jobs/document.ts';
import { CLEAN_UP_CHARS_MAX, type Facts, TIMEOUT_SECONDS_MAX } from '../../../../runtime/jobs/guards.ts';
import { decodeObject } from '../../../../runtime/jobs/json.ts';
import { DELAY_MINUTES_MAX, FILES_MAX } from '../../../../runtime/jobs/operations.ts';
import { bytes } from '../bytes.ts';
import { holds, same, type Target } from '../target.ts';

const FACTS: Facts = {
  bootId: 'b',
  restarts: ['reboot.sh'],
  idempotent: ['sync.sh'],
  attributes: { thingName: 'T', arch: 'arm' },
};
/** By whom a document is read: without our own members, and by each family of operations. */
const READERS: readonly (Facts | undefined)[] = [
  undefined,
  FACTS,
  { ...FACTS, operations: 'device-client' },
  { ...FACTS, operations: 'jobs-agent' },
];
/** A refusal goes into a report of 1,024 characters beside other words. */
const REFUSAL_CHARS_MAX = 1_024;

const text = (value: unknown) => bytes(JSON.stringify(value));
const step = (more: object = {}) => ({
  action: { name: 's', type: 'runHandler', input: { handler: 'h.sh', args: ['a'], path: 'p' }, ...more },
});

export const target: Target = {
  name: 'documents',
  about: 'job documents as an agent reads them: steps, guards, operations of older agents',
  inputs: 'json',
  bytesMax: 4_000,
  seeds: [
    text({ version: '1.0', steps: [step()] }),
    text({
      version: '1.0',
      includeStdOut: 'true',
      steps: [step({ runAsUser: 'u', allowStdErr: 3, ignoreStepFailure: true })],
      finalStep: step(),
    }),
    text({
      version: '1.0',
      conditions: [{ key: 'arch', type: 'stringEqual', value: ['arm'] }],
      steps: [step({ idempotent: true, timeoutSeconds: 9 })],
      onFailure: step(),
    }),
    text({
      version: '1.0',
      steps: [{ action: { name: 'c', type: 'runCommand', input: { command: 'echo,a\\,b, c' } } }, { other: 1 }],
    }),
    text({ version: '1.0', steps: [step({ restarts: true })] }),
    text({ operation: 'reboot.sh', args: ['x'], path: 'default', allowStdErr: 1 }),
    text({
      operation: 'install',
      packageName: 'p',
      workingDirectory: '.',
      launchCommand: 'node x',
      files: [
        {
          fileName: 'a/b',
          fileSource: { url: 'https://x/y' },
          checksum: { inline: { value: '0f' }, hashAlgorithm: 'SHA256' },
        },
      ],
    }),
    text({ operation: 'reboot', delay: '5' }),
    text({ operation: 'shutdown', delay: 2 }),
    text({ operation: 'start', packageName: 'p' }),
    text({ operation: 'systemStatus' }),
  ],
  words: [
    '..',
    '/',
    '\\,',
    'stringEqual',
    'thingName',
    'arch',
    'sync.sh',
    'reboot.sh',
    'md5',
    'sha-256',
    '1.0',
    'default',
    'true',
    'false',
    '\0',
  ],
  run(input) {
    const value = decodeObject(input);
    const before = JSON.stringify(value);
    for (const facts of READERS) {
      const read = parseDocument(value, facts);
      if (typeof read === 'string') checkRefusal(read);
      else checkPlan(read, facts);
      same('the document after it was read', JSON.stringify(value), before);
    }
  },
};

function checkRefusal(refusal: string): void {
  holds(`a refusal without the place: ${refusal}`, /^invalid job document at \$[\w.[\]]*: expected /.test(refusal));
  holds(`a refusal of several lines: ${refusal}`, !/[\n\r]/.test(refusal));
  holds(`a refusal of ${refusal.length} characters`, refusal.length <= REFUSAL_CHARS_MAX);
}

function checkPlan(plan: StepDocument, facts: Facts | undefined): void {
  holds('a plan of no steps or too many', plan.steps.length > 0 && plan.steps.length <= STEPS_MAX + 1);
  holds('includeStdOut is no boolean', typeof plan.includeStdOut === 'boolean');
  for (const one of plan.steps) checkStep(one, facts);
  if (plan.onFailure === undefined) return;
  checkStep(plan.onFailure, facts);
  holds('a clean-up without end', plan.onFailure.timeoutSeconds !== undefined);
  const isOurs = plan.operation === undefined;
  holds(
    'a clean-up that is too long for the record',
    !isOurs || JSON.stringify(plan.onFailure).length <= CLEAN_UP_CHARS_MAX + 40,
  );
}

function checkStep(
  { name, run, runAsUser, allowStdErr, ignoreStepFailure, ...guards }: Step,
  facts: Facts | undefined,
): void {
  holds('a step without name', typeof name === 'string' && name !== '' && !name.includes('\0'));
  holds('ignoreStepFailure is no boolean', typeof ignoreStepFailure === 'boolean');
  holds('a user with a NUL', runAsUser === undefined || (runAsUser !== '' && !runAsUser.includes('\0')));
  holds(
    'allowStdErr is no count',
    allowStdErr === undefined || (Number.isSafeInteger(allowStdErr) && allowStdErr >= 0),
  );
  const { timeoutSeconds, idempotent, restarts } = guards;
  const secondsMax = Math.max(TIMEOUT_SECONDS_MAX, DELAY_MINUTES_MAX * 60 + 600);
  holds(
    'a time-out out of range',
    timeoutSeconds === undefined ||
      (Number.isSafeInteger(timeoutSeconds) && timeoutSeconds >= 1 && timeoutSeconds <= secondsMax),
  );
  holds('guards without facts', facts !== undefined || (idempotent === undefined && restarts === undefined));
  holds('a step both idempotent and restarting', !(idempotent && restarts));
  if (run.type === 'runCommand') {
    const [program, ...args] = run.argv;
    holds('a program with a blank or a NUL', /^\S+$/.test(program) && !program.includes('\0'));
    holds(
      'an argument that is empty or has a NUL',
      args.every((arg) => arg !== '' && !arg.includes('\0')),
    );
    return;
  }
  holds('a handler outside of the folder', isInside(run.handler));
  holds('a folder above its own', run.path === undefined || !run.path.split('/').includes('..'));
  holds('a path with a NUL', !run.path?.includes('\0'));
  holds('more arguments than files', run.handler !== 'jobs-agent:install' || run.args.length <= FILES_MAX);
  holds(
    'an argument with a NUL',
    run.args.every((arg) => typeof arg === 'string' && !arg.includes('\0')),
  );
}

function isInside(file: string): boolean {
  return file !== '' && !file.startsWith('/') && !file.includes('\0') && !file.split('/').includes('..');
}
