import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import nodeTls from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Connect, Transport } from '../../../transports/transport.ts';
import { type GuardedTlsOptions, guardedTls } from '../../../transports/ways/guardedTls.ts';
import { inOrder } from '../../../transports/ways/inOrder.ts';
import { proxyTo } from '../../../transports/ways/proxy.ts';
import { hasTool } from '../../tools.ts';
import { makeCa, makeCertificate, type Pair } from '../certificates.ts';
import { hello, openServers } from '../peers.ts';
import { startProxy, type TestProxy } from './connectProxy.ts';

const test = suite('ways');

const { all: servers, listen, close } = openServers();
test.after(close);

const proxy = async (credentials?: string): Promise<TestProxy> => {
  const made = await startProxy(credentials);
  servers.push(made);
  return made;
};

if (hasTool('openssl', 'openssl')) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-ways-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const ca = makeCa(folder, 'ca');
  const server = makeCertificate(folder, 'server', ca, 'DNS:localhost');
  const device = makeCertificate(folder, 'device', ca);
  const stranger = makeCa(folder, 'stranger');

  const serve = async (pair: Pair, options: nodeTls.TlsOptions = {}) => {
    const saw: string[] = [];
    const listener = nodeTls.createServer(
      { cert: pair.cert, key: pair.key, ca: ca.cert, requestCert: true, ...options },
      (socket) => {
        saw.push('completed');
        socket.on('error', () => {});
        socket.on('data', (portion) => socket.write(`${portion} ${socket.servername} ${socket.getCipher().name}`));
      },
    );
    const refused = new Promise<void>((resolve) =>
      listener.on('tlsClientError', (error: NodeJS.ErrnoException) => {
        saw.push(error.code ?? error.message);
        resolve();
      }),
    );
    return { port: await listen(listener), saw, refused };
  };
  const dial = (port: number, options: Partial<GuardedTlsOptions> = {}) =>
    guardedTls({ host: 'localhost', port, ca: ca.cert, cert: device.cert, key: device.key, ...options });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const rows: [name: string, pair: () => Pair, alert: RegExp][] = [
      [
        'TLS_Expired_Server_Cert',
        () => makeCertificate(folder, 'old', ca, 'DNS:localhost', [-9, -2]),
        /ALERT_CERTIFICATE_EXPIRED/,
      ],
      [
        'TLS_Incorrect_Subject_Name_Server_Cert',
        () => makeCertificate(folder, 'other', ca, 'DNS:other.example'),
        /ALERT_BAD_CERTIFICATE/,
      ],
      [
        'TLS_Unsecure_Server_Cert',
        () => makeCertificate(folder, 'strange', stranger, 'DNS:localhost'),
        /ALERT_UNKNOWN_CA/,
      ],
    ];
    for (const [name, pair, alert] of rows) {
      test(`${name}, ${maxVersion}: refused by an alert, and the handshake does not complete`, async () => {
        const { port, saw, refused } = await serve(pair(), { maxVersion });
        assert.match((await hello(dial(port))).join(), /^localhost:\d+: the server's certificate is refused/);
        await refused;
        assert.is(saw.length, 1, saw.join());
        assert.match(saw[0]!, alert);
      });
    }
  }

  test('TLS_Support_AWS_IoT_Cipher_Suites: offers the recommended ones and none that AWS does not have', async () => {
    const offered = new Promise<Buffer>((resolve) => {
      void listen(net.createServer((socket) => socket.once('data', resolve).on('error', () => {}))).then((port) =>
        dial(port)().onClosed(() => {}),
      );
    });
    const hello = await offered;
    const at = 5 + 4 + 2 + 32; // record, handshake, version, random
    const suites = at + 1 + hello[at]!;
    const count = hello.readUInt16BE(suites) / 2;
    const found = Array.from({ length: count }, (_, i) => hello.readUInt16BE(suites + 2 + 2 * i).toString(16));
    // IANA's numbers; the last one says that renegotiation is safe, and is no suite.
    const allowed = ['1301', '1302', '1303', 'c02b', 'c02f', 'c02c', 'c030', 'ff'];
    assert.equal(
      found.filter((suite) => !allowed.includes(suite)),
      [],
    );
    assert.ok(found.includes('c02b') && found.includes('c02f'));
  });

  test('a proxy is asked for the server by name, with credentials when there are any; inside it is the same TLS', async () => {
    const { port } = await serve(server);
    for (const credentials of [undefined, 'user:pass word']) {
      const { port: at, asked } = await proxy(credentials);
      const seen = await hello(dial(port, { proxy: { host: '127.0.0.1', port: at, credentials } }));
      assert.match(seen.join(), /^opened,hello localhost TLS_AES_\w+,closed$/);
      const authorization = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
      assert.equal(asked, [{ target: `localhost:${port}`, authorization }]);
    }
  });

  test('what a proxy refuses is said in one sentence, never with credentials in it', async () => {
    const { port } = await serve(server);
    const { port: at } = await proxy('right:one');
    const through = (credentials?: string) =>
      hello(dial(port, { proxy: { host: '127.0.0.1', port: at, credentials } })).then((seen) => seen.join());
    assert.match(await through(), /^proxy 127\.0\.0\.1:\d+: it wants credentials: CONNECT localhost:\d+ was answered/);
    const wrong = await through('wrong:secret');
    assert.match(wrong, /it refuses the credentials/);
    assert.not.match(wrong, /secret|d3Jvbmc/);
    const noProxy = await listen(net.createServer((socket) => socket.end('220 smtp\r\n\r\n')));
    const dialed = (to: number) =>
      hello(dial(port, { proxy: { host: '127.0.0.1', port: to } })).then((seen) => seen.join());
    assert.match(await dialed(noProxy), /it does not answer as an HTTP proxy does$/);
    const silent = await listen(net.createServer((socket) => socket.end()));
    assert.match(await dialed(silent), /it closed the connection without an answer$/);
    const open = await proxy();
    assert.match(
      (await hello(dial(1, { proxy: { host: '127.0.0.1', port: open.port } }))).join(),
      /it refuses: CONNECT localhost:1 was answered with HTTP\/1\.1 502/,
    );
  });

  test('a wire that is closed while its proxy is asked says so once', async () => {
    const never = await listen(net.createServer((socket) => socket.on('error', () => {})));
    const wire = dial(1, { proxy: { host: '127.0.0.1', port: never } })();
    const closed = new Promise((resolve) => wire.onClosed(resolve));
    wire.onOpened(() => {});
    wire.onBytes(() => {});
    wire.close();
    assert.is(await closed, undefined);
  });
}

