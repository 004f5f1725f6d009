import { sql } from 'kysely';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Message, openRelay } from '../../../../targets/service/workers/relay.ts';
import { freshStore } from '../store/engines.ts';

/** Calls its waiters at each change. */
function watched() {
  const waiting: (() => void)[] = [];
  return {
    changed() {
      for (const look of waiting.splice(0)) look();
    },
    async until(isThere: () => boolean): Promise<void> {
      while (!isThere()) await new Promise<void>((resolve) => void waiting.push(resolve));
    },
  };
}

test('a worker that cannot hear the others says so once, and once that it hears them again', async () => {
  const store = await freshStore();
  const { changed, until } = watched();
  const heard: Message[] = [];
  const lines: string[] = [];
  let rounds = 0;
  const listener = await openRelay({
    store: {
      ...store,
      nowMillis: () => {
        rounds++;
        changed();
        return store.nowMillis();
      },
    },
    hear: (message) => {
      heard.push(message);
      changed();
    },
    log: (level, message, { error = '' } = {}) => {
      lines.push(`${level} ${message} ${error}`);
      changed();
    },
  });
  const speaker = await openRelay({ store, hear: () => {}, log: () => {} });
  const message: Message = { tell: 'revoke', certificateId: 'c' };
  await sql`alter table relay rename to away`.execute(store.db);
  await until(() => lines.length > 0);
  const from = rounds;
  await until(() => rounds >= from + 3);
  assert.is(lines.length, 1);
  assert.match(lines[0]!, /^error other workers cannot be heard, which is tried again .*relay/);
  await sql`alter table away rename to relay`.execute(store.db);
  await speaker.send(message);
  await until(() => heard.length > 0);
  const to = rounds;
  await until(() => rounds >= to + 2);
  assert.is(lines.length, 2);
  assert.match(lines[1]!, /^info other workers are heard again after \d+ times that they were not/);
  assert.equal(heard, [message]);
  await Promise.all([listener.close(), speaker.close()]);
  await store.close();
});

test.run();
