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
export function startAwsCli(plane: ControlPlane): AwsCli {
  const program = fileURLToPath(new URL('awsCli.py', import.meta.url));
  const child = spawn(PYTHON, ['-W', 'ignore', program], {
    env: environmentOf(plane),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async iot(...args) {
      const more = [...placeOf(plane), '--output', 'json'];
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

/** The AWS CLI as people start it: `/usr/bin/aws` with these arguments. */
export async function runAws(plane: ControlPlane, ...args: string[]): Promise<Said> {
  const child = spawn('/usr/bin/aws', [...args, ...placeOf(plane)], {
    env: environmentOf(plane),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { code: 0, stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  [said.code] = (await once(child, 'close')) as [number];
  return said;
}

const placeOf = ({ url, identity }: ControlPlane) => ['--endpoint-url', url, '--ca-bundle', identity.caFile];

function environmentOf({ key, folder }: ControlPlane): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: folder,
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    AWS_DEFAULT_REGION: REGION,
    AWS_MAX_ATTEMPTS: '1',
    AWS_PAGER: '',
  };
}
