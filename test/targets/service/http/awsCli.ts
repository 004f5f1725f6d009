import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ControlPlane, REGION } from './controlPlane.ts';

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

export interface AwsCli {
  /** `aws iot` with these arguments. */
  iot(...args: string[]): Promise<Said>;
  end(): Promise<void>;
}

/** Debian's Python: where its awscli is. */
const PYTHON = '/usr/bin/python3';

/** The AWS CLI itself, in one process: to start it takes a second, and a walk has a hundred commands. */
export function startAwsCli({ url, identity, key, folder }: ControlPlane): AwsCli {
  const program = fileURLToPath(new URL('awsCli.py', import.meta.url));
  const child = spawn(PYTHON, ['-W', 'ignore', program], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      AWS_ACCESS_KEY_ID: key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
      AWS_DEFAULT_REGION: REGION,
      AWS_MAX_ATTEMPTS: '1',
      AWS_PAGER: '',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async iot(...args) {
      const more = ['--endpoint-url', url, '--ca-bundle', identity.caFile, '--output', 'json'];
      child.stdin.write(`${JSON.stringify(['iot', ...args, ...more])}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the AWS CLI ended at ${args.join(' ')}`);
      return JSON.parse(value) as Said;
    },
    async end() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
