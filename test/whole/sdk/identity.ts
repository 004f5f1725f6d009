/**
 * The identity clients of aws-iot-device-sdk-v2 with a claim certificate: IotIdentityClientv2 and IotIdentityClient on MQTT 5.
 * (`node identity.ts DOOR`)
 */
import * as sdk from 'aws-iot-device-sdk-v2';
import { IotIdentityClientv2 } from 'aws-iot-device-sdk-v2/dist/iotidentity/iotidentityclientv2.js';
import * as assert from 'uvu/assert';
import { makeCsr } from '../../targets/service/identity/csr.ts';
import { done, doorOf, next } from './stage.ts';

const { host, port, ca, cert, key } = doorOf(process.argv);
const templateName = 'fleet';
/** Longer than any answer takes; what waits for one gives up then. */
const OPERATION_SECONDS_MAX = 20;

const { AwsIotMqtt5ClientConfigBuilder } = sdk.iot;
await connected(AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(host, cert, key), 'claim-v2', v2);
await connected(
  AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(host, cert, key),
  'claim-v1',
  classic,
);
done();
process.exit(0);

async function connected(
  builder: sdk.iot.AwsIotMqtt5ClientConfigBuilder,
  clientId: string,
  work: (connection: sdk.mqtt5.Mqtt5Client) => Promise<void>,
): Promise<void> {
  builder
    .withCertificateAuthorityFromPath(undefined, ca)
    .withPort(port)
    .withConnectProperties({ clientId, keepAliveIntervalSeconds: 1200 });
  const connection = new sdk.mqtt5.Mqtt5Client(builder.build());
  connection.on('connectionFailure', ({ error }) => fail(`${error}`));
  const opened = next<{ connack: { reasonCode: number } }>(connection, 'connectionSuccess');
  connection.start();
  assert.is((await opened).connack.reasonCode, 0);
  await work(connection);
  const stopped = next(connection, 'stopped');
  connection.stop();
  await stopped;
  connection.close();
}

async function v2(connection: sdk.mqtt5.Mqtt5Client): Promise<void> {
  const client = IotIdentityClientv2.newFromMqtt5(connection, {
    maxRequestResponseSubscriptions: 8,
    maxStreamingSubscriptions: 2,
    operationTimeoutInSeconds: OPERATION_SECONDS_MAX,
  });
  const made = await client.createKeysAndCertificate({});
  const { certificateOwnershipToken } = made;
  const first = {
    templateName,
    certificateOwnershipToken: certificateOwnershipToken!,
    parameters: { SerialNumber: 'v2' },
  };
  const registered = await client.registerThing(first);
  assert.is(registered.thingName, 'pump-v2');
  const reasonOf = (error: unknown) => {
    const { statusCode, errorCode } = (error as { modeledError: sdk.iotidentity.model.V2ErrorResponse }).modeledError;
    return `${statusCode} ${errorCode}`;
  };
  const refused = (request: Promise<unknown>) => request.then(() => 'accepted', reasonOf);
  const csr = await client.createCertificateFromCsr({ certificateSigningRequest: await makeCsr() });
  assert.match(csr.certificatePem!, /BEGIN CERTIFICATE/);
  assert.is(
    await refused(client.createCertificateFromCsr({ certificateSigningRequest: 'x' })),
    '400 InvalidCertificateSigningRequest',
  );
  const none = { ...first, certificateOwnershipToken: csr.certificateOwnershipToken!, parameters: {} };
  assert.is(await refused(client.registerThing(none)), '400 InvalidParameters');
  assert.is(
    await refused(client.registerThing({ ...none, certificateOwnershipToken: 'x' })),
    '400 InvalidCertificateOwnershipToken',
  );
  client.close();
  // What it was given is an identity.
  const mine = sdk.iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromMemory(
    host,
    made.certificatePem!,
    made.privateKey!,
  );
  await connected(mine, 'pump-v2', async () => {});
}

async function classic(connection: sdk.mqtt5.Mqtt5Client): Promise<void> {
  const client = sdk.iotidentity.IotIdentityClient.newFromMqtt5Client(connection);
  const { AtLeastOnce } = sdk.mqtt.QoS;
  type Answer<T> = (error: unknown, answer?: T) => void;
  /** Subscribes to both answers, publishes, and gives the accepted one. */
  async function ask<T>(
    accepted: (take: Answer<T>) => Promise<unknown>,
    rejected: (take: Answer<unknown>) => Promise<unknown>,
    publish: () => Promise<unknown>,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fails: Answer<unknown> = (error, answer) => reject(new Error(JSON.stringify(error ?? answer)));
      accepted((error, answer) => (answer ? resolve(answer) : reject(error as Error)))
        .then(() => rejected(fails))
        .then(publish)
        .catch(reject);
    });
  }
  const certificateSigningRequest = await makeCsr();
  const { certificateOwnershipToken } = await ask<sdk.iotidentity.model.CreateCertificateFromCsrResponse>(
    (take) => client.subscribeToCreateCertificateFromCsrAccepted({}, AtLeastOnce, take),
    (take) => client.subscribeToCreateCertificateFromCsrRejected({}, AtLeastOnce, take),
    () => client.publishCreateCertificateFromCsr({ certificateSigningRequest }, AtLeastOnce),
  );
  const request = {
    templateName,
    certificateOwnershipToken: certificateOwnershipToken!,
    parameters: { SerialNumber: 'v1' },
  };
  const { thingName } = await ask<sdk.iotidentity.model.RegisterThingResponse>(
    (take) => client.subscribeToRegisterThingAccepted({ templateName }, AtLeastOnce, take),
    (take) => client.subscribeToRegisterThingRejected({ templateName }, AtLeastOnce, take),
    () => client.publishRegisterThing(request, AtLeastOnce),
  );
  assert.is(thingName, 'pump-v1');
}

function fail(reason: string): void {
  console.error('the connection failed:', reason);
  process.exit(1);
}
