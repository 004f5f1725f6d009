import { topicAliasMaximum } from './limits.ts';
import { REASON, ReasonedError } from './reasons.ts';
import type { Online } from './state.ts';

/**
 * The topic that a client of MQTT 5 means: an alias is first sent beside its topic, and then in its place (MQTT 5 §3.3.2.3.4).
 *
 * @throws ReasonedError
 */
export function resolveTopic(online: Online, topic: string, alias: number | undefined): string {
  if (alias === undefined) {
    if (topic === '')
      throw new ReasonedError(REASON.protocolError, 'MQTT 5 §3.3.2.1', 'PUBLISH without topic or alias');
    return topic;
  }
  if (alias > topicAliasMaximum)
    throw new ReasonedError(
      REASON.topicAliasInvalid,
      'MQTT 5 §3.3.2.3.4',
      `topic alias ${alias}: at most ${topicAliasMaximum}`,
    );
  online.topicAliases ??= new Map();
  if (topic !== '') online.topicAliases.set(alias, topic);
  const meant = online.topicAliases.get(alias);
  if (meant === undefined)
    throw new ReasonedError(REASON.protocolError, 'MQTT 5 §3.3.2.3.4', `topic alias ${alias} before its topic`);
  return meant;
}
