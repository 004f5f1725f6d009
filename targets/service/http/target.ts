/** The request target (RFC 9112 §3.2.1), taken apart once. */
export interface Target {
  /** As received, still percent-encoded: this is what was signed. */
  path: string;
  /** Segments of the path, decoded after they were split: `%2F` does not split, `%24next` is `$next`. */
  segments: string[];
  /** Decoded; a name given more than once has a list. Has no prototype. */
  query: Record<string, string | string[]>;
}

/** @returns undefined when it is not a path with valid percent-encoding of UTF-8 */
export function readTarget(url: string): Target | undefined {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  if (!path.startsWith('/')) return undefined;
  try {
    return {
      path,
      segments: path.slice(1).split('/').map(decodeURIComponent),
      query: readQuery(mark === -1 ? '' : url.slice(mark + 1)),
    };
  } catch {
    return undefined; // decodeURIComponent: URIError
  }
}

/** '+' is itself, not a space: so do clients sign it. */
function readQuery(text: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null);
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeURIComponent(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decodeURIComponent(pair.slice(equals + 1));
    const before = query[name];
    if (before === undefined) query[name] = value;
    else if (typeof before === 'string') query[name] = [before, value];
    else before.push(value);
  }
  return query;
}
