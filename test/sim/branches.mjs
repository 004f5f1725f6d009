import { parse } from 'acorn';

/** One way that a program may take: what it is called, and where it begins. */

/**
 * All ways through a piece of code, counted as V8 counts blocks, but from its text, so that their number does not hang on what was
 * run: each function's body, both ways of each `if` and `? :`, the right side of each `&&`, `||` and `??`, each case, each loop's
 * body, each catch.
 *
 * @returns `{ name, at, since }`: the way is taken where the code at offset `at` runs; with `since`, an `else` that is not written,
 *   where that at `since` runs more often. Equal names are told apart by a number in brackets.
 */
export function branchesOf(text) {
  const found = [];
  const shown = (node, chars = 60) => asWritten(text.slice(node.start, node.end)).slice(0, chars);
  const add = (within, name, at, since) => found.push({ name: `${asWritten(within)}: ${name}`, at, since });
  const visit = (node, within) => {
    const inside = nameOf(node, text) ?? within;
    ways(node, (name, at, since) => add(inside, name, at, since), shown);
    for (const [key, value] of Object.entries(node))
      for (const child of Array.isArray(value) ? value : [value])
        if (typeof child?.type === 'string') visit(child, ownName(node, key, text) ?? inside);
  };
  visit(parse(text, { ecmaVersion: 'latest', sourceType: 'module' }), 'top');
  return numbered(found);
}

/**
 * Of one line, without the numbers that the bundler puts behind names which two files have: which file keeps its own hangs on what else
 * is bundled.
 */
function asWritten(code) {
  const numberless = code.replace(/\s+/g, ' ').replace(/(?<![\w$])([a-z_$][\w$]*?)\d+(?![\w$])/gi, '$1');
  return numberless.replace(/([{,] )(\w+): \2(?!\w)/g, '$1$2');
}

function ways(node, add, shown) {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return add(`call ${shown(node.body, 40)}`, node.body.start);
    case 'IfStatement':
      add(`if (${shown(node.test)})`, node.consequent.start);
      if (node.alternate) return add(`not if (${shown(node.test)})`, node.alternate.start);
      return add(`not if (${shown(node.test)})`, node.consequent.start, node.test.start);
    case 'ConditionalExpression':
      add(`${shown(node.test)} ? ${shown(node.consequent, 30)}`, node.consequent.start);
      return add(`${shown(node.test)} : ${shown(node.alternate, 30)}`, node.alternate.start);
    case 'LogicalExpression':
      return add(`${shown(node.left)} ${node.operator} ${shown(node.right, 30)}`, node.right.start);
    case 'SwitchCase':
      if (node.consequent.length === 0) return undefined;
      return add(node.test ? `case ${shown(node.test)}` : 'default', node.consequent[0].start);
    case 'CatchClause':
      return add('catch', node.body.start);
    case 'ForStatement':
    case 'ForOfStatement':
    case 'ForInStatement':
    case 'WhileStatement':
      return add(`loop ${shown(node, 40)}`, node.body.start);
    default:
      return undefined;
  }
}

function nameOf(node) {
  return node.type === 'FunctionDeclaration' ? node.id.name : undefined;
}

/** A function that is the value of a name. */
function ownName(node, key, text) {
  const isFunction = (one) => /Function|Arrow/.test(one?.type ?? '');
  if (node.type === 'VariableDeclarator' && key === 'init' && isFunction(node.init)) return node.id.name;
  if (node.type === 'Property' && key === 'value' && isFunction(node.value))
    return text.slice(node.key.start, node.key.end);
  return undefined;
}

function numbered(found) {
  const seen = new Map();
  return found.map((one) => {
    const times = (seen.get(one.name) ?? 0) + 1;
    seen.set(one.name, times);
    return times === 1 ? one : { ...one, name: `${one.name} (${times})` };
  });
}
