import type { Status } from '../../../../runtime/jobs/execution.ts';
import type { JobRow } from '../../store/jobs.ts';
import { type Counts, loadPresentCounts, lockJob } from '../../store/jobs.ts';
import type { Connection } from '../../store/statement.ts';
import { documentBefore } from '../../templates/jobFromTemplate.ts';
import type { JobConfig } from '../jobConfig.ts';
import { PAGE_MAX } from '../limits.ts';
import { countOf } from '../rollout.ts';
import { nextRollouts, readSchedule } from '../schedule.ts';
import { arnOf, type Control, epochSeconds, notFound, pageToken, placeIn } from './context.ts';
import { ownGroup } from './targets.ts';

/** The counters of jobProcessDetails by the status they count (control-plane §2.2). */
const COUNTERS: Record<string, Status> = {
  numberOfCanceledThings: 'CANCELED',
  numberOfSucceededThings: 'SUCCEEDED',
  numberOfFailedThings: 'FAILED',
  numberOfRejectedThings: 'REJECTED',
  numberOfQueuedThings: 'QUEUED',
  numberOfInProgressThings: 'IN_PROGRESS',
  numberOfRemovedThings: 'REMOVED',
  numberOfTimedOutThings: 'TIMED_OUT',
};

/** A job as DescribeJob shows it; times in seconds since the Unix epoch. */
export interface JobView
  extends Omit<JobConfig, 'documentSource' | 'presignedUrlConfig' | 'jobExecutionsRolloutConfig' | 'timeoutConfig'> {
  jobArn: string;
  jobId: string;
  targetSelection: JobRow['target_selection'];
  status: JobRow['status'];
  forceCanceled?: boolean;
  reasonCode?: string;
  comment?: string;
  description?: string;
  presignedUrlConfig: object;
  jobExecutionsRolloutConfig: object;
  timeoutConfig: object;
  createdAt: number;
  lastUpdatedAt: number;
  completedAt?: number;
  jobProcessDetails: Record<string, number> & { processingTargets?: string[] };
  isConcurrent: boolean;
  scheduledJobRollouts?: { startTime: string }[];
}

/** The whole of a job, but for its document. */
export async function describeJob(
  control: Control,
  { jobId }: { jobId: string },
): Promise<{ documentSource?: string; job: JobView }> {
  const job = await findJob(control, jobId);
  const { documentSource, ...config }: JobConfig = JSON.parse(job.config);
  const counts = await loadPresentCounts(control.store, job.job_no);
  const processingTargets = await stillRollingOut(control, job, config);
  return {
    ...(documentSource === undefined ? {} : { documentSource }),
    job: {
      ...summaryOf(control, job),
      ...(job.force_canceled === 1 ? { forceCanceled: true } : {}),
      ...(job.reason_code === null ? {} : { reasonCode: job.reason_code }),
      ...(job.comment === null ? {} : { comment: job.comment }),
      ...(job.description === null ? {} : { description: job.description }),
      ...config,
      presignedUrlConfig: config.presignedUrlConfig ?? {},
      jobExecutionsRolloutConfig: config.jobExecutionsRolloutConfig ?? {},
      timeoutConfig: config.timeoutConfig ?? {},
      ...rolloutsOf(control, job, config),
      jobProcessDetails: {
        ...(processingTargets.length === 0 ? {} : { processingTargets }),
        ...countersOf(counts),
      } as JobView['jobProcessDetails'],
    },
  };
}

/** The document that devices get, or with `beforeSubstitution` without the parameters in it (control-plane §2.7). */
export async function getJobDocument(
  control: Control,
  { jobId, beforeSubstitution = false }: { jobId: string; beforeSubstitution?: boolean },
): Promise<{ document: string }> {
  const { document, config } = await findJob(control, jobId);
  if (!beforeSubstitution) return { document };
  const { jobTemplateArn }: JobConfig = JSON.parse(config);
  return { document: documentBefore(control, jobTemplateArn) ?? document };
}

export interface ListJobsInput {
  status?: JobRow['status'];
  targetSelection?: JobRow['target_selection'];
  thingGroupName?: string;
  thingGroupId?: string;
  /** Jobs have none here, so nothing is found in one. */
  namespaceId?: string;
  maxResults?: number;
  nextToken?: string;
}

export type JobSummary = Pick<
  JobView,
  'jobArn' | 'jobId' | 'targetSelection' | 'status' | 'createdAt' | 'lastUpdatedAt' | 'completedAt' | 'isConcurrent'
>;

