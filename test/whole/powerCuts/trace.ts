/** What a process and its children asked the kernel to do with files, as strace tells it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A file is known by a number, whatever its name is at the time: `file`. */
export type Op =
  | { do: 'name'; folder: string; name: string; file: number }
  | { do: 'rename'; folder: string; from: string; to: string; file: number }
  | { do: 'unname'; folder: string; name: string }
  | { do: 'write'; file: number; at: number; bytes: Buffer }
  | { do: 'size'; file: number; size: number }
  | { do: 'sync'; file: number }
  | { do: 'sync folder'; folder: string }
  /** A program was started. */
  | { do: 'exec'; words: string[] }
  /** A line of the agent's log. */
  | { do: 'say'; text: string }
  /** Bytes to another process: to the service, or over any other socket or pipe. */
  | { do: 'send' };

const CALLS =
  'openat,open,creat,write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,truncate,execve,sendto,sendmsg';

/** What runs Node so that it is traced into `log`. The agent keeps the process id. */
export function tracing(log: string): [program: string, ...args: string[]] {
  const how = [
    '-D',
    '-f',
    '-y',
    '-xx',
    '-s',
    '200000',
    '--seccomp-bpf',
    '-e',
    'signal=none',
    '-e',
    'status=successful',
  ];
  return ['strace', ...how, '-e', `trace=${CALLS}`, '-o', log, process.execPath];
}

/**
 * Reads a trace, in the order in which the calls were done.
 *
 * @param folders  what is outside of them is passed over
 * @throws         a call on files in them that this reader does not know
 */
export function readTrace(log: string, folders: readonly string[]): Op[] {
  const ops: Op[] = [];
  const files = new Map<string, number>();
  /** Where the next write without a place of its own goes, by path. */
  const places = new Map<string, number>();
  let last = 0;
  const isOurs = (file: string) => folders.some((folder) => file === folder || file.startsWith(`${folder}/`));
  const split = (file: string) => ({ folder: path.dirname(file), name: path.basename(file) });

  function opened(file: string, flags: string): void {
    places.set(file, 0);
    let known = files.get(file);
    if (known === undefined && flags.includes('O_CREAT')) {
      known = ++last;
      files.set(file, known);
      ops.push({ do: 'name', ...split(file), file: known });
    }
    if (known !== undefined && flags.includes('O_TRUNC')) ops.push({ do: 'size', file: known, size: 0 });
  }

  function written(file: string, bytes: Buffer, given: string | undefined): void {
    const at = given === undefined ? (places.get(file) ?? 0) : Number(given);
    if (given === undefined) places.set(file, at + bytes.length);
    ops.push({ do: 'write', file: files.get(file)!, at, bytes });
  }

  function renamed(from: string, to: string): void {
    const file = files.get(from)!;
    files.delete(from);
    files.set(to, file);
    const { folder, name } = split(to);
    if (folder !== path.dirname(from)) throw new Error(`from folder to folder: ${from} to ${to}`);
    ops.push({ do: 'rename', folder, from: path.basename(from), to: name, file });
  }

  for (const line of readFileSync(log, 'latin1').split('\n')) {
    const [, call = '', args = '', result = ''] = /^\d+ +(\w+)\((.*)\) += (.*)$/.exec(line) ?? [];
    const texts = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => unhex(hex!));
    const [, number = '', hexPath = ''] = /^(\d+)<((?:\\x[0-9a-f]{2})*|[^>]*)>/.exec(args) ?? [];
    const file = hexPath.startsWith('\\x') ? unhex(hexPath).toString() : hexPath;
    const first = texts[0]?.toString() ?? '';
    if (/^(openat|open|creat)$/.test(call)) {
      if (isOurs(first)) opened(first, args);
    } else if (call === 'execve') {
      ops.push({ do: 'exec', words: texts.map(String) });
    } else if (/^(rename|renameat2?)$/.test(call)) {
      if (isOurs(first)) renamed(first, texts[1]!.toString());
    } else if (/^unlink(at)?$/.test(call)) {
      if (isOurs(first)) ops.push({ do: 'unname', ...split(first) });
      files.delete(first);
    } else if (isOurs(file)) {
      if (call === 'write') written(file, texts[0]!.subarray(0, Number(result)), undefined);
      else if (call === 'pwrite64') written(file, texts[0]!.subarray(0, Number(result)), args.split(', ').at(-1));
      else if (call === 'ftruncate')
        ops.push({ do: 'size', file: files.get(file)!, size: Number(args.split(', ').at(-1)) });
      else if (/^f(data)?sync$/.test(call))
        ops.push(files.has(file) ? { do: 'sync', file: files.get(file)! } : { do: 'sync folder', folder: file });
      else throw new Error(`a call on ${file} that the test does not know: ${call}`);
    } else if (call === 'write' && (number === '1' || number === '2')) ops.push({ do: 'say', text: first });
    else if (file.startsWith('socket:')) ops.push({ do: 'send' });
  }
  return ops;
}

function unhex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}