test('a host that is excepted, or lies below a name that is, has no proxy', () => {
  const through = (host: string, ...except: string[]) => proxyTo(host, { host: 'p', port: 1, except }, 'me:secret');
  const hosts = ['example.com', 'jobs.Example.com', 'nonexample.com', 'example.com.org', '::1'];
  const proxied = (...except: string[]) => hosts.filter((host) => through(host, ...except));
  assert.equal(proxied('', 'example.com'), ['nonexample.com', 'example.com.org', '::1']);
  assert.equal([proxied('::1'), proxied('*'), proxied()], [hosts.slice(0, 4), [], hosts]);
  assert.is(through('a')!.credentials, 'me:secret');
  assert.is(proxyTo('a', undefined), undefined);
});

/** A way that does what a test says. */
function scripted() {
  const wires: { opened(): void; bytes(): void; closed(reason?: string): void; wasClosed: boolean }[] = [];
  const connect: Connect = (): Transport => {
    const wire = { opened: () => {}, bytes: () => {}, closed: (_?: string) => {}, wasClosed: false };
    wires.push(wire);
    return {
      onOpened: (tell) => void (wire.opened = tell),
      onBytes: (take) => void (wire.bytes = () => take(new Uint8Array(1))),
      onClosed: (tell) => void (wire.closed = tell),
      write: () => true,
      close: () => {
        wire.wasClosed = true;
        wire.closed();
      },
    };
  };
  return { wires, connect };
}

test('ways are taken in their order, round and round, until one answers; a better one ends it when it can be reached', () => {
  const [mqtt, alpn, web] = [scripted(), scripted(), scripted()];
  const said: string[] = [];
  const connect = inOrder(
    [
      { name: 'mqtt', connect: mqtt.connect },
      { name: 'alpn', connect: alpn.connect },
      { name: 'web', connect: web.connect },
    ],
    (what) => said.push(what),
    (order) => [order, order.at === 0 ? undefined : 0],
  );
  const open = () => {
    const wire = connect();
    const told: (string | undefined)[] = [];
    wire.onOpened(() => {});
    wire.onBytes(() => {});
    wire.onClosed((reason) => told.push(reason));
    return { wire, told };
  };
  open();
  mqtt.wires[0]!.closed('refused');
  const second = open();
  second.wire.close(); // CONNACK withheld: the device itself gave it up
  const third = open();
  assert.equal([mqtt.wires.length, alpn.wires.length, web.wires.length], [1, 1, 1]);
  assert.equal(said, ['trying alpn', 'trying web']);
  web.wires[0]!.bytes();
  return new Promise<void>((resolve) => {
    const wait = () => {
      if (mqtt.wires.length < 2) return void setImmediate(wait);
      mqtt.wires[1]!.closed('still refused');
      assert.is(alpn.wires.length, 2, 'then the next better one');
      alpn.wires[1]!.opened();
      assert.ok(web.wires[0]!.wasClosed);
      assert.equal(third.told, ['alpn can be reached again']);
      assert.ok(alpn.wires[1]!.wasClosed, 'the look itself ends');
      open();
      assert.is(alpn.wires.length, 3);
      resolve();
    };
    wait();
  });
});

test.run();
