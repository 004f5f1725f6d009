/** What must become of each job, by what was on disk at each death of its agent (design §3). */
import * as assert from 'uvu/assert';
import type { JobRecord } from '../../../runtime/jobs/record.ts';
import { type JobPlan, type Line, nameOf, readName, type StepPlan } from './jobs.ts';

/** A life of a job, as far as it is known. */
export interface Known {
  plan: JobPlan;
  /** The agent of its board has every part: it knows what repeatable, restarting and cleaning steps are. */
  full: boolean;
  /** Settled by a death in a step that may not be repeated. */
  fate?: End;
  /** Deaths in a step that may be repeated, by its number. */
  repeats: number[];
  /** Deaths with a clean-up to do. */
  cleanings: number;
  /** Steps that a restart of the device has ended. */
  restarted: Set<number>;
  /** The service said yes to a cancel: of this execution, or of the job, which cancels what has not ended by then. */
  cancelled?: 'surely' | 'asked';
  deleted: boolean;
  /** As the service has it in the end. */
  status?: string;
}

interface End {
  status: string;
  reason: string;
}

export function know(plan: JobPlan, full: boolean): Known {
  const repeats = plan.steps.map(() => 0);
  return { plan, full, repeats, cleanings: 0, restarted: new Set(), deleted: false };
}

const kindOf = ({ full }: Known, { kind }: StepPlan) => (full ? kind : 'once');

/** How the job ends unless it is cancelled or deleted. */
function endOf({ fate, full, plan }: Known): End {
  if (fate !== undefined) return fate;
  const failed = plan.steps.find(({ code }) => code !== 0);
  if (failed !== undefined) return { status: 'FAILED', reason: `Job exited with status: ${failed.code}` };
  const restarts = full && plan.steps.at(-1)?.kind === 'restarts';
  return { status: 'SUCCEEDED', reason: restarts ? 'the device has restarted' : 'Job exited with status: 0' };
}

/**
 * The agent has died, or has ended, and left this record.
 *
 * @param lives      every life of the job that the record is about
 * @param restarted  the device has restarted too: its next start has another boot id
 */
export function note(lives: readonly Known[], record: JobRecord, restarted: boolean): void {
  if (record.phase === 'claimed') return; // whichever life it is of: nothing of its next step has run
  const text =
    record.phase === 'running' ? record.name : JSON.stringify('cleanUp' in record ? record.cleanUp : record.outcome);
  const { step, life } = readName(text)!;
  const known = lives.find(({ plan }) => plan.life === life);
  assert.ok(known, `${record.job.jobId}: the record is of a life that was never created: ${JSON.stringify(record)}`);
  if (record.phase === 'running') noteRunning(known!, step as number, record.name, restarted);
  else {
    if (record.phase === 'cleaning') known!.cleanings += 1;
    const { outcome } = record;
    const reported = outcome && { status: outcome.status, reason: outcome.statusDetails?.reason };
    if (reported) assert.equal(reported, endOf(known!), `${nameJob(known!)}: what its record says of its end`);
  }
}

function noteRunning(known: Known, step: number, name: string, restarted: boolean): void {
  const { plan, fate } = known;
  assert.is(fate, undefined, `${nameJob(known)} goes on with ${name}, though it must end: ${fate?.reason}`);
  const kind = kindOf(known, plan.steps[step]!);
  if (kind === 'repeatable') known.repeats[step]! += 1;
  else if (kind === 'restarts' && restarted) known.restarted.add(step);
  else {
    const why =
      kind === 'restarts'
        ? ": the agent was restarted, but not the device: the kernel's boot id is the same"
        : ' was interrupted by a power cut or a restart: it is not run again';
    known.fate = { status: 'FAILED', reason: name + why };
  }
}

const TERMINAL = ['SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELED', 'TIMED_OUT', 'REMOVED'];

/** The execution as the service has it: once it is terminal it must be what it must. @returns whether it is */
export function noteStatus(known: Known, status: string, reason: string | undefined): boolean {
  if (!TERMINAL.includes(status)) return false;
  known.status = status;
  const may = known.cancelled === 'asked' && status === 'CANCELED';
  if (known.cancelled === 'surely') assert.is(status, 'CANCELED', `${nameJob(known)} was cancelled`);
  else if (!may) assert.equal({ status, reason }, endOf(known), `${nameJob(known)}: how the service has it`);
  return true;
}

/** Nothing runs any more: looks at every line that the job's steps have left. */
export function judge(known: Known, all: readonly Line[]): void {
  const { plan, status, repeats, cleanings, restarted, full } = known;
  const lines = all.filter(({ jobId, life }) => jobId === plan.jobId && life === plan.life);
  const count = (step: number | 'tidy', what: Line['what']) =>
    lines.filter((line) => line.step === `${step}` && line.what === what).length;
  const place = (step: number, what: Line['what']) =>
    lines.findIndex((line) => line.step === `${step}` && line.what === what);
  const says = (step: number | 'tidy', what: string) =>
    `${nameJob(known)}, ${nameOf(step, plan.life)}: ${what}\n${lines.map((line) => `  ${line.step} ${line.what}`).join('\n')}`;
  const end = endOf(known);
  const failed = known.fate ? readName(known.fate.reason)!.step : plan.steps.findIndex(({ code }) => code !== 0);
  plan.steps.forEach((step, i) => {
    const begun = count(i, 'begin');
    assert.ok(begun <= 1 + repeats[i]!, says(i, `begun ${begun} times, may be repeated ${repeats[i]} times`));
    assert.ok(count(i, 'end') <= begun, says(i, 'ended without a beginning'));
    if (begun > 0 && i > 0 && !restarted.has(i - 1)) {
      const before = place(i - 1, 'end');
      assert.ok(before >= 0 && before < place(i, 'begin'), says(i, 'begun before the end of the one before it'));
    }
    const must = status === 'SUCCEEDED' || (status === 'FAILED' && i < Number(failed));
    if (must && !restarted.has(i)) assert.ok(count(i, 'end') >= 1, says(i, `${status}, but it never ended`));
    if (end.status === 'FAILED' && i > Number(failed)) assert.is(begun, 0, says(i, 'begun behind the one that failed'));
    if (kindOf(known, step) === 'once') assert.ok(begun <= 1, says(i, `begun ${begun} times`));
  });
  const tidied = count('tidy', 'begin');
  if (!full || !plan.cleanUp) assert.is(tidied, 0, says('tidy', 'there is none'));
  assert.ok(tidied <= 1 + cleanings, says('tidy', `begun ${tidied} times, ${cleanings} deaths in it`));
  if (status === 'SUCCEEDED') assert.is(tidied, 0, says('tidy', 'begun behind success'));
  const hasBegun = lines.some(({ step }) => step !== 'tidy');
  const ranWell = plan.steps.every((_, i) => count(i, 'end') > 0 || restarted.has(i));
  // A cancel that came behind the last step has nothing to clean up; whether it did, only the agent knows.
  if (full && plan.cleanUp && hasBegun && !ranWell)
    assert.ok(count('tidy', 'end') >= 1, says('tidy', 'it never ended, though the job had begun and did not succeed'));
}

export const nameJob = ({ plan }: Known) => `job ${plan.jobId}, life ${plan.life}`;
