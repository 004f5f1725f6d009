import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { temporaryFolder } from './processes.ts';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Makes one file of a program of the bench, minified as the agent is: what is measured starts without a loader in between. */
export async function bundle(
  name: string,
  outfile = path.join(temporaryFolder(), `${path.basename(name, '.ts')}.cjs`),
): Promise<string> {
  await build({
    entryPoints: [path.join(here, name)],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    logLevel: 'error',
    outfile,
  });
  return outfile;
}
