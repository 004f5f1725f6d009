const MQTT = 'runtime/mqtt';
const GATEWAY = 'targets/service/gateway';

export const HTTPS_WAY = [
  {
    name: 'take the answer of a proxy for the service’s',
    file: 'runtime/device/jobsOverHttps.ts',
    find: 'return code ? [false, { code, message, ...(executionState && { executionState }) }] : undefined;',
    replace: 'return code ? [false, { code, message, ...(executionState && { executionState }) }] : [true, {}];',
  },
  {
    name: 'tell a device of its next job once only',
    file: 'runtime/device/mqttOverHttps.ts',
    find: 'if (way.subscribed) publish(',
    replace: 'if (way.subscribed && !way.head) publish(',
  },
  {
    name: 'take the text of a document for the document',
    file: 'runtime/device/jobsOverHttps.ts',
    find: 'return { ...members, jobDocument: JSON.parse(jobDocument) };',
    replace: 'return members;',
  },
  {
    name: 'take every refusal for one of a proxy',
    file: 'runtime/device/jobsOverHttps.ts',
    find: 'const [, type] = /(\\w+)Exception\\b/.exec(',
    replace: 'const [, type] = /^(\\w+)Exception$/.exec(',
  },
];

export const MQTT_ON_THE_DEVICE = [
  {
    name: 'never make the pauses between connects short again',
    file: `${MQTT}/connection.ts`,
    find: "if (client.at === 'online' && now - client.onlineSinceMillis >= STABLE_MILLIS) client.attempts = 0;",
    replace: '',
  },
  {
    name: 'never make the pauses between connects longer',
    file: `${MQTT}/connection.ts`,
    find: 'RETRY_MILLIS_BASE * 2 ** client.attempts++',
    replace: 'RETRY_MILLIS_BASE / 10',
  },
  {
    name: 'never send PINGREQ',
    file: `${MQTT}/connection.ts`,
    find: 'return Math.min(sentAtMillis, receivedAtMillis) + (options.keepAliveSeconds * 1000 || Infinity);',
    replace: 'return Infinity;',
  },
  {
    name: 'take a PINGREQ for its answer',
    file: `${MQTT}/connection.ts`,
    find: 'client.untilMillis = now + Math.min(PINGRESP_MILLIS_MAX, client.options.keepAliveSeconds * 400);',
    replace: 'client.receivedAtMillis = now;',
  },
  {
    name: 'give each message of the device the same packet identifier',
    file: `${MQTT}/client.ts`,
    find: 'const packetIdentifier = qos && nextPacketIdentifier(client);',
    replace: 'const packetIdentifier = qos && 2;',
  },
  {
    name: 'forget a message of the device when it was sent, not when it was acknowledged',
    file: `${MQTT}/client.ts`,
    find: "if (client.at === 'online') sendDue(client);",
    replace: "if (client.at === 'online') {\n    sendDue(client);\n    client.held = [];\n  }",
  },
  {
    name: 'send a message of the device again without DUP',
    file: `${MQTT}/connection.ts`,
    find: 'one.resendAtMillis ? duplicate(one.packet) : one.packet',
    replace: 'one.packet',
  },
  {
    name: 'trust "session present" after a CONNACK that may have been lost',
    // By seeds it takes a connection that is cut in those milliseconds, after a service that has forgotten the session.
    world: 'scenarios',
    plays: 'a CONNACK is lost',
    file: `${MQTT}/connection.ts`,
    find: "if (client.at === 'connecting') client.subscribes = client.options.subscribes;",
    replace: '',
  },
  {
    name: 'take the rest of a packet for a new one',
    file: `${MQTT}/framer.ts`,
    find: 'framer.heldBytes += part.length;',
    replace: 'framer.heldBytes += part.length + 1;',
  },
  {
    name: 'never acknowledge a message',
    file: `${MQTT}/arriving.ts`,
    find: '  if (qos) send(client, encodeAcknowledgement(PACKET_TYPE.PUBACK, packetIdentifier));\n',
    replace: '',
  },
  {
    name: 'keep the bytes of the connection before',
    file: `${MQTT}/connection.ts`,
    find: '  client.framer = createFramer();\n',
    replace: '',
  },
];

export const GATEWAY_OF_THE_SERVICE = [
  {
    name: 'forget a message of the service when it was sent, not when it was acknowledged',
    file: `${GATEWAY}/session.ts`,
    find: 'transmit(gateway, session, packetIdentifier, message, false);',
    replace:
      'transmit(gateway, session, packetIdentifier, message, false);\n      release(gateway, session, packetIdentifier);',
  },
  {
    name: 'give each message of the service the same packet identifier',
    file: `${GATEWAY}/session.ts`,
    find: 'do session.lastPacketIdentifier = (session.lastPacketIdentifier % 65_535) + 1;\n  while (session.inFlight.has(session.lastPacketIdentifier));',
    replace: 'session.lastPacketIdentifier = 1;',
  },
  {
    name: 'keep a client that is silent for ever',
    file: `${GATEWAY}/connect.ts`,
    find: 'now + connection.online.patienceMillis',
    replace: 'now + 100 * connection.online.patienceMillis',
  },
  {
    name: 'end a session with its connection, though it was to be kept',
    file: `${GATEWAY}/session.ts`,
    find: 'if (session.expiryMillis === 0) return endSession(gateway, session);',
    replace: 'return endSession(gateway, session);',
  },
  {
    name: 'lose the subscriptions of a session that is resumed',
    file: `${GATEWAY}/session.ts`,
    find: 'if (refusalOfSubscribe(principal, filter) === undefined) continue;',
    replace: '',
  },
  {
    name: 'count the bytes of a message twice when it is acknowledged',
    file: `${GATEWAY}/session.ts`,
    find: 'session.heldBytes -= bytes;\n  gateway.heldBytes -= bytes;',
    replace: 'session.heldBytes -= bytes;\n  gateway.heldBytes -= 2 * bytes;',
  },
  {
    name: 'send a message of the service again without DUP',
    file: `${GATEWAY}/session.ts`,
    find: 'inFlight.get(again) as Message, true);',
    replace: 'inFlight.get(again) as Message, false);',
  },
  {
    name: 'leave a client two connections',
    file: `${GATEWAY}/connect.ts`,
    find: '  if (holder?.connection !== undefined) displace(holder.connection);\n',
    replace: '',
  },
];

export const PROVISIONING = [
  {
    name: 'take CBOR for JSON',
    file: 'runtime/provisioning/topics.ts',
    find: 'const format = found as PayloadFormat;',
    replace: "const format: PayloadFormat = 'json';",
  },
  {
    name: 'take a request for a signed certificate for one with new keys',
    file: 'runtime/provisioning/topics.ts',
    find: "certificates === 'create' ?",
    replace: 'certificates !== undefined ?',
  },
  {
    name: 'keep the things of a certificate from another one',
    file: `${GATEWAY}/authorise.ts`,
    find: 'if (claims === undefined) return !open && thingNames.length > 0;',
    replace: 'if (claims === undefined) return !open && thingNames.length === 0;',
  },
];
