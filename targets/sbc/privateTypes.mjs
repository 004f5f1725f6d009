/**
 * What the type checker knows of private names (private.mjs): which can meet in one object, and where one would leave the agent's
 * file or come into it. In the bundle such a member has another name than the one that is known outside.
 */
import path from 'node:path';
import { build } from 'esbuild';
import { SyntaxKind } from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { API, SignatureKind, TypeFlags } from 'typescript/unstable/sync';
import { agentOptions } from './bundle.mjs';
import { ALL_PARTS } from './partList.mjs';
import { PRIVATE_NAMES } from './private.mjs';

const ANYTHING = TypeFlags.Any | TypeFlags.Unknown | TypeFlags.NonPrimitive;

/** Most types that are looked through below one, in case they never end. */
const TYPES_MAX = 1_000;

/** Where an object is made, read or described. */
const HAS_MEMBERS = [
  is.isInterfaceDeclaration,
  is.isObjectBindingPattern,
  is.isObjectLiteralExpression,
  is.isTypeAliasDeclaration,
  is.isTypeLiteralNode,
];

/** The sources of the agent with every part and handlers of one's own, full paths. */
export async function agentSources(root) {
  const options = { ...agentOptions('0.0.0', [...ALL_PARTS, 'custom']), absWorkingDir: root, metafile: true };
  const { inputs } = (await build(options)).metafile;
  return Object.keys(inputs).flatMap((file) => (file.endsWith('.ts') ? [path.join(root, file)] : []));
}

/**
 * The faults of sources of the project that `config` describes, one sentence for each, with file and line.
 *
 * @param files  their paths, full ones
 * @param names  the private ones, in lines as PRIVATE_NAMES has them
 */
export function privateFaults(config, files, names = PRIVATE_NAMES) {
  return withProject(config, (faultsOf) => faultsOf(files, names));
}

/** Starts the type checker once for several searches: `ask` is given what answers them. */
export function withProject(config, ask) {
  const api = new API();
  try {
    const { checker, program } = api.updateSnapshot({ openProject: config }).getProject(config);
    return ask((files, names = PRIVATE_NAMES) => {
      const types = typesOf(checker, new Set(names.flat()));
      const nodes = files.flatMap((file) => nodesOf(program.getSourceFile(file)));
      const faults = [reads, keys, flows, claims].flatMap((find) => find(checker, types, nodes));
      faults.push(...meetings(checker, types, nodes, names));
      return faults.map(([node, text]) => `${placeOf(node, path.dirname(config))}: ${text}`);
    });
  } finally {
    api.close();
  }
}

function nodesOf(source) {
  const nodes = [];
  const visit = (node) => {
    nodes.push(node);
    node.forEachChild(visit);
  };
  source.forEachChild(visit);
  return nodes;
}

function placeOf(node, root) {
  const source = node.getSourceFile();
  return `${path.relative(root, source.fileName)}:${source.text.slice(0, node.getStart()).split('\n').length}`;
}

