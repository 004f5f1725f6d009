const SERVICE = 'targets/service';

export const RULES = [
  {
    name: 'let a device leave a terminal status',
    file: 'runtime/jobs/execution.ts',
    find: 'return NEXT[from]?.[by].includes(to) ?? false;',
    replace: "return NEXT[from]?.[by].includes(to) ?? by === 'device';",
  },
  {
    name: 'let times go back with the clock',
    file: `${SERVICE}/jobs/decide.ts`,
    find: 'Math.max(move.nowMillis, before.queuedAtMillis, before.lastUpdatedAtMillis)',
    replace: 'move.nowMillis',
  },
  {
    name: 'try again once more than the job allows',
    file: `${SERVICE}/jobs/retry.ts`,
    find: 'done[failureType] < numberOfRetries',
    replace: 'done[failureType] <= numberOfRetries',
  },
  {
    name: 'never try again after a time-out',
    file: `${SERVICE}/jobs/retry.ts`,
    find: "(status !== 'FAILED' && status !== 'TIMED_OUT')",
    replace: "status !== 'FAILED'",
  },
  {
    name: 'try again though the job was cancelled',
    file: `${SERVICE}/jobs/retry.ts`,
    find: "if (ended.hasLeft || (jobStatus !== 'IN_PROGRESS' && jobStatus !== 'SCHEDULED')) return undefined;",
    replace: 'if (ended.hasLeft) return undefined;',
  },
  {
    name: 'write what was refused',
    file: `${SERVICE}/jobs/decide.ts`,
    find: "return rejected({ code: after, message }, clientToken, nowMillis, before);\n  }\n  if (after === 'InvalidStateTransition')",
    replace:
      "return {\n      ...rejected({ code: after, message }, clientToken, nowMillis, before),\n      change: changeOf(loaded.queue, before, { ...before, lastUpdatedAtMillis: nowMillis }),\n    };\n  }\n  if (after === 'InvalidStateTransition')",
  },
  {
    name: 'leave an execution number out when a thing joins again',
    file: `${SERVICE}/jobs/membership.ts`,
    find: 'executionNumber + 1]',
    replace: 'executionNumber + 2]',
  },
  {
    name: 'do not look at the version that a device expects',
    file: 'runtime/jobs/execution.ts',
    find: "if (move.expectedVersion !== undefined && move.expectedVersion !== execution.versionNumber) return 'VersionMismatch';",
    replace: '',
  },
  {
    name: 'count each retry for a time-out',
    file: `${SERVICE}/jobs/retry.ts`,
    find: "ended.timedOutRetries + (status === 'TIMED_OUT' ? 1 : 0)",
    replace: 'ended.timedOutRetries + 1',
  },
];

export const TIMERS = [
  {
    name: 'time executions out a minute early',
    file: `${SERVICE}/jobs/tick.ts`,
    find: 'const due = await loadDue(tx, nowMillis, CHANGE_CHUNK_MAX);',
    replace: 'const due = await loadDue(tx, nowMillis + 60_000, CHANGE_CHUNK_MAX);',
  },
  {
    name: 'never time an execution out',
    file: `${SERVICE}/jobs/tick.ts`,
    find: '(await timeOut()) &&',
    replace: '',
  },
  {
    name: 'start the in-progress timer again with each report',
    file: `${SERVICE}/jobs/decide.ts`,
    find: "if (before.status === 'QUEUED') after.inProgressDeadlineMillis",
    replace: 'after.inProgressDeadlineMillis',
  },
  {
    name: 'leave the timer of an execution that has ended',
    file: `${SERVICE}/jobs/decide.ts`,
    find: 'after.inProgressDeadlineMillis = undefined;',
    replace: '',
  },
  {
    name: 'tell nobody when a window opens',
    file: `${SERVICE}/jobs/scheduleTick.ts`,
    find: 'await notifyRevealed(tx, job.job_no, place, REVEAL_CHUNK_MAX, nowMillis, busyUntil)',
    replace: '{ things: [], last: undefined }',
  },
  {
    name: 'time out by the later of two timers',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: 'return Math.min(inProgressDeadlineMillis, stepDeadlineMillis);',
    replace: 'return Math.max(inProgressDeadlineMillis, stepDeadlineMillis);',
  },
  {
    name: 'never stop the timer of a step',
    file: `${SERVICE}/jobs/decide.ts`,
    find: 'if (stepTimeoutInMinutes === -1) after.stepDeadlineMillis = undefined;\n  else if (stepTimeoutInMinutes !== undefined)',
    replace: 'if (stepTimeoutInMinutes !== undefined && stepTimeoutInMinutes > 0)',
  },
  {
    name: 'wake up for jobs and not for executions',
    file: `${SERVICE}/store/jobs.ts`,
    find: '    union all select min(deadline) from exec where deadline is not null\n',
    replace: '',
  },
];

