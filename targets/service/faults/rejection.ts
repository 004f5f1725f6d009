import type { Accepted, ErrorResponse } from '../../../runtime/jobs/answers.ts';
import type { ErrorCode } from '../../../runtime/jobs/errorCodes.ts';
import { NEXT_JOB } from '../../../runtime/jobs/names.ts';
import type { Operation } from '../../../runtime/jobs/topics.ts';
import type { JobsService } from '../jobs/service.ts';

/** What a rejection that was asked for says, beside its time and clientToken. */
export type RejectedOnDemand = (
  thingName: string,
  operation: Operation,
  jobId: string | undefined,
  code: ErrorCode,
) => Promise<Pick<ErrorResponse, 'code' | 'message' | 'executionState'>>;

/** Codes that come with the state of the execution (data plane §9). */
const WITH_STATE: readonly ErrorCode[] = ['InvalidStateTransition', 'VersionMismatch'];

const MESSAGE = 'This answer was asked for: faults are on in this service';

/** A rejection as the service would word it, with the state that the execution really has; it changes nothing. */
export function rejectOnDemand(ask: JobsService['ask']): RejectedOnDemand {
  return async (thingName, operation, jobId, code) => {
    if (!WITH_STATE.includes(code) || operation !== 'UpdateJobExecution' || jobId === undefined || jobId === NEXT_JOB)
      return { code, message: MESSAGE };
    const { answer } = await ask(thingName, { operation: 'DescribeJobExecution', jobId, includeJobDocument: false });
    const execution = answer.kind === 'accepted' ? (answer.body as Accepted).execution : undefined;
    if (execution === undefined) return { code, message: MESSAGE };
    const { status, versionNumber, statusDetails } = execution;
    return {
      code,
      message: MESSAGE,
      executionState: { status, versionNumber, ...(statusDetails && { statusDetails }) },
    };
  };
}
