import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import nodeTls from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tcp } from '../../transports/tcp.ts';
import { type TlsOptions, tls } from '../../transports/tls.ts';
import { guardedTls } from '../../transports/ways/guardedTls.ts';
import { hasTool } from '../tools.ts';
import { makeCa, makeCertificate, type Pair } from './certificates.ts';
import { hello, openServers } from './peers.ts';

const test = suite('wires');
const _bytes = (text: string) => new TextEncoder().encode(text);

const { listen, close } = openServers();
test.after(close);

test('tcp: bytes go both ways, a wanted close has no reason', async () => {
  const port = await listen(net.createServer((socket) => socket.pipe(socket)));
  assert.equal(await hello(tcp('127.0.0.1', port)), ['opened', 'hello', 'closed']);
});

test('tcp: what was written before close arrives', async () => {
  let got = 0;
  let arrived: (size: number) => void;
  const all = new Promise<number>((resolve) => {
    arrived = resolve;
  });
  const port = await listen(
    net.createServer((socket) => {
      socket.on('data', (portion) => {
        got += portion.length;
      });
      socket.on('end', () => arrived(got));
    }),
  );
  const wire = tcp('127.0.0.1', port)();
  wire.onOpened(() => {
    wire.write(new Uint8Array(4_000_000));
    wire.close();
  });
  assert.is(await all, 4_000_000);
});

test('tcp: close ends also with a peer that takes nothing, and before the connection stands', async () => {
  let held: net.Socket | undefined;
  const port = await listen(
    net.createServer((socket) => {
      held = socket.pause();
      socket.on('error', () => {});
    }),
  );
  const wire = tcp('127.0.0.1', port)();
  const closed = new Promise((resolve) => wire.onClosed(resolve));
  wire.onOpened(() => {
    wire.write(new Uint8Array(50_000_000));
    wire.close();
  });
  assert.is(await closed, undefined);
  held?.destroy();
  const early = tcp('127.0.0.1', port)();
  const gone = new Promise((resolve) => early.onClosed(resolve));
  early.close();
  assert.is(await gone, undefined);
});

test('tcp: the peer closes, refuses, or has no known name: each has its reason', async () => {
  const port = await listen(net.createServer((socket) => socket.end()));
  assert.equal(await hello(tcp('127.0.0.1', port)), ['opened', 'the peer closed the connection']);
  const gone = net.createServer();
  const free = await listen(gone);
  gone.close();
  await once(gone, 'close');
  assert.equal(await hello(tcp('127.0.0.1', free)), [
    `127.0.0.1:${free}: nothing listens there: connect ECONNREFUSED 127.0.0.1:${free}`,
  ]);
  assert.match(
    (await hello(tcp('no-such-host.invalid', 1)))[0]!,
    /^no-such-host\.invalid:1: .*name .*: getaddrinfo (ENOTFOUND|EAI_AGAIN) no-such-host\.invalid$/,
  );
});

