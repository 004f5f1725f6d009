import { existsSync, type FSWatcher, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseSlot, decodeSlot, SLOT_BYTES } from '../../../runtime/device/slots.ts';
import { decodeRecord, type JobRecord } from '../../../runtime/jobs/record.ts';
import { type Child, startChild } from '../../child.ts';
import type { Credentials } from '../lines.ts';
import type { Endpoints } from '../service.ts';
import { writeScript } from './jobs.ts';

const FILES = { lean: 'errand-agent.cjs', full: 'errand-agent-full.cjs' };
/** System calls of the record's write and its sync, as /proc numbers them. */
const RECORD_CALLS: Partial<Record<NodeJS.Architecture, readonly string[]>> = {
  x64: ['18', '75'],
  arm64: ['68', '83'],
};

/** A board with an agent of its own: the shipped single file, as a process that is killed and started again. */
export interface Board {
  readonly thingName: string;
  readonly full: boolean;
  /** The program of steps; where their lines go. */
  readonly script: string;
  readonly lines: string;
  readonly data: string;
  start(how?: Start): Child;
  /** What the agent remembers just now, and how many records it has written. */
  record(): { record: JobRecord | undefined; generation: number };
  /** The agent is in a write or a sync of its record. */
  isRecording(): boolean;
  /** kill -9, of the agent alone: its program runs on; or as a power cut, of all that it has started. */
  kill(how: 'agent' | 'all'): Promise<void>;
  /** The kernel has another boot id from now on. */
  restart(): void;
  /** Hears of each change of the record, or of the lines. */
  watch(what: 'record' | 'lines', changed: () => void): FSWatcher;
}

export interface Start {
  /** The words that run Node. */
  node?: readonly [program: string, ...args: string[]];
  env?: NodeJS.ProcessEnv;
  /** Another data folder than its own. */
  data?: string;
}

/** @param root  a folder that is not there yet */
export function openBoard(root: string, endpoints: Endpoints, identity: Credentials, full: boolean): Board {
  const file = fileURLToPath(new URL(`../../../dist/${FILES[full ? 'full' : 'lean']}`, import.meta.url));
  const at = (name: string) => path.join(root, name);
  const data = at('data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  mkdirSync(at('programs'));
  const script = path.join(at('programs'), 'step.sh');
  const lines = writeScript(script);
  writeFileSync(at('cert.pem'), identity.cert);
  writeFileSync(at('key.pem'), identity.key, { mode: 0o600 });
  let boots = 0;
  const restart = () => writeFileSync(at('boot-id'), `boot-${++boots}`);
  restart();
  const flags = {
    endpoint: endpoints.mqtts,
    thing: identity.thingName,
    ca: endpoints.ca,
    cert: at('cert.pem'),
    key: at('key.pem'),
    handlers: at('handlers'),
    'retry-max': '1',
    log: 'debug',
    ...(full && { 'boot-id': at('boot-id') }),
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  let child: Child | undefined;
  return {
    thingName: identity.thingName,
    full,
    script,
    lines,
    data,
    start({ node: [program, ...words] = [process.execPath], env = process.env, data: other = data } = {}) {
      child = startChild(program, [...words, '--use-openssl-ca', file, ...args, '--data', other], { env });
      return child;
    },
    record: () => readRecord(path.join(data, 'record')),
    isRecording() {
      const [call = ''] = read(`/proc/${child?.pid}/syscall`).split(' ');
      return RECORD_CALLS[process.arch]?.includes(call) ?? false;
    },
    async kill(how) {
      if (child === undefined) return;
      let programs: number[] = [];
      if (how === 'all') {
        // Nothing is started between looking and killing.
        child.process.kill('SIGSTOP');
        while (/^State:\s+[RSD]/m.test(read(`/proc/${child.pid}/status`)));
        programs = read(`/proc/${child.pid}/task/${child.pid}/children`).split(' ').filter(Boolean).map(Number);
      }
      child.process.kill('SIGKILL');
      for (const program of programs) for (const target of [-program, program]) killIfThere(target);
      await child.ended;
    },
    restart,
    watch: (what, changed) => {
      const [folder, name] = what === 'record' ? [data, 'record'] : [path.dirname(lines), path.basename(lines)];
      return watch(folder, (event, file) => {
        if (event === 'change' && file === name) changed();
      });
    },
  };
}

function readRecord(file: string): ReturnType<Board['record']> {
  // Not there: killed before it was made.
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const slots = [decodeSlot(bytes.subarray(0, SLOT_BYTES)), decodeSlot(bytes.subarray(SLOT_BYTES))] as const;
  const { newest } = chooseSlot(slots);
  return {
    record: newest?.record.length ? decodeRecord(newest.record) : undefined,
    generation: newest?.generation ?? 0,
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process is gone
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
