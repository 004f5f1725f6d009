import { encodePacket } from '../../../runtime/mqtt/codec.ts';
import {
  formatProvisioningTopic,
  type ProvisioningRequest,
  parseProvisioningFilter,
  parseProvisioningTopic,
} from '../../../runtime/provisioning/topics.ts';
import { layWire } from '../wire.ts';
import type { Scenario } from './stage.ts';

const REQUESTS: readonly ProvisioningRequest[] = (['json', 'cbor'] as const).flatMap((format) => [
  { operation: 'CreateKeysAndCertificate', format },
  { operation: 'CreateCertificateFromCsr', format },
  { operation: 'RegisterThing', templateName: 'fleet_1', format },
]);
/** Near them, and none of them. */
const OTHERS: readonly string[] = [
  '$aws/certificates/create/xml',
  '$aws/certificates/create-from/json',
  `$aws/provisioning-templates/${'x'.repeat(37)}/provision/json`,
  '$aws/provisioning-templates/a/b/provision/json',
];
const GRANTED = '01';
const REFUSED = '80';

export const PROVISIONING_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a board asks for another certificate over its own connection',
    why: 'A gateway that takes these topics for those of jobs, or of nobody, leaves a board with the certificate that it came with.',
    async play(stage) {
      const { world, cloud } = stage;
      let heard = '';
      const wire = cloud.accept('T0', (cloudEnd) => {
        const mine = {
          bytes: (bytes: Uint8Array) => void (heard += Buffer.from(bytes).toString('hex')),
          closed: () => void (heard += 'closed'),
        };
        return layWire(world, mine, cloudEnd);
      })!;
      const says = async (...packet: Parameters<typeof encodePacket>) => {
        heard = '';
        wire.fromBoard(encodePacket(...packet));
        await stage.pass(1);
        return heard;
      };
      await says({ type: 'CONNECT', clientId: 'anew', keepAliveSeconds: 60, cleanSession: true });
      const asks = (topicFilter: string) =>
        says({ type: 'SUBSCRIBE', packetIdentifier: 1, subscriptions: [{ topicFilter, qos: 1 }] });
      for (const request of REQUESTS) {
        const topicName = formatProvisioningTopic(request);
        for (const found of [parseProvisioningTopic(topicName), parseProvisioningFilter(`${topicName}/+`)])
          stage.expect(JSON.stringify(sorted(found)) === JSON.stringify(sorted(request)), `${topicName} is read again`);
        for (const level of ['accepted', 'rejected', '+'])
          stage.expect(
            (await asks(`${topicName}/${level}`)) === `90030001${GRANTED}`,
            `${topicName}/${level} is heard`,
          );
        stage.expect((await asks(`${topicName}/other`)) === `90030001${REFUSED}`, `${topicName}/other is not`);
        const before = cloud.provisioned.length;
        await says({
          ...{ type: 'PUBLISH', topicName, qos: 1, packetIdentifier: 2, dup: false, retain: false },
          payload: new Uint8Array(1),
        });
        stage.expect(heard === '40020002', `${topicName} is acknowledged: ${heard}`);
        stage.expect(cloud.provisioned.length === before + 1, `${topicName} is asked of who provisions`);
        stage.expect(cloud.provisioned.at(-1) === topicName, `it is asked as it was published`);
      }
      for (const topic of OTHERS)
        stage.expect((await asks(`${topic}/accepted`)) === `90030001${REFUSED}`, `${topic} is no topic of these`);
      wire.closeByBoard();
    },
  },
];

function sorted(request: ProvisioningRequest | undefined): [string, string][] {
  return Object.entries(request ?? {}).sort();
}
