/** Each limit of control-plane §2, §4, §6, §7 and of the names: the last value that is taken and the first that is not. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { faultsMessage, validate } from '../../../../targets/service/operations/validate.ts';

type Given = Record<string, unknown>;

interface Row {
  name: string;
  operation: string;
  /** The other members that it needs. */
  beside: Given;
  /** A member, or one inside of it: `timeoutConfig.inProgressTimeoutInMinutes`; `0` is the first of a list. */
  member: string;
  taken: readonly unknown[];
  refused: readonly unknown[];
}

const JOB = { jobId: 'j', targets: ['t'] };
const chars = (count: number, one = 'a') => one.repeat(count);
const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));
const items = <T>(count: number, one: T) => new Array<T>(count).fill(one);
const createJob = (member: string, taken: readonly unknown[], refused: readonly unknown[], beside: Given = {}) => ({
  operation: 'CreateJob',
  beside: { ...JOB, ...beside },
  member,
  taken,
  refused,
});

const CRITERION = { failureType: 'ALL', action: 'CANCEL', thresholdPercentage: 1, minNumberOfExecutedThings: 1 };
const exponential = {
  jobExecutionsRolloutConfig: {
    exponentialRate: { baseRatePerMinute: 1, incrementFactor: 2, rateIncreaseCriteria: { numberOfNotifiedThings: 1 } },
  },
};
const RATE = 'jobExecutionsRolloutConfig.exponentialRate';
const WINDOW = { schedulingConfig: { maintenanceWindows: [{ startTime: 'x', durationInMinutes: 1 }] } };
const ATTRIBUTES = 'attributePayload.attributes';

