import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Effect, Event } from '../../../runtime/effects.ts';
import { Failure, runAgent } from '../../../targets/sbc/agent.ts';
import { memory } from '../../../transports/memory.ts';

const test = suite<{ folder: string; data: string }>('agent', { folder: '', data: '' });
test.before.each((context) => {
  context.folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-agent-')));
  context.data = path.join(context.folder, 'a', 'data');
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

/** Runs the shell around a core that answers by what `script` says; gives back all that the core was told. */
async function run(data: string, script: (event: Event, seen: Event[]) => Effect[]): Promise<Event[]> {
  const step = (seen: Event[], event: Event): [Event[], Effect[]] => {
    seen.push(event);
    return [seen, script(event, seen)];
  };
  const seen: Event[] = [];
  const settings = { data, handlers: path.join(data, 'handlers'), thingName: 'lamp' };
  await runAgent(
    { state: seen, step },
    settings,
    () => memory()[0],
    () => {},
  );
  return seen;
}

const record = Buffer.from('remembered');

test('the record of one run is what the next one boots with, with fresh chance', async ({ data }) => {
  const [first] = await run(data, (event) => (event.on === 'boot' ? [{ do: 'persist', record }] : [{ do: 'exit' }]));
  const [second] = await run(data, () => [{ do: 'exit' }]);
  assert.ok(first?.on === 'boot' && second?.on === 'boot');
  assert.is(first.record, undefined);
  assert.is(Buffer.from(second.record!).toString(), 'remembered');
  assert.is.not(first.seed, second.seed);
  for (const { seed } of [first, second]) assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32);
});

test('the data folder and all in it are private; after a clean end no lock is left', async ({ data }) => {
  await run(data, () => [{ do: 'exit' }]);
  assert.is(statSync(data).mode & 0o777, 0o700);
  assert.equal(readdirSync(data).sort(), ['record', 'work']);
  assert.is(statSync(path.join(data, 'record')).mode & 0o077, 0);
});

test('SIGTERM and SIGINT are each a stop, and are let go at the end', async ({ data }) => {
  const before = process.listenerCount('SIGTERM');
  const seen = await run(data, (event, all) => {
    if (event.on === 'boot') setImmediate(() => process.emit('SIGTERM', 'SIGTERM'));
    if (event.on === 'stop' && all.length === 2) setImmediate(() => process.emit('SIGINT', 'SIGINT'));
    return all.length === 3 ? [{ do: 'exit' }] : [];
  });
  assert.equal(
    seen.map(({ on }) => on),
    ['boot', 'stop', 'stop'],
  );
  assert.is(process.listenerCount('SIGTERM'), before);
});

test('a program that still runs at the end goes with the agent', async ({ data }) => {
  let pid = 0;
  await run(data, (event) => {
    if (event.on === 'boot') {
      const argv: [string, ...string[]] = ['/bin/sh', '-c', 'echo $$; exec sleep 100'];
      return [{ do: 'run', run: 1, step: { name: 's', ignoreStepFailure: false, run: { type: 'runCommand', argv } } }];
    }
    if (event.on === 'output') pid = Number(event.text);
    return event.on === 'output' ? [{ do: 'exit' }] : [];
  });
  assert.ok(pid > 0);
  while (isRunning(pid)) await new Promise((resolve) => setImmediate(resolve));
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a folder that another agent uses, that others may write to, or that cannot be made is refused', async ({
  data,
}) => {
  const refusal = (folder: string, start: Promise<unknown>) =>
    start.then(
      () => `no refusal of ${folder}`,
      (error: Error) => {
        assert.instance(error, Failure);
        return error.message;
      },
    );
  await run(data, (event) => {
    if (event.on !== 'boot') return [{ do: 'exit' }];
    void refusal(
      data,
      run(data, () => [{ do: 'exit' }]),
    ).then((message) => {
      assert.match(message, /^the data folder .* cannot be used: another agent uses it; give each one its own$/);
      process.emit('SIGTERM', 'SIGTERM');
    });
    return [];
  });
  const open = path.join(data, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  assert.match(
    await refusal(
      open,
      run(open, () => []),
    ),
    /mode 777 opens .*open to others; run: chmod go-w .*open$/,
  );
  const under = path.join(data, 'record', 'x');
  assert.match(
    await refusal(
      under,
      run(under, () => []),
    ),
    /^the data folder .* cannot be used: ENOTDIR/,
  );
  for (const nowhere of ['/proc/x', '/proc/x/y'])
    assert.match(
      await refusal(
        nowhere,
        run(nowhere, () => []),
      ),
      /^the data folder .* cannot be used: ENOENT/,
    );
});

test('what the core throws comes out, and the folder is free again', async ({ data }) => {
  const broken = run(data, () => {
    throw new RangeError('impossible');
  });
  const thrown = await broken.catch((error: Error) => error);
  assert.instance(thrown, RangeError);
  await run(data, () => [{ do: 'exit' }]);
});

test.run();
