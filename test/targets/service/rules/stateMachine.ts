// biome-ignore-all lint/suspicious/noTemplateCurlyInString: names of tests are spelled as in their files
/** Where each rule of the state machine's specification is held (see rule.ts). */
import { NOT_OURS, type SpecificationFile } from './rule.ts';

const JOBS = 'targets/service/jobs';
const CONTROL = `${JOBS}/control.test.ts`;
const CONTINUOUS = `${JOBS}/continuous.test.ts`;
const FIELDS = `${JOBS}/fields.test.ts`;
const MOVES = 'runtime/jobs/execution.test.ts';
const REQUESTS = `${JOBS}/requests.test.ts`;
const RETRY = `${JOBS}/retry.test.ts`;
const ROLLOUT = `${JOBS}/rollout.test.ts`;
const SCHEDULE = `${JOBS}/schedule.test.ts`;
const TICK = `${JOBS}/tick.test.ts`;
const UPDATE = `${JOBS}/update.test.ts`;

export const STATE_MACHINE: SpecificationFile = {
  name: 'state-machine',
  sections: [
    {
      section: '§1',
      tagged: 1,
      rules: [
        ['D', 'without a number the latest execution is meant', RETRY, 'and does not fail the retry'],
        ['', 'one execution of a thing and job goes on', CONTINUOUS, 'a thing in two targets has one execution'],
      ],
    },
    {
      section: '§2',
      tagged: 1,
      rules: [
        ['D', 'who sets which status', MOVES, 'setStatus: every status x party x status'],
        ['', 'which are terminal', MOVES, 'isTerminal: all but QUEUED and IN_PROGRESS'],
        ['', 'which are tried again', RETRY, 'each criterion counts its own kind of failure'],
        ['', 'which are not', RETRY, 'REJECTED, CANCELED, REMOVED and SUCCEEDED are never tried again'],
        ['', 'CANCELED is spelled with one L', 'targets/service/operations/limits.test.ts', 'CANCELED with one L'],
      ],
    },
    {
      section: '§2.1',
      tagged: 8,
      rules: [
        ['D', 'QUEUED to IN_PROGRESS', FIELDS, 'QUEUED to IN_PROGRESS by update, with details'],
        ['D', 'QUEUED to REJECTED', FIELDS, 'QUEUED to ${status} by the device'],
        ['D', 'IN_PROGRESS again counts the version up', FIELDS, 'an update of IN_PROGRESS without details'],
        ['D', 'IN_PROGRESS to SUCCEEDED', FIELDS, 'IN_PROGRESS to terminal without details'],
        ['D', 'IN_PROGRESS to FAILED', FIELDS, 'IN_PROGRESS to terminal with details'],
        ['D', 'nothing leaves a terminal status', REQUESTS, 'every status x what a device may ask for'],
        ['D', 'nor is one reported again', MOVES, 'accepted exactly where state-machine §2.1 says so'],
        ['D', 'each change counts the version up, sets the time', MOVES, 'versionNumber counts up by one and'],
        ['', 'a roll-out gives QUEUED, version 1, number 1', FIELDS, "name: 'created'"],
        ['', 'a cancel', TICK, 'cancel: queued executions go, running ones'],
        ['', 'a timer', TICK, 'timers: the vector of state-machine §3'],
        ['', 'a thing that leaves', CONTINUOUS, 'leaving: QUEUED becomes REMOVED'],
        ['', 'a retry', RETRY, 'a FAILED execution stays as history'],
        ['', 'a deletion', CONTROL, 'DeleteJob: ended jobs, others only with force'],
      ],
    },
    {
      section: '§2.2',
      tagged: 1,
      rules: [
        ['D', 'IN_PROGRESS to REJECTED, disputed: a switch', MOVES, 'IN_PROGRESS to REJECTED only with the switch'],
        [
          '',
          'the device falls back to FAILED',
          'runtime/jobs/runner.test.ts',
          'REJECTED refused because the execution is',
        ],
      ],
    },
    {
      section: '§2.3',
      tagged: 1,
      rules: [
        ['D', 'start-next leaves what runs as it is', FIELDS, 'start-next on IN_PROGRESS, whatever it says'],
        ['', 'QUEUED to IN_PROGRESS', FIELDS, 'start-next on QUEUED with details'],
        ['', 'QUEUED to terminal sets startedAt', MOVES, 'startedAt is set by the first move of the device'],
        ['', 'details replace', FIELDS, 'an update of IN_PROGRESS with details, which replace all'],
        ['', 'cancel without details', FIELDS, 'cancel of IN_PROGRESS without details'],
        ['', 'cancel with details', FIELDS, 'cancel of IN_PROGRESS with details'],
        ['', 'QUEUED to CANCELED has no startedAt', FIELDS, 'cancel of QUEUED'],
        ['', 'nor has QUEUED to REMOVED', FIELDS, 'QUEUED to REMOVED'],
        ['', 'TIMED_OUT', FIELDS, "name: 'TIMED_OUT'"],
        ['', 'looking changes nothing', FIELDS, 'describe and lists'],
      ],
    },
    {
      section: '§3',
      tagged: 8,
      rules: [
        ['DM', 'the in-progress timer starts once', TICK, 'timers: the vector of state-machine §3, step timers'],
        ['M', 'a changed timeout reaches later starts', UPDATE, 'UpdateJob: a new timeout reaches only executions'],
        ['D', 'a step timer anew, kept, cancelled', TICK, 'step timers never reach past the in-progress timer'],
        ['D', 'a step timer alone', TICK, 'a step timer without an in-progress timer times out once'],
        ['D', 'it moves no in-progress deadline', TICK, 'step timers never reach past the in-progress'],
        ['D', 'the earlier deadline counts', TICK, 'step timers never reach past'],
        ['M', 'TIMED_OUT is terminal', TICK, 'timers: the vector of state-machine'],
        ['D', 'the vector', TICK, 'the vector of state-machine §3'],
        ['', 'what is QUEUED never times out', TICK, 'timers: the vector of state-machine §3'],
      ],
    },
    {
      section: '§4',
      tagged: 6,
      rules: [
        ['D', 'ten retries over all kinds', RETRY, 'retry criteria that overlap'],
        ['D', 'FAILED and TIMED_OUT alone', RETRY, 'REMOVED and SUCCEEDED are never tried again'],
        ['M', 'retryAttempt is 0 at first', RETRY, 'a new one is QUEUED: next number, next attempt'],
        ['D', 'a cancel ends retries', RETRY, 'cancelling a job cancels the retry that is queued'],
        ['', 'an abort too', ROLLOUT, 'the roll-out stops, retries too'],
        ['D', 'joining again counts from 0', CONTINUOUS, 'joining again: the next executionNumber, retries from 0'],
        ['', 'leaving cancels retries', CONTINUOUS, 'IN_PROGRESS stays and is not tried again'],
        ['D', 'UpdateJob sets 0 only', UPDATE, 'retries can be set to 0 and to nothing else'],
        ['', 'who is told of a retry', RETRY, 'the thing is told of a retry'],
      ],
    },
    {
      section: '§5',
      tagged: 8,
      rules: [
        ['M', 'a job that finished is COMPLETED', TICK, 'a snapshot job is COMPLETED when its roll-out is done'],
        ['', 'and never SUCCEEDED', 'targets/service/operations/limits.test.ts', 'COMPLETED and not SUCCEEDED'],
        ['D', 'SCHEDULED when a window closes', SCHEDULE, 'outside of its windows a job is SCHEDULED'],
        [
          'D',
          'CANCELED at the limit of concurrent jobs',
          NOT_OURS,
          'a quota of AWS accounts: jobs share one machine here',
        ],
        ['D', 'a continuous job goes on', CONTINUOUS, 'a continuous job stays IN_PROGRESS when all have ended'],
        ['D', 'until its endTime', SCHEDULE, 'what is there finishes, then COMPLETED, continuous too'],
        ['D', 'what is being deleted takes neither', CONTROL, 'DeleteJob: ended jobs, others only with force; nothing'],
        ['M', 'isConcurrent', TICK, 'cancelling stops a roll-out and takes more executions'],
        ['', 'isConcurrent of a roll-out', CONTROL, 'CreateJob answers ARN and id'],
        ['D', 'SCHEDULED is not concurrent', SCHEDULE, 'a job with a startTime is SCHEDULED until then'],
        ['', 'an empty target', TICK, 'a job whose group is empty is COMPLETED at once'],
        ['', 'an abort cancels', TICK, 'abortConfig: enough ended badly cancels the job'],
      ],
    },
    {
      section: '§5.1',
      tagged: 5,
      rules: [
        ['D', 'SNAPSHOT is the default', CONTROL, 'a job with nothing but what is required: SNAPSHOT'],
        ['', 'and ignores later joiners', CONTINUOUS, 'a snapshot job ignores late joiners'],
        ['', 'and who leaves', CONTINUOUS, 'who leaves the group of a snapshot before its turn'],
        ['D', 'joiners outside of the rate', CONTINUOUS, 'a late joiner gets its execution at once'],
        ['D', 'joining again, retries from 0', CONTINUOUS, 'retries from 0; one that still runs goes on'],
        ['M', 'targets added: IN_PROGRESS, 100', CONTINUOUS, 'AssociateTargetsWithJob refuses snapshots'],
        ['D', 'descendant groups', TICK, 'a group stands for the groups below it too'],
        ['', 'descendants of a continuous job', CONTINUOUS, 'groups below a target count, younger ones too'],
      ],
    },
    {
      section: '§6',
      tagged: 4,
      rules: [
        ['D', 'without force what runs may end', TICK, 'running ones may end by themselves'],
        ['D', 'with force it refuses every update', TICK, 'with force they go too and refuse every update'],
        ['D', 'a cancelled job has no completedAt', TICK, 'cancel: queued executions go, running ones may end'],
        ['MD', 'CancelJobExecution and its two errors', CONTROL, 'CancelJobExecution: queued always'],
        ['', 'who is told', `${JOBS}/histories.test.ts`, 'histories of devices, operators, time and crashes'],
      ],
    },
    {
      section: '§7',
      tagged: 4,
      rules: [
        ['M', 'ten deletions', CONTROL, 'the eleventh at the same time is LimitExceededException 410'],
        ['M', 'a number may be given again', CONTROL, 'an executionNumber whose execution was deleted'],
        ['', 'IN_PROGRESS needs force', CONTROL, 'DeleteJobExecution: running only with force'],
        [
          'D',
          'what is deleted counts no more in an abort',
          ROLLOUT,
          'abort does not count executions that were deleted',
        ],
        ['', 'nor in the counters', RETRY, 'deleting the latest execution lets the one before it count'],
        ['M', 'a deleted thing counts as removed', CONTINUOUS, 'a thing that is deleted: what is pending is REMOVED'],
        ['', 'one that left too', CONTINUOUS, 'leaving: QUEUED becomes REMOVED and its thing is told'],
        ['', 'the jobId is free after', CONTROL, 'nothing of them is left and the jobId is free'],
      ],
    },
    {
      section: '§8',
      tagged: 2,
      rules: [
        ['D', 'the threshold and the minimum', ROLLOUT, 'mustAbort: every criterion on its own'],
        ['', 'a cancel with comment and reasonCode', ROLLOUT, 'abort is a cancel without force that says by itself'],
        ['D', 'what runs goes on', TICK, 'cancels the job as an operator would without force'],
      ],
    },
    {
      section: '§10',
      tagged: 0,
      rules: [
        [
          '',
          '1 to 10, one command at a time, with crashes',
          `${JOBS}/histories.test.ts`,
          'histories of devices, operators',
        ],
        ['', '1 to 10 with retries, groups, schedules', `${JOBS}/lives.test.ts`, 'lives of jobs with retries'],
        ['', '7, at any statement that fails', `${JOBS}/faults.test.ts`, 'an update that fails at any statement'],
        ['', '2 and 5, a killed process', 'torture/torture.test.ts', 'kill -9 of the service under load'],
      ],
    },
  ],
};