/** What is asked of types, each question once: every one is a message to the checker's process. */
function typesOf(checker, names) {
  const once =
    (ask, known = new Map()) =>
    (of) => {
      if (!known.has(of.id)) known.set(of.id, ask(of));
      return known.get(of.id);
    };
  /** `own`: written in our sources; `outside`: Node's, the language's, or a text; undefined: found nowhere. */
  const origin = once(({ declarations }) => {
    if (declarations.length === 0) return undefined;
    const isOutside = (one) => /\/node_modules\/|^bundled:/.test(one.path) || isQuoted(one.resolve()?.name);
    return declarations.some(isOutside) ? 'outside' : 'own';
  });
  const symbol = once((type) => type.getSymbol());
  const indexes = once((type) => checker.getIndexInfosOfType(type));
  const parts = once((type) =>
    type.isUnionType() || type.isIntersectionType() ? type.getTypes().flatMap((one) => parts(one)) : [type],
  );
  const isOurs = (type) => !symbol(type) || origin(symbol(type)) !== 'outside';
  /** Members with private names. */
  const members = once((type) =>
    checker.getPropertiesOfType(checker.getApparentType(type) ?? type).filter(({ name }) => names.has(name)),
  );
  const own = once((type) =>
    members(type)
      .filter((one) => origin(one) === 'own')
      .map(({ name }) => name),
  );
  /** The types of what is in it. A function's is not: it carries nothing over a border. */
  const below = once((type) => {
    if (type.isTypeReference() && !isOurs(type)) return checker.getTypeArguments(type);
    if (!type.isObjectType() || !isOurs(type) || checker.getSignaturesOfType(type, SignatureKind.Call).length > 0)
      return [];
    const inside = checker.getTypeOfSymbol(checker.getPropertiesOfType(type));
    return [...inside.filter((one) => one), ...indexes(type).map(({ valueType }) => valueType)];
  });
  /** Private names of ours that it has, or something in it. */
  const deep = once((type) => {
    const seen = new Map();
    const found = new Set();
    const waiting = [...parts(type)];
    for (let at = waiting.pop(); at && seen.size < TYPES_MAX; at = waiting.pop()) {
      if (seen.has(at.id)) continue;
      seen.set(at.id, at);
      if (!at.isObjectType()) continue;
      if (isOurs(at)) for (const name of own(at)) found.add(name);
      waiting.push(...below(at).flatMap(parts));
    }
    return [...found];
  });
  /** Whether it can have members of any name: it came from outside, or goes there. */
  const isOpen = once((type) =>
    parts(type).some(
      (one) =>
        one.flags & ANYTHING ||
        (one.isObjectType() && indexes(one).some(({ keyType }) => keyType.flags & TypeFlags.String)),
    ),
  );
  const member = (type, name) =>
    parts(type)
      .flatMap(members)
      .find((one) => one.name === name);
  return { names, origin, parts, members, own, deep, isOpen, member };
}

/** A name that keeps its spelling in the bundle. */
const isQuoted = (name) => Boolean(name) && (is.isComputedPropertyName(name) || is.isStringLiteral(name));

/** Objects with two private names that no line has together: they could have got the same short one. */
function meetings(checker, { parts, members }, nodes, lines) {
  const objects = nodes.flatMap((node) => {
    if (is.isPropertyAccessExpression(node)) return [node.expression];
    return HAS_MEMBERS.some((is) => is(node)) ? [node] : [];
  });
  const faults = new Map();
  checker.getTypeAtLocation(objects).forEach((type, i) => {
    const found = type ? parts(type).flatMap(members) : [];
    const names = [...new Set(found.map(({ name }) => name))].sort();
    if (!lines.some((line) => names.every((name) => line.includes(name))))
      faults.set(`${names}`, [
        objects[i],
        `${names.join(' and ')} meet in one object, but stand on no line of PRIVATE_NAMES together`,
      ]);
  });
  return [...faults.values()];
}

/** Private names by which something is read that is not ours: `document.operation` of a JsonObject, `{ base }` of a parsed path. */
function reads(checker, { names, origin, member }, nodes) {
  const read = nodes.filter(
    (node) =>
      (is.isPropertyAccessExpression(node) && names.has(node.name.text)) ||
      (is.isBindingElement(node) && is.isObjectBindingPattern(node.parent) && names.has(readBy(node)?.text)),
  );
  const objects = checker.getTypeAtLocation(read.map((node) => node.expression ?? node.parent));
  return read.flatMap((node, i) => {
    const { text } = node.name && node.expression ? node.name : readBy(node);
    const symbol = objects[i] && member(checker.getNonNullableType(objects[i]) ?? objects[i], text);
    return symbol && origin(symbol) === 'own'
      ? []
      : [[node, `'${text}' is read, which is private, from what is not the agent's own`]];
  });
}

/** What a binding takes out of its object by a name; undefined for `...rest` and texts. */
function readBy({ dotDotDotToken, propertyName, name }) {
  const by = propertyName ?? name;
  return !dotDotDotToken && is.isIdentifier(by) ? by : undefined;
}

/** Texts that are keys of an object of ours: `settings[name]`, `'base' in given`. */
function keys(checker, { parts, own }, nodes) {
  const asked = nodes.flatMap((node) => {
    if (is.isElementAccessExpression(node)) return [[node, node.argumentExpression, node.expression]];
    const isIn = is.isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.InKeyword;
    return isIn ? [[node, node.left, node.right]] : [];
  });
  const texts = checker.getTypeAtLocation(asked.map(([, key]) => key));
  const objects = checker.getTypeAtLocation(asked.map(([, , object]) => object));
  return asked.flatMap(([node], i) => {
    const text = texts[i] && (checker.getBaseConstraintOfType(texts[i]) ?? texts[i]);
    const words = text
      ? parts(text)
          .filter((one) => one.isStringLiteralType())
          .map(({ value }) => value)
      : [];
    const names = words.length > 0 && objects[i] ? parts(objects[i]).flatMap(own) : [];
    const both = words.filter((word) => names.includes(word));
    return both.map((name) => [node, `'${name}' is asked for by its text, but the member is private`]);
  });
}

