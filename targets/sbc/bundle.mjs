/** How the agent becomes one small file: options for esbuild, and the last step after it. */

/** Started by `#!`: Node then leaves its 144 built-in root certificates unread; only the configured CA is trusted. */
const SHEBANG = '#!/usr/bin/env -S node --use-openssl-ca';

/**
 * Properties that nobody outside of the bundle sees, each given a short name in it. Not one of these may be a member of
 * something that Node gives or takes, a word on the wire, in the record, in a log line or in the settings: those keep
 * their names. Nor is one read by a computed name or asked for by `in`. One that is forgotten here costs a few bytes, no more.
 */
export const PRIVATE_NAMES = `
  about alpn answer askNext asked attempts because bytesMax chance chunk cleanSession client clientId connectPacket
  device document doubt dup effects extras fields filters finished found framer fromClient fromRunner generation
  groups held heldBytes keepAliveSeconds killAt lines newest onBytes onClosed onOpened online onlineSinceMillis
  operation options out packet packetIdentifier packets pauseMillis pauseUntil payload persist programs qos
  readRecord receivedAtMillis record repeatAt request requestTopic resendAtMillis retain retryAtMillis
  retryMaxMillis returnCode returnCodes run runner running runs saving seed sent sentAtMillis sessionPresent
  setbacks signalled spawnOptions stopBy subscribePackets subscribed subscribes subscriptions tell toClient toRunner
  topic topicFilter topicName untilMillis untold wakeAt warn warning warnings what withoutDetails work
`
  .trim()
  .split(/\s+/);

/** What esbuild is told. `version` is shown by `--version`. */
export function agentOptions(version) {
  return {
    entryPoints: ['targets/sbc/start.ts'],
    bundle: true,
    platform: 'node',
    charset: 'utf8',
    format: 'esm',
    target: 'node18',
    minify: true,
    legalComments: 'none',
    mangleProps: new RegExp(`^(${PRIVATE_NAMES.join('|')})$`),
    define: { ERRAND_VERSION: JSON.stringify(version) },
    write: false,
    logLevel: 'error',
  };
}

/**
 * The bundle as CommonJS, which Node starts soonest. Unlike esbuild's own, each function of Node's modules keeps the
 * short name that it has as an import, and each module is asked for once.
 *
 * @param code  a minified ES module that imports by name only
 */
export function toCommonJs(code) {
  const names = new Map();
  const body = code.replace(/import\{([^}]+)\}from"([^"]+)";/g, (_, list, module) => {
    const taken = list.replaceAll(' as ', ':');
    names.set(module, names.has(module) ? `${names.get(module)},${taken}` : taken);
    return '';
  });
  if (/\b(import|export)(\s+\w+\s+from)?\s*[{*"]/.test(body))
    throw new Error('the agent imports or exports in an unforeseen way');
  const modules = [...names].map(([module, list]) => `{${list}}=require("${module}")`);
  return `${SHEBANG}\n"use strict";const ${modules.join(',')};${body}`;
}
