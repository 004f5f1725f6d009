// biome-ignore-all lint/suspicious/noTemplateCurlyInString: names of tests are spelled as in their files
/** Where each rule of the control plane's specification is held (see rule.ts). */
import { NOT_OURS, type SpecificationFile } from './rule.ts';

const JOBS = 'targets/service/jobs';
const HTTP = 'targets/service/http';
const OPERATIONS = 'targets/service/operations';
const REGISTRY = 'targets/service/registry';
const TEMPLATES = 'targets/service/templates';
const CONTROL = `${JOBS}/control.test.ts`;
const LIMITS = `${OPERATIONS}/limits.test.ts`;
const MODEL = `${OPERATIONS}/model.test.ts`;
const SCHEDULE = `${JOBS}/schedule.test.ts`;
const PLACEHOLDERS = `${JOBS}/placeholders.test.ts`;
const GROUPS = `${REGISTRY}/groups.test.ts`;
const THINGS = `${REGISTRY}/registry.test.ts`;
const TAGS = `${REGISTRY}/tags.test.ts`;
const JOB_TEMPLATES = `${TEMPLATES}/jobTemplates.test.ts`;

export const CONTROL_PLANE: SpecificationFile = {
  name: 'control-plane',
  sections: [
    {
      section: '§1',
      tagged: 2,
      rules: [
        ['L', 'times are seconds since the epoch as numbers', CONTROL, 'counters all there, seconds with a fraction'],
        ['D', 'structures without members may be {}', CONTROL, 'a job with nothing but what is required'],
        ['default', 'success is 200, without output {}', `${HTTP}/server.test.ts`, 'every answer of an operation fits'],
        [
          'default',
          'labels are decoded before a path is matched',
          `${HTTP}/server.test.ts`,
          'decodes labels before it',
        ],
        ['default', 'thing names', LIMITS, 'thingName: 1 to 128 characters'],
        ['default', 'group names', LIMITS, 'thingGroupName: 1 to 128 characters'],
        ['default', 'job identifiers', LIMITS, 'jobId: 1 to 64 characters'],
        ['default', 'template identifiers', LIMITS, 'jobTemplateId: 1 to 64 characters'],
        [
          'default',
          'what travels in the query',
          `${HTTP}/server.test.ts`,
          'force and expectedVersion count in the query',
        ],
        ['default', 'the place of every member', MODEL, 'has the method, path, members, places and types'],
        ['default', 'absent members are left out, not null', CONTROL, 'what has no value is left out, not null'],
        ['default', 'pages; no nextToken on the last', CONTROL, 'lists: every page once and in order'],
      ],
    },
    {
      section: '§1.1',
      tagged: 0,
      rules: [
        ['default', 'type in header and __type', `${HTTP}/refusals.test.ts`, 'refuses ${name} with ${status} ${type}'],
        ['default', 'the status of each error', MODEL, 'errors: each has the status of the botocore model'],
        [
          'default',
          'a job that exists: resourceId, resourceArn',
          CONTROL,
          'CreateJob refuses with the error of the model',
        ],
        [
          'default',
          'a template that exists: resourceId',
          JOB_TEMPLATES,
          'the same id again is 409, an unknown one 404',
        ],
        [
          'default',
          'errors reach clients as their classes',
          `${HTTP}/clients.test.ts`,
          'gets the service errors as its own',
        ],
        [
          'default',
          'an InternalFailureException',
          `${HTTP}/server.test.ts`,
          'a failure inside is a 500 with a request id',
        ],
      ],
    },
    {
      section: '§1.2',
      tagged: 1,
      rules: [
        ['D', 'the ARN of a managed template has no account', JOB_TEMPLATES, 'managed ones with their ARNs'],
        ['default', 'ARNs of things and jobs', CONTROL, 'CreateJob answers ARN and id'],
        ['default', 'ARNs of groups', THINGS, 'CreateThingGroup: repeat, difference'],
        ['default', 'ARNs of templates', JOB_TEMPLATES, 'a template keeps its document and configuration'],
      ],
    },
    {
      section: '§2',
      tagged: 0,
      rules: [
        ['default', 'method, path and query of the 19 operations', MODEL, 'has the method, path, members, places'],
        ['default', 'the errors of each operation', MODEL, 'patterns, enums and errors are those of the botocore'],
        [
          'default',
          'each is found at its path',
          `${HTTP}/route.test.ts`,
          'every row of the table is found at its own path',
        ],
        ['default', 'what is missing is 404', CONTROL, 'what is not there is ResourceNotFoundException 404'],
      ],
    },
    {
      section: '§2.1',
      tagged: 8,
      rules: [
        ['D', '100 targets at most', CONTROL, 'CreateJob refuses with the error of the model'],
        ['D', 'every target exists', CONTROL, 'and then nothing of the job is there'],
        ['D', 'a document at a source is UTF-8 JSON', CONTROL, 'documentSource is read once, when the job is made'],
        [
          '',
          'of a source that is not UTF-8',
          'targets/service/artifacts/signer.test.ts',
          'what is not UTF-8 is refused',
        ],
        ['D', 'a source is read once', CONTROL, 'documentSource is read once'],
        ['D', 'SNAPSHOT unless told otherwise', CONTROL, 'nothing but what is required: SNAPSHOT'],
        ['D', 'the request goes before its template', JOB_TEMPLATES, 'takes over what the request does not say'],
        [
          'D',
          'documentParameters only with managed ones',
          JOB_TEMPLATES,
          'parameters and documents at the wrong place',
        ],
        ['D', 'the description of the template is answered', JOB_TEMPLATES, 'CreateJob: takes over what the request'],
        ['default', 'at least one target', LIMITS, 'targets: 1 to 100'],
        ['default', 'the length of a target', LIMITS, 'a target: 2048 characters'],
        ['default', 'the size of a document', LIMITS, 'document: 32768 bytes'],
        ['default', 'the length of a source', LIMITS, 'documentSource: 1 to 1350'],
        ['default', 'description', LIMITS, 'description: 2028 characters'],
        ['default', 'the role that signs', LIMITS, 'presignedUrlConfig.roleArn: 20 to 2048'],
        ['default', 'how long a URL lives', LIMITS, 'expiresInSec: 60 to 3600'],
        ['default', 'the two kinds of job', LIMITS, 'targetSelection: SNAPSHOT or CONTINUOUS'],
        ['default', 'in-progress timeout', LIMITS, 'inProgressTimeoutInMinutes: 1 to 10080'],
        ['default', 'retry criteria', LIMITS, 'retries: one or two criteria'],
        ['default', 'tags with capital Key and Value', LIMITS, 'tags: Key 1 to 128'],
        ['default', 'the ARN of a template', LIMITS, 'jobTemplateArn: 1600 characters'],
        ['default', 'document parameters', LIMITS, 'documentParameters: key 128'],
        ['default', 'package versions', LIMITS, 'destinationPackageVersions: 25 ARNs'],
        ['default', 'a namespace', LIMITS, 'namespaceId: letters, digits'],
        [
          'default',
          'the answer; IN_PROGRESS before any execution',
          CONTROL,
          'CreateJob answers ARN and id; DescribeJob shows',
        ],
      ],
    },
    {
      section: '§2.2',
      tagged: 1,
      rules: [
        ['D', 'eight counters, always all there', CONTROL, 'DescribeJob shows what was given, counters all there'],
        ['default', 'documentSource stands beside the job', CONTROL, 'and shown beside the job'],
        ['default', 'the members of a job', `${HTTP}/server.test.ts`, 'every answer of an operation fits its row'],
        ['default', 'the five statuses', LIMITS, 'the status of a job: five of them'],
        [
          'default',
          'processingTargets until the roll-out is done',
          `${JOBS}/tick.test.ts`,
          'a roll-out of the default 1000',
        ],
        ['default', 'the next seven starts of windows', SCHEDULE, 'nextRollouts: seven starts'],
      ],
    },
    {
      section: '§2.3',
      tagged: 1,
      rules: [
        [
          'D',
          'listed by status',
          NOT_OURS,
          'the file says not to assert it: the guide’s order is not what it recommends',
        ],
        ['default', 'members of a summary; filters combine', CONTROL, 'filters combine, a foreign nextToken'],
      ],
    },
    {
      section: '§2.4',
      tagged: 1,
      rules: [
        ['D', 'retries can be set to 0 only', `${JOBS}/update.test.ts`, 'UpdateJob: retries can be set to 0'],
        [
          '',
          'a timeout reaches later starts only',
          `${JOBS}/update.test.ts`,
          'a new timeout reaches only executions that',
        ],
        ['default', 'given members replace', `${JOBS}/update.test.ts`, 'given members replace the stored ones'],
      ],
    },
    {
      section: '§2.5',
      tagged: 0,
      rules: [
        ['default', 'reasonCode', LIMITS, 'reasonCode: 128 capitals'],
        ['default', 'comment', LIMITS, 'comment: 2028 characters'],
        [
          'default',
          'force is false unless given',
          `${JOBS}/tick.test.ts`,
          'cancel: queued executions go, running ones',
        ],
      ],
    },
    {
      section: '§2.6',
      tagged: 0,
      rules: [['default', 'ten deletions at a time', CONTROL, 'DeleteJob: the eleventh at the same time']],
    },
    {
      section: '§2.7',
      tagged: 1,
      rules: [
        ['D', 'S3 placeholders are shown as written', PLACEHOLDERS, 'a device is given signed URLs by $next/get'],
        [
          'default',
          'before and after substitution',
          JOB_TEMPLATES,
          'with its parameters; the document before and after',
        ],
      ],
    },
    {
      section: '§2.8',
      tagged: 0,
      rules: [
        [
          'default',
          'CONTINUOUS, IN_PROGRESS, 100',
          `${JOBS}/continuous.test.ts`,
          'AssociateTargetsWithJob refuses snapshots',
        ],
        ['default', 'groups are added', `${JOBS}/continuous.test.ts`, 'AssociateTargetsWithJob adds groups'],
      ],
    },
    {
      section: '§2.9',
      tagged: 1,
      rules: [
        ['D', 'details are nested, {} when empty', CONTROL, 'CancelJobExecution: queued always, running only'],
        ['default', 'thingArn, no document', CONTROL, 'CreateJob answers ARN and id; DescribeJob shows what'],
        [
          'default',
          'every status, terminal ones too',
          `${JOBS}/fields.test.ts`,
          'IN_PROGRESS to terminal with details',
        ],
      ],
    },
    {
      section: '§2.10',
      tagged: 0,
      rules: [
        ['default', 'both lists, their filters and pages', CONTROL, 'lists: every page once and in order, filters'],
        ['default', 'retryAttempt, history too', `${JOBS}/retry.test.ts`, 'stays as history and a new one is QUEUED'],
        ['default', 'the eight statuses', LIMITS, 'the status of an execution: eight of them'],
      ],
    },
    {
      section: '§2.11',
      tagged: 0,
      rules: [
        ['default', 'QUEUED always, IN_PROGRESS by force', CONTROL, 'running only with force and the right version'],
        ['default', 'flat details, ten pairs', LIMITS, 'statusDetails: 10 pairs, key 128'],
      ],
    },
    {
      section: '§2.12',
      tagged: 0,
      rules: [
        ['default', 'the number is mandatory', LIMITS, 'the executionNumber of DeleteJobExecution'],
        ['default', 'IN_PROGRESS needs force', CONTROL, 'DeleteJobExecution: running only with force'],
      ],
    },
    {
      section: '§2.13',
      tagged: 1,
      rules: [
        ['D', 'own templates go without parameters', JOB_TEMPLATES, 'templates that are not there are 404; parameters'],
        ['default', 'description is required', LIMITS, 'the description of a job template'],
        [
          'default',
          'configuration is kept and shown',
          JOB_TEMPLATES,
          'a template keeps its document and configuration',
        ],
        ['default', 'no targets or times are stored', JOB_TEMPLATES, 'not targets, times or target selection'],
        ['default', 'one of three kinds of document', JOB_TEMPLATES, 'CreateJobTemplate: refuses what a job could not'],
        ['default', 'the list', JOB_TEMPLATES, 'lists: own templates in pages'],
      ],
    },
    {
      section: '§2.14',
      tagged: 0,
      rules: [
        [
          'default',
          'seven of them',
          `${TEMPLATES}/managed.test.ts`,
          'its document and parameters are those of documents §2',
        ],
        [
          'default',
          'AWS-Run-Command',
          `${TEMPLATES}/managed.test.ts`,
          'AWS-Run-Command: a command instead of a handler',
        ],
        ['default', 'templateVersion', LIMITS, 'templateVersion: digits, a point, digits'],
        ['default', 'the answers', JOB_TEMPLATES, 'lists: own templates in pages; managed ones'],
      ],
    },
    {
      section: '§3',
      tagged: 2,
      rules: [
        ['D', 'three attributes without a type', THINGS, 'CreateThing: no more than three attributes'],
        ['', 'fifty with one', LIMITS, '0 to 800 characters, 50 with a type'],
        ['D', 'ten groups, one of a hierarchy', THINGS, 'at most ten groups, one of each hierarchy'],
        ['default', 'names and values of attributes', LIMITS, 'attributes of a thing: name 1 to 128'],
        ['default', 'CreateThing, DescribeThing', THINGS, 'CreateThing: the same again answers the same'],
        ['default', 'UpdateThing; versions', GROUPS, 'UpdateThing: replace, merge, remove'],
        ['default', 'ListThings', THINGS, 'ListThings: pages through all'],
        ['default', 'DeleteThing', GROUPS, 'DeleteThing: leaves its groups'],
        ['default', 'CreateThingGroup', THINGS, 'CreateThingGroup: repeat, difference, missing parent'],
        ['default', 'DescribeThingGroup', GROUPS, 'DescribeThingGroup: the groups above it'],
        ['default', 'UpdateThingGroup', GROUPS, 'UpdateThingGroup: what is given replaces'],
        ['default', 'ListThingGroups', GROUPS, 'ListThingGroups: all, roots only'],
        ['default', 'DeleteThingGroup', GROUPS, 'DeleteThingGroup: not above others'],
        ['default', 'AddThingToThingGroup', THINGS, 'AddThingToThingGroup: once is enough'],
        ['default', 'RemoveThingFromThingGroup', GROUPS, 'RemoveThingFromThingGroup: by name or ARN'],
        ['default', 'UpdateThingGroupsForThing', GROUPS, 'UpdateThingGroupsForThing: moves inside'],
        ['default', 'ListThingsInThingGroup', GROUPS, 'ListThingsInThingGroup: the group alone'],
        ['default', 'ListThingGroupsForThing', GROUPS, 'ListThingGroupsForThing: only groups'],
        [
          'default',
          'CreateDynamicThingGroup',
          NOT_OURS,
          'optional by the file: a query language of its own, over an index',
        ],
        ['default', 'tags', TAGS, 'tags: those of CreateThingGroup are there'],
        ['default', 'tags of what is not there', TAGS, 'tags: a resource that does not exist is 404'],
        ['default', 'too many tags', TAGS, 'tags: more than 50 are refused with 410'],
        ['default', 'DescribeEndpoint', THINGS, 'DescribeEndpoint: the address of the listener'],
        ['default', 'event configurations', TAGS, 'events: all off at first'],
        ['default', 'literals before labels', `${HTTP}/server.test.ts`, 'routes a literal before a label'],
      ],
    },
    {
      section: '§4',
      tagged: 16,
      rules: [
        ['M', 'jobId 64', LIMITS, 'jobId: 1 to 64'],
        ['', 'templateId 64', LIMITS, 'jobTemplateId: 1 to 64'],
        ['M', 'document 32768 bytes', LIMITS, 'document: 32768 bytes'],
        ['M', 'documentSource 1350', LIMITS, 'documentSource: 1 to 1350 characters'],
        ['M', 'description 2028', LIMITS, 'description: 2028 characters, none'],
        ['', 'comment 2028', LIMITS, 'comment: 2028 characters'],
        ['M', 'reasonCode 128', LIMITS, 'reasonCode: 128 capitals, digits and underscores'],
        ['MD', 'targets 1 to 100', LIMITS, 'targets: 1 to 100'],
        ['MD', 'statusDetails 10, 128, 1024', LIMITS, 'statusDetails: 10 pairs, key 128, value 1 to 1024'],
        ['M', 'timeout 1 to 10080 minutes', LIMITS, 'inProgressTimeoutInMinutes: 1 to 10080'],
        ['', 'step timer 1 to 10080 minutes', 'runtime/jobs/requests.test.ts', 'wrong members are InvalidRequest'],
        ['M', 'presign expiry 60 to 3600', LIMITS, 'expiresInSec: 60 to 3600'],
        ['', 'presign expiry is 3600 if not given', PLACEHOLDERS, 'update and notify-next, signed anew each time'],
        ['D', 'ten substitutions', PLACEHOLDERS, 'unterminated, unknown, too many'],
        ['MD', 'maximumPerMinute 1 to 1000', LIMITS, 'maximumPerMinute: 1 to 1000'],
        ['', 'base 1 to 1000', LIMITS, 'baseRatePerMinute: 1 to 1000'],
        ['', 'factor 1.1 to 5', LIMITS, 'incrementFactor: 1.1 to 5'],
        ['', '1000 a minute if not given', `${JOBS}/rollout.test.ts`, 'ratePerMinute: the vector of control-plane'],
        ['D', 'ten retries of a thing in all', `${JOBS}/retry.test.ts`, 'or that allow more than 10 retries together'],
        ['M', 'maxResults 1 to 250', LIMITS, 'maxResults: 1 to 250'],
        ['M', 'ten deletions', CONTROL, 'the eleventh at the same time is LimitExceededException'],
        ['D', 'kept for 730 days', `${JOBS}/retention.test.ts`, 'a job is kept for 730 days after it ended'],
        ['D', 'ten operations a second', NOT_OURS, 'a quota that AWS sells, of 2019; here the machine is the limit'],
      ],
    },
    {
      section: '§5',
      tagged: 0,
      rules: [
        ['', 'CreateJob and DescribeJobExecution as shown', CONTROL, 'CreateJob answers ARN and id; DescribeJob shows'],
        ['', 'the conflict as shown', CONTROL, 'CreateJob refuses with the error of the model, and then'],
      ],
    },
    {
      section: '§6.1',
      tagged: 0,
      rules: [
        ['default', 'at most n in a minute', `${JOBS}/tick.test.ts`, 'never more than 1000 in any minute'],
        ['default', 'slow rates too, whatever is late', `${JOBS}/rollout.test.ts`, 'refill: ticks that come late'],
      ],
    },
    {
      section: '§6.2',
      tagged: 3,
      rules: [
        [
          'D',
          'with both criteria either suffices',
          `${JOBS}/rollout.test.ts`,
          'of two criteria the one further on counts',
        ],
        ['D', 'the table of the guide', `${JOBS}/rollout.test.ts`, 'base 50, doubled at each 1000 notified'],
        ['D', 'late joiners bypass the rate', `${JOBS}/continuous.test.ts`, 'at once, outside of the rate'],
        ['default', 'base rate is required', LIMITS, 'baseRatePerMinute: 1 to 1000, and never without'],
        ['default', 'one decimal of the factor', LIMITS, 'incrementFactor: 1.1 to 5, one decimal'],
        ['default', 'criteria are required, at least 1', LIMITS, 'rateIncreaseCriteria: at least one thing'],
        [
          'default',
          'maximumPerMinute stands beside',
          `${JOBS}/tick.test.ts`,
          'doubles its rate at each threshold, up to the',
        ],
      ],
    },
    {
      section: '§6.3',
      tagged: 0,
      rules: [
        ['default', 'at least one criterion', LIMITS, 'abortConfig: at least one criterion'],
        ['default', 'all four members are required', LIMITS, 'abortConfig: no criterion without its'],
        ['default', 'threshold', LIMITS, 'thresholdPercentage: 100 at most, two decimals'],
        ['default', 'kinds of failure, minimum', LIMITS, 'the failureType of an abort'],
      ],
    },
    {
      section: '§7',
      tagged: 2,
      rules: [
        ['D', 'windows, meant for continuous jobs', SCHEDULE, 'outside of its windows a job is SCHEDULED'],
        ['D', 'outside of them executions are hidden', SCHEDULE, 'hidden: get, $next, start-next, notify'],
        ['', 'the roll-out pauses', SCHEDULE, 'a roll-out pauses between windows'],
        ['default', 'ranges of startTime and endTime', SCHEDULE, 'faultIn: 30 minutes to 1 year'],
        ['default', 'their text', LIMITS, 'startTime and endTime: 1 to 64'],
        ['default', 'a job with a startTime waits', SCHEDULE, 'a job with a startTime is SCHEDULED until then'],
        ['default', 'endBehavior', LIMITS, 'endBehavior: STOP_ROLLOUT, CANCEL or FORCE_CANCEL'],
        ['default', 'STOP_ROLLOUT', SCHEDULE, 'endTime with STOP_ROLLOUT, the default'],
        ['default', 'CANCEL and FORCE_CANCEL', SCHEDULE, 'endTime with CANCEL cancels what is queued'],
        ['default', 'how long a window is', LIMITS, 'durationInMinutes: 1 to 1430'],
        ['default', 'the cron of a window', LIMITS, 'the startTime of a window: 1 to 256'],
        ['default', 'seven starts are shown', SCHEDULE, 'nextRollouts: seven starts, none after the end'],
        ['default', 'windows and an end together', SCHEDULE, 'whose endTime comes before any window'],
        ['default', 'templates keep windows alone', JOB_TEMPLATES, 'copies document and configuration, not targets'],
      ],
    },
    {
      section: '§8',
      tagged: 4,
      rules: [
        [
          'D',
          'an upload without a key gets one',
          'targets/service/artifacts/signer.test.ts',
          'an upload that names no key',
        ],
        ['', 'variables of its key, twice each', PLACEHOLDERS, 'CreateJob refuses placeholders that are unterminated'],
        ['DM', 'signed for each request by MQTT', PLACEHOLDERS, 'by $next/get, start-next, get by jobId, update'],
        ['D', 'no placeholder without a role', PLACEHOLDERS, 'or have no role (control-plane §8)'],
        ['D', 'placeholders end', PLACEHOLDERS, 'refuses placeholders that are unterminated, unknown'],
        ['', 'the forms of a placeholder', PLACEHOLDERS, 'GET in three forms and PUT'],
        ['', 'parameters of managed templates', JOB_TEMPLATES, 'a managed template with its parameters'],
        ['', 'without a signer it fails CreateJob', PLACEHOLDERS, 'without a signer a placeholder fails CreateJob'],
      ],
    },
  ],
};
