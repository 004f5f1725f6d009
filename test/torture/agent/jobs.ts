/** The jobs that tortured boards are given, and the lines that their steps leave behind. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Chance } from '../../sim/chance.ts';

/** `repeatable` and `restarts` are steps that say so in the document; the lean agent knows neither and treats both as `once`. */
export type Kind = 'once' | 'repeatable' | 'restarts';

export interface StepPlan {
  kind: Kind;
  /** How long its program sleeps between its two lines. */
  millis: number;
  /** Its program's exit code. */
  code: number;
}

/** A job; the same `jobId` comes again with a higher `life` when it was deleted and made anew. */
export interface JobPlan {
  jobId: string;
  life: number;
  steps: StepPlan[];
  cleanUp: boolean;
}

/** What a program wrote: `step` is its number from 0, or `tidy`. */
export interface Line {
  jobId: string;
  life: number;
  step: string;
  what: 'begin' | 'end';
}

const STEPS_MIN = 2;
const STEPS_MAX = 4;
const STEP_MILLIS_MAX = 80;

export function planJob(jobId: string, life: number, chance: Chance): JobPlan {
  const steps = Array.from({ length: chance.between(STEPS_MIN, STEPS_MAX) }, (): StepPlan => {
    const kind = chance.is(0.25) ? 'repeatable' : chance.is(0.12) ? 'restarts' : 'once';
    const code = kind !== 'restarts' && chance.is(0.06) ? 3 : 0;
    return { kind, millis: chance.between(0, STEP_MILLIS_MAX), code };
  });
  return { jobId, life, steps, cleanUp: chance.is(0.5) };
}

/** How a step is called in records and reports: its number, and which life of the job it belongs to. */
export const nameOf = (step: number | 'tidy', life: number) => `${step === 'tidy' ? step : `s${step}`}.${life}`;

/** What `nameOf` made, wherever it stands in a sentence. */
export function readName(text: string): { step: number | 'tidy'; life: number } | undefined {
  const [, step, number, life] = /\b(s(\d+)|tidy)\.(\d+)\b/.exec(text) ?? [];
  if (step === undefined) return undefined;
  return { step: step === 'tidy' ? step : Number(number), life: Number(life) };
}

/** @param script  of `writeScript` */
export function documentOf({ jobId, life, steps, cleanUp }: JobPlan, script: string): string {
  const action = (step: number | 'tidy', { kind, millis, code }: StepPlan) => ({
    action: {
      name: nameOf(step, life),
      type: 'runCommand',
      input: { command: ['/bin/sh', script, jobId, life, step, millis / 1_000, code].join(',') },
      ...(kind === 'repeatable' && { idempotent: true }),
      ...(kind === 'restarts' && { restarts: true }),
    },
  });
  return JSON.stringify({
    version: '1.0',
    steps: steps.map((step, i) => action(i, step)),
    ...(cleanUp && { onFailure: action('tidy', { kind: 'once', millis: 5, code: 0 }) }),
  });
}

/** The program of all steps: a line, a while, a line. @returns where the lines go */
export function writeScript(script: string): string {
  const line = (what: string) => `echo "$1 $2 $3 ${what}" >> "$0.lines"\n`;
  writeFileSync(script, `#!/bin/sh\n${line('begin')}sleep "$4"\n${line('end')}exit "$5"\n`);
  writeFileSync(`${script}.lines`, '');
  return `${script}.lines`;
}

export function readLines(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [, jobId, life, step, what] = /^(\S+) (\d+) (\d+|tidy) (begin|end)$/.exec(line) ?? [];
    if (what === undefined) throw new Error(`a step left '${line}'`);
    return { jobId: jobId!, life: Number(life), step: step!, what: what as Line['what'] };
  });
}
