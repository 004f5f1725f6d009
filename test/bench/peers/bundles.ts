import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundle } from '../bundle.ts';
import { temporaryFolder } from '../processes.ts';

/** A job agent on another client. */
export interface Peer {
  /** The package and its version. */
  name: string;
  /** To be run with Node. */
  file: string;
  /** All that has to be on a board beside Node, `file` too. */
  files: readonly string[];
}

/** WARMUP and JOBS of a peer that is not to count. */
export const FOR_EVER = ['0', '1000000000'];

const require = createRequire(import.meta.url);

/** The job agents on the clients that people use today, each in one file, minified; where a client has native code, with that beside it. */
export async function bundlePeers(): Promise<Record<'mqttJs' | 'sdkV1' | 'sdkV2', Peer>> {
  const whole = async (program: string, packageName: string): Promise<Peer> => {
    const file = await bundle(`peers/${program}.ts`);
    return { name: nameOf(packageName), file, files: [file] };
  };
  return {
    mqttJs: await whole('mqttJs', 'mqtt'),
    sdkV1: await whole('sdkV1', 'aws-iot-device-sdk'),
    sdkV2: await withNative(),
  };
}

/** Its JavaScript finds its native code where that lies in the package: the bundle goes where its folders are the same. */
async function withNative(): Promise<Peer> {
  const folder = temporaryFolder();
  const file = path.join(folder, 'dist', 'native', 'agent.cjs');
  const crt = path.dirname(
    require.resolve('aws-crt/package.json', { paths: [require.resolve('aws-iot-device-sdk-v2')] }),
  );
  const libc =
    'glibcVersionRuntime' in ((process.report.getReport() as { header: object }).header ?? {}) ? 'glibc' : 'musl';
  const native = path.join('bin', `${process.platform}-${process.arch}-${libc}`, 'aws-crt-nodejs.node');
  await bundle('peers/sdkV2.ts', file);
  const binary = path.join(folder, 'dist', native);
  mkdirSync(path.dirname(binary), { recursive: true });
  copyFileSync(path.join(crt, 'dist', native), binary);
  return { name: nameOf('aws-iot-device-sdk-v2'), file, files: [file, binary] };
}

function nameOf(packageName: string): string {
  const { version } = JSON.parse(readFileSync(packageFile(packageName), 'utf8')) as { version: string };
  return `${packageName === 'mqtt' ? 'mqtt.js' : packageName} ${version}`;
}

/** Not every package exports its own. */
function packageFile(packageName: string): string {
  return new URL(`../../../node_modules/${packageName}/package.json`, import.meta.url).pathname;
}

/** Bytes on a board, and those that are sent to it. */
export function sizeOf(files: readonly string[]): { bytes: number; gzipBytes: number } {
  const contents = files.map((file) => readFileSync(file));
  const sum = (sizes: number[]) => sizes.reduce((total, size) => total + size, 0);
  return {
    bytes: sum(contents.map((content) => content.length)),
    gzipBytes: sum(contents.map((content) => gzipSync(content, { level: 9 }).length)),
  };
}
