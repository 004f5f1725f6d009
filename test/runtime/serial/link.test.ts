import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeFrame, encodeFrame, type Frame } from '../../../runtime/serial/frame.ts';
import { encodeDeviceHello } from '../../../runtime/serial/hello.ts';
import {
  DEAF_ROUNDS_MAX,
  HELLO_MILLIS_MAX,
  RESEND_MILLIS_INITIAL,
  RESEND_MILLIS_MAX,
  RESEND_MILLIS_MIN,
  WAITING_REQUESTS_MAX,
} from '../../../runtime/serial/limits.ts';
import { createLink, type Link, type LinkEffect, type LinkEvent, step } from '../../../runtime/serial/link.ts';

/** A link on a virtual clock, and everything it asked for. */
function stage(of: { baud?: number; windowMax?: number; addr?: number } = {}) {
  const stage = {
    link: createLink({ addr: 0, host: 7, ...of }) as Link,
    now: 0,
    tell(event: LinkEvent): LinkEffect[] {
      const [link, effects] = step(stage.link, event, stage.now);
      stage.link = link;
      return effects;
    },
    /** Lets the clock run to the time that was asked for. */
    wake(): LinkEffect[] {
      assert.is.not(stage.link.wakeAt, undefined, 'nothing is waited for');
      stage.now = stage.link.wakeAt!;
      return stage.tell({ on: 'wake' });
    },
    hears(frame: Partial<Frame>): LinkEffect[] {
      const whole = {
        addr: of.addr ?? 0,
        from: 'device',
        type: 'REQUEST',
        seq: 0,
        boot: 9,
        body: new Uint8Array(0),
      } as const;
      return stage.tell({ on: 'frame', frame: { ...whole, ...frame } });
    },
    /** The device answers the newest HELLO. */
    meets(device: { bootId?: number; boot?: number; window?: number; frameBytesMax?: number; seq?: number } = {}) {
      const { bootId = 1, boot = 9, seq = stage.link.attempt, window = 4, frameBytesMax = 64 } = device;
      const hello = { version: 1, bootId, hardwareId: 'x', frameBytesMax, window, more: new Map() };
      return stage.hears({ type: 'HELLO', seq, boot, body: encodeDeviceHello(hello) });
    },
    asks: (id: number, size = 3) => stage.tell({ on: 'request', id, body: new Uint8Array(size).fill(id + 1) }),
  };
  return stage;
}

/** What was written, such as `HELLO 1` or `REQUEST 0`. */
const written = (effects: readonly LinkEffect[]) =>
  effects.flatMap((effect) => {
    if (effect.do !== 'write') return [];
    return Buffer.from(effect.bytes)
      .toString('latin1')
      .split('\0')
      .filter((piece) => piece !== '')
      .map((piece) => decodeFrame(new Uint8Array(Buffer.from(piece, 'latin1')))!)
      .map(({ type, seq }) => `${type} ${seq}`);
  });
const told = (effects: readonly LinkEffect[]) =>
  effects.flatMap((effect) => {
    if (effect.do === 'reply') return [`reply ${effect.id}`];
    if (effect.do === 'lost') return [`lost ${effect.id} ${effect.ran}`];
    return effect.do === 'up' || effect.do === 'down' ? [effect.do] : [];
  });

function up(of: Parameters<typeof stage>[0] & { window?: number; frameBytesMax?: number } = {}) {
  const { window, frameBytesMax, ...rest } = of;
  const here = stage(rest);
  here.tell({ on: 'opened' });
  here.meets({ ...(window ? { window } : {}), ...(frameBytesMax ? { frameBytesMax } : {}) });
  return here;
}

test('asks who is there, with longer pauses, and says once that nobody answers', () => {
  const here = stage();
  assert.equal(written(here.tell({ on: 'opened' })), ['HELLO 1']);
  const pauses: number[] = [];
  const all: LinkEffect[] = [];
  for (let i = 0; i < 20; i += 1) {
    const before = here.now;
    all.push(...here.wake());
    pauses.push(here.now - before);
  }
  assert.equal(
    pauses.slice(0, 4),
    [1, 2, 4, 5].map((times) => times * RESEND_MILLIS_INITIAL),
  );
  assert.is(pauses.at(-1), HELLO_MILLIS_MAX);
  assert.equal(told(all), ['down']);
  assert.is(written(all)[14], 'HELLO 1', 'after 15, never 0');
  assert.equal(told(here.meets()), ['up']);
  assert.is(here.link.wakeAt, undefined, 'an idle link needs no timer');
});

test('only the answer to the newest HELLO counts', () => {
  const here = stage();
  here.tell({ on: 'opened' });
  here.wake();
  assert.equal(told(here.meets({ seq: 1 })), []);
  assert.equal(told(here.meets({ seq: 2 })), ['up']);
});

