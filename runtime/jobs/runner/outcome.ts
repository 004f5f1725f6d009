import type { Step, StepDocument } from '../document.ts';
import type { Outcome } from '../record.ts';
import { withoutSecrets } from '../secrets.ts';
import { headOf, reportable, type StatusDetails } from '../statusDetails.ts';
import { reportTail } from '../tail.ts';
import type { RunnerEvent, Running } from './state.ts';

/** The steps in the order they run: finalStep last, so it runs only when every other succeeded. */
export function stepsOf(document: StepDocument): Step[] {
  return document.finalStep ? [...document.steps, document.finalStep] : document.steps;
}

/** `step 2 of 3 'flash'`: how a step is named in reasons and logs. */
export function nameStep(step: number, steps: number, name: string): string {
  return `step ${step + 1} of ${steps} '${name}'`;
}

/** What is reported while a step runs. */
export function progressDetails(document: StepDocument, step: number): StatusDetails {
  const steps = stepsOf(document);
  return { step: headOf(reportable(steps[step]?.name ?? '')), progress: `${step + 1}/${steps.length}` };
}

export type Exited = Extract<RunnerEvent, { on: 'exited' }>;

/**
 * Whether a step succeeded: exit code 0, and no more lines on stderr than allowed where the document says how many.
 * Death by a signal is never success.
 */
export function succeeded(step: Step, exited: Exited, stderrLines: number): boolean {
  if (exited.code !== 0 || exited.error !== undefined) return false;
  return step.allowStdErr === undefined || stderrLines <= step.allowStdErr;
}

/** One sentence on how a program ended, in the words of AWS IoT Device Client. */
export function reasonOf(step: Step, exited: Exited, stderrLines: number): string {
  if (exited.error !== undefined) return exited.error;
  if (exited.signal !== undefined) return `Job killed by signal: ${exited.signal}`;
  if (exited.code === 0 && step.allowStdErr !== undefined && stderrLines > step.allowStdErr) {
    return `${stderrLines} lines on stderr: at most ${step.allowStdErr} are allowed`;
  }
  return `Job exited with status: ${exited.code ?? 'unknown'}`;
}

/** The outcome after the last step, or after the first that failed. */
export function outcomeOf(
  document: StepDocument,
  running: Running,
  status: 'SUCCEEDED' | 'FAILED',
  reason: string,
): Outcome {
  return {
    status,
    statusDetails: details({
      ...progressDetails(document, running.step),
      reason,
      stdout: document.includeStdOut ? reportTail(running.stdout) : '',
      stderr: reportTail(running.stderr),
    }),
  };
}

/** An outcome without output. */
export function plainOutcome(status: Outcome['status'], reason: string): Outcome {
  return { status, statusDetails: details({ reason }) };
}

/** Values made reportable; empty ones left out. */
function details(values: Record<string, string>): StatusDetails {
  const pairs = Object.entries(values).map(([key, value]) => [key, headOf(reportable(withoutSecrets(value)))] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ''));
}
