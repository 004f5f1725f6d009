import type { JsonValue } from '../../../runtime/jobs/json.ts';
import { SUBSTITUTIONS_MAX, UPLOAD_VARIABLE_USES_MAX } from './limits.ts';

/** A URL in a document that is signed whenever a device is given the document (control-plane §8). */
export interface SignedUrl {
  method: 'GET' | 'PUT';
  /** As written; in an upload's key `${thingName}`, `${jobId}`, `${executionNumber}` stand for the execution's; empty: none was given. */
  url: string;
  /** How bucket and key are written: `plain` (v1) as they are, `percent` (v2) encoded, `legacy` in the old form of either. */
  encoding: 'legacy' | 'plain' | 'percent';
}

/** What an execution puts into the key of an upload. */
export interface UploadVariables {
  thingName: string;
  jobId: string;
  executionNumber: number;
}

/** What a document asks to be put into it, or the sentence that tells why it cannot be. */
export type Substitutions = { signed: SignedUrl[] } | { fault: string };

/** @param document  parsed; placeholders are looked for in its strings */
export function substitutionsIn(document: JsonValue): Substitutions {
  const found: string[] = [];
  for (const text of stringsIn(document)) {
    const parts = partsOf(text);
    if (parts === undefined) return { fault: 'One or more parameters or placeholders are not terminated.' };
    found.push(...parts.filter((part) => part.startsWith('${aws:iot:')));
  }
  if (found.length > SUBSTITUTIONS_MAX)
    return { fault: `The document has ${found.length} placeholders: at most ${SUBSTITUTIONS_MAX} are allowed` };
  const signed: SignedUrl[] = [];
  for (const placeholder of found) {
    const one = read(placeholder);
    if (typeof one === 'string') return { fault: one };
    signed.push(one);
  }
  return { signed };
}

/** A document with the URL that `sign` gives in place of each placeholder. */
export async function substitute(
  document: JsonValue,
  variables: UploadVariables,
  sign: (url: SignedUrl) => Promise<string>,
): Promise<JsonValue> {
  if (typeof document === 'string') return substituteIn(document, variables, sign);
  if (Array.isArray(document)) return Promise.all(document.map((one) => substitute(one, variables, sign)));
  if (typeof document !== 'object' || document === null) return document;
  const entries = Object.entries(document).map(async ([key, value]) => [key, await substitute(value, variables, sign)]);
  return Object.fromEntries(await Promise.all(entries));
}

async function substituteIn(
  text: string,
  variables: UploadVariables,
  sign: (url: SignedUrl) => Promise<string>,
): Promise<string> {
  const parts = (partsOf(text) ?? [text]).map(async (part) => {
    const url = part.startsWith('${aws:iot:') ? read(part) : part;
    return typeof url === 'string' ? part : sign({ ...url, url: filled(url.url, variables) });
  });
  return (await Promise.all(parts)).join('');
}

function filled(url: string, variables: UploadVariables): string {
  return url.replaceAll(VARIABLE, (_, name: keyof UploadVariables) => String(variables[name]));
}

const VARIABLE = /\$\{(thingName|jobId|executionNumber)\}/g;
const PRESIGNED = /^\$\{aws:iot:s3-presigned-url(|-v1|-v2|-upload)(?::(.*))?\}$/s;

/** One placeholder, or why it cannot be filled. */
function read(placeholder: string): SignedUrl | string {
  const shown = placeholder.slice(0, 100);
  const [, form, url = ''] = PRESIGNED.exec(placeholder) ?? [];
  if (form === undefined) {
    if (placeholder.startsWith('${aws:iot:parameter:'))
      return `The document has ${shown}: parameters are for managed templates only`;
    return `The document has ${shown}, which this service cannot fill`;
  }
  if (form === '-upload') return readUpload(url, shown);
  if (!isUrl(url) || url.includes('${'))
    return `The document has ${shown}: expected the URL of an object behind the colon`;
  return { method: 'GET', url, encoding: form === '-v1' ? 'plain' : form === '-v2' ? 'percent' : 'legacy' };
}

function readUpload(url: string, shown: string): SignedUrl | string {
  if (url === '') return { method: 'PUT', url, encoding: 'legacy' };
  const uses = [...url.matchAll(VARIABLE)].map(([, name]) => name as string);
  const over = uses.find((name) => uses.filter((one) => one === name).length > UPLOAD_VARIABLE_USES_MAX);
  if (over !== undefined) return `The document has ${shown}: \${${over}} may stand in a key twice at most`;
  if (url.replaceAll(VARIABLE, '').includes('${'))
    return `The document has ${shown}: a key may have \${thingName}, \${jobId}, \${executionNumber}`;
  // The bucket is the first part of the path, or of the host.
  const beforeKey = /^https?:\/\/(?:s3[.-][^/]*\/[^/]*|[^/]*)/.exec(url)?.[0] ?? '';
  if (!isUrl(url) || beforeKey.includes('${'))
    return `The document has ${shown}: expected https://s3.region.amazonaws.com/bucket/key, variables only in the key`;
  return { method: 'PUT', url, encoding: 'legacy' };
}

function isUrl(url: string): boolean {
  return /^https?:\/\/[^/\s]+\/[^\s]+$/.test(url);
}

function* stringsIn(document: JsonValue): Generator<string> {
  if (typeof document === 'string') yield document;
  else if (typeof document === 'object' && document !== null)
    for (const value of Object.values(document)) yield* stringsIn(value as JsonValue);
}

/** A text in parts: `${...}`, with what is nested in it, and what is between them; undefined where one does not end. */
function partsOf(text: string): string[] | undefined {
  const parts: string[] = [];
  let at = 0;
  for (let from = text.indexOf('${'); from !== -1; from = text.indexOf('${', at)) {
    const end = endOf(text, from);
    if (end === undefined) return undefined;
    parts.push(text.slice(at, from), text.slice(from, end));
    at = end;
  }
  return [...parts, text.slice(at)];
}

function endOf(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('${', at)) {
      depth++;
      at++;
    } else if (text[at] === '}' && --depth === 0) return at + 1;
  }
  return undefined;
}
