import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Which rooms each room may import from, beside itself; a room that is new needs a row. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  runtime: [],
  transports: ['runtime'],
  'targets/sbc': ['transports', 'runtime'],
  // The bridge is an agent for each microcontroller behind it: the same handlers, settings and credentials.
  'targets/bridge': ['targets/sbc', 'transports', 'runtime'],
  'targets/service': ['transports', 'runtime'],
  // One command: `errand service` and `errand agent` are in it, and its arguments are the service's table of operations.
  'targets/errand': ['targets/service', 'targets/sbc', 'runtime'],
  // Builds what it starts.
  'targets/demo': ['build.mjs'],
  // Bundles, and says what they are made of.
  'build.mjs': ['targets/sbc', 'targets/bridge'],
};

test('imports point one way: targets to transports to runtime, no target back to another, and none to the tests', () => {
  const found = importsOf([...sourcesOf('runtime'), ...sourcesOf('transports'), ...sourcesOf('targets'), 'build.mjs']);
  const wrong = found.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    return room !== other && !MAY_IMPORT[room]?.includes(other);
  });
  assert.ok(found.length > 1000, `only ${found.length} imports were found`);
  assert.equal(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

function sourcesOf(folder: string): string[] {
  const files = readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => /\.m?ts$|\.mjs$/.test(file)).map((file) => path.join(folder, file));
}

/** Of each file, the files that it imports, later ones (`import()`) among them. */
function importsOf(files: readonly string[]): { from: string; to: string }[] {
  return files.flatMap((from) => {
    const text = readFileSync(path.join(ROOT, from), 'utf8');
    const places = text.matchAll(/(?:\bfrom|\bimport\(|^import) ?'(\.[^']+)'/gm);
    return [...places].map(([, place]) => ({ from, to: path.join(path.dirname(from), place!) }));
  });
}

/** `targets/sbc` of `targets/sbc/main.ts`, `runtime` of `runtime/jobs/topics.ts`. */
function roomOf(file: string): string {
  const [top = '', second = ''] = file.split(path.sep);
  return top === 'targets' ? `${top}/${second}` : top;
}

test.run();
