import { reservedSlashes, topicBytesMax, topicSlashesMax } from './limits.ts';

/** Why a topic cannot be published to, as a clause; undefined when it can. MQTT 3.1.1 §4.7, AWS IoT Core quotas. */
export function faultOfTopic(topic: string): string | undefined {
  if (topic === '') return 'an empty topic';
  if (/[+#]/.test(topic)) return 'a topic with a wildcard';
  return faultOfSize(topic);
}

/** True for a filter that MQTT itself forbids: empty, `+` or `#` beside other characters, `#` before the end. MQTT 3.1.1 §4.7.1. */
export function isMalformedFilter(filter: string): boolean {
  if (filter === '') return true;
  const levels = filter.split('/');
  return levels.some((level, i) =>
    level.includes('#') ? level !== '#' || i < levels.length - 1 : level.includes('+') && level !== '+',
  );
}

/** Why a topic or filter is beyond AWS's quotas; undefined when it is not. */
export function faultOfSize(topic: string): string | undefined {
  const bytes = Buffer.byteLength(topic);
  if (bytes > topicBytesMax) return `a topic of ${bytes} bytes: at most ${topicBytesMax}`;
  const slashes = topic.split('/').length - 1 - (topic.startsWith('$aws/') ? reservedSlashes : 0);
  if (slashes > topicSlashesMax) return `a topic of ${slashes} slashes: at most ${topicSlashesMax}`;
  return undefined;
}

/** Whether a filter covers a topic. A wildcard at the first level does not cover `$...` (MQTT 3.1.1 §4.7.2). */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  if (topic.startsWith('$') && isWildcardFirst(filter)) return false;
  const levels = filter.split('/');
  const names = topic.split('/');
  for (let i = 0; i < levels.length; i++) {
    if (levels[i] === '#') return true; // `a/#` covers `a` too: names[i] may be missing
    if (i >= names.length || (levels[i] !== '+' && levels[i] !== names[i])) return false;
  }
  return levels.length === names.length;
}

export function isWildcard(filter: string): boolean {
  return /[+#]/.test(filter);
}

export function isWildcardFirst(filter: string): boolean {
  return filter.startsWith('+') || filter.startsWith('#');
}
