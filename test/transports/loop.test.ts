import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Effect, Event } from '../../runtime/effects.ts';
import { type Edges, type Loop, startLoop } from '../../transports/loop.ts';
import { memory } from '../../transports/memory.ts';
import type { Transport } from '../../transports/transport.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => Buffer.from(value).toString();

/** A core that answers each event by what `script` says; its state is the events so far. */
function scripted(script: (event: Event, seen: string[]) => Effect[], edges: Partial<Edges> = {}) {
  const seen: string[] = [];
  const done: string[] = [];
  let other: Transport | undefined;
  const received: string[] = [];
  const all: Edges = {
    connect: () => {
      const [mine, theirs] = memory();
      other = theirs;
      theirs.onBytes((portion) => received.push(text(portion)));
      theirs.onClosed(() => received.push('closed'));
      return mine;
    },
    record: { persist: (record) => void done.push(`persist ${text(record)}`) },
    programs: { run: ({ run }) => void done.push(`run ${run}`), signal: ({ signal }) => void done.push(signal) },
    log: ({ message }) => void done.push(message),
    ...edges,
  };
  const loop: Loop = startLoop(
    seen,
    (state, event) => {
      state.push(event.on === 'closed' && event.reason ? `closed: ${event.reason}` : event.on);
      return [state, script(event, state)];
    },
    all,
  );
  return { loop, seen, done, received, other: () => other! };
}

const log = (message: string): Effect => ({ do: 'log', level: 'info', message });
const write = (message: string): Effect => ({ do: 'write', bytes: bytes(message) });
const boot: Event = { on: 'boot', record: undefined, seed: 1 };

test('loop: effects are carried out in order, and what they cause waits for the last of them', async () => {
  const { loop, seen, done } = scripted((event) => {
    if (event.on === 'boot') return [{ do: 'persist', record: bytes('a') }, log('one'), log('two')];
    return [log(event.on), { do: 'exit' }];
  });
  loop.tell(boot);
  await loop.ended;
  assert.equal(done, ['persist a', 'one', 'two', 'persisted']);
  assert.equal(seen, ['boot', 'persisted']);
});

test('loop: an edge that answers at once is heard after the running step', async () => {
  const holder: { tell?: (event: Event) => void } = {};
  const { loop, done } = scripted(
    (event) => {
      if (event.on === 'boot') return [{ do: 'signal', run: 1, signal: 'SIGTERM' }, log('behind')];
      return [log(event.on), { do: 'exit' }];
    },
    { programs: { run: () => {}, signal: () => holder.tell?.({ on: 'stop' }) } },
  );
  holder.tell = loop.tell;
  loop.tell(boot);
  await loop.ended;
  assert.equal(done, ['behind', 'stop']);
});

test('loop: writes of waiting events leave in one write, those before close leave before it', async () => {
  const { loop, received } = scripted((event) => {
    if (event.on === 'boot') return [{ do: 'open' }];
    if (event.on === 'opened') return [write('a'), { do: 'persist', record: bytes('') }, write('b')];
    return event.on === 'persisted' ? [write('c'), { do: 'close' }, { do: 'exit' }] : [];
  });
  loop.tell(boot);
  await loop.ended;
  assert.equal(received, ['abc', 'closed']);
});

test('loop: a failed persist is told with its reason', async () => {
  let reason = '';
  const persist = () => {
    throw new Error('ENOSPC: no space left on device, write');
  };
  const { loop } = scripted(
    (event) => {
      if (event.on === 'boot') return [{ do: 'persist', record: bytes('a') }];
      if (event.on === 'unpersisted') reason = event.reason;
      return [{ do: 'exit' }];
    },
    { record: { persist } },
  );
  loop.tell(boot);
  await loop.ended;
  assert.match(reason, /ENOSPC: no space left/);
});