test('a device of another version is no device for this host, said once; one that tells no sense neither', () => {
  const here = stage();
  here.tell({ on: 'opened' });
  const body = Uint8Array.of(0xa1, 0, 2);
  const [down] = here.hears({ type: 'HELLO', seq: 1, body });
  assert.equal(down, { do: 'down', reason: 'runtime/serial/README.md, HELLO: version 2: expected 1' });
  here.wake();
  assert.equal(told(here.hears({ type: 'HELLO', seq: 2, body })), []);
  assert.equal(told(here.hears({ type: 'HELLO', seq: 2, body: Uint8Array.of(0xff) })), ['down']);
});

test('requests wait for the link, then go in order, and each reply comes back under its number', () => {
  const here = stage();
  assert.equal(here.asks(10), []);
  here.tell({ on: 'opened' });
  here.asks(11);
  assert.equal(written(here.meets()), ['REQUEST 0', 'REQUEST 1']);
  assert.equal(here.hears({ seq: 1, body: Uint8Array.of(5) })[0], { do: 'reply', id: 11, body: Uint8Array.of(5) });
  assert.equal(told(here.hears({ seq: 1 })), [], 'a second one is nobody’s');
  assert.equal(told(here.hears({ seq: 0 })), ['reply 10']);
  assert.is(here.link.wakeAt, undefined);
});

test('the window counts from the oldest one without a reply: the device keeps no older replies', () => {
  const here = up({ window: 4 });
  for (let id = 0; id < 8; id += 1) here.asks(id);
  for (const seq of [1, 2, 3]) assert.equal(written(here.hears({ seq })), [], 'reply 0 may be lost: it must stay kept');
  assert.equal(written(here.wake()), ['REQUEST 0']);
  assert.equal(written(here.hears({ seq: 0 })), ['REQUEST 4', 'REQUEST 5', 'REQUEST 6', 'REQUEST 7']);
  const narrow = up({ window: 8, windowMax: 1 });
  narrow.asks(0);
  assert.equal(written(narrow.asks(1)), []);
});

test('frames of others are passed over: another address, the host itself, another boot byte', () => {
  const here = up();
  here.asks(0);
  assert.equal(told(here.hears({ addr: 1 })), []);
  assert.equal(told(here.hears({ from: 'host' })), []);
  assert.equal(told(here.hears({ boot: 8 })), []);
  assert.equal(told(here.hears({ type: 'DATA' })), []);
  assert.equal(told(here.hears({})), ['reply 0']);
});

test('sends all that is unanswered again when the timer ends, later each time, then asks who is there', () => {
  const here = up();
  here.asks(0);
  here.asks(1);
  const pauses: number[] = [];
  for (let i = 0; i < 4; i += 1) {
    const before = here.now;
    const again = written(here.wake());
    pauses.push(here.now - before);
    assert.equal(again, i < 3 ? ['REQUEST 0', 'REQUEST 1'] : ['HELLO 2']);
  }
  assert.equal(
    pauses,
    [1, 2, 4, 8].map((times) => times * RESEND_MILLIS_INITIAL),
  );
  assert.equal(written(here.meets()), ['REQUEST 0', 'REQUEST 1'], 'the same device: it knows what it has run');
  assert.equal(told(here.hears({ seq: 0 })), ['reply 0']);
  for (let i = 0; i < 30; i += 1) {
    const before = here.now;
    here.wake();
    assert.ok(here.now - before <= RESEND_MILLIS_MAX);
  }
});

test('the timer follows the round trips, and does not learn from a request that was sent twice', () => {
  const here = up();
  for (let id = 0; id < 40; id += 1) {
    here.asks(id);
    here.now += 5;
    here.hears({ seq: id & 15 });
  }
  assert.is(here.link.timer.waitMillis, RESEND_MILLIS_MIN);
  here.asks(40);
  here.wake();
  here.now += 1;
  here.hears({ seq: 8 });
  assert.is(here.link.timer.waitMillis, 2 * RESEND_MILLIS_MIN, 'doubled, and kept so (Karn)');
  here.asks(41);
  here.now += 100;
  here.hears({ seq: 9 });
  assert.ok(here.link.timer.waitMillis > 100, 'measured anew');
});

test('the time that bytes need on the wire is no reason to send them again', () => {
  const here = up({ baud: 1_200, window: 4 });
  for (let id = 0; id < 3; id += 1) here.asks(id, 50);
  const bytes = here.link.flights.reduce((sum, { wire }) => sum + wire.length, 0);
  assert.ok(here.link.wakeAt! >= (here.link.flights[0]!.wire.length * 10_000) / 1_200 + RESEND_MILLIS_INITIAL);
  assert.ok(here.link.lineFreeAt >= (bytes * 10_000) / 1_200);
});

