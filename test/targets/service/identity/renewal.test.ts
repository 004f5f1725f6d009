import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serveDevices } from '../../../../targets/service/dataPlane/devices.ts';
import { openIdentity } from '../../../../targets/service/identity/identity.ts';
import { keepCertificate } from '../../../../targets/service/identity/renewal.ts';
import { listenMqtt } from '../../../../targets/service/mqttListener.ts';

const DAY = 86_400_000;

test('the server certificate is renewed while the service runs: old connections stay, new ones see the new one', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-renewal-'));
  let days = -800;
  const identity = await openIdentity({ folder, hostName: 'bench-1', nowMillis: () => Date.now() + days * DAY });
  const { certificateId, certificatePem, keyPair } = await identity.issueCertificate();
  const principal = { certificateId, thingNames: ['t'], hearsEvents: false };
  const common = { host: '127.0.0.1', port: 0, ca: identity.caPem };
  const mqtt = await listenMqtt({
    ...common,
    ...identity.server,
    identify: async () => principal,
    onRequest: () => {},
    log: () => {},
    now: () => performance.now(),
  });
  const devices = await serveDevices({
    ...common,
    certificate: identity.server,
    dataPlane: { answer: async () => ({ body: {} }) },
    identify: async () => principal,
    log: () => {},
    onFailure: () => {},
  });
  const own = { host: '127.0.0.1', ca: identity.caPem, cert: certificatePem, key: keyPair.PrivateKey };
  const sockets: TLSSocket[] = [];
  const open = async (port: number) => {
    const socket = connect({ ...own, port });
    sockets.push(socket);
    await once(socket, 'secureConnect');
    return { socket, serial: socket.getPeerX509Certificate()!.serialNumber };
  };
  const agent = new Agent({ ...own, keepAlive: true, maxSockets: 1 });
  const ask = async () => {
    const asking = request({ host: own.host, port: devices.port, path: '/things/t/jobs', agent }).end();
    const [answer] = await once(asking, 'response');
    answer.resume();
    await once(answer, 'end');
    return [answer.statusCode, asking.reusedSocket];
  };
  const said: string[] = [];
  let look = async () => {};
  const end = keepCertificate({
    identity,
    serve: (certificate) => {
      for (const listener of [mqtt, devices]) listener.setCertificate(certificate);
    },
    log: (level, message) => void said.push(`${level} ${message}`),
    every: (_millis, run) => {
      look = async () => run();
      return () => {};
    },
  });
  try {
    const before = await Promise.all([mqtt.port, devices.port].map(open));
    assert.equal(await ask(), [200, false]);
    await look();
    assert.equal(said, [], 'it does not end soon: nothing happens');

    days = 0;
    await look();
    assert.equal(said, ["info the server's certificate was renewed: new connections are served with it"]);
    const after = await Promise.all([mqtt.port, devices.port].map(open));
    for (const [index, { serial }] of after.entries()) assert.is.not(serial, before[index]!.serial);
    assert.is(after[0]!.serial, after[1]!.serial);
    assert.equal(await ask(), [200, true], 'the old connection is served on');
    assert.not.ok(before[0]!.socket.destroyed);

    const stranger = connect({ host: '127.0.0.1', port: mqtt.port, ca: identity.caPem });
    const [error] = await once(stranger, 'error');
    assert.ok(error, 'who shows no certificate is refused as before');
    rmSync(folder, { recursive: true });
    days = 800;
    await look();
    assert.match(said.at(-1) ?? '', /^error the server's certificate could not be renewed, tried again in a day: /);
  } finally {
    end();
    agent.destroy();
    for (const socket of sockets) socket.destroy();
    await devices.close();
    await mqtt.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