test('loop: closed is told of a connection that the peer ended, not of one that close or open ended', async () => {
  let others: Transport | undefined;
  const world = scripted((event, seen) => {
    const opened = seen.filter((on) => on === 'opened').length;
    if (event.on === 'boot') return [{ do: 'open' }];
    if (event.on === 'opened' && opened === 1) return [{ do: 'close' }, { do: 'open' }];
    if (event.on === 'opened' && opened === 2) return [{ do: 'open' }];
    if (event.on === 'opened') queueMicrotask(() => others!.close());
    others = world.other();
    return event.on === 'closed' ? [{ do: 'exit' }] : [];
  });
  world.loop.tell(boot);
  await world.loop.ended;
  assert.equal(world.seen, ['boot', 'opened', 'opened', 'opened', 'closed: the peer closed the connection']);
});

test('loop: what an ended connection still says is dropped', async () => {
  const told: (() => void)[] = [];
  const connect = (): Transport => ({
    onOpened: (tell) => void told.push(tell),
    onBytes: (take) => void told.push(() => take(bytes('late'))),
    onClosed: (tell) => void told.push(tell),
    write: () => true,
    close: () => {},
  });
  const { loop, seen } = scripted(
    (event) => {
      if (event.on === 'boot') return [{ do: 'open' }, { do: 'close' }, { do: 'open' }];
      return event.on === 'stop' ? [{ do: 'exit' }] : [];
    },
    { connect },
  );
  loop.tell(boot);
  for (const tell of told.slice(0, 3)) tell();
  assert.equal(seen, ['boot']);
  for (const tell of told.slice(3, 5)) tell();
  assert.equal(seen, ['boot', 'opened', 'bytes']);
  loop.tell({ on: 'stop' });
  told[5]!();
  await loop.ended;
});

test('loop: wake comes at its time, never before by the clock of the core, and only for the last one asked', async () => {
  let early = 0;
  let asked = 0;
  const seen: string[] = [];
  const loop = startLoop(
    undefined,
    (state: undefined, event: Event, now): [undefined, Effect[]] => {
      seen.push(event.on);
      if (event.on === 'wake' && now < asked) early += 1;
      if (seen.length > 20) return [state, [{ do: 'wake', at: undefined }, { do: 'exit' }]];
      asked = now + 1.5;
      return [
        state,
        [
          { do: 'wake', at: now + 1e12 },
          { do: 'wake', at: now - 1 },
          { do: 'wake', at: asked },
        ],
      ];
    },
    {
      connect: () => memory()[0],
      record: { persist: () => {} },
      programs: { run: () => {}, signal: () => {} },
      log: () => {},
    },
  );
  // Timers that ring early, as Node's do now and then by less than a millisecond.
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((ring: () => void) => setTimeout(ring, 0)) as typeof setTimeout;
  loop.tell(boot);
  await loop.ended.finally(() => {
    globalThis.setTimeout = setTimeout;
  });
  assert.is(early, 0);
  assert.equal(new Set(seen.slice(1)), new Set(['wake']));
});

test('loop: what the core throws ends the loop and closes the connection; later events are not heard', async () => {
  const { loop, seen, received } = scripted((event) => {
    if (event.on === 'boot') return [{ do: 'open' }];
    throw new Error('impossible state');
  });
  loop.tell(boot);
  let message = '';
  await loop.ended.catch((error: Error) => {
    message = error.message;
  });
  loop.tell({ on: 'stop' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(message, 'impossible state');
  assert.equal(seen, ['boot', 'opened']);
  assert.equal(received, ['closed']);
});

test('memory: portions arrive in order, in the sizes asked for, and before the close', async () => {
  const [left, right] = memory((whole) => [whole.subarray(0, 1), whole.subarray(1)]);
  const seen: string[] = [];
  right.onBytes((portion) => seen.push(text(portion)));
  const closed = new Promise<void>((resolve) => {
    right.onClosed((reason) => {
      seen.push(reason ?? 'wanted');
      resolve();
    });
  });
  left.onOpened(() => {
    left.write(bytes('abc'));
    left.write(bytes('de'));
    left.close();
  });
  await closed;
  assert.equal(seen, ['a', 'bc', 'd', 'e', 'the peer closed the connection']);
});

test.run();