test('a device that restarted ends what was in flight, and what waited has not run', () => {
  const here = up({ window: 1 });
  here.asks(0);
  here.asks(1);
  assert.equal(written(here.meets({ seq: 0, bootId: 2 })), ['HELLO 2'], 'it said so unasked');
  assert.equal(told(here.meets({ bootId: 2, boot: 10 })), ['lost 0 unknown', 'lost 1 no', 'up']);
  assert.equal(written(here.asks(2)), ['REQUEST 0']);
  assert.equal(told(here.hears({ boot: 9 })), [], 'an answer from before');
  assert.equal(told(here.hears({ boot: 10 })), ['reply 2']);
});

test('a device that spoke with another host has forgotten its replies: the same boot-id, another boot byte', () => {
  const here = up();
  here.asks(0);
  here.tell({ on: 'closed' });
  here.tell({ on: 'opened' });
  const effects = here.meets({ boot: 11 });
  assert.equal(told(effects), ['lost 0 unknown', 'up']);
  assert.match((effects[0] as { reason: string }).reason, 'another host');
});

test('a device that answers HELLO at once and no request counts otherwise: the host counts anew, under another number', () => {
  const here = up();
  here.asks(1);
  let rounds = 0;
  for (let host = here.link.host; host === here.link.host; rounds += 1) {
    assert.ok(rounds < DEAF_ROUNDS_MAX, 'in the end it counts anew');
    while (here.link.phase.at === 'up') here.wake();
    here.meets();
  }
  assert.is(rounds, DEAF_ROUNDS_MAX);
  assert.equal(told(here.meets({ boot: 10 })), ['lost 1 unknown', 'up'], 'it heard another host, and has forgotten');
  assert.equal(written(here.asks(2)), ['REQUEST 0']);
});

test('replies, and HELLO answered late, are no reason to count anew: that is noise', () => {
  const here = up();
  const { host } = here.link;
  for (let round = 0; round < 4 * DEAF_ROUNDS_MAX; round += 1) {
    here.asks(round);
    while (here.link.phase.at === 'up') here.wake();
    if (round % 2 === 0) here.wake(); // the first HELLO is lost
    here.meets();
    if (round % 3 === 0) here.hears({ seq: here.link.flights[0]!.seq });
  }
  assert.is(here.link.host, host);
});

test('HELLO of a device that did not restart, or for another HELLO, changes nothing', () => {
  const here = up();
  assert.equal(here.meets({ seq: 0 }), []);
  assert.equal(here.meets({ seq: 9, bootId: 5 }), []);
  assert.equal(here.hears({ type: 'HELLO', seq: 0, body: Uint8Array.of(1) }), []);
});

test('a cable that was pulled and put back loses nothing', () => {
  const here = up();
  here.asks(0);
  assert.equal(told(here.tell({ on: 'closed' })), ['down']);
  assert.is(here.link.wakeAt, undefined);
  here.asks(1);
  assert.equal(told(here.hears({ seq: 0 })), [], 'nothing is heard through a closed port');
  here.tell({ on: 'opened' });
  const effects = here.meets();
  assert.equal(told(effects), ['up']);
  assert.equal(written(effects), ['REQUEST 0', 'REQUEST 1']);
});

test('a request too long for the device, or one too many, comes back unsent', () => {
  const here = up({ frameBytesMax: 64, window: 1 });
  assert.equal(told(here.asks(0, 58)), ['lost 0 no']);
  assert.equal(written(here.asks(1, 57)), ['REQUEST 0'], 'the first one took no number');
  for (let id = 2; id < 2 + WAITING_REQUESTS_MAX; id += 1) here.asks(id);
  assert.equal(told(here.asks(99)), ['lost 99 no']);
});

test('data goes out at once while the link is up, and never waits', () => {
  const here = stage();
  const data: LinkEvent = { on: 'data', body: new Uint8Array(20) };
  here.tell({ on: 'opened' });
  assert.equal(here.tell(data), []);
  here.meets();
  assert.equal(written(here.tell(data)), ['DATA 0']);
  assert.throws(() => here.tell({ on: 'data', body: new Uint8Array(58) }), /a frame of 65 bytes: the device takes 64/);
});

test('a wake that comes early is asked for again', () => {
  const here = up();
  here.asks(0);
  const at = here.link.wakeAt;
  assert.equal(here.tell({ on: 'wake' }), [{ do: 'wake', at }]);
});

test('what is written is one frame for the address, with the boot byte of the device', () => {
  const here = stage({ addr: 17 });
  here.tell({ on: 'opened' });
  here.meets({ boot: 200 });
  const [write] = here.asks(4);
  const frame = {
    addr: 17,
    from: 'host',
    type: 'REQUEST',
    seq: 0,
    boot: 200,
    body: new Uint8Array(3).fill(5),
  } as const;
  assert.equal(write, { do: 'write', bytes: encodeFrame(frame) });
});

test.run();
