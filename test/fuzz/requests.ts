import fc from 'fast-check';
import type { Operation } from '../../targets/service/operations/operation.ts';
import { membersOf, NASTY_TEXTS, nastyText, STANDS_FOR, spoiled } from './values.ts';

/** A request of HTTP before it is signed. */
export interface Asked {
  method: string;
  /** Path and query, as they go out. */
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

type Row = Pick<Operation, 'method' | 'path' | 'input'>;

/** A request for one of the rows: nearly what it should be, with something wrong about the path, the query, a header or the body. */
export function requestOf(rows: fc.Arbitrary<Row>): fc.Arbitrary<Asked> {
  const changes = fc.record({
    method: sometimes(fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND')),
    path: sometimes(
      fc.oneof(
        fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`),
        segment.map((more) => (path: string) => `${path}/${more}`),
        fc.constantFrom(
          '//',
          '/',
          '/.',
          '/things/../jobs',
          '/%',
          '/jobs/%2F',
          '/jobs/a%00',
          `/jobs/${'a'.repeat(8_000)}`,
        ),
      ),
    ),
    query: sometimes(fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.join('&'))),
    headers: sometimes(fc.dictionary(headerName, headerValue, { maxKeys: 4 })),
  });
  return rows
    .chain((row) => fc.tuple(fc.constant(row), membersOf(row.input, 40), changes))
    .chain(([row, given, changes]) => {
      const inBody = Object.fromEntries(Object.entries(given).filter(([name]) => row.input[name]?.in === 'body'));
      const json = JSON.stringify(inBody);
      return spoiled(fc.constant(json === '{}' && row.method !== 'POST' ? '' : json)).map((body) => {
        const path =
          typeof changes.path === 'function' ? changes.path(pathOf(row, given)) : (changes.path ?? pathOf(row, given));
        const query = changes.query ?? queryOf(row, given);
        const url = query === '' ? path : `${path}?${query}`;
        const method = changes.method ?? row.method;
        return { method, url, headers: { ...headersOf(row, given), ...changes.headers }, body };
      });
    });
}

/** The request with `known` in the place of what stands for it. */
export function filledIn(asked: Asked, known: Record<keyof typeof STANDS_FOR, string>): Asked {
  const fill = (text: string, write: (value: string) => string) =>
    (Object.keys(STANDS_FOR) as (keyof typeof STANDS_FOR)[]).reduce(
      (filled, name) => filled.replaceAll(write(STANDS_FOR[name]), write(known[name])),
      text,
    );
  const headers = Object.entries(asked.headers).map(([name, value]) => [name, fill(value, (one) => one)]);
  const inJson = (value: string) => JSON.stringify(value).slice(1, -1);
  return {
    ...asked,
    url: fill(asked.url, encodeURIComponent),
    headers: Object.fromEntries(headers),
    body: Buffer.from(fill(asked.body.toString('latin1'), inJson), 'latin1'),
  };
}

/** All of a request, as it goes out. */
export function bytesOf({ method, url, body }: Asked, headers: Record<string, string>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${url} HTTP/1.1\r\n${lines.join('')}content-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

function sometimes<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 11, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

/** Longer ones would fill what Node takes of a head, which raw bytes on sockets try. */
const CHARS_IN_URL_MAX = 300;
/** Of an object its JSON: as it comes it may have a `toString` of its own. */
const textOf = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : `${value}`);
/** Percent-encoded, and what is no UTF-16 left out. */
const encoded = (value: unknown) =>
  encodeURIComponent(
    textOf(value)
      .replace(/[\ud800-\udfff]/g, '')
      .slice(0, CHARS_IN_URL_MAX),
  );
const printable = (value: unknown) =>
  textOf(value)
    .replace(/[^\x20-\x7e]/g, '')
    .slice(0, CHARS_IN_URL_MAX)
    .trim();
const segment = fc.oneof(
  nastyText.map(encoded),
  fc.constantFrom('things', 'jobs', 'thing-groups', 'tags', 'T1', 'a', '$next', '%24next', '%ff', '%zz', '..', '.', ''),
);
const pair = fc
  .tuple(
    fc.constantFrom('maxResults', 'nextToken', 'status', 'force', 'executionNumber', '__proto__', '', '%'),
    segment,
  )
  .map(([name, value]) => `${name}=${value}`);
const headerName = fc.constantFrom(
  'prefer',
  'accept',
  'content-type',
  'x-amzn-principal',
  'cookie',
  'x-forwarded-for',
  'expect-not',
  'te',
  '__proto__',
  'x-amz-target',
);
const headerValue = fc.oneof(
  fc.constantFrom(
    '',
    'wait=',
    'wait=-1',
    'application/x-www-form-urlencoded',
    'text/plain; charset=utf-16',
    'a'.repeat(4_000),
  ),
  fc.constantFrom(...NASTY_TEXTS).map((text) => text.replace(/[^\x20-\x7e]/g, '').trim()),
);

function pathOf({ path }: Row, given: Record<string, unknown>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encoded(given[name] ?? ''));
}

function queryOf({ input }: Row, given: Record<string, unknown>): string {
  const names = Object.keys(given).filter((name) => input[name]?.in === 'query');
  return names.map((name) => `${input[name]?.query ?? name}=${encoded(given[name])}`).join('&');
}

function headersOf({ input }: Row, given: Record<string, unknown>): Record<string, string> {
  const found = Object.entries(input).filter(([name, member]) => member.in === 'header' && name in given);
  return Object.fromEntries(found.map(([name, { header }]) => [header!, printable(given[name])]));
}
