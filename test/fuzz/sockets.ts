import { connect, type TLSSocket } from 'node:tls';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { DATA_BODY_BYTES_MAX } from '../../targets/service/dataPlane/limits.ts';
import { BODY_BYTES_MAX } from '../../targets/service/http/limits.ts';
import { listenMqtt } from '../../targets/service/mqttListener.ts';
import { assertModelled } from './answers.ts';
import { count, type Kind } from './kind.ts';
import { rawClient } from './rawHttp.ts';
import { openStage } from './stage.ts';
import { nastyText, THINGS } from './values.ts';

/** Most of a body that is too large that a service may take before it refuses: what sockets and TLS hold on both sides is among it. */
const TAKEN_OVER_LIMIT_MAX = 8_388_608;

const method = fc.constantFrom(
  'GET',
  'PUT',
  'POST',
  'PATCH',
  'DELETE',
  'get',
  'CONNECT',
  'PRI',
  '',
  ' ',
  'M'.repeat(300),
);
const url = fc.oneof(
  fc.constantFrom('/', '*', '', '/things', '/jobs?x=%', 'https://x/', 'x:1', `/${'a'.repeat(90_000)}`),
  nastyText,
);
const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'http/1.1', '', 'HTTP/1.1 x');
const header = fc.oneof(
  fc.constantFrom(
    'host: localhost',
    'host: a\r\nhost: b',
    'content-length: -1',
    'content-length: 5\r\ncontent-length: 6',
    'content-length: 99999999999999999999',
    'transfer-encoding: chunked\r\n\r\nzz\r\n',
    'transfer-encoding: chunked\r\ncontent-length: 3',
    'transfer-encoding: gzip, chunked',
    'expect: 100-continue',
    'expect: 200-ok',
    'connection: upgrade\r\nupgrade: websocket',
    'upgrade: h2c',
    'authorization: AWS4-HMAC-SHA256 Credential=a/20261123/x/iot/aws4_request, SignedHeaders=host, Signature=00',
    ' folded: x',
    'no colon',
    `x: ${'y'.repeat(70_000)}`,
    'x'
      .repeat(200)
      .split('')
      .map((name) => `${name}: 1`)
      .join('\r\n'),
  ),
  fc.tuple(nastyText, nastyText).map(([name, value]) => `${name}: ${value}`),
);
const http = fc
  .tuple(method, url, version, fc.array(header, { maxLength: 6 }), fc.uint8Array({ maxLength: 200 }))
  .map(([method, url, version, headers, body]) =>
    Buffer.concat([Buffer.from([`${method} ${url} ${version}`, ...headers, '', ''].join('\r\n')), body]),
  );
const bytes = fc.oneof(
  { weight: 6, arbitrary: http },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map((all) => Buffer.from(all)) },
);

/** Real connections of what is hardly HTTP or MQTT at all, and bodies without end. */
export const sockets: Kind = {
  name: 'raw bytes on sockets',
  share: 0.01,
  async run(cases, seed) {
    const stage = await openStage();
    const { plane, devices } = stage.world;
    const { certificatePem: cert, keyPair } = stage.device;
    const tally = new Map<string, number>();
    const tls = { host: '127.0.0.1', servername: 'localhost', ca: plane.identity.caPem };
    const own = { ...tls, cert, key: keyPair.PrivateKey };
    const mqtt = await listenMqtt({
      port: 0,
      host: '127.0.0.1',
      ca: plane.identity.caPem,
      ...plane.identity.server,
      identify: async () => ({ certificateId: 'c', thingNames: [THINGS[0]!] }),
      onRequest: () => {},
      log: () => {},
      now: () => performance.now(),
    });
    const doors = {
      operators: { ...tls, port: plane.https.port },
      devices: { ...own, port: devices.port },
      mqtt: { ...own, port: mqtt.port },
    };
    try {
      const door = fc.constantFrom(...(Object.keys(doors) as (keyof typeof doors)[]));
      await fc.assert(
        fc.asyncProperty(door, bytes, async (door, bytes) => {
          if (door === 'mqtt') {
            await untilClosed(connect(doors[door]), bytes);
            return count(tally, 'mqtt: closed');
          }
          const client = rawClient(doors[door]);
          const answer = await client.last(bytes);
          client.close();
          if (answer === undefined) return count(tally, `${door}: closed without an answer`);
          assertModelled(answer, undefined, {}, tally, 'GET');
        }),
        { numRuns: cases, seed },
      );
      for (const [door, limit] of [
        ['operators', BODY_BYTES_MAX],
        ['devices', DATA_BODY_BYTES_MAX],
      ] as const)
        for (const chunked of [false, true]) {
          const taken = await takenOfEndless(connect(doors[door]), chunked);
          assert.ok(taken <= limit + TAKEN_OVER_LIMIT_MAX, `${door} took ${taken} bytes of a body without end`);
          count(tally, `${door}: a body without end was refused`);
        }
      await stage.goOn(0);
    } finally {
      await mqtt.close();
      await stage.close();
    }
    return tally;
  },
};

/** Sends, says that nothing more comes, and waits for the other side to close. */
function untilClosed(socket: TLSSocket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => resolve());
    socket.resume().end(bytes);
  });
}

/** Sends a body as long as it is taken. @returns bytes of it that were written until the other side closed or answered */
async function takenOfEndless(socket: TLSSocket, chunked: boolean): Promise<number> {
  const piece = Buffer.alloc(65_536, 'x');
  const chunk = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  let over = false;
  let taken = 0;
  socket.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    for (const event of ['close', 'data'] as const)
      socket.on(event, () => {
        over = true;
        resolve();
      });
  });
  const length = chunked ? 'transfer-encoding: chunked' : 'content-length: 1000000000000';
  socket.write(`PUT /things/${THINGS[0]}/jobs/$next HTTP/1.1\r\nhost: localhost\r\n${length}\r\n\r\n`);
  while (!over && !socket.destroyed) {
    taken += piece.length;
    if (!socket.write(chunked ? chunk : piece))
      await Promise.race([ended, new Promise((resolve) => socket.once('drain', resolve))]);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  socket.destroy();
  return taken;
}
