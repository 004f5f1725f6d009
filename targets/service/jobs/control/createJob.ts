import { ModelledError } from '../../modelledError.ts';
import { inTransaction } from '../../store/open.ts';
import type { Connection } from '../../store/statement.ts';
import { addTags } from '../../store/tags.ts';
import { withTemplate } from '../../templates/jobFromTemplate.ts';
import type { AbortConfig, JobConfig, RetryConfig, RolloutConfig, SchedulingConfig } from '../jobConfig.ts';
import { RETRIES_MAX } from '../limits.ts';
import { faultIn, phaseAt, readSchedule } from '../schedule.ts';
import { arnOf, type Control, invalidRequest } from './context.ts';
import { checkDocument, givenDocument } from './document.ts';
import { namesOf, parseTargets, targetGroups, targetThings } from './targets.ts';

/** Members of CreateJob, checked for types and ranges already (control-plane §2.1). */
export interface CreateJobInput {
  jobId: string;
  targets: string[];
  document?: string;
  documentSource?: string;
  description?: string;
  presignedUrlConfig?: { roleArn?: string; expiresInSec?: number };
  targetSelection?: 'SNAPSHOT' | 'CONTINUOUS';
  jobExecutionsRolloutConfig?: RolloutConfig;
  abortConfig?: AbortConfig;
  timeoutConfig?: { inProgressTimeoutInMinutes?: number };
  jobExecutionsRetryConfig?: RetryConfig;
  schedulingConfig?: SchedulingConfig;
  tags?: { Key: string; Value?: string }[];
  namespaceId?: string;
  jobTemplateArn?: string;
  documentParameters?: Record<string, string>;
  destinationPackageVersions?: string[];
}

export interface JobReference {
  jobArn: string;
  jobId: string;
  description?: string;
}

/**
 * What is in the model and not in this service; a job that asks for it is refused rather than run without it. The topics of a
 * namespace are told in two ways that contradict one another (the model's prose, Greengrass's code), and who sees its
 * executions is nowhere said (data plane §3); package versions need the software package catalogue of AWS, whose attributes
 * and artifacts they put into the document.
 */
const NOT_YET = ['namespaceId', 'destinationPackageVersions'] as const;

/** Creates a job; its executions follow by roll-out, the first of them at once (control-plane §2.1). */
export async function createJob(control: Control, given: CreateJobInput): Promise<JobReference> {
  const input = await withTemplate(control.store, control, given);
  const { jobId, description, timeoutConfig } = input;
  for (const member of NOT_YET) {
    if (input[member] !== undefined) throw invalidRequest(`${member} is not supported by this service yet`);
  }
  const { document, signs } = checkDocument(control, await givenDocument(control, input), input.presignedUrlConfig);
  const targets = parseTargets(control, input.targets);
  checkRetries(input.jobExecutionsRetryConfig);
  const nowMillis = control.clock.now();
  const schedule = scheduleOf(input.schedulingConfig, nowMillis);
  await inTransaction(control.store, async (tx) => {
    await refuseExisting(control, tx, jobId);
    const { job_no: jobNo } = await tx.db
      .insertInto('job')
      .values({
        job_id: jobId,
        target_selection: input.targetSelection ?? 'SNAPSHOT',
        document,
        signs: signs ? 1 : 0,
        config: JSON.stringify(configOf(input)),
        description: description ?? null,
        force_canceled: 0,
        retry: retryRules(input.jobExecutionsRetryConfig),
        in_progress_minutes: timeoutConfig?.inProgressTimeoutInMinutes ?? null,
        created_at: nowMillis,
        last_updated_at: nowMillis,
        ...schedule,
        tokens: 0,
        tokens_at: 0,
        ver: 1,
      })
      .returning('job_no')
      .executeTakeFirstOrThrow();
    await addTags(tx.db, { kind: 'job', name: jobId }, input.tags ?? []);
    await targetThings(tx, jobNo, jobId, namesOf(targets, 'thing'), nowMillis);
    await targetGroups(tx, jobNo, namesOf(targets, 'thinggroup'));
  });
  control.due(schedule.next_tick ?? schedule.alarm ?? undefined);
  return referenceTo(control, jobId, description);
}

/** What operations on a job answer. */
export function referenceTo(control: Control, jobId: string, description: string | undefined): JobReference {
  return { jobArn: arnOf(control, 'job', jobId), jobId, ...(description === undefined ? {} : { description }) };
}

function configOf(input: CreateJobInput): JobConfig {
  const { targets, presignedUrlConfig, jobExecutionsRolloutConfig, abortConfig, timeoutConfig } = input;
  const { jobExecutionsRetryConfig, schedulingConfig, documentSource, jobTemplateArn, documentParameters } = input;
  const configs = {
    presignedUrlConfig,
    jobExecutionsRolloutConfig,
    abortConfig,
    timeoutConfig,
    jobExecutionsRetryConfig,
  };
  const kept = { targets, ...configs, schedulingConfig, documentSource, jobTemplateArn, documentParameters };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)) as unknown as JobConfig;
}

/** How a job begins: at once, or waiting for its start or for a window. */
function scheduleOf(config: SchedulingConfig = {}, nowMillis: number) {
  const fault = faultIn(config, nowMillis);
  if (fault !== undefined) throw invalidRequest(fault);
  const schedule = readSchedule(config);
  const { phase, untilMillis } = phaseAt(schedule, nowMillis);
  const isOpen = phase === 'open';
  return {
    status: isOpen ? ('IN_PROGRESS' as const) : ('SCHEDULED' as const),
    started: isOpen ? 1 : 0,
    next_tick: isOpen ? nowMillis : null,
    alarm: untilMillis ?? null,
    starts_at: schedule.startsAtMillis ?? null,
    ends_at: schedule.endsAtMillis ?? null,
  };
}

/** @throws ModelledError InvalidRequestException where criteria overlap, or allow more than 10 retries together (state-machine §4) */
export function checkRetries(config: RetryConfig | undefined): void {
  const criteria = config?.criteriaList ?? [];
  const total = criteria.reduce((sum, { numberOfRetries }) => sum + numberOfRetries, 0);
  if (total > RETRIES_MAX)
    throw invalidRequest(`A thing has at most ${RETRIES_MAX} retries over all failure types: found ${total}`);
  const types = criteria.map(({ failureType }) => failureType);
  if (types.length > 1 && types.includes('ALL'))
    throw invalidRequest('The failureType ALL cannot be combined with another criterion');
  if (new Set(types).size < types.length) throw invalidRequest(`Two criteria have the failureType ${types[0]}`);
}

/** What an execution has to know of it when it fails. */
export function retryRules(config: RetryConfig | undefined): string | null {
  const criteria = (config?.criteriaList ?? []).filter(({ numberOfRetries }) => numberOfRetries > 0);
  return criteria.length === 0 ? null : JSON.stringify(criteria);
}

async function refuseExisting(control: Control, tx: Connection, jobId: string): Promise<void> {
  const existing = await tx.db.selectFrom('job').select('job_no').where('job_id', '=', jobId).executeTakeFirst();
  if (existing === undefined) return;
  const resourceArn = arnOf(control, 'job', jobId);
  throw new ModelledError('ResourceAlreadyExistsException', 409, `There is a job ${jobId} already`, {
    resourceId: jobId,
    resourceArn,
  });
}
