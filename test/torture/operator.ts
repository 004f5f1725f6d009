import { Agent } from 'node:https';
import * as iot from '@aws-sdk/client-iot';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import * as assert from 'uvu/assert';
import type { Credentials } from './lines.ts';
import type { Model, Seen } from './model.ts';
import type { Tortured } from './service.ts';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** The control plane through the AWS SDK. */
export interface Operator {
  /** Asks until it is answered, however often the service dies meanwhile. @throws the refusal */
  sure<T>(ask: (client: iot.IoTClient) => Promise<T>): Promise<T>;
  /** Registers a thing with a certificate. */
  enrol(thingName: string): Promise<Credentials>;
  /** Until it is acknowledged; then it is in the model. */
  createThing(thingName: string): Promise<void>;
  createJob(jobId: string, things: readonly string[]): Promise<void>;
  /** Undefined: there is none. */
  see(jobId: string, thingName: string, executionNumber: number): Promise<Seen | undefined>;
  close(): void;
}

export function openOperator({ endpoints, up }: Tortured, model: Model): Operator {
  const { https, region, accessKeyId, secretAccessKey, caPem } = endpoints;
  const client = new iot.IoTClient({
    endpoint: https,
    region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: caPem, keepAlive: true, maxSockets: 8 }) }),
  });
  const arnOf = (thingName: string) => `arn:aws:iot:${region}:123456789012:thing/${thingName}`;

  const sure: Operator['sure'] = async (ask) => {
    for (;;) {
      await up();
      try {
        return await ask(client);
      } catch (error) {
        const status = (error as iot.IoTServiceException).$metadata?.httpStatusCode;
        if (status !== undefined) throw error;
        model.counts.lost += 1;
      }
    }
  };
  return {
    sure,
    async enrol(thingName) {
      await sure((client) => client.send(new iot.CreateThingCommand({ thingName })));
      const made = await sure((client) => client.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true })));
      const principal = made.certificateArn!;
      await sure((client) => client.send(new iot.AttachThingPrincipalCommand({ thingName, principal })));
      model.things.add(thingName);
      return { thingName, cert: made.certificatePem!, key: made.keyPair!.PrivateKey! };
    },
    async createThing(thingName) {
      await sure((client) => client.send(new iot.CreateThingCommand({ thingName })));
      model.things.add(thingName);
    },
    async createJob(jobId, things) {
      const document = JSON.stringify({ jobId, things });
      const command = new iot.CreateJobCommand({
        jobId,
        document,
        targets: things.map(arnOf),
        jobExecutionsRetryConfig: { criteriaList: [{ failureType: 'TIMED_OUT', numberOfRetries: 1 }] },
      });
      // Where an earlier attempt was applied unheard, it exists: it is the same one, which the end looks at.
      await sure((client) => client.send(command)).catch((error: Error) => {
        assert.is(error.name, 'ResourceAlreadyExistsException', `${error}`);
      });
      model.jobs.set(jobId, { things: [...things], document });
    },
    async see(jobId, thingName, executionNumber) {
      const command = new iot.DescribeJobExecutionCommand({ jobId, thingName, executionNumber });
      const found = await sure((client) => client.send(command)).catch((error: Error) => {
        assert.is(error.name, 'ResourceNotFoundException', `${error}`);
        return undefined;
      });
      if (found === undefined) return undefined;
      const { status, versionNumber, statusDetails } = found.execution!;
      return { status: status!, versionNumber: versionNumber!, n: Number(statusDetails?.detailsMap?.n ?? 0) };
    },
    close: () => client.destroy(),
  };
}
