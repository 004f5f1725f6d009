/**
 * What terser leaves longer in the agent's file than it has to be.
 *
 * The bundle comes here with the names of its sources on the top level, and names of one or two letters inside of functions. So each
 * name tells whose it is: what has a long one and is declared nowhere belongs to the language or to Node.
 */
import { walk } from './private.mjs';

/** Objects whose functions need no `this`. */
const HOLDERS = ['Array', 'Buffer', 'JSON', 'Math', 'Number', 'Object'];
/** What Node has loaded anyway: another could be loaded for the sake of its name. */
const GLOBALS = [
  'Buffer',
  'Error',
  'Number',
  'Object',
  'Promise',
  'Uint8Array',
  'clearTimeout',
  'process',
  'setTimeout',
];
/** A name of our own for one of these has to spare so many bytes, or gzip loses more than it wins. */
const SPARED_MIN = 60;

/** Letters of names, the commonest of the bundle first. */
const SMALL = [...'etnroisauclfdhgpmwbyvxkjqz'];
const LARGE = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ$_'];

/** Neither `undefined` nor a name of the sources. */
const NOTHING = '$nothing';

/** @param program  the whole bundle, as ESTree has it; changed in place */
export function shorten(program) {
  walk(program, (node) => {
    // Known by one name from here on.
    if (node.type === 'Property' && node.shorthand) Object.assign(node, { shorthand: false, key: { ...node.key } });
    if (node.type === 'UnaryExpression' && node.operator === 'void' && node.argument.type === 'Literal')
      become(node, identifier(NOTHING));
  });
  const names = [...nameMembers(program), ...nameGlobals(program)].reverse();
  walk(program, (node) => {
    if (node.body?.type === 'BlockStatement') node.body.body = withoutFunctions(node.body.body);
  });
  program.body = arranged([declare(declarator(NOTHING), ...names), ...program.body]);
  renameTop(program);
}

/** `parse=JSON.parse`, where it is called often. */
function nameMembers(program) {
  const found = new Map();
  walk(program, (node) => {
    const { type, object, property, computed } = node;
    if (type !== 'MemberExpression' || computed || !HOLDERS.includes(object.name)) return;
    const text = `${object.name}.${property.name}`;
    found.set(text, [...(found.get(text) ?? []), node]);
  });
  return [...found].flatMap(([text, nodes]) => nameOften(text, nodes));
}

function nameGlobals(program) {
  const all = references(program);
  return GLOBALS.flatMap((name) =>
    nameOften(
      name,
      all.filter((node) => node.name === name),
    ),
  );
}

/** The declaration of a name for what `nodes` are, who get it; none if that is no gain. */
function nameOften(text, nodes) {
  if (nodes.length * (text.length - 2) - `,aa=${text}`.length < SPARED_MIN) return [];
  const name = `$${text.replace('.', '$')}`;
  const [value] = nodes.map((node) => ({ ...node }));
  for (const node of nodes) become(node, identifier(name));
  return [declarator(name, value)];
}

/** Functions inside of others are arrows, too, before all else there: they are there from the beginning anyway. */
function withoutFunctions(statements) {
  const functions = statements.filter(({ type }) => type === 'FunctionDeclaration').map(toArrow);
  if (functions.length === 0) return statements;
  const [first, ...rest] = statements.filter(({ type }) => type !== 'FunctionDeclaration');
  if (first?.kind === 'let') return [declare(...functions, ...first.declarations), ...rest];
  return [declare(...functions), ...(first ? [first] : []), ...rest];
}

/**
 * The statements of the bundle with one `let` for all that is declared: functions first, as arrows, before what calls them.
 * They are alike and lie together, and gzip takes 120 bytes less.
 */
function arranged(statements) {
  const isDirective = ({ directive }) => directive !== undefined;
  const functions = statements.filter(({ type }) => type === 'FunctionDeclaration').map(toArrow);
  const variables = statements.flatMap(({ type, declarations }) =>
    type === 'VariableDeclaration' ? declarations : [],
  );
  return [
    ...statements.filter(isDirective),
    declare(...functions, ...variables),
    ...statements.filter((one) => !isDirective(one) && !/^(Function|Variable)Declaration$/.test(one.type)),
  ];
}

/** `name=(...)=>...` of `function name(...) {...}`, which may know neither `this` nor `arguments`. */
function toArrow({ id, params, async, body }) {
  walk(body, ({ type, name }) => {
    if (type === 'ThisExpression' || name === 'arguments') throw new Error(`${id.name}() uses this or arguments`);
  });
  const [first] = body.body;
  const value = body.body.length === 1 && first.type === 'ReturnStatement' ? first.argument : undefined;
  const init = { type: 'ArrowFunctionExpression', params, async, expression: Boolean(value), body: value ?? body };
  return declarator(id.name, init);
}

/** Names of the top level: one letter for those used most that functions leave free, two for the others. */
function renameTop(program) {
  const all = references(program);
  const declared = new Set(
    program.body.flatMap(({ declarations = [] }) => declarations.flatMap(({ id }) => namesIn(id))),
  );
  const taken = new Set(all.map(({ name }) => name).filter((name) => !declared.has(name)));
  const uses = new Map();
  for (const { name } of all) if (declared.has(name)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const single = [...SMALL, ...LARGE].filter((letter) => !taken.has(letter));
  const double = SMALL.flatMap((one) => SMALL.map((other) => one + other)).filter(
    (name) => !taken.has(name) && !/^(as|do|if|in|is|of)$/.test(name),
  );
  const most = [...uses].sort(([, a], [, b]) => b - a).slice(0, single.length);
  const short = new Map(most.map(([name], i) => [name, single[i]]));
  // In the order of the file, so that names that lie together are alike.
  for (const name of uses.keys()) if (!short.has(name)) short.set(name, double.shift());
  for (const node of all) node.name = short.get(node.name) ?? node.name;
}

/** What a pattern declares. */
function namesIn(pattern) {
  const names = [];
  walk({ type: 'Pattern', pattern }, (node, parent) => {
    if (isReference(node, parent)) names.push(node.name);
  });
  return names;
}

/** All that names a variable, and no member of an object. */
function references(program) {
  const found = [];
  walk(program, (node, parent) => {
    if (isReference(node, parent)) found.push(node);
  });
  return found;
}

function isReference(node, parent) {
  if (node.type !== 'Identifier') return false;
  if (parent.computed) return true;
  if (parent.type === 'MemberExpression') return parent.object === node;
  return !/^(Property|MethodDefinition)$/.test(parent.type) || parent.value === node;
}

function become(node, other) {
  for (const member of Object.keys(node)) delete node[member];
  Object.assign(node, other);
}

function identifier(name) {
  return { type: 'Identifier', name };
}

function declarator(name, init) {
  return { type: 'VariableDeclarator', id: identifier(name), init };
}

function declare(...declarations) {
  return { type: 'VariableDeclaration', kind: 'let', declarations };
}