const ROWS: readonly Row[] = [
  {
    name: 'jobId: 1 to 64 characters, no colon',
    operation: 'DescribeJob',
    beside: {},
    member: 'jobId',
    taken: ['a', 'A-9_', chars(64)],
    refused: ['', chars(65), 'a:b', 'a.b', 'ü'],
  },
  {
    name: 'jobTemplateId: 1 to 64 characters',
    operation: 'DescribeJobTemplate',
    beside: {},
    member: 'jobTemplateId',
    taken: ['A-9_', chars(64)],
    refused: ['', chars(65), 'a:b'],
  },
  {
    name: 'thingName: 1 to 128 characters, a colon too',
    operation: 'DescribeThing',
    beside: {},
    member: 'thingName',
    taken: ['a', 'A:9_-', chars(128)],
    refused: ['', chars(129), 'a.b', 'a b'],
  },
  {
    name: 'thingGroupName: 1 to 128 characters, a colon too',
    operation: 'DescribeThingGroup',
    beside: {},
    member: 'thingGroupName',
    taken: ['A:9_-', chars(128)],
    refused: ['', chars(129), 'a/b'],
  },
  {
    name: 'namespaceId: letters, digits, underscore, hyphen',
    operation: 'DeleteJob',
    beside: { jobId: 'j' },
    member: 'namespaceId',
    taken: ['a', 'A-9_'],
    refused: ['', 'a:b', 'a b'],
  },
  {
    name: 'targets: 1 to 100',
    ...createJob('targets', [['t'], items(100, 't')], [[], items(101, 't'), undefined]),
  },
  { name: 'a target: 2048 characters', ...createJob('targets.0', [chars(2048)], [chars(2049)]) },
  {
    name: 'document: 32768 bytes',
    ...createJob('document', [chars(32_768), chars(16_384, 'é')], [chars(32_769), `${chars(16_384, 'é')}a`]),
  },
  { name: 'documentSource: 1 to 1350 characters', ...createJob('documentSource', [chars(1350)], ['', chars(1351)]) },
  {
    name: 'description: 2028 characters, none of them a control character',
    ...createJob('description', [chars(2028), 'für alle'], [chars(2029), 'a\nb']),
  },
  {
    name: 'comment: 2028 characters',
    operation: 'CancelJob',
    beside: { jobId: 'j' },
    member: 'comment',
    taken: [chars(2028)],
    refused: [chars(2029), 'a\tb'],
  },
  {
    name: 'reasonCode: 128 capitals, digits and underscores',
    operation: 'CancelJob',
    beside: { jobId: 'j' },
    member: 'reasonCode',
    taken: ['A_9', chars(128, 'A')],
    refused: [chars(129, 'A'), 'a', 'A-B', ''],
  },
  {
    name: 'presignedUrlConfig.roleArn: 20 to 2048 characters',
    ...createJob('presignedUrlConfig.roleArn', [chars(20), chars(2048)], [chars(19), chars(2049)]),
  },
  {
    name: 'expiresInSec: 60 to 3600',
    ...createJob('presignedUrlConfig.expiresInSec', [60, 3600], [59, 3601, 60.5, '60']),
  },
  {
    name: 'targetSelection: SNAPSHOT or CONTINUOUS',
    ...createJob('targetSelection', ['SNAPSHOT', 'CONTINUOUS'], ['snapshot', 'ALL', '']),
  },
  {
    name: 'inProgressTimeoutInMinutes: 1 to 10080',
    ...createJob('timeoutConfig.inProgressTimeoutInMinutes', [1, 10_080], [0, -1, 10_081, 1.5]),
  },
  {
    name: 'maximumPerMinute: 1 to 1000',
    ...createJob('jobExecutionsRolloutConfig.maximumPerMinute', [1, 1000], [0, 1001]),
  },
  {
    name: 'baseRatePerMinute: 1 to 1000, and never without',
    ...createJob(`${RATE}.baseRatePerMinute`, [1, 1000], [0, 1001, undefined], exponential),
  },
  {
    name: 'incrementFactor: 1.1 to 5, one decimal at most',
    ...createJob(`${RATE}.incrementFactor`, [1.1, 2, 5], [1, 5.1, 1.25, undefined], exponential),
  },
  {
    name: 'rateIncreaseCriteria: at least one thing notified or succeeded, and never without',
    ...createJob(
      `${RATE}.rateIncreaseCriteria`,
      [
        { numberOfNotifiedThings: 1 },
        { numberOfSucceededThings: 1 },
        { numberOfNotifiedThings: 5, numberOfSucceededThings: 5 },
      ],
      [{ numberOfNotifiedThings: 0 }, { numberOfSucceededThings: 0 }, undefined],
      exponential,
    ),
  },
  {
    name: 'abortConfig: at least one criterion',
    ...createJob('abortConfig.criteriaList', [[CRITERION]], [[], undefined], { abortConfig: {} }),
  },
  ...Object.keys(CRITERION).map((member) => ({
    name: `abortConfig: no criterion without its ${member}`,
    ...createJob(
      'abortConfig.criteriaList.0',
      [CRITERION],
      [Object.fromEntries(Object.entries(CRITERION).filter(([name]) => name !== member))],
      { abortConfig: { criteriaList: [{}] } },
    ),
  })),
  {
    name: 'thresholdPercentage: 100 at most, two decimals',
    ...createJob('abortConfig.criteriaList.0.thresholdPercentage', [0.01, 100], [100.01, 1.005], {
      abortConfig: { criteriaList: [CRITERION] },
    }),
  },
  {
    name: 'the failureType of an abort: FAILED, REJECTED, TIMED_OUT or ALL; minNumberOfExecutedThings: 1 at least',
    ...createJob(
      'abortConfig.criteriaList.0',
      ['FAILED', 'REJECTED', 'TIMED_OUT', 'ALL'].map((failureType) => ({ ...CRITERION, failureType })),
      [
        { ...CRITERION, failureType: 'CANCELED' },
        { ...CRITERION, action: 'STOP' },
        { ...CRITERION, minNumberOfExecutedThings: 0 },
      ],
      { abortConfig: { criteriaList: [CRITERION] } },
    ),
  },
  {
    name: 'retries: one or two criteria of FAILED, TIMED_OUT or ALL, 0 to 10 times, both members needed',
    ...createJob(
      'jobExecutionsRetryConfig.criteriaList',
      [
        [{ failureType: 'FAILED', numberOfRetries: 0 }],
        [
          { failureType: 'FAILED', numberOfRetries: 1 },
          { failureType: 'TIMED_OUT', numberOfRetries: 10 },
        ],
        [{ failureType: 'ALL', numberOfRetries: 10 }],
      ],
      [
        [],
        items(3, { failureType: 'ALL', numberOfRetries: 1 }),
        [{ failureType: 'REJECTED', numberOfRetries: 1 }],
        [{ failureType: 'ALL', numberOfRetries: 11 }],
        [{ failureType: 'ALL', numberOfRetries: -1 }],
        [{ failureType: 'ALL' }],
        [{ numberOfRetries: 1 }],
      ],
      { jobExecutionsRetryConfig: {} },
    ),
  },
  {
    name: 'tags: Key 1 to 128, Value 0 to 256 characters, in capitals as on the wire, 50 at most',
    ...createJob(
      'tags',
      [
        [{ Key: chars(128), Value: chars(256) }],
        [{ Key: 'a', Value: '' }],
        [{ Key: 'ü_.:/=+-@ 1' }],
        items(50, { Key: 'a' }),
      ],
      [
        [{ Key: '' }],
        [{ Key: chars(129) }],
        [{ Key: 'a', Value: chars(257) }],
        [{ Key: 'a?' }],
        [{ key: 'a', value: 'b' }],
        items(51, { Key: 'a' }),
      ],
    ),
  },
  {
    name: 'jobTemplateArn: 1600 characters behind arn:',
    ...createJob('jobTemplateArn', ['arn:x', `arn:${chars(1596)}`], ['', 'x', 'arn:a b', `arn:${chars(1597)}`]),
  },
  {
    name: 'documentParameters: key 128, value 1 to 30720 characters',
    ...createJob(
      'documentParameters',
      [{ [chars(128)]: chars(30_720) }],
      [{ [chars(129)]: 'v' }, { 'a b': 'v' }, { a: '' }, { a: chars(30_721) }, { a: 'x\ny' }],
    ),
  },
  {
    name: 'destinationPackageVersions: 25 ARNs',
    ...createJob('destinationPackageVersions', [items(25, 'arn:x')], [items(26, 'arn:x'), ['x']]),
  },
  {
    name: 'startTime and endTime: 1 to 64 characters',
    ...createJob('schedulingConfig.startTime', ['a', chars(64)], ['', chars(65)]),
  },
  {
    name: 'endBehavior: STOP_ROLLOUT, CANCEL or FORCE_CANCEL',
    ...createJob('schedulingConfig.endBehavior', ['STOP_ROLLOUT', 'CANCEL', 'FORCE_CANCEL'], ['STOP', '']),
  },
  {
    name: 'durationInMinutes: 1 to 1430, and never without',
    ...createJob(
      'schedulingConfig.maintenanceWindows.0.durationInMinutes',
      [1, 1430],
      [0, 1431, 1.5, undefined],
      WINDOW,
    ),
  },
  {
    name: 'the startTime of a window: 1 to 256 characters, and never without',
    ...createJob(
      'schedulingConfig.maintenanceWindows.0.startTime',
      ['x', chars(256)],
      ['', chars(257), undefined],
      WINDOW,
    ),
  },
  {
    name: 'maxResults: 1 to 250',
    operation: 'ListJobs',
    beside: {},
    member: 'maxResults',
    taken: [1, 250],
    refused: [0, 251],
  },
  {
    name: 'the status of a job: five of them, COMPLETED and not SUCCEEDED',
    operation: 'ListJobs',
    beside: {},
    member: 'status',
    taken: ['SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'CANCELED', 'DELETION_IN_PROGRESS'],
    refused: ['SUCCEEDED', 'CANCELLED', 'QUEUED'],
  },
  {
    name: 'the status of an execution: eight of them, CANCELED with one L',
    operation: 'ListJobExecutionsForJob',
    beside: { jobId: 'j' },
    member: 'status',
    taken: ['QUEUED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'REJECTED', 'REMOVED', 'CANCELED'],
    refused: ['CANCELLED', 'COMPLETED', 'DELETED'],
  },
  {
    name: 'statusDetails: 10 pairs, key 128, value 1 to 1024 characters',
    operation: 'CancelJobExecution',
    beside: { jobId: 'j', thingName: 't' },
    member: 'statusDetails',
    taken: [{}, pairs(10), { [chars(128)]: chars(1024) }, { 'a:b_-': 'v' }],
    refused: [pairs(11), { [chars(129)]: 'v' }, { a: chars(1025) }, { a: '' }, { 'a b': 'v' }, { a: '\u0007' }],
  },
  {
    name: 'the executionNumber of DeleteJobExecution: never without',
    operation: 'DeleteJobExecution',
    beside: { jobId: 'j', thingName: 't' },
    member: 'executionNumber',
    taken: [1, 2 ** 40],
    refused: [undefined, 'x', 1.5],
  },
  {
    name: 'the description of a job template: never without',
    operation: 'CreateJobTemplate',
    beside: { jobTemplateId: 't' },
    member: 'description',
    taken: ['a', chars(2028)],
    refused: [undefined, chars(2029)],
  },
  {
    name: 'templateVersion: digits, a point, digits',
    operation: 'DescribeManagedJobTemplate',
    beside: { templateName: 'AWS-Reboot' },
    member: 'templateVersion',
    taken: ['1.0', '12.34'],
    refused: ['0.1', '1', 'x'],
  },
  {
    name: 'attributes of a thing: name 1 to 128, value 0 to 800 characters, 50 with a type',
    operation: 'CreateThing',
    beside: { thingName: 't' },
    member: ATTRIBUTES,
    taken: [{ [chars(128)]: chars(800) }, { 'a.,@/:#_-': '[a]=' }, { a: '' }, pairs(50)],
    refused: [{ [chars(129)]: 'v' }, { a: chars(801) }, { 'a b': 'v' }, { a: 'v w' }, pairs(51)],
  },
];

for (const { name, operation, beside, member, taken, refused } of ROWS)
  test(`limits (control-plane §2, §4): ${name}`, () => {
    const { input } = OPERATIONS.find((row) => row.name === operation)!;
    const faultsOf = (value: unknown) => validate(input, set(beside, member.split('.'), value)).faults;
    for (const value of taken) assert.equal(faultsOf(value).lines, [], JSON.stringify(value).slice(0, 80));
    for (const value of refused) {
      const faults = faultsOf(value);
      const shown = `${JSON.stringify(value)}`.slice(0, 80);
      assert.ok(faults.count > 0, shown);
      assert.match(faultsMessage(faults), `at '${member.split('.')[0]}`, shown);
    }
  });

/** A copy of `given` with one member set, however deep; undefined takes it away. */
function set(given: unknown, [name, ...rest]: readonly string[], value: unknown): Given {
  const copy = (Array.isArray(given) ? [...given] : { ...(given as Given | undefined) }) as Given;
  const inner = rest.length === 0 ? value : set(copy[name!], rest, value);
  if (inner === undefined) delete copy[name!];
  else copy[name!] = inner;
  return copy;
}

test.run();