export const ROLL_OUT = [
  {
    name: 'ignore the rate of a roll-out',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: 'Math.min(Math.floor(bucket.tokens + 1e-9), ROLLOUT_CHUNK_MAX)',
    replace: 'ROLLOUT_CHUNK_MAX',
  },
  {
    name: 'cancel a job and leave what is QUEUED',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: "(['QUEUED'] as const)",
    replace: '([] as const)',
  },
  {
    name: 'complete a job while devices are at it',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: "countOf(counts, 'QUEUED') + countOf(counts, 'IN_PROGRESS') === 0",
    replace: "countOf(counts, 'QUEUED') === 0",
  },
  {
    name: 'abort a job only when more than the threshold went wrong',
    file: `${SERVICE}/jobs/rollout.ts`,
    find: '100 * bad >= thresholdPercentage * executed',
    replace: '100 * bad > thresholdPercentage * executed',
  },
  {
    name: 'abort a job before enough of it has ended',
    file: `${SERVICE}/jobs/rollout.ts`,
    find: 'executed >= minNumberOfExecutedThings &&',
    replace: '',
  },
  {
    name: 'raise the rate with each thing, not with each threshold',
    file: `${SERVICE}/jobs/rollout.ts`,
    find: 'Math.floor(n / threshold)',
    replace: 'n',
  },
  {
    name: 'complete a job that waits for who comes later',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: " || (job.target_selection === 'CONTINUOUS' && !hasEnded)) return false;",
    replace: ') return false;\n  void hasEnded;',
  },
  {
    name: 'pass over a thing of each page',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: 'const last = members.at(-1)?.seq ?? maxSeq;',
    replace: 'const last = (members.at(-1)?.seq ?? maxSeq) + 1;',
  },
];

export const NOTIFICATIONS = [
  {
    name: 'do not say that another job is next',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: 'notifyNext: !sameHead || unseen',
    replace: 'notifyNext: unseen',
  },
  {
    name: 'say with each report that the queue has changed',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: 'notify: notify || unseen',
    replace: 'notify: true',
  },
  {
    name: 'keep the notify-next of one who was told the list',
    file: `${SERVICE}/jobs/notifications.ts`,
    find: 'if (next) {',
    replace: 'if (next && !list) {',
  },
  {
    name: 'tell a thing of a queue that its window hides',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: 'return isPending(status) && !hidden;',
    replace: 'return isPending(status);',
  },
  {
    name: 'take what runs from its device outside of a window, and tell it nothing',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: "if (!before.hidden || before.status !== 'IN_PROGRESS') return false;",
    replace: 'return false;',
  },
  {
    name: 'forget a notification that could not be sent',
    // In worlds of seeds all can be sent: who is not there has a session that keeps it.
    world: 'scenarios',
    plays: 'a notification cannot be sent',
    file: `${SERVICE}/jobs/notifications.ts`,
    find: 'waiting.filter((_, i) => sent[i]),',
    replace: 'waiting,',
  },
  {
    name: 'take what is new for the last of its queue',
    file: `${SERVICE}/store/notifications.ts`,
    find: 'order by h.status desc, h.queued_at, h.job_no, h.no limit 1)',
    replace: 'order by h.status desc, h.job_no <> 0, h.no * 0, h.job_no limit 1)',
  },
];

export const STORE = [
  {
    name: 'do not count the version up',
    file: 'targets/service/store/executions.ts',
    find: 'ver = r.ver + 1,',
    replace: 'ver = r.ver,',
  },
  {
    name: 'do not take an execution out of the counter that it leaves',
    file: `${SERVICE}/store/executions.ts`,
    find: 'add(before, -1);',
    replace: '',
  },
  {
    name: 'fold the counters, and keep what was folded',
    file: `${SERVICE}/store/jobs.ts`,
    find: 'sql`delete from job_delta',
    replace: 'sql`update job_delta set n = n',
  },
  {
    name: 'give a thing a first execution beside one that it has',
    // By seeds it takes a thing that leaves two groups of one continuous job and joins one of them again: seed 347 found it.
    world: 'scenarios',
    plays: 'a thing leaves two groups',
    file: `${SERVICE}/store/jobs.ts`,
    find: 'where not exists (select 1 from exec e where e.thing_no = t.thing_no and',
    replace: 'where not exists (select 1 from exec e where e.thing_no = -1 and',
  },
  {
    name: 'count a thing no more when one of its executions is deleted',
    file: `${SERVICE}/store/executions.ts`,
    find: ', ...after.map((row) => deltaOf(row, 1))]',
    replace: ']',
  },
];
