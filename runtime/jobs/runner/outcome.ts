import { WITH_CUSTOM, WITH_JOBSAGENT } from '../../parts.ts';
import type { Step, StepDocument } from '../document.ts';
import { STATUS_DETAILS_VALUE_CHARS_MAX } from '../limits.ts';
import { operationOutcome, operationProgress } from '../operations.ts';
import type { Outcome } from '../record.ts';
import { withoutSecrets } from '../secrets.ts';
import { reportable, type StatusDetails } from '../statusDetails.ts';
import { reportTail } from '../tail.ts';
import type { Runner, RunnerEvent } from './state.ts';

/** `step 2 of 3 'flash'`: how a step is named in reasons and logs. */
export function nameStep({ steps }: StepDocument, step: number): string {
  return `step ${step + 1} of ${steps.length} '${steps[step]!.name}'`;
}

/** What is reported while a step runs. */
export function progressDetails({ steps, operation }: StepDocument, step: number): StatusDetails {
  if (WITH_JOBSAGENT && operation) return operationProgress(operation);
  return { step: steps[step]!.name, progress: `${step + 1}/${steps.length}` };
}

/**
 * What is reported at the end of a job, of whose steps this one was the last to run.
 *
 * @param told  what its handler says of it
 */
export function finalDetails(
  runner: Runner,
  step: number,
  status: Outcome['status'],
  reason: string,
  told?: StatusDetails,
): StatusDetails {
  const document = runner.document!;
  const { operation } = document;
  return {
    ...(WITH_JOBSAGENT && operation
      ? operationOutcome(operation, status, reason, told)
      : progressDetails(document, step)),
    ...(WITH_CUSTOM ? runner.results : {}),
    reason,
    ...outputDetails(runner),
  };
}

/** What is reported of the programs' output after the last step, or after the first that failed. */
function outputDetails({ document, stdout, stderr }: Runner): StatusDetails {
  return { stdout: document?.includeStdOut ? reportTail(stdout) : '', stderr: reportTail(stderr) };
}

export type Exited = Extract<RunnerEvent, { on: 'exited' }>;

/**
 * How a step ended, in one sentence (in the words of AWS IoT Device Client), and whether that is success: exit code 0,
 * and no more lines on stderr than the document allows, where it says how many. Death by a signal never is.
 */
export function judge(
  { code, signal, error }: Exited,
  stderrLines: number,
  allowStdErr: Step['allowStdErr'] = Infinity,
): { succeeded: boolean; reason: string } {
  if (code === 0 && stderrLines > allowStdErr)
    return { succeeded: false, reason: `${stderrLines} lines on stderr: at most ${allowStdErr} are allowed` };
  const reason = error ?? (signal ? `Job killed by signal: ${signal}` : `Job exited with status: ${code}`);
  return { succeeded: code === 0, reason };
}

/** Values made reportable; empty ones left out. */
export function details(values: StatusDetails): StatusDetails {
  const entries = Object.entries(values).map(([key, value]) => [
    key,
    reportable(withoutSecrets(value).slice(0, STATUS_DETAILS_VALUE_CHARS_MAX)),
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value));
}
