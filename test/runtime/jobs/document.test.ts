import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDocument, type StepDocument, splitCommand } from '../../../runtime/jobs/document.ts';
import type { JsonValue } from '../../../runtime/jobs/json.ts';

const command = (text: string) => ({ action: { name: 'n', type: 'runCommand', input: { command: text } } });
const handler = (input: object) => ({ action: { name: 'n', type: 'runHandler', input } });
const one = (step: object) => ({ version: '1.0', steps: [step] }) as unknown as JsonValue;

const PLAIN = { runAsUser: undefined, allowStdErr: undefined, ignoreStepFailure: false };

test('parseDocument: AWS’s own sample is read whole (documents §3.1)', () => {
  const document = parseDocument({
    version: '1.0',
    includeStdOut: 'true',
    conditions: [{ key: 'os', value: ['linux'], type: 'stringEqual' }],
    steps: [
      {
        action: {
          name: 'a',
          type: 'runHandler',
          runAsUser: 'root',
          allowStdErr: 2,
          ignoreStepFailure: 'true',
          input: { handler: 'x.sh', args: ['a', 'b'], path: 'default' },
        },
      },
      { comment: 'no action: passed over' },
      { action: { name: 'b', type: 'runCommand', input: { command: 'echo,Hello\\, world' } } },
    ],
    finalStep: { action: { name: 'c', type: 'runHandler', runAsUser: '', input: { handler: 'y.sh', path: '' } } },
  });
  assert.equal(document, {
    includeStdOut: true,
    steps: [
      {
        name: 'a',
        run: { type: 'runHandler', handler: 'x.sh', args: ['a', 'b'], path: 'default' },
        runAsUser: 'root',
        allowStdErr: 2,
        ignoreStepFailure: true,
      },
      { name: 'b', run: { type: 'runCommand', argv: ['echo', 'Hello, world'] }, ...PLAIN },
      { name: 'c', run: { type: 'runHandler', handler: 'y.sh', args: [], path: undefined }, ...PLAIN },
    ],
  } satisfies StepDocument);
});

const FAULTS: [path: string, document: unknown][] = [
  ['$', null],
  ['$', 'text'],
  ['$', undefined],
  ['$.version', { steps: [command('a')] }],
  ['$.version', { version: 1, steps: [command('a')] }],
  ['$.steps', { version: '1.0' }],
  ['$.steps', { version: '1.0', steps: [] }],
  ['$.steps', { version: '1.0', steps: [{}] }],
  ['$.steps[0].action', one({ action: null })],
  ['$.steps[0].action.name', one({ action: { type: 'runCommand', input: { command: 'a' } } })],
  ['$.steps[0].action.name', one({ action: { name: '', type: 'runCommand', input: { command: 'a' } } })],
  ['$.steps[0].action.type', one({ action: { name: 'n', type: 'runShell', input: {} } })],
  ['$.steps[0].action.input', one({ action: { name: 'n', type: 'runCommand' } })],
  ['$.steps[0].action.input.command', one(command(''))],
  ['$.steps[0].action.input.command', one(command(' , ,'))],
  ['$.steps[0].action.input.command', one(command('ls -la'))],
  ['$.steps[0].action.input.command', one(command('ls,\0'))],
  ['$.steps[0].action.input.handler', one(handler({}))],
  ['$.steps[0].action.input.handler', one(handler({ handler: '/bin/sh' }))],
  ['$.steps[0].action.input.handler', one(handler({ handler: 'a/../../b' }))],
  ['$.steps[0].action.input.path', one(handler({ handler: 'a', path: '/x/../y' }))],
  ['$.steps[0].action.input.args', one(handler({ handler: 'a', args: 'b' }))],
  ['$.steps[0].action.input.args[1]', one(handler({ handler: 'a', args: ['b', 1] }))],
  ['$.steps[0].action.allowStdErr', one({ action: { ...command('a').action, allowStdErr: '2' } })],
  ['$.steps[0].action.ignoreStepFailure', one({ action: { ...command('a').action, ignoreStepFailure: 'yes' } })],
  ['$.includeStdOut', { ...(one(command('a')) as object), includeStdOut: 1 }],
  ['$.conditions[0].key', { ...(one(command('a')) as object), conditions: [{ value: ['x'] }] }],
  ['$.conditions[0].value', { ...(one(command('a')) as object), conditions: [{ key: 'k', value: [] }] }],
  ['$.finalStep', { ...(one(command('a')) as object), finalStep: 'x' }],
  ['$.finalStep.action.name', { ...(one(command('a')) as object), finalStep: { action: {} } }],
];

test('parseDocument: every fault is found, with the path of the fault', () => {
  for (const [path, document] of FAULTS) {
    const result = parseDocument(document as JsonValue);
    const found =
      typeof result === 'string' ? /^invalid job document at ([^:]+): expected/.exec(result)?.[1] : 'accepted';
    assert.is(found, path, JSON.stringify(document));
  }
});

test('parseDocument: no JSON makes it crash (2,000 random documents)', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (action, steps) => {
      parseDocument(action as JsonValue);
      parseDocument({ version: '1', steps } as JsonValue);
      parseDocument(one({ action }));
      parseDocument(one(handler({ handler: 'x', args: action })));
    }),
    { numRuns: 500 },
  );
});

test('splitCommand: commas separate, an escaped one does not, nothing empty stays (documents §3.4)', () => {
  assert.equal(splitCommand('echo,Hello\\, I am here'), ['echo', 'Hello, I am here']);
  assert.equal(splitCommand(' a , b b ,,c,'), ['a', 'b b', 'c']);
  assert.equal(splitCommand('a;b,$(c)'), ['a;b', '$(c)']);
});

test.run();
