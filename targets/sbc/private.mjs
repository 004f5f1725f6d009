/**
 * What nobody outside of the agent's bundle sees is short in it: properties of its own have names of one letter, and the
 * words by which its parts speak to each other are numbers.
 */

/**
 * Private properties, a line for the objects of one kind. On a line no two get the same short name, so whatever can be
 * members of one object stand on one line; a name that is on several has one short name.
 *
 * Not one of these may be a member of something that Node gives or takes, a word on the wire, in the record, in a log line or in
 * the settings: those keep their names. Nor is one read by a computed name or asked for by `in`. One that is forgotten here
 * costs a few bytes, no more.
 */
export const PRIVATE_NAMES = linesOf(`
  askNext asked chance document doubt finished killAt lost online out pauseUntil runs saving setbacks stderrLines stopBy tokens untold cleaning repeating restarting stale timedOut timeoutAt timerSet
  attempts chance connectPacket effects framer held onlineSinceMillis options packetIdentifier receivedAtMillis sentAtMillis sessionPresent subscribes untilMillis
  clientId keepAliveSeconds packetIdentifier payload qos returnCode returnCodes sessionPresent subscriptions topicFilter topicName
  answer bytes payload qos record request retryAtMillis seed sessionPresent topic
  alpn clientId keepAliveSeconds retryMaxMillis subscribes warnings
  expect flag found items member optional
  about repeatAt request sent
  bytesMax chunk held heldBytes
  filters packet packetIdentifier pauseMillis resendAtMillis
  client runner wakeAt
  onBytes onClosed onOpened
  programs record
  ended mark tell work
  keepAliveSeconds mark retryMaxMillis tell warnings work
  child diedBy signalled
  generation mark record newest warning
  succeeded
  operation
  home
  json
  base
  sizeBytes refresh url
  reportedMillis have known url
  askNext asked chance cleaning document doubt facts finished killAt lost online out pauseUntil repeating restarting runs saving setbacks stale stderrLines stopBy timedOut timeoutAt timerSet tokens untold
  clientId facts keepAliveSeconds retryMaxMillis subscribes
  alpn claim configured credentials downloadBytesMax downloadKey keepAliveSeconds keyEngine keyFrom mark mqttPort proxyCredentials retryMaxMillis tell warnings work
  asking chance effects framer head holding honoursWait ids lookAt lookedAtMillis looking nextTopic stale subscribed waiting
  conclude converse document execute freshArgs print
  clientId listens
  install refresh remove
  folderOf isRunning kept save stop
  commands isHere running
  programs refreshed
  rows warnings
  chance count looks
  isHttps others
  body errorType
  answer bytes isHeld
  bytes holdSeconds request
  operation templateName
  module object pinFile
  worked
  endedAt
  credentials except
  hold use
  lock record
  ask
  asks
  csr
`);

/**
 * Private words: never printed, sent, recorded or given to Node. Those of a line are compared with each other, so no two of
 * them get the same number; a word of several lines has one.
 *
 * - what the runner is doing (Runner.at); `running` is a word of the record, too
 * - how the connection stands (Client.at)
 * - what the device, its runner and its client are told (on); `accepted` and `rejected` are words of topics, too, `start` and
 *   `stop` of handlers
 * - what they ask for (do); `close` and `exit` are words of Node, too, `log` of the settings, `run` of a build
 * - what a request is about (Asked.about)
 */
export const PRIVATE_WORDS = linesOf(`
  idle claiming reporting stopping resuming starting ending forgetting remembering parking
  online connecting subscribing stopped opening waiting
  wake online offline opened bytes closed exited output persisted unpersisted boot publish nextChanged
  wake write open persist signal ask message online offline
  own next progress final claim
`);

function linesOf(text) {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' '));
}

/** For each of the words the first of `shorts` that no other word of its lines has. */
function shortened(lines, shorts) {
  const given = new Map();
  for (const word of lines.flat()) {
    const taken = lines.filter((line) => line.includes(word)).flatMap((line) => line.map((other) => given.get(other)));
    if (!given.has(word))
      given.set(
        word,
        shorts.find((short) => !taken.includes(short)),
      );
  }
  return given;
}

/** The letters that the bundle's variables begin with, so that gzip has fewer to tell apart. */
export const SHORT_NAMES = Object.fromEntries(shortened(PRIVATE_NAMES, [...'etnroisauclfdhgpmwbyvxkjqz']));

const NUMBERS = shortened(PRIVATE_WORDS, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);

/** Words of states and requests are handed to functions, too. Another one that is may be a name of something else. */
const [RUNNER_AT, CLIENT_AT, , , ABOUT] = PRIVATE_WORDS;
const ARGUMENTS = [RUNNER_AT, CLIENT_AT, ABOUT].flat();

/** Where a private word may stand: kept, compared or handed to a function of the bundle. */
const PLACES = {
  BinaryExpression: ({ operator }) => operator === '===' || operator === '!==',
  SwitchCase: () => true,
  AssignmentExpression: () => true,
  ConditionalExpression: () => true,
  LogicalExpression: () => true,
  ReturnStatement: () => true,
  Property: ({ value }, word) => value === word,
  CallExpression: ({ callee }, { value }) => callee.type !== 'MemberExpression' && ARGUMENTS.includes(value),
};

/**
 * Puts its number in the place of each private word.
 *
 * @param program  the whole bundle, as ESTree has it; changed in place
 * @throws         Error when one stands where it could leave the bundle
 */
export function numberWords(program) {
  walk(program, (node, parent) => {
    const number = node.type === 'Literal' ? NUMBERS.get(node.value) : undefined;
    if (number === undefined) return;
    if (!PLACES[parent.type]?.(parent, node))
      throw new Error(`the private word '${node.value}' stands in a ${parent.type}: it could leave the agent`);
    Object.assign(node, { value: number, raw: `${number}` });
  });
}

/** Every node under `node`, with the one above it. */
export function walk(node, visit, parent) {
  if (Array.isArray(node)) for (const one of node) walk(one, visit, parent);
  else if (node?.type) {
    visit(node, parent);
    for (const member of Object.values(node)) if (typeof member === 'object') walk(member, visit, node);
  }
}
