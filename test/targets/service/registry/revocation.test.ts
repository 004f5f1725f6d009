import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import * as iot from '@aws-sdk/client-iot';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { generate, parser } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startService } from '../../../../targets/service/service.ts';
import { readServiceSettings } from '../../../../targets/service/settings.ts';

/** The SDK would say on stderr that it will want a newer Node. */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

test('a device is disconnected when its certificate is deactivated or detached, refused while it is, and let in again after', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'errand-revocation-'));
  const settings = readServiceSettings(['--data', data, '--mqtt-port', '0', '--https-port', '0', '--data-port', '0']);
  if (settings === 'help' || 'faults' in settings) throw new Error('the flags are wrong');
  const service = await startService(settings, () => {});
  try {
    const endpoints = JSON.parse(readFileSync(service.endpointsFile, 'utf8'));
    const ca = readFileSync(endpoints.ca);
    const client = new iot.IoTClient({
      endpoint: endpoints.https,
      region: endpoints.region,
      credentials: endpoints,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca }) }),
    });
    const thingName = 'board';
    await client.send(new iot.CreateThingCommand({ thingName }));
    const made = await client.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true }));
    const { certificateId, certificateArn: principal } = made;
    await client.send(new iot.AttachThingPrincipalCommand({ thingName, principal: principal! }));

    /** Connects with MQTT: the socket once the gateway has let it in, or 'refused' when it closed before. */
    const enter = async (): Promise<TLSSocket | 'refused'> => {
      const [host, port] = endpoints.mqtts.split(':');
      const socket = connect({
        host,
        port: Number(port),
        ca,
        cert: made.certificatePem!,
        key: made.keyPair!.PrivateKey!,
      });
      socket.on('error', () => {}); // 'close' always follows
      socket.write(
        generate({
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 4,
          clean: true,
          clientId: thingName,
          keepalive: 0,
        }),
      );
      const packets = parser();
      const connack = new Promise<'in'>((resolve) => packets.on('packet', () => resolve('in')));
      socket.on('data', (bytes) => packets.parse(bytes));
      const outcome = await Promise.race([connack, once(socket, 'close')]);
      return outcome === 'in' ? socket : 'refused';
    };
    const entered = async (): Promise<TLSSocket> => {
      const socket = await enter();
      if (socket === 'refused') throw new Error('the gateway did not let it in');
      return socket;
    };

    const first = await entered();
    const closed = once(first, 'close');
    await client.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    await closed;
    assert.is(await enter(), 'refused');
    await client.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
    const second = await entered();
    const detached = once(second, 'close');
    await client.send(new iot.DetachThingPrincipalCommand({ thingName, principal: principal! }));
    await detached;
    client.destroy();
  } finally {
    await service.close();
    rmSync(data, { recursive: true, force: true });
  }
});

test.run();
