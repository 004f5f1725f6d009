import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Artifact, Artifacts } from './artifacts.ts';
import type { Received } from './contents.ts';
import { COMPLETION_BYTES_MAX, PART_UPLOAD_IDLE_MILLIS_MAX, PART_UPLOADS_MAX, PARTS_MAX } from './limits.ts';
import type { ObjectName } from './objectUrl.ts';
import { FileError } from './refusals.ts';
import { aboutIn, receiveBody } from './upload.ts';

/**
 * Uploads in parts, as S3's clients make them of larger files (the AWS CLI from 8 MB on): begun, filled part by part in any order,
 * completed with a list of them. What is under way is known to this process only: after a restart the client begins anew, and
 * what had come is swept away.
 */
export type PartUploads = ReturnType<typeof createPartUploads>;

interface PartUpload {
  name: ObjectName;
  about: ReturnType<typeof aboutIn>;
  parts: Map<number, Received>;
  usedMillis: number;
}

/** @param bytesMax  largest artifact, bytes */
export function createPartUploads(artifacts: Artifacts, nowMillis: () => number, bytesMax: number) {
  const uploads = new Map<string, PartUpload>();

  function find(id: string, { bucket, key }: ObjectName): PartUpload {
    const found = uploads.get(id);
    if (found === undefined || found.name.bucket !== bucket || found.name.key !== key)
      throw new FileError('NoSuchUpload', 'There is no such upload in parts: it was completed, given up, or forgotten');
    found.usedMillis = nowMillis();
    return found;
  }

  async function end(id: string): Promise<void> {
    const upload = uploads.get(id);
    uploads.delete(id);
    for (const part of upload?.parts.values() ?? []) await part.drop();
  }

  return {
    /** @throws FileError SlowDown: too many are under way */
    async begin(name: ObjectName, headers: IncomingMessage['headers']): Promise<string> {
      const about = aboutIn(headers);
      for (const [id, { usedMillis }] of uploads)
        if (nowMillis() - usedMillis > PART_UPLOAD_IDLE_MILLIS_MAX) await end(id);
      if (uploads.size >= PART_UPLOADS_MAX)
        throw new FileError('SlowDown', `${PART_UPLOADS_MAX} uploads in parts are under way: complete or abort one`);
      const id = randomUUID();
      uploads.set(id, { name, about, parts: new Map(), usedMillis: nowMillis() });
      return id;
    },
    /** Takes in one part, in the place of what had its number. */
    async put(
      id: string,
      name: ObjectName,
      number: number,
      request: IncomingMessage,
      begin: () => void,
    ): Promise<Received> {
      if (!Number.isInteger(number) || number < 1 || number > PARTS_MAX)
        throw new FileError('InvalidArgument', `partNumber has to be 1 to ${PARTS_MAX}`);
      const { parts } = find(id, name);
      const others = [...parts].reduce((sum, [other, { bytes }]) => sum + (other === number ? 0 : bytes), 0);
      const received = await receiveBody(artifacts, request, bytesMax - others, begin);
      if (!uploads.has(id)) {
        await received.drop();
        find(id, name); // given up meanwhile
      }
      await parts.get(number)?.drop();
      parts.set(number, received);
      return received;
    },
    /** Joins the parts that the body lists (CompleteMultipartUpload), and forgets the others. */
    async complete(id: string, name: ObjectName, request: IncomingMessage): Promise<Artifact> {
      const { parts, about } = find(id, name);
      const listed = listIn(await textOf(request)).map(({ number, etag }) => {
        const part = parts.get(number);
        if (part === undefined || `"${part.sha256}"` !== etag)
          throw new FileError('InvalidPart', `Part ${number} was not uploaded, or has another ETag`);
        return part;
      });
      uploads.delete(id); // who completes it a second time has to see that it is gone
      try {
        const received = await artifacts.receive(joined(listed));
        return await artifacts.put(name, received, about).finally(received.drop); // nothing, once it has its name
      } finally {
        for (const part of parts.values()) await part.drop();
      }
    },
    async abort(id: string, name: ObjectName): Promise<void> {
      find(id, name);
      await end(id);
    },
    /** Gives up all of them. */
    async close(): Promise<void> {
      for (const id of [...uploads.keys()]) await end(id);
    },
  };
}

async function* joined(parts: readonly Received[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield* part.read();
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const portion of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += portion;
    if (text.length > COMPLETION_BYTES_MAX) throw malformed(`it is longer than ${COMPLETION_BYTES_MAX} bytes`);
  }
  return text;
}

/** `<Part><PartNumber>1</PartNumber><ETag>"..."</ETag></Part>...`, ascending; other elements are passed over. */
function listIn(xml: string): { number: number; etag: string }[] {
  const parts = [...xml.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, inner = '']) => {
    const number = Number(/<PartNumber>\s*(\d{1,5})\s*<\/PartNumber>/.exec(inner)?.[1]);
    const etag = /<ETag>\s*(?:"|&quot;|&#34;)?([0-9a-f]{64})(?:"|&quot;|&#34;)?\s*<\/ETag>/.exec(inner)?.[1];
    if (Number.isNaN(number) || etag === undefined) throw malformed('a Part has no PartNumber, or no ETag of ours');
    return { number, etag: `"${etag}"` };
  });
  if (parts.length === 0) throw malformed('it has no Part');
  if (parts.some(({ number }, at) => at > 0 && number <= parts[at - 1]!.number))
    throw new FileError('InvalidPartOrder', 'The parts are not in the order of their numbers');
  return parts;
}

function malformed(why: string): FileError {
  return new FileError('MalformedXML', `The body is no CompleteMultipartUpload: ${why}`);
}
