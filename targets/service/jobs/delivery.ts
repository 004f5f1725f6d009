import type { JsonValue } from '../../../runtime/jobs/json.ts';
import type { Connection } from '../store/statement.ts';
import type { JobConfig } from './jobConfig.ts';
import { PRESIGN_SECONDS } from './limits.ts';
import { type SignedUrl, substitute } from './placeholders.ts';
import type { StoredExecution } from './storedExecution.ts';

/** One URL to be signed for one device. */
export interface SignRequest extends SignedUrl {
  expiresInSeconds: number;
  /** presignedUrlConfig.roleArn: in whose name. */
  roleArn: string;
  /** Who is given it; where an upload names no key, one is made from them. */
  thingName: string;
  jobId: string;
  executionNumber: number;
}

/** Signs URLs; the service has none of its own, and refuses documents that need one where none is given. */
export interface Signer {
  /** Why such a URL cannot be signed here, in one sentence; undefined: it can. CreateJob asks. */
  faultIn?(url: SignedUrl): string | undefined;
  sign(request: SignRequest): Promise<string> | string;
}

export interface Delivery {
  /** The document as a device is given it: its URLs signed now (control-plane §8). Rejects with what the signer threw. */
  fill(document: JsonValue, execution: StoredExecution, thingName: string): Promise<JsonValue>;
}

export function createDelivery(store: Connection, signer: Signer | undefined): Delivery {
  return {
    async fill(document, { jobNo, jobId, executionNumber }, thingName) {
      if (signer === undefined) throw new Error(`the job ${jobId} has URLs to be signed, and there is no signer`);
      const job = await store.db.selectFrom('job').select('config').where('job_no', '=', jobNo).executeTakeFirst();
      const { presignedUrlConfig = {} }: JobConfig = JSON.parse(job?.config ?? '{}');
      const { roleArn = '', expiresInSec: expiresInSeconds = PRESIGN_SECONDS } = presignedUrlConfig;
      const receiver = { thingName, jobId, executionNumber };
      return substitute(document, receiver, async (url) =>
        signer.sign({ ...url, ...receiver, roleArn, expiresInSeconds }),
      );
    },
  };
}
