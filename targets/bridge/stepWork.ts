/** A step of a job document as work for a microcontroller: which command with which arguments, or which image. */
import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import type { JobAt } from '../../runtime/device/guest.ts';
import type { Step } from '../../runtime/jobs/document.ts';
import { encodeRun, readArguments, WrongWord } from './commandArguments.ts';
import type { ImageSource } from './image.ts';

/** The command that the bridge carries out itself. */
const FLASH = 'flash';

export type StepWork =
  | { kind: 'command'; run: number; command: string; body: Uint8Array }
  /** `slot`: 0 the firmware that runs. */
  | { kind: 'flash'; source: ImageSource; slot: number };

/** @returns one sentence when the step's words are wrong */
export function workOf(thingName: string, { run }: Step, at: JobAt): StepWork | string {
  const [command, ...words] = run.type === 'runCommand' ? run.argv : [run.handler, ...run.args];
  if (command === FLASH) return flashOf(words);
  const number = runNumber(thingName, at);
  try {
    return { kind: 'command', run: number, command, body: encodeRun(number, command, readArguments(words)) };
  } catch (error) {
    if (error instanceof WrongWord) return error.message;
    throw error;
  }
}

/** `flash SOURCE sha256=HEX [image=N]` */
function flashOf([source = '', ...options]: readonly string[]): StepWork | string {
  const given = new Map(options.map((option) => option.split(/=(.*)/s) as [string, string]));
  const [sha256 = '', image = '0'] = [given.get('sha256'), given.get('image')];
  for (const name of given.keys())
    if (name !== 'sha256' && name !== 'image') return `flash: '${name}': expected sha256=HEX or image=N`;
  if (!/^https?:\/\//.test(source) && !isAbsolute(source))
    return `flash: '${source.slice(0, 40)}': expected http://, https:// or an absolute path on the bridge`;
  if (!/^[0-9a-f]{64}$/i.test(sha256)) return `flash: sha256 '${sha256.slice(0, 40)}': expected 64 hexadecimal digits`;
  if (!/^\d{1,3}$/.test(image) || +image > 255) return `flash: image '${image.slice(0, 40)}': expected 0 to 255`;
  return { kind: 'flash', source: { source, sha256: sha256.toLowerCase() }, slot: +image };
}

/** The same step of the same execution has the same number, also after a restart of the bridge; no other has it but by chance (2^-32). */
export function runNumber(thingName: string, { job, index }: Pick<JobAt, 'job' | 'index'>): number {
  const name = JSON.stringify([thingName, job.jobId, job.executionNumber, job.queuedAt, index]);
  return createHash('sha256').update(name).digest().readUInt32BE(0) || 1;
}
