/**
 * aws-iot-device-sdk-v2 on aws-crt, one client of it through a whole job life: `classic` is IotJobsClient on MQTT 3.1.1,
 * `classic5` the same on MQTT 5; `v2-311` and `v2-5` are IotJobsClientv2 on both. (`node v2.ts DOOR WHICH`)
 */
import * as sdk from 'aws-iot-device-sdk-v2';
import { IotJobsClientv2 } from 'aws-iot-device-sdk-v2/dist/iotjobs/iotjobsclientv2.js';
import * as assert from 'uvu/assert';
import { classicJobs } from './classicJobs.ts';
import { done, doorOf, next } from './stage.ts';
import { type JobsApi, life } from './v2Life.ts';

const { host, port, ca, cert, key, thingName } = doorOf(process.argv);
const which = process.argv[3]!;
/** Longer than any answer takes; what waits for one gives up then. */
const OPERATION_SECONDS_MAX = 20;
/** aws-crt's SubscriptionStatusEventType.SubscriptionEstablished, which the SDK does not hand on. */
const ESTABLISHED = 0;
const bounds = {
  maxRequestResponseSubscriptions: 8,
  maxStreamingSubscriptions: 2,
  operationTimeoutInSeconds: OPERATION_SECONDS_MAX,
};

if (which.endsWith('5')) await onMqtt5();
else await onMqtt311();
done();
// Connections are closed; what aws-crt keeps of its own threads is not ours to wait for.
process.exit(0);

async function onMqtt5(): Promise<void> {
  const { AwsIotMqtt5ClientConfigBuilder } = sdk.iot;
  const builder = AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(host, cert, key)
    .withCertificateAuthorityFromPath(undefined, ca)
    .withPort(port)
    .withConnectProperties({ clientId: `${thingName}-${which}`, keepAliveIntervalSeconds: 1200 });
  const connection = new sdk.mqtt5.Mqtt5Client(builder.build());
  connection.on('error', (error) => fail(`${error}`));
  connection.on('connectionFailure', ({ error }) => fail(`${error}`));
  const opened = next<{ connack: { reasonCode: number } }>(connection, 'connectionSuccess');
  connection.start();
  assert.is((await opened).connack.reasonCode, 0);
  if (which === 'classic5')
    await life(classicJobs(sdk.iotjobs.IotJobsClient.newFromMqtt5Client(connection)), thingName);
  else await withV2(IotJobsClientv2.newFromMqtt5(connection, bounds));
  const stopped = next(connection, 'stopped');
  connection.stop();
  await stopped;
  connection.close();
}

async function onMqtt311(): Promise<void> {
  const config = sdk.iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(cert, key)
    .with_certificate_authority_from_path(undefined, ca)
    .with_endpoint(host)
    .with_port(port)
    .with_clean_session(true)
    .with_client_id(`${thingName}-${which}`);
  const connection = new sdk.mqtt.MqttClient().new_connection(config.build());
  connection.on('error', (error) => fail(`${error}`));
  connection.on('interrupt', (error) => fail(`${error}`));
  assert.is(await connection.connect(), false); // no session was there
  if (which === 'classic') await life(classicJobs(new sdk.iotjobs.IotJobsClient(connection)), thingName);
  else await withV2(IotJobsClientv2.newFromMqtt311(connection, bounds));
  await connection.disconnect();
}

async function withV2(client: IotJobsClientv2): Promise<void> {
  const api: JobsApi = {
    describe: (request) => client.describeJobExecution(request),
    pending: (request) => client.getPendingJobExecutions(request),
    startNext: (request) => client.startNextPendingJobExecution(request),
    update: (request) => client.updateJobExecution(request),
    async listen(take) {
      const changed = client.createJobExecutionsChangedStream({ thingName });
      changed.on('incomingPublish', ({ message }) => take('notify', message));
      const nextChanged = client.createNextJobExecutionChangedStream({ thingName });
      nextChanged.on('incomingPublish', ({ message }) => take('notify-next', message));
      for (const stream of [changed, nextChanged]) {
        const open = next<{ type: number; error?: Error }>(stream, 'subscriptionStatus');
        stream.on('incomingPublishError', ({ error }) => fail(`${error}`));
        stream.open();
        const { type, error } = await open;
        assert.equal([type, error], [ESTABLISHED, undefined]);
      }
      return () => {
        changed.close();
        nextChanged.close();
      };
    },
    sendsFalse: false,
    refusalOf: (error) => (error as sdk.mqtt_request_response.ServiceError).modeledError as never,
  };
  await life(api, thingName);
  client.close();
}

function fail(reason: string): void {
  console.error('the connection failed:', reason);
  process.exit(1);
}
