import { existsSync, readFileSync } from 'node:fs';

/** A shape of AWS's API as botocore, the library under the AWS CLI, has it. */
export interface ModelShape {
  type: string;
  members?: Record<string, { shape: string; location?: string }>;
  member?: { shape: string };
  key?: { shape: string };
  value?: { shape: string };
  required?: string[];
  min?: number;
  max?: number;
  pattern?: string;
  enum?: string[];
  error?: { httpStatusCode: number };
}

export interface Model {
  operations: Record<
    string,
    {
      http: { method: string; requestUri: string; responseCode?: number };
      input?: { shape: string };
      output?: { shape: string };
      errors: { shape: string }[];
    }
  >;
  shapes: Record<string, ModelShape>;
}

/**
 * Reads the model of an API from where Debian's awscli or python3-botocore keeps it.
 *
 * @param api   its folder: `iot/2015-05-28`
 * @param what  the tests that are skipped, which is said, where it is not there
 * @throws      Error where it is not there and no test may be skipped
 */
export function readModel(api: string, what: string): Model | undefined {
  const file = ['awscli/botocore', 'botocore']
    .map((folder) => `/usr/lib/python3/dist-packages/${folder}/data/${api}/service-2.json`)
    .find((one) => existsSync(one));
  if (file !== undefined) return JSON.parse(readFileSync(file, 'utf8')) as Model;
  const missing = 'botocore is missing: apt-get install awscli';
  if (process.env.ERRAND_TESTS === 'all') throw new Error(missing);
  console.log(`\n  skipped: ${what}: ${missing}`);
  return undefined;
}
