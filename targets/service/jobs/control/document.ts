import type { JsonValue } from '../../../../runtime/jobs/json.ts';
import { JOB_DOCUMENT_BYTES_MAX } from '../../../../runtime/jobs/limits.ts';
import type { JobConfig } from '../jobConfig.ts';
import { type SignedUrl, substitutionsIn } from '../placeholders.ts';
import { type Control, invalidRequest } from './context.ts';

/**
 * The text of a job's document: as given, or read from its source now, so that later changes there have no effect
 * (control-plane §2.1).
 *
 * @throws ModelledError InvalidRequestException where both are given, or the source cannot be read
 */
export async function givenDocument(
  { readDocument }: Partial<Pick<Control, 'readDocument'>>,
  { document, documentSource }: { document?: string; documentSource?: string },
): Promise<string | undefined> {
  if (documentSource === undefined) return document;
  if (document !== undefined) throw invalidRequest('Expected a document or a documentSource: found both');
  if (readDocument === undefined)
    throw invalidRequest('A documentSource is given, and this service has nothing configured that reads one');
  return readDocument(documentSource).catch((error: Error) => {
    throw invalidRequest(`The documentSource ${documentSource.slice(0, 200)} cannot be read: ${error.message}`);
  });
}

/**
 * Refuses a document that no device could be given (control-plane §2.1, §8).
 *
 * @returns the document, and whether it has URLs that are signed when it is delivered
 * @throws  ModelledError InvalidRequestException
 */
export function checkDocument(
  { signer }: Control,
  document: string | undefined,
  presignedUrlConfig: JobConfig['presignedUrlConfig'],
): { document: string; signs: boolean } {
  if (document === undefined) throw invalidRequest('A job needs a document');
  const bytes = Buffer.byteLength(document);
  if (bytes > JOB_DOCUMENT_BYTES_MAX)
    throw invalidRequest(`The document has ${bytes} bytes: at most ${JOB_DOCUMENT_BYTES_MAX} are allowed`);
  const found = substitutionsIn(parse(document));
  if ('fault' in found) throw invalidRequest(found.fault);
  if (found.signed.length === 0) return { document, signs: false };
  checkRole(presignedUrlConfig);
  for (const url of found.signed) {
    const fault = faultOf(signer, url);
    if (fault !== undefined) throw invalidRequest(fault);
  }
  return { document, signs: true };
}

/** @throws ModelledError InvalidRequestException */
export function checkRole(presignedUrlConfig: JobConfig['presignedUrlConfig']): void {
  if (presignedUrlConfig?.roleArn === undefined)
    throw invalidRequest('presignedUrlConfig role ARN is required to generate an S3 presigned url in job document.');
}

function faultOf(signer: Control['signer'], url: SignedUrl): string | undefined {
  if (signer !== undefined) return signer.faultIn?.(url);
  return `The document has a placeholder for a signed URL of ${url.url.slice(0, 100) || 'an upload'}, and this service has nothing configured that signs URLs`;
}

function parse(document: string): JsonValue {
  try {
    return JSON.parse(document);
  } catch (error) {
    throw invalidRequest(`The document is not valid JSON: ${(error as Error).message}`);
  }
}
