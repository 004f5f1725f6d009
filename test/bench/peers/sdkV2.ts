/** A job agent on aws-iot-device-sdk-v2: IotJobsClientv2 on MQTT 5, as its documentation has it. Arguments: work.ts */
import { iot, iotjobs, mqtt5 } from 'aws-iot-device-sdk-v2';
import { access, connected, ended, refused, work } from './work.ts';

const { host, port, ca, cert, key, thingName } = access;
/** aws-crt's SubscriptionStatusEventType.SubscriptionEstablished, which the SDK does not hand on. */
const ESTABLISHED = 0;
const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(host, cert, key)
  .withCertificateAuthorityFromPath(undefined, ca)
  .withPort(port)
  .withConnectProperties({ clientId: thingName, keepAliveIntervalSeconds: 60 });
const client = new mqtt5.Mqtt5Client(builder.build());
const jobs = iotjobs.IotJobsClientv2.newFromMqtt5(client, {
  maxRequestResponseSubscriptions: 4,
  maxStreamingSubscriptions: 2,
  operationTimeoutInSeconds: 60,
});
let working = false;
let isNextWaiting = false;

client.on('error', refused);
client.on('connectionFailure', ({ error }) => refused(error));
client.on('connectionSuccess', listen);
client.start();

function listen(): void {
  const offers = jobs.createNextJobExecutionChangedStream({ thingName });
  offers.on('subscriptionStatus', ({ type, error }) => {
    if (Number(type) !== ESTABLISHED) refused(error);
    connected();
    startNext().catch(refused);
  });
  offers.on('incomingPublish', ({ message }) => {
    if (message.execution?.jobId !== undefined) startNext().catch(refused);
  });
  offers.open();
}

async function startNext(): Promise<void> {
  isNextWaiting = true;
  if (working) return;
  working = true;
  while (isNextWaiting) {
    isNextWaiting = false;
    const { execution } = await jobs.startNextPendingJobExecution({ thingName });
    if (execution?.jobId === undefined) continue;
    const { jobId, versionNumber } = execution;
    await new Promise<void>((done) => work(done));
    const status = iotjobs.model.JobStatus.SUCCEEDED;
    await jobs.updateJobExecution({
      thingName,
      jobId,
      status,
      ...(versionNumber === undefined ? {} : { expectedVersion: versionNumber }),
    });
    ended(jobId);
  }
  working = false;
}
