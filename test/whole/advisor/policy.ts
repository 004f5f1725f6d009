/** An AWS IoT policy as far as a device's needs it: what it allows, and what of it is more than a device needs. */

export interface Policy {
  Version: string;
  Statement: { Effect: string; Action: string; Resource: string | string[] }[];
}

/** What stands for the Thing that connects (Developer Guide, "Thing policy variables"). */
// biome-ignore lint/suspicious/noTemplateCurlyInString: so it stands in policies
const THING = '${iot:Connection.Thing.ThingName}';

/**
 * @param resource  what the ARN ends with behind account and colon: `client/NAME`, `topic/TOPIC`, `topicfilter/FILTER`, in which
 *                  the wildcards of MQTT are as other characters
 */
export function allows({ Statement }: Policy, thingName: string, action: string, resource: string): boolean {
  return Statement.some(
    ({ Effect, Action, Resource }) =>
      Effect === 'Allow' && Action === action && [Resource].flat().some((arn) => matches(arn, thingName, resource)),
  );
}

/** Whether one resource of a policy covers another one. */
export function matches(arn: string, thingName: string, resource: string): boolean {
  const pattern = arn
    .replace(/^arn:aws:iot:[^:]*:\d*:/, '')
    .replaceAll(THING, thingName)
    .replace(/[.+^$\\{}()|[\]]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(resource);
}

/**
 * What of a policy grants more than its Thing needs. By which rules Device Advisor says so is not published; ours: actions are
 * named in full; each resource has region and account, and names the Thing that connects; `*` stands for one job's name, which nobody knows before.
 *
 * @returns one sentence each
 */
export function excessOf({ Statement }: Policy): string[] {
  return Statement.flatMap(({ Effect, Action, Resource }) => {
    const wrongAction = Effect !== 'Allow' || !/^iot:(Connect|Publish|Subscribe|Receive)$/.test(Action);
    const wide = [Resource].flat().filter((arn) => {
      const [, own] = /^arn:aws:iot:[a-z0-9-]+:\d{12}:(?:client|topic|topicfilter)\/(.*)$/.exec(arn) ?? [];
      return !own?.includes(THING) || /[*?]/.test(own.replace('/jobs/*/', '/jobs/'));
    });
    return [...(wrongAction ? [`${Effect} ${Action}`] : []), ...wide.map((arn) => `${Action} on ${arn}`)];
  });
}
