/** Bundles a target with a counter in every branch of the files it watches, so that a fuzzer sees where an input went. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { minify } from 'terser';
import { TARGETS, type TargetName } from './targets.ts';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
/** Of texts and names in the code that inputs are made from: longer ones are messages. */
const WORD_CHARS_MAX = 40;

export interface Instrumented {
  /** The file that was written: an ES module that exports `target` and the loop over it (loop.ts). */
  bundle: string;
  /** Where each counter is. */
  branches: string[];
  /** Texts, names and numbers of the watched code: what an input is compared with is among them. */
  words: (string | number)[];
}

/** Planted into a file of the product as it is bundled, to see that it is found; `find` must be there exactly once. */
export interface Mistake {
  file: string;
  find: string;
  replace: string;
}

/** @param folder  where the bundle goes */
export async function bundleTarget(name: TargetName, folder: string, mistake?: Mistake): Promise<Instrumented> {
  const bundle = path.join(folder, `${name}${mistake ? '-mistaken' : ''}.mjs`);
  const branches: string[] = [];
  const words = new Set<string | number>();
  const { file, watched } = TARGETS[name];
  await build({
    absWorkingDir: root,
    stdin: {
      contents: [
        `import { target } from './targets/${file}';`,
        "import { work } from './worker.ts';",
        "export * from './loop.ts';",
        'export { target };',
        'void work(target);',
      ].join('\n'),
      resolveDir: path.join(root, 'test/fuzz/coverage'),
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: bundle,
    external: ['cbor-extract'],
    logLevel: 'error',
    define: { FUZZ_ROOT: JSON.stringify(root) },
    banner: {
      js: "import { createRequire as fuzzRequire } from 'node:module'; const require = fuzzRequire(import.meta.url); globalThis.fuzzCounts ??= new Uint32Array(1 << 16);",
    },
    plugins: [
      {
        name: 'counters',
        setup(bundler) {
          bundler.onLoad({ filter: /\.[jt]s$/ }, async ({ path: file }) => {
            const inTree = path.relative(root, file);
            if (!watched.test(inTree)) return undefined;
            const written = await readFile(file, 'utf8');
            const text = mistake?.file === inTree ? mistaken(written, mistake) : written;
            return { contents: await withCounters(inTree, text, branches, words), loader: 'js' };
          });
        },
      },
    ],
  });
  const made = { bundle, branches, words: [...words] };
  await writeFile(`${bundle}.json`, JSON.stringify(made));
  return made;
}

function mistaken(text: string, { file, find, replace }: Mistake): string {
  const pieces = text.split(find);
  if (pieces.length !== 2) throw new Error(`${find}: found ${pieces.length - 1} times in ${file}, expected once`);
  return pieces.join(replace);
}

// biome-ignore lint/suspicious/noExplicitAny: a syntax tree in the form of ESTree, of which only few members matter here
type Node = any;

async function withCounters(
  file: string,
  text: string,
  branches: string[],
  words: Set<string | number>,
): Promise<string> {
  const { code } = await transform(text, { loader: file.endsWith('.ts') ? 'ts' : 'js', target: 'node20' });
  const plain = { compress: false, mangle: false } as const;
  const parsed = await minify(code, { ...plain, module: true, format: { spidermonkey: true, code: false } as never });
  const program = (parsed as { ast?: Node }).ast as Node;

  const counted = (where: string): Node => ({
    type: 'UpdateExpression',
    operator: '++',
    prefix: false,
    argument: {
      type: 'MemberExpression',
      object: { type: 'Identifier', name: 'fuzzCounted' },
      property: { type: 'Literal', value: branches.push(`${file} ${where}`) - 1 },
      computed: true,
    },
  });
  const statement = (where: string): Node => ({ type: 'ExpressionStatement', expression: counted(where) });
  const before = (where: string, expression: Node): Node => ({
    type: 'SequenceExpression',
    expressions: [counted(where), expression],
  });
  const block = (where: string, inner: Node | null): Node => {
    if (inner?.type === 'BlockStatement') return { ...inner, body: [statement(where), ...inner.body] };
    return { type: 'BlockStatement', body: [statement(where), ...(inner ? [inner] : [])] };
  };

  function walk(node: Node, within: string): void {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const one of node) walk(one, within);
      return;
    }
    note(node, words);
    const name = node.type?.includes('Function') ? (node.id?.name ?? within) : nameOf(node, within);
    for (const [key, member] of Object.entries(node)) if (key !== 'loc') walk(member, name);
    const where = (what: string) => `${name}: ${what}${node.loc ? `, near line ${node.loc.start.line}` : ''}`;
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        if (node.body.type === 'BlockStatement') node.body = block(where('called'), node.body);
        else node.body = before(where('called'), node.body);
        break;
      case 'IfStatement':
        node.consequent = block(where('if'), node.consequent);
        node.alternate = block(where('else'), node.alternate ?? null);
        break;
      case 'ConditionalExpression':
        node.consequent = before(where('?'), node.consequent);
        node.alternate = before(where(':'), node.alternate);
        break;
      case 'LogicalExpression':
        node.right = before(where(node.operator), node.right);
        break;
      case 'AssignmentPattern':
        node.right = before(where('='), node.right);
        break;
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
        node.body = block(where('loop'), node.body);
        break;
      case 'SwitchCase':
        node.consequent.unshift(statement(where('case')));
        break;
      case 'CatchClause':
        node.body = block(where('catch'), node.body);
        break;
    }
  }
  walk(program, '');
  const printed = await minify(program, { ...plain, module: true, parse: { spidermonkey: true } as never });
  return `const fuzzCounted = globalThis.fuzzCounts;\n${printed.code}`;
}

function nameOf(node: Node, within: string): string {
  if (node.type === 'VariableDeclarator' && node.init?.type?.includes('Function')) return node.id.name ?? within;
  return ['Property', 'MethodDefinition'].includes(node.type) ? (node.key.name ?? within) : within;
}

function note(node: Node, words: Set<string | number>): void {
  const word = node.type === 'Literal' ? node.value : node.type === 'Property' ? node.key.name : undefined;
  const isWord = typeof word === 'string' && word.length > 0 && word.length <= WORD_CHARS_MAX;
  if (isWord || (Number.isSafeInteger(word) && word >= 0)) words.add(word);
}