if (hasTool('openssl', 'openssl')) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-tls-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const ca = makeCa(folder, 'ca');
  const stranger = makeCa(folder, 'stranger');
  const server = makeCertificate(folder, 'server', ca, 'DNS:localhost,IP:127.0.0.1');
  const device = makeCertificate(folder, 'device', ca);

  const serve = (pair: Pair, options: nodeTls.TlsOptions = {}) => {
    const listener = nodeTls.createServer(
      { cert: pair.cert, key: pair.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true, ...options },
      (socket) => {
        socket.on('error', () => {});
        socket.on('data', (portion) =>
          socket.write(
            `${portion} ${socket.getPeerCertificate().subject.CN} ${socket.servername} ${socket.alpnProtocol}`,
          ),
        );
      },
    );
    listener.on('tlsClientError', () => {});
    return listen(listener);
  };
  for (const [kind, way] of [
    ['tls', tls],
    ['guardedTls', guardedTls],
  ] as const) {
    const dial = (port: number, options: Partial<TlsOptions> = {}) =>
      way({ host: 'localhost', port, ca: ca.cert, cert: device.cert, key: device.key, ...options });

    test(`${kind}: both sides show who they are, the name is sent, ALPN only when asked for`, async () => {
      const port = await serve(server, { ALPNProtocols: ['x-amzn-mqtt-ca'] });
      assert.equal(await hello(dial(port)), ['opened', 'hello device localhost false', 'closed']);
      const asked = dial(port, { alpn: 'x-amzn-mqtt-ca', host: '127.0.0.1' });
      assert.equal(await hello(asked), ['opened', 'hello device false x-amzn-mqtt-ca', 'closed']);
    });

    test(`${kind}: one set of credentials serves many connections, TLS 1.2 as well`, async () => {
      const connect = dial(await serve(server, { maxVersion: 'TLSv1.2' }));
      for (let i = 0; i < 3; i += 1) assert.is((await hello(connect)).length, 3);
    });

    const refusals: [name: string, serve: () => Promise<number>, dial: Partial<TlsOptions>, reason: RegExp][] = [
      [
        'another authority signed it',
        () => serve(makeCertificate(folder, 'strange', stranger, 'DNS:localhost')),
        {},
        /: the server's certificate is refused: (unable to|self-signed).*certificate/,
      ],
      [
        'it signed itself',
        () => serve(stranger),
        {},
        /: the server's certificate is refused: self-signed certificate$/,
      ],
      [
        'it is for another host',
        () => serve(makeCertificate(folder, 'other', ca, 'DNS:other.example')),
        {},
        /: the server's certificate is refused: .*localhost.*DNS:other\.example$/,
      ],
      [
        'it is for another address',
        () => serve(makeCertificate(folder, 'named', ca, 'DNS:localhost')),
        { host: '127.0.0.1' },
        /: the server's certificate is refused: .*127\.0\.0\.1/,
      ],
      [
        'it has expired',
        () => serve(makeCertificate(folder, 'old', ca, 'DNS:localhost', [-9, -2])),
        {},
        /: the server's certificate is refused by this device's clock: certificate has expired$/,
      ],
      [
        'it is of the future',
        () => serve(makeCertificate(folder, 'new', ca, 'DNS:localhost', [2, 9])),
        {},
        /: the server's certificate is refused by this device's clock: certificate is not yet valid$/,
      ],
      [
        'it speaks no TLS',
        () => listen(net.createServer((socket) => socket.end('220 smtp ready\r\n'))),
        {},
        /: the server does not speak TLS 1\.2 or newer: wrong version number$/,
      ],
      [
        'it speaks TLS 1.1 at most',
        () => serve(server, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
        {},
        /: the server (does not speak TLS 1\.2 or newer|refuses: .*protocol version)/,
      ],
      [
        'it has no protocol that was asked for',
        () => serve(server, { ALPNProtocols: ['other'] }),
        { alpn: 'x-amzn-mqtt-ca' },
        /: the server refuses: .*no application protocol$/,
      ],
      [
        'it hangs up in the handshake',
        () => listen(net.createServer((socket) => socket.destroy())),
        {},
        /the peer (cut|closed) the connection/,
      ],
    ];
    for (const [name, start, options, reason] of refusals) {
      test(`${kind}: a server is refused when ${name}`, async () => {
        const seen = await hello(dial(await start(), options));
        assert.is(seen.length, 1, seen.join());
        assert.match(seen[0]!, reason);
      });
    }

    test(`${kind}: a server that hangs up at once may not accept the certificate`, async () => {
      const { cert, key } = makeCertificate(folder, 'unknown', stranger);
      for (const options of [{}, { maxVersion: 'TLSv1.2' }] as const) {
        const seen = await hello(dial(await serve(server, options), { cert, key }));
        assert.match(
          seen.at(-1)!,
          /the peer (cut|closed) the connection.*: it may not accept the device's certificate$/,
        );
      }
    });

    const rejections: [name: string, pair: () => Pair, version: string, reason: RegExp][] = [
      [
        'unknown',
        () => makeCertificate(folder, 'unknown', stranger),
        '-tls1_3',
        /: the server refuses: .*(unknown ca|certificate)/,
      ],
      [
        'unknown, TLS 1.2,',
        () => makeCertificate(folder, 'unknown', stranger),
        '-tls1_2',
        /: the server refuses: .*(unknown ca|certificate)/,
      ],
      [
        'expired',
        () => makeCertificate(folder, 'worn', ca, undefined, [-9, -2]),
        '-tls1_3',
        /: the server refuses: .*certificate expired$/,
      ],
    ];
    for (const [name, pair, version, reason] of rejections) {
      test(`${kind}: when the device's certificate is ${name} to a server that says so, the reason is passed on`, async () => {
        const { cert, key } = pair();
        const files = ['-cert', server.certFile, '-key', server.keyFile, '-CAfile', ca.certFile];
        const asks = ['-Verify', '1', '-verify_return_error', version, '-accept', '127.0.0.1:0'];
        const peer = spawn('openssl', ['s_server', ...files, ...asks], { stdio: ['pipe', 'pipe', 'ignore'] });
        try {
          let said = '';
          for await (const portion of peer.stdout.iterator({ destroyOnReturn: false }))
            if (/^ACCEPT .*:\d+$/m.test((said += portion))) break;
          const port = Number(/^ACCEPT .*:(\d+)$/m.exec(said)?.[1]);
          assert.match((await hello(dial(port, { cert, key }))).at(-1)!, reason);
        } finally {
          peer.kill();
        }
      });
    }

    test(`${kind}: a key that is not of the certificate, and what is no PEM, throw before anything is opened`, () => {
      assert.throws(() => dial(1, { key: server.key }), /key values mismatch/);
      assert.throws(() => dial(1, { cert: 'no PEM' }));
    });
  }
}

test.run();
