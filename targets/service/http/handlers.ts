import type { Artifacts } from '../artifacts/artifacts.ts';
import { artifactHandlers } from '../artifacts/handlers.ts';
import { faultHandlers } from '../faults/handlers.ts';
import type { FaultSwitch } from '../faults/plan.ts';
import type { JobsService } from '../jobs/service.ts';
import type * as executionRows from '../operations/executionOperations.ts';
import type * as jobRows from '../operations/jobOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import type { Handlers } from '../operations/table.ts';
import { provisioningHandlers } from '../provisioning/handlers.ts';
import { registryHandlers } from '../registry/handlers.ts';
import type { Registry } from '../registry/registry.ts';
import { templateHandlers } from '../templates/handlers.ts';

/**
 * A handler for every row of the table: the registry's, and the Jobs service's control functions under the rows' names.
 *
 * @param artifacts  undefined: this service keeps none
 */
export function handlersOf(
  registry: Registry,
  jobs: JobsService['control'],
  faults: FaultSwitch,
  artifacts?: Artifacts,
) {
  return {
    ...registryHandlers(registry),
    ...provisioningHandlers(registry),
    ...templateHandlers(registry),
    ...faultHandlers(faults),
    ...artifactHandlers(artifacts),
    CreateJob: (input: InputOf<typeof jobRows.CREATE_JOB>) => jobs.createJob(input),
    DescribeJob: (input: InputOf<typeof jobRows.DESCRIBE_JOB>) => jobs.describeJob(input),
    ListJobs: (input: InputOf<typeof jobRows.LIST_JOBS>) => jobs.listJobs(input),
    GetJobDocument: (input: InputOf<typeof jobRows.GET_JOB_DOCUMENT>) => jobs.getJobDocument(input),
    CancelJob: (input: InputOf<typeof jobRows.CANCEL_JOB>) => jobs.cancelJob(input),
    DeleteJob: async (input: InputOf<typeof jobRows.DELETE_JOB>) => {
      await jobs.deleteJob(input);
      return undefined;
    },
    UpdateJob: async (input: InputOf<typeof jobRows.UPDATE_JOB>) => {
      await jobs.updateJob(input);
      return undefined;
    },
    AssociateTargetsWithJob: (input: InputOf<typeof jobRows.ASSOCIATE_TARGETS_WITH_JOB>) =>
      jobs.associateTargetsWithJob(input),
    CancelJobExecution: async (input: InputOf<typeof executionRows.CANCEL_JOB_EXECUTION>) => {
      await jobs.cancelJobExecution(input);
      return undefined;
    },
    DeleteJobExecution: async (input: InputOf<typeof executionRows.DELETE_JOB_EXECUTION>) => {
      await jobs.deleteJobExecution(input);
      return undefined;
    },
    DescribeJobExecution: (input: InputOf<typeof executionRows.DESCRIBE_JOB_EXECUTION>) =>
      jobs.describeJobExecution(input),
    ListJobExecutionsForJob: (input: InputOf<typeof executionRows.LIST_JOB_EXECUTIONS_FOR_JOB>) =>
      jobs.listJobExecutionsForJob(input),
    ListJobExecutionsForThing: (input: InputOf<typeof executionRows.LIST_JOB_EXECUTIONS_FOR_THING>) =>
      jobs.listJobExecutionsForThing(input),
  } satisfies Handlers;
}
