import type { JobsService } from '../jobs/service.ts';
import type * as rows from '../operations/jobOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import type { Handlers } from '../operations/table.ts';
import { registryHandlers } from '../registry/handlers.ts';
import type { Registry } from '../registry/registry.ts';

/** A handler for every row of the table: the registry's, and the Jobs service's control functions under the rows' names. */
export function handlersOf(registry: Registry, jobs: JobsService['control']) {
  return {
    ...registryHandlers(registry),
    CreateJob: (input: InputOf<typeof rows.CREATE_JOB>) => jobs.createJob(input),
    DescribeJob: (input: InputOf<typeof rows.DESCRIBE_JOB>) => jobs.describeJob(input),
    ListJobs: (input: InputOf<typeof rows.LIST_JOBS>) => jobs.listJobs(input),
    GetJobDocument: (input: InputOf<typeof rows.GET_JOB_DOCUMENT>) => jobs.getJobDocument(input),
    CancelJob: (input: InputOf<typeof rows.CANCEL_JOB>) => jobs.cancelJob(input),
    CancelJobExecution: async (input: InputOf<typeof rows.CANCEL_JOB_EXECUTION>) => {
      await jobs.cancelJobExecution(input);
      return undefined;
    },
    DescribeJobExecution: (input: InputOf<typeof rows.DESCRIBE_JOB_EXECUTION>) => jobs.describeJobExecution(input),
    ListJobExecutionsForJob: (input: InputOf<typeof rows.LIST_JOB_EXECUTIONS_FOR_JOB>) =>
      jobs.listJobExecutionsForJob(input),
    ListJobExecutionsForThing: (input: InputOf<typeof rows.LIST_JOB_EXECUTIONS_FOR_THING>) =>
      jobs.listJobExecutionsForThing(input),
  } satisfies Handlers;
}
