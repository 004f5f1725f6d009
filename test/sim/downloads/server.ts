import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Chance } from '../chance.ts';

export interface Version {
  bytes: Buffer;
  etag: string;
}

/** How often a request is answered in another way than it should be. */
const FAULTS = 0.6;
const PORTION_BYTES_MAX = 20_000;

/** A server of one file, which has several versions after one another, and URLs that end. */
export async function serveFiles(chance: Chance, versions: readonly Version[], count: (what: string) => void) {
  let present = 0;
  let valid = 0;
  let life = 0;
  let asked = 0;
  let first = 0;
  let wasChanged = false;
  /** Ends the agent, in the middle of an answer. */
  let interrupt: (() => void) | undefined;
  const server = createServer((request, response) => {
    // One that was on its way when its agent was ended.
    if (!request.url!.endsWith(`&life=${life}`)) return void request.socket.destroy();
    asked++;
    count('requests for files');
    const fault = files.isFaulty && chance.is(FAULTS) ? chance.pick(WAYS) : 'none';
    if (asked === 1) first = startOf(request);
    answer(request, response, fault);
  });
  const startOf = ({ headers }: IncomingMessage) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);

  function answer(request: IncomingMessage, response: ServerResponse, fault: (typeof WAYS)[number] | 'none'): void {
    const refuse = (status: number, headers = {}) => void response.writeHead(status, headers).end();
    if (!request.url!.includes(`?valid=${valid}&`)) return refuse(403);
    switch (fault) {
      case 'busy':
        return refuse(503);
      case 'ended':
        valid++;
        return refuse(403);
      case 'moved':
        return refuse(302, { location: request.url! });
      case 'unsatisfied':
        return refuse(416);
      case 'changed':
        change();
        break;
    }
    send(request, response, fault);
  }

  function change(): void {
    wasChanged = true;
    present = Math.min(present + 1, versions.length - 1);
  }

  function send(request: IncomingMessage, response: ServerResponse, fault: string): void {
    const { bytes, etag } = versions[present]!;
    const isSame = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    const wanted = isSame && fault !== 'whole' && startOf(request) < bytes.length ? startOf(request) : 0;
    const from = fault === 'other part' && wanted > 0 ? Math.floor(wanted / 2) : wanted;
    response.setHeader('etag', etag).setHeader('content-length', bytes.length - from);
    if (from > 0) response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
    response.writeHead(from > 0 ? 206 : 200);
    const end = fault === 'cut' ? chance.between(from, bytes.length - 1) : bytes.length;
    const stop = interrupt && chance.is(0.7) ? chance.between(from, bytes.length - 1) : Infinity;
    const portion = (at: number): void => {
      if (at >= stop) interrupt?.();
      if (response.destroyed) return;
      if (at >= end) return fault === 'cut' ? void response.destroy() : void response.end();
      const next = Math.min(end, at + chance.between(1, PORTION_BYTES_MAX));
      // The next one when this one has been taken: what was sent and not read is lost with a connection.
      response.write(bytes.subarray(at, next), () => setImmediate(() => portion(next)));
    };
    portion(from);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const files = {
    versions,
    isFaulty: false,
    version: () => versions[present]!,
    url: () => `http://127.0.0.1:${port}/image.bin?valid=${valid}&life=${life}`,
    /** Somebody puts another version there. */
    change(probability: number) {
      if (chance.is(probability)) change();
    },
    /** The agent starts; it is ended in some answer where `end` is given. */
    begin(end: (() => void) | undefined) {
      life++;
      asked = 0;
      first = 0;
      wasChanged = false;
      interrupt = end;
    },
    /** Since it has: how many requests came, and from which byte on the first of them asked. */
    asked: () => asked,
    first: () => first,
    /** It has one strong name, and did not change. */
    isWhole: () => !wasChanged && !versions[present]!.etag.startsWith('W/'),
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return files;
}

const WAYS = [
  'busy',
  'ended',
  'moved',
  'unsatisfied',
  'changed',
  'whole',
  'other part',
  'cut',
  'cut',
  'cut',
  'cut',
  'cut',
] as const;
