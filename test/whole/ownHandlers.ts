/** Handlers for ownHandlers.test.ts: what authors do, and what they had better not. */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { handler } from 'errand';

const here = (file: string) => appendFileSync(file, `${process.pid}\n`);

handler('wait-for', async ({ args: [file = ''], progress, signal }) => {
  progress({ half: true });
  while (!existsSync(file)) await setTimeout(10, undefined, { signal });
  // Words that the agent's own file has numbers and letters for.
  return { document: 'idle', answer: 42 };
});

handler('deaf', ({ args: [file = ''] }) => {
  spawn('sleep', ['600'], { stdio: 'ignore' });
  here(file);
  for (;;);
});

handler('polite', async ({ args: [file = ''], signal, log }) => {
  here(file);
  await setTimeout(600_000, undefined, { signal }).catch(() => log(`${signal.reason.message}`));
});

handler('again', { idempotent: true }, async ({ args: [file = '', go = ''], signal }) => {
  here(file);
  while (!existsSync(go)) await setTimeout(10, undefined, { signal });
});

handler('throw', () => {
  throw new Error('the pump is dry');
});
handler('throw-later', () => new Promise(() => globalThis.setTimeout(() => JSON.parse('{'), 1)));
handler('exit', () => process.exit(0));
handler('never', () => new Promise(() => {}));
handler('abort', () => process.abort());
handler('too-much', ({ progress }) => progress(Object.fromEntries([...'abcde'].map((name) => [name, 1]))));

handler('fetch', async ({ args: [url = '', sha256 = ''], download, progress }) => {
  progress({ fetching: 1 });
  await download({ url, file: 'fw.bin', sha256 });
});
