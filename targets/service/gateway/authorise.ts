/**
 * Who may do what. "Own" is a thing that the principal's certificate is attached to.
 *
 *     topic or filter                          publish                        subscribe
 *     $aws/things/{own}/jobs/...               request to the service         yes
 *     $aws/things/{own}/jobs/.../accepted      taken, nobody hears it         yes
 *         (rejected, notify, notify-next)
 *     $aws/things/{own}/...                    taken, nobody hears it         yes
 *     $aws/things/{another}/...                disconnected                   0x80
 *     $aws/events/...                          disconnected                   a monitor, else 0x80
 *     $aws/things/+/..., $aws/#, other $...    disconnected                   0x80
 *     any $aws/... with RETAIN                 disconnected                   -
 *     $aws/certificates/create.../{format}     request to provisioning        its answers
 *     $aws/provisioning-templates/{any}/...    request to provisioning        its answers
 *     #                                        (not a topic)                  0x80
 *     +/..., second level things, + or #       (not a topic)                  0x80
 *     all others                               to whoever subscribed          yes
 *
 * Provisioning is for things, which may have their own certificate replaced, and for claim certificates. These reach nothing
 * but the topics of `$aws/certificates/` and of their own templates.
 *
 * A monitor is a principal of a thing that the service was started to give events to (`--events-to`). An open principal may
 * subscribe everywhere, and publish everywhere but on `$aws/events/`, where the service alone speaks; in a thing's jobs namespace it too makes requests, and RETAIN
 * on `$aws/` disconnects it too. AWS leaves this table to IoT policies; this is the policy of its guides, "a thing reaches
 * its own topics". The rows for `#` and `+/...` guard twice: no wildcard at the first level covers `$aws` anyway
 * (MQTT 3.1.1 §4.7.2), but a policy that grants a filter should not rest on how filters are matched.
 */
import { parseRequestTopic, type RequestTopic, thingOfTopic } from '../../../runtime/jobs/topics.ts';
import {
  type ProvisioningRequest,
  parseProvisioningFilter,
  parseProvisioningTopic,
} from '../../../runtime/provisioning/topics.ts';
import type { Principal } from './events.ts';

export type PublishVerdict =
  | { to: 'subscribers' }
  | { to: 'service'; thingName: string; request: RequestTopic | 'InvalidTopic' }
  | { to: 'provisioning'; request: ProvisioningRequest }
  /** Taken and acknowledged, and that is all. */
  | { to: 'nobody' }
  | { to: 'refused'; reason: string };

const SUBSCRIBERS: PublishVerdict = { to: 'subscribers' };
const NOBODY: PublishVerdict = { to: 'nobody' };
/** Where the service tells of jobs and executions. */
const EVENTS = '$aws/events/';
const CLAIMS_ONLY = 'a claim certificate reaches the topics of $aws/certificates/ and of its own templates alone';

/** @param topic  without fault: see `faultOfTopic` */
export function authorisePublish(principal: Principal, topic: string, retain: boolean): PublishVerdict {
  if (!topic.startsWith('$')) return principal.claims ? refused(CLAIMS_ONLY) : SUBSCRIBERS;
  if (retain && topic.startsWith('$aws/')) return refused('RETAIN is not taken on $aws/');
  const provisioning = parseProvisioningTopic(topic);
  if (provisioning && mayProvision(principal, provisioning)) return { to: 'provisioning', request: provisioning };
  if (principal.claims) return refused(CLAIMS_ONLY);
  if (topic.startsWith(EVENTS)) return refused('only the service publishes events');
  const thingName = thingOfTopic(topic);
  if (thingName === undefined || !(principal.open || principal.thingNames.includes(thingName)))
    return principal.open ? SUBSCRIBERS : refused('the topic is not of a thing of this certificate');
  const request = parseRequestTopic(topic);
  if (request !== undefined) return { to: 'service', thingName, request };
  const inJobs = topic.startsWith(`$aws/things/${thingName}/jobs/`);
  return principal.open && !inJobs ? SUBSCRIBERS : NOBODY;
}

/**
 * @param filter  well-formed: see `isMalformedFilter`
 * @returns why it is refused; undefined when it is granted
 */
export function refusalOfSubscribe(principal: Principal, filter: string): string | undefined {
  if (filter.startsWith('$share/')) return 'shared subscriptions are not offered';
  if (principal.open) return undefined;
  const provisioning = parseProvisioningFilter(filter);
  if (provisioning && mayProvision(principal, provisioning)) return undefined;
  if (principal.claims) return CLAIMS_ONLY;
  if (filter === '#') return '# reaches over every topic';
  if (/^\+\/(things|\+|#)(\/|$)/.test(filter)) return 'the filter would reach over $aws/things';
  if (!filter.startsWith('$')) return undefined;
  if (principal.hearsEvents && filter.startsWith(EVENTS)) return undefined;
  const thingName = thingOfTopic(filter);
  if (thingName === undefined || !principal.thingNames.includes(thingName))
    return 'the filter is not of a thing of this certificate';
  return undefined;
}

/** Which thing a thing's own certificate may ask for is looked at when it asks. */
function mayProvision({ claims, thingNames, open }: Principal, request: ProvisioningRequest): boolean {
  if (claims === undefined) return !open && thingNames.length > 0;
  return request.operation !== 'RegisterThing' || claims.includes(request.templateName);
}

/**
 * Whether a newcomer may take a client identifier over, with all that its session holds: the same certificate, or one
 * of the same thing (a certificate that replaces another).
 */
export function maySucceed(newcomer: Principal, owner: Principal): boolean {
  if (newcomer.open || newcomer.certificateId === owner.certificateId) return true;
  return newcomer.thingNames.some((name) => owner.thingNames.includes(name));
}

function refused(reason: string): PublishVerdict {
  return { to: 'refused', reason };
}
