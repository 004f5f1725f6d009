/** What is large in the agent's file: `node build.mjs --sizes`. */
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn';
import { build } from 'esbuild';
import { agentOptions, finishAgent } from './bundle.mjs';
import { ALL_PARTS, PARTS } from './partList.mjs';
import { walk } from './private.mjs';

/** A text with so many spaces in it is a sentence for people; fewer have words of protocols, programs and topics. */
const SENTENCE_SPACES_MIN = 3;
/** Source files that are shown. */
const FILES_MAX = 25;

/**
 * A table in Markdown of what each part adds to what it needs, and of the sentences in all; then the largest source files.
 *
 * @param root  the repository
 */
export async function sizesOfAgent(root) {
  const made = new Map();
  /** The file with these parts: its text, and the bytes that each source has in it before terser. */
  const agent = async (parts) => {
    const key = ALL_PARTS.filter((name) => parts.includes(name)).join();
    if (!made.has(key)) {
      const options = { ...agentOptions('0.0.0', key.split(',')), absWorkingDir: root, metafile: true };
      const { outputFiles, metafile } = await build(options);
      const [{ inputs }] = Object.values(metafile.outputs);
      made.set(key, { text: await finishAgent(outputFiles[0].text), inputs });
    }
    return made.get(key);
  };
  const lean = await agent([]);
  const rows = [['the lean agent', sizeOf(lean.text)]];
  for (const name of ALL_PARTS) {
    const needed = needsOf(name);
    const [without, whole] = [sizeOf((await agent(needed)).text), sizeOf((await agent([...needed, name])).text)];
    rows.push([
      `\`${name}\`${needed.length > 0 ? ` on top of ${needed.join(', ')}` : ''}`,
      whole.map((size, i) => size - without[i]),
    ]);
  }
  const all = await agent(ALL_PARTS);
  const { rest, count } = withoutSentences(all.text);
  rows.push(
    ['every part', sizeOf(all.text)],
    [`every part, without the ${count} pieces of its sentences`, sizeOf(rest)],
  );
  const cells = (row) => `| ${row.join(' | ')} |\n`;
  const bytes = ([plain, gzipped]) => [plain, gzipped].map((size) => size.toLocaleString('en'));
  const files = Object.entries(all.inputs).sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput);
  return [
    cells(['', 'bytes', 'gzipped']),
    cells(['---', '---:', '---:']),
    ...rows.map(([name, sizes]) => cells([name, ...bytes(sizes)])),
    '\nThe largest sources, bytes before terser:\n\n',
    ...files.slice(0, FILES_MAX).map(([file, { bytesInOutput }]) => `${`${bytesInOutput}`.padStart(6)}  ${file}\n`),
  ].join('');
}

function sizeOf(text) {
  return [Buffer.byteLength(text), gzipSync(text, { level: 9 }).length];
}

/** What a part stands on, and what that stands on. */
function needsOf(name) {
  const needs = PARTS[name].needs ?? [];
  return [...new Set([...needs.flatMap(needsOf), ...needs])];
}

/** A file with its sentences cut out, and how many pieces of text that were. */
export function withoutSentences(text) {
  const pieces = [];
  walk(parse(text, { ecmaVersion: 2022, allowHashBang: true }), ({ type, value, start, end }) => {
    const said = type === 'TemplateElement' ? value.raw : type === 'Literal' ? value : undefined;
    if (typeof said === 'string' && said.split(' ').length > SENTENCE_SPACES_MIN) pieces.push([start, end, type]);
  });
  pieces.sort(([a], [b]) => b - a);
  const cut = (rest, [start, end, type]) => rest.slice(0, start) + (type === 'Literal' ? '""' : '') + rest.slice(end);
  return { rest: pieces.reduce(cut, text), count: pieces.length };
}