/** Objects with private names that become something open (JSON, `unknown`, a Record, what Node takes), and the other way. */
function flows(checker, types, nodes) {
  const given = nodes.filter(isGiven);
  const from = checker.getTypeAtLocation(given.map(innermost));
  return given.flatMap((node, i) => {
    const { deep, isOpen, parts, own } = types;
    const names = from[i] ? (looksOnly(node.parent) ? parts(from[i]).flatMap(own) : deep(from[i])) : [];
    const isIncoming = from[i] && names.length === 0 && isOpen(from[i]);
    if (names.length === 0 && !isIncoming) return [];
    if (looksOnly(node.parent)) return names.map((name) => [node, `'${name}' is private, but asked for as a text`]);
    const target = is.isAsExpression(node.parent)
      ? checker.getTypeFromTypeNode(node.parent.type)
      : checker.getContextualType(node);
    if (!target) return [];
    if (isIncoming) return deep(target).map((name) => [node, `'${name}' would come from outside, but is private`]);
    if (isOpen(target)) return names.map((name) => [node, `'${name}' would go outside, but is private`]);
    return taken(types, names, target).map((name) => [node, `'${name}' is private, but not where it goes`]);
  });
}

/** `value is Request` of something open, and a listener of Node's that takes what it is told for one. */
function claims(checker, { deep, isOpen }, nodes) {
  const incoming = (node, type) =>
    deep(type).map((name) => [node, `'${name}' would come from outside, but is private`]);
  return nodes.flatMap((node) => {
    if (is.isTypePredicateNode(node) && node.type) {
      const { parameters = [] } = node.parent;
      const of = parameters.find(({ name }) => name.text === node.parameterName.text);
      return of && isOpen(checker.getTypeAtLocation(of)) ? incoming(node, checker.getTypeFromTypeNode(node.type)) : [];
    }
    if (!is.isArrowFunction(node) || !node.parameters.some(({ type }) => type)) return [];
    const context = checker.getContextualType(node);
    const [listener] = context
      ? checker.getSignaturesOfType(checker.getNonNullableType(context), SignatureKind.Call)
      : [];
    return node.parameters.flatMap((parameter, i) => {
      const given = parameter.type && listener && checker.getParameterType(listener, i);
      return given && isOpen(given) ? incoming(parameter, checker.getTypeFromTypeNode(parameter.type)) : [];
    });
  });
}

/** Members that what `target` describes has under the same name, but not as one of ours. */
function taken({ member, origin }, names, target) {
  return names.filter((name) => {
    const symbol = member(target, name);
    return symbol && origin(symbol) !== 'own';
  });
}

/** Whether a value goes somewhere here, of another type perhaps. */
function isGiven(node) {
  const { parent } = node;
  if (is.isArrowFunction(node)) return false;
  if (is.isCallExpression(parent) || is.isNewExpression(parent)) return parent.arguments?.includes(node);
  if (is.isVariableDeclaration(parent)) return parent.initializer === node && parent.type;
  // `x as unknown as T` is what x as T is.
  if (is.isAsExpression(parent)) return parent.expression === node && !is.isAsExpression(parent.parent);
  if (is.isPropertyAssignment(parent)) return parent.initializer === node;
  if (is.isShorthandPropertyAssignment(parent)) return parent.name === node;
  if (is.isArrowFunction(parent)) return parent.body === node && !is.isBlock(node);
  if (is.isBinaryExpression(parent))
    return parent.right === node && parent.operatorToken.kind === SyntaxKind.EqualsToken;
  return is.isReturnStatement(parent) || is.isArrayLiteralExpression(parent);
}

function innermost(node) {
  return is.isAsExpression(node) && is.isAsExpression(node.parent) ? innermost(node.expression) : node;
}

/** `Object.keys` and its like: they see the names that lie on top. */
function looksOnly(call) {
  return is.isCallExpression(call) && /^Object\.(keys|entries|hasOwn)$/.test(call.expression.getText());
}
