/**
 * What a qualified device must do, row by row of AWS IoT Device Advisor's test cases (Developer Guide), with the files that people
 * deploy against a server that misbehaves on purpose. The agents' clock runs fast; pauses are judged by what the agent says and
 * by what the server sees, never by how long the test took. The same rows on a virtual clock: clock.test.ts here, and
 * test/runtime/mqtt/client.test.ts. Which row is shown where: rows.ts.
 */
import net, { type AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import type { Child } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { makeCertificate, type Pair } from '../../transports/certificates.ts';
import { AGENTS, is, JOBS, open, type Room, roomSuite, SPEED, start, trigger } from './room.ts';

const advisor = roomSuite('Device Advisor');

/** The pauses that the agent said it would make, seconds. */
const pausesOf = ({ lines }: Child) =>
  lines.flatMap((line) => / next try in ([\d.]+) s/.exec(line)?.[1] ?? []).map(Number);

/** Exponential with jitter: each within an end that doubles, not one like another, and growing as a whole. */
function judge(pauses: readonly number[]): void {
  const isWithin = (pause: number, n: number) => pause <= Math.min(120, 2 ** n) + 0.05;
  assert.ok(pauses.every(isWithin), `too long: ${pauses}`);
  assert.ok(new Set(pauses).size > pauses.length / 2, `no jitter: ${pauses}`);
  assert.ok(Math.max(...pauses.slice(4)) > Math.max(...pauses.slice(0, 2)), `they do not grow: ${pauses}`);
}

for (const [name, file] of Object.entries(AGENTS)) {
  advisor(
    `${name}: TLS_Connect, MQTT_Connect, MQTT_Subscribe, MQTT_Publish: SNI, a valid CONNECT, SUBSCRIBE, PUBLISH`,
    async (context) => {
      let name: unknown;
      const endpoint = await open(context, {
        answer: (_packet, _connection, _send, socket) => {
          name = (socket as { servername?: unknown }).servername;
          return false;
        },
      });
      start(context, endpoint, { file });
      const connect = await endpoint.packet(is('connect'));
      assert.ok(connect.cmd === 'connect' && connect.clientId === 'board' && connect.clean === false);
      const subscribe = await endpoint.packet(is('subscribe'));
      assert.ok(
        subscribe.cmd === 'subscribe' &&
          subscribe.subscriptions.every(({ topic, qos }) => topic.startsWith(JOBS) && qos === 1),
      );
      const publish = await endpoint.packet(is('publish'));
      assert.ok(publish.cmd === 'publish' && publish.topic === `${JOBS}/$next/get`);
      assert.is(name, 'localhost');
    },
  );

  advisor(
    `${name}: TLS_Receive_Maximum_Size_Fragments, MQTT_Client_Puback_Qos1: 0 bytes to 128 KB in the largest records`,
    async (context) => {
      // Whatever they are: nothing, nothing for an agent, and something with much in it.
      const payloads = ['', 'x'.repeat(131_072), `{"timestamp":1,"filler":"${'x'.repeat(131_000)}"}`];
      const endpoint = await open(context, {
        answer: ({ cmd }, _connection, send) => {
          if (cmd === 'publish') send(...payloads.map((payload, n) => trigger(5 + n, payload)));
          return false;
        },
      });
      start(context, endpoint, { file });
      for (const messageId of [5, 6, 7])
        await endpoint.packet((packet) => packet.cmd === 'puback' && packet.messageId === messageId);
    },
  );

  advisor(`${name}: TLS_Large_Size_Server_Cert: a chain of many certificates is taken`, async (context) => {
    const names = Array.from({ length: 400 }, (_, i) => `DNS:name-${i}.of-a-large-certificate.example`);
    const large = makeCertificate(context.folder, `large-${name}`, context.ca, ['DNS:localhost', ...names].join());
    assert.ok(large.cert.length > 20_000, `${large.cert.length} bytes`);
    const cert = Buffer.concat([large.cert, context.ca.cert, context.server.cert]);
    const endpoint = await open(context, {}, { ...large, cert });
    start(context, endpoint, { file });
    await endpoint.packet(is('publish'));
  });
}

// What the core decides is the same in both files.
advisor(`lean: MQTT_Connect_Jitter_Backoff_Retries: CONNACK withheld, six attempts and more`, async (context) => {
  const endpoint = await open(context, { answer: ({ cmd }) => cmd === 'connect' });
  const agent = start(context, endpoint);
  await endpoint.ended(8);
  const connects = endpoint.packets.filter(({ packet }) => packet.cmd === 'connect');
  const pauses = pausesOf(agent);
  judge(pauses);
  // On the wire none came sooner than was said.
  for (let i = 1; i < 8; i++) assert.ok((connects[i]!.at - connects[i - 1]!.at) * SPEED >= pauses[i - 1]! * 1000 - 100);
});

advisor(`lean: MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection: dropped right after CONNACK`, async (context) => {
  const endpoint = await open(context, {
    answer: ({ cmd }, _connection, send, socket) => {
      if (cmd !== 'connect') return false;
      send({ cmd: 'connack', returnCode: 0, sessionPresent: false });
      socket.end();
      return true;
    },
  });
  const agent = start(context, endpoint);
  await endpoint.ended(9);
  judge(pausesOf(agent));
});

advisor(
  `lean: MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect: disconnected, then CONNACK withheld`,
  async (context) => {
    const endpoint = await open(context, {
      answer: ({ cmd }, connection, _send, socket) => {
        if (connection === 1 && cmd === 'publish') socket.destroy();
        return connection > 1;
      },
    });
    const agent = start(context, endpoint);
    await endpoint.ended(8);
    judge(pausesOf(agent));
  },
);

advisor(
  `lean: MQTT_Publish_Retry_No_Puback: sent again with DUP and its packet id, on the same connection`,
  async (context) => {
    const endpoint = await open(context, { answer: ({ cmd }) => cmd === 'publish' });
    start(context, endpoint);
    const again = await endpoint.packet((packet) => packet.cmd === 'publish' && packet.dup);
    const first = await endpoint.packet(is('publish'));
    assert.is(again.messageId, first.messageId);
    assert.equal(new Set(endpoint.packets.map(({ connection }) => connection)), new Set([1]));
  },
);

advisor(
  `lean: MQTT_Subscribe_Retry_No_Suback: sent again with its packet id, on the same connection`,
  async (context) => {
    const endpoint = await open(context, { answer: ({ cmd }) => cmd === 'subscribe' });
    start(context, endpoint);
    const first = await endpoint.packet(is('subscribe'));
    const again = await endpoint.packet((packet) => packet.cmd === 'subscribe' && packet !== first);
    assert.equal(again, first);
    assert.is(endpoint.packets.at(-1)?.connection, 1);
  },
);

advisor(`lean: MQTT_No_Ack_PingResp: everything swallowed, it disconnects and comes again`, async (context) => {
  const endpoint = await open(context, { answer: ({ cmd }, connection) => connection === 1 && cmd !== 'connect' });
  const agent = start(context, endpoint, { flags: ['--keep-alive', '60'] });
  await endpoint.packet(is('pingreq'));
  await endpoint.packet(is('connect', 2));
  await agent.line(/no PINGRESP in time/);
});

for (const [row, sessionPresent] of [
  ['MQTT_Persistent_Session_Happy_Case: a session present is not subscribed again, its message is acknowledged', true],
  ['MQTT_Expired_Persistent_Session: a session that is lost is subscribed again', false],
] as const) {
  advisor(`lean: ${row}`, async (context) => {
    const endpoint = await open(context, {
      answer: ({ cmd }, connection, send, socket) => {
        if (cmd === 'publish' && connection === 1) socket.destroy();
        if (cmd !== 'connect' || connection === 1) return false;
        send({ cmd: 'connack', returnCode: 0, sessionPresent });
        if (sessionPresent) send(trigger(77, '{"timestamp":1}'));
        return true;
      },
    });
    start(context, endpoint);
    if (sessionPresent) assert.is((await endpoint.packet(is('puback', 2))).messageId, 77);
    await endpoint.packet(is('publish', 2));
    const subscribes = endpoint.packets.filter(({ packet }) => packet.cmd === 'subscribe').length;
    assert.is(subscribes, sessionPresent ? 1 : 2);
  });
}

advisor(
  'full, HTTPS: every connection is ended at once: it tries again, exponentially and with jitter',
  async (context) => {
    let connections = 0;
    const server = net.createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    context.opened.push(server);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as AddressInfo;
    const agent = start(context, { port }, { file: AGENTS.full, scheme: 'https://' });
    for (let from = 0; pausesOf(agent).length < 7; from = agent.lines.length)
      await agent.lineAfter(from, /next try in/);
    judge(pausesOf(agent));
    assert.ok(connections >= 7);
  },
);

const wrongCertificates: [row: string, pair: (room: Room) => Pair, alert: RegExp][] = [
  [
    'TLS_Expired_Server_Cert',
    ({ folder, ca }) => makeCertificate(folder, 'old', ca, 'DNS:localhost', [-9, -2]),
    /ALERT_CERTIFICATE_EXPIRED/,
  ],
  [
    'TLS_Incorrect_Subject_Name_Server_Cert',
    ({ folder, ca }) => makeCertificate(folder, 'other', ca, 'DNS:other.example'),
    /ALERT_BAD_CERTIFICATE/,
  ],
  [
    'TLS_Unsecure_Server_Cert',
    ({ folder, stranger }) => makeCertificate(folder, 'strange', stranger, 'DNS:localhost'),
    /ALERT_UNKNOWN_CA/,
  ],
];
for (const [row, pair, alert] of wrongCertificates) {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    advisor(
      `full: ${row}, ${maxVersion}: no handshake completes, and each attempt ends with an alert`,
      async (context) => {
        const endpoint = await open(context, { tls: { maxVersion } }, pair(context));
        const agent = start(context, endpoint, { file: AGENTS.full });
        await agent.line(/the server's certificate is refused/);
        await agent.lineAfter(agent.lines.length, /the server's certificate is refused/);
        assert.match(endpoint.handshakes[0]!, alert);
        assert.not.ok(endpoint.handshakes.includes('completed'));
        assert.is(endpoint.packets.length, 0);
      },
    );
  }
  advisor(`full, HTTPS: ${row}: no handshake completes, and the attempt ends with an alert`, async (context) => {
    const endpoint = await open(context, {}, pair(context));
    const agent = start(context, endpoint, { file: AGENTS.full, scheme: 'https://' });
    await agent.line(/the server's certificate is refused.*next try in/);
    assert.match(endpoint.handshakes[0]!, alert);
    assert.not.ok(endpoint.handshakes.includes('completed'));
  });
  advisor(`lean: ${row}: not one byte of MQTT is sent, and it tries again later`, async (context) => {
    const endpoint = await open(context, {}, pair(context));
    const agent = start(context, endpoint);
    await agent.line(/the server's certificate is refused.*next try in/);
    assert.is(endpoint.packets.length, 0);
  });
}

if (hasTool('openssl', 'openssl')) advisor.run();
