import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as iot from '@aws-sdk/client-iot';
import { GetPendingJobExecutionsCommand, IoTJobsDataPlaneClient } from '@aws-sdk/client-iot-jobs-data-plane';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startService } from '../../../../targets/service/service.ts';
import { readServiceSettings } from '../../../../targets/service/settings.ts';

test('the service names its data plane in DescribeEndpoint(iot:Jobs), not in endpoints.json; who is deactivated is cut off', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'errand-data-plane-'));
  const settings = readServiceSettings(['--data', data, '--mqtt-port', '0', '--https-port', '0', '--data-port', '0']);
  if (settings === 'help' || 'faults' in settings) throw new Error('the flags are wrong');
  const service = await startService(settings, () => {});
  try {
    const endpoints = JSON.parse(readFileSync(service.endpointsFile, 'utf8'));
    assert.equal(Object.keys(endpoints).sort(), [
      'accessKeyId',
      'ca',
      'files',
      'https',
      'mqtts',
      'region',
      'secretAccessKey',
    ]);
    const own = {
      endpoint: endpoints.https,
      region: endpoints.region,
      credentials: endpoints,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(endpoints.ca) }) }),
    };
    const control = new iot.IoTClient(own);
    const { endpointAddress } = await control.send(new iot.DescribeEndpointCommand({ endpointType: 'iot:Jobs' }));
    assert.is(endpointAddress, service.data);
    assert.match(service.data, /^localhost:\d+$/);
    const operator = new IoTJobsDataPlaneClient(own);
    const missing = await operator
      .send(new GetPendingJobExecutionsCommand({ thingName: 'nobody' }))
      .catch((error) => error);
    assert.is(missing.name, 'ResourceNotFoundException');

    const thingName = 'board';
    await control.send(new iot.CreateThingCommand({ thingName }));
    const made = await control.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true }));
    await control.send(new iot.AttachThingPrincipalCommand({ thingName, principal: made.certificateArn! }));
    const held = request(`https://${service.data}/things/${thingName}/jobs`, {
      ca: readFileSync(endpoints.ca),
      cert: made.certificatePem,
      key: made.keyPair!.PrivateKey,
      headers: { prefer: 'wait=60' },
      agent: false,
    });
    // Refused where the request arrives behind the change, cut off where it is held already.
    const outcome = new Promise((resolve) => {
      held.on('error', () => resolve('cut')).on('response', ({ statusCode }) => resolve(statusCode));
    });
    held.end();
    const [socket] = await once(held, 'socket');
    await once(socket, 'secureConnect');
    const { certificateId } = made;
    await control.send(new iot.UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    assert.ok(['cut', 400].includes((await outcome) as string | number), `the outcome was ${await outcome}`);
    control.destroy();
    operator.destroy();
  } finally {
    await service.close();
    rmSync(data, { recursive: true, force: true });
  }
});

test('--data-port is 8443 unless it is given, and checked like the others', () => {
  const settings = readServiceSettings([]);
  assert.is(settings !== 'help' && 'dataPort' in settings && settings.dataPort, 8443);
  assert.equal(readServiceSettings(['--data-port', '70000']), {
    faults: ["--data-port is '70000': expected a port, 0 to 65535"],
  });
});

test.run();