/** Jobs, the youngest first; filters combine with AND (control-plane §2.3). */
export async function listJobs(
  control: Control,
  input: ListJobsInput,
): Promise<{ jobs: JobSummary[]; nextToken?: string }> {
  const { status, targetSelection, nextToken, maxResults = PAGE_MAX } = input;
  let query = control.store.db
    .selectFrom('job')
    .selectAll()
    .orderBy('job_no', 'desc')
    .limit(maxResults + 1);
  if (input.namespaceId !== undefined) return { jobs: [] };
  if (status !== undefined) query = query.where('status', '=', status);
  if (targetSelection !== undefined) query = query.where('target_selection', '=', targetSelection);
  const groups = await groupsOf(control, input);
  for (const group of groups) {
    query = query.where('job_no', 'in', (of) => of.selectFrom('job_target').select('job_no').where('root', '=', group));
  }
  if (nextToken !== undefined) query = query.where('job_no', '<', placeIn(nextToken, 1)[0] as number);
  const found = await query.execute();
  const page = found.slice(0, maxResults);
  return {
    jobs: page.map((job) => summaryOf(control, job)),
    ...(found.length > maxResults ? { nextToken: pageToken([page.at(-1)!.job_no]) } : {}),
  };
}

/** @throws ModelledError ResourceNotFoundException */
export async function findJob({ store }: Pick<Control, 'store'>, jobId: string): Promise<JobRow> {
  const job = await store.db.selectFrom('job').selectAll().where('job_id', '=', jobId).executeTakeFirst();
  if (job === undefined) throw notFound(`There is no job ${jobId}`);
  return job;
}

/**
 * The same for a transaction that changes the job.
 *
 * @throws ModelledError ResourceNotFoundException
 */
export async function findJobToChange(tx: Connection, jobId: string): Promise<JobRow> {
  const job = await lockJob(tx, jobId);
  if (job === undefined) throw notFound(`There is no job ${jobId}`);
  return job;
}

/**
 * Jobs have no namespace here yet, so nothing is found in one.
 *
 * @throws ModelledError ResourceNotFoundException
 */
export function refuseNamespace({ jobId, namespaceId }: { jobId: string; namespaceId?: string }): void {
  if (namespaceId !== undefined) throw notFound(`There is no job ${jobId} in namespace ${namespaceId}`);
}

async function groupsOf({ store }: Control, { thingGroupName, thingGroupId }: ListJobsInput): Promise<string[]> {
  const groups: string[] = [];
  const find = async (column: 'group_name' | 'group_id', value: string) => {
    const query = store.db.selectFrom('thing_group').select('group_name').where(column, '=', value);
    const group = await query.executeTakeFirst();
    if (group === undefined) throw notFound(`There is no thing group ${value}`);
    groups.push(group.group_name);
  };
  if (thingGroupName !== undefined) await find('group_name', thingGroupName);
  if (thingGroupId !== undefined) await find('group_id', thingGroupId);
  return groups;
}

function summaryOf(control: Control, job: JobRow): JobSummary {
  return {
    jobArn: arnOf(control, 'job', job.job_id),
    jobId: job.job_id,
    targetSelection: job.target_selection,
    status: job.status,
    createdAt: epochSeconds(job.created_at),
    lastUpdatedAt: epochSeconds(job.last_updated_at),
    ...(job.completed_at === null ? {} : { completedAt: epochSeconds(job.completed_at) }),
    // Creating executions, or cancelling them.
    isConcurrent: job.next_tick !== null,
  };
}

/** The next starts of its windows, while there are any to come. */
function rolloutsOf(
  control: Control,
  job: JobRow,
  { schedulingConfig }: JobConfig,
): { scheduledJobRollouts?: { startTime: string }[] } {
  if (schedulingConfig?.maintenanceWindows === undefined) return {};
  if (job.status !== 'SCHEDULED' && job.status !== 'IN_PROGRESS') return {};
  return { scheduledJobRollouts: nextRollouts(readSchedule(schedulingConfig), control.clock.now()) };
}

function countersOf(counts: Counts): Record<string, number> {
  return Object.fromEntries(Object.entries(COUNTERS).map(([name, status]) => [name, countOf(counts, status)]));
}

/** The targets, as they were given, that the roll-out has not been through. */
async function stillRollingOut(control: Control, job: JobRow, config: JobConfig): Promise<string[]> {
  if (job.status !== 'IN_PROGRESS') return [];
  const query = control.store.db.selectFrom('job_target').select('root').distinct();
  const open = await query.where('job_no', '=', job.job_no).whereRef('cursor', '<', 'max_seq').execute();
  const roots = new Set(open.map(({ root }) => root));
  const isOpen = (arn: string) =>
    arn.includes(':thinggroup/') ? roots.has(arn.slice(arn.indexOf('/') + 1)) : roots.has(ownGroup(job.job_id));
  return config.targets.filter(isOpen);
}
