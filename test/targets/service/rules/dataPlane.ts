/** Where each rule of the data plane's specification is held (see rule.ts). */
import { NOT_OURS, type SpecificationFile } from './rule.ts';

const JOBS = 'targets/service/jobs';
const GATEWAY = 'targets/service/gateway';
const HTTPS = 'targets/service/dataPlane';
const CONTINUOUS = `${JOBS}/continuous.test.ts`;
const FIELDS = `${JOBS}/fields.test.ts`;
const LIMITS = 'targets/service/operations/limits.test.ts';
const PLANE = `${HTTPS}/plane.test.ts`;
const DECODE = 'runtime/jobs/requests.test.ts';
const REQUESTS = `${JOBS}/requests.test.ts`;
const SCHEDULE = `${JOBS}/schedule.test.ts`;
const SETTINGS = 'targets/service/settings.test.ts';
const TICK = `${JOBS}/tick.test.ts`;
const TOPICS = 'runtime/jobs/topics.test.ts';
const VECTOR = `${JOBS}/vector.test.ts`;
const CODES = 'whole/codes.test.ts';

export const DATA_PLANE: SpecificationFile = {
  name: 'data-plane',
  sections: [
    {
      section: '§1',
      tagged: 6,
      rules: [
        ['M', 'thing names', LIMITS, 'thingName: 1 to 128 characters, a colon too'],
        ['M', 'job identifiers', TOPICS, 'what maps to no operation inside the namespace'],
        ['', 'job identifiers by HTTPS', PLANE, 'wrong names, members and bodies with 400'],
        [
          'MD',
          '$next stands for a job only in describe and start',
          PLANE,
          'reads each operation from method and decoded',
        ],
        ['', '$next is never updated', REQUESTS, 'refusals: code, message, token and state'],
        ['M', 'namespaces', LIMITS, 'namespaceId: letters, digits, underscore, hyphen'],
        ['LD', 'execution numbers begin at 1', REQUESTS, 'describe: $next is the head or nothing'],
        ['', 'and are unique', CONTINUOUS, 'is not given it again beside its second'],
        ['LD', 'versions begin at 1', FIELDS, "name: 'created'"],
      ],
    },
    {
      section: '§2',
      tagged: 10,
      rules: [
        ['D', 'TLS 1.2 and more, ALPN', `${GATEWAY}/mqttListener.test.ts`, 'TLS 1.1 is refused'],
        ['', 'MQTT 3.1.1 and 5', `${GATEWAY}/connect.test.ts`, 'of any other level than 3.1.1 and 5'],
        ['', 'a life over both', 'whole/sdkV2.test.ts', 'a whole life with its notifications'],
        ['', 'ports', SETTINGS, 'devices find MQTT at 8883'],
        ['', 'WebSocket', NOT_OURS, 'not built: what has no MQTT over TLS speaks HTTPS here'],
        ['D', 'QoS 2 is not acknowledged', `${GATEWAY}/publish.test.ts`, 'QoS 2: neither a PUBLISH nor a SUBSCRIBE'],
        ['D', '128 KiB of payload', `${GATEWAY}/publish.test.ts`, 'a payload of 128 KiB passes'],
        [
          'D',
          'the same clientId twice: the first goes',
          `${GATEWAY}/connect.test.ts`,
          'the first connection is closed before',
        ],
        ['D', 'no RETAIN on $aws', `${GATEWAY}/authorise.test.ts`, 'RETAIN on $aws/ is refused, whoever asks'],
        ['', 'nothing is retained there', `${GATEWAY}/requests.test.ts`, 'nothing of the jobs namespace is retained'],
        ['D', 'QoS 1 waits for a persistent session', `${GATEWAY}/session.test.ts`, 'QoS 1 waits and QoS 0 does not'],
        ['', 'for an hour', `${GATEWAY}/session.test.ts`, 'a session expires an hour after its connection'],
        [
          'D',
          'answers reach the requester alone',
          `${GATEWAY}/requests.test.ts`,
          'an answer goes to the requester alone',
        ],
        ['', 'the same from outside', CODES, 'each answered to its requester alone'],
        [
          'D',
          'a device needs no order',
          'runtime/jobs/runner.test.ts',
          'that follows from it may come in either order',
        ],
        ['L', 'the order that was seen', VECTOR, 'an answer leaves before the notifications'],
        ['D', 'a device looks whose topic it is', TOPICS, 'answers and notifications of one’s own thing'],
        ['', 'only the own thing', CODES, 'identity: a filter beyond the own thing'],
      ],
    },
    {
      section: '§3',
      tagged: 2,
      rules: [
        ['D', 'a topic of no operation is InvalidTopic', REQUESTS, 'refusals: code, message, token and state as in'],
        ['M', 'topics of namespaces: no job has one', `${JOBS}/control.test.ts`, 'CreateJob refuses with the error of'],
        ['', 'the table of topics', TOPICS, 'request topics: format and parse are each other’s inverse'],
        ['', 'filters with + and #', `${GATEWAY}/authorise.test.ts`, 'a device hears its own things and all outside $'],
      ],
    },
    {
      section: '§4',
      tagged: 2,
      rules: [
        ['DL', 'clientToken comes back, or is absent', REQUESTS, 'update: the minimal answer is a timestamp'],
        ['', 'in refusals too', REQUESTS, 'code, message, token and state as in data-plane §9'],
        ['LM', 'whole seconds', REQUESTS, 'times of the data plane are whole seconds'],
        ['', 'payloads are JSON objects', DECODE, 'not UTF-8, not JSON and not an object are InvalidJson'],
      ],
    },
    {
      section: '§5',
      tagged: 9,
      rules: [
        ['D', 'thingName with start-next alone', REQUESTS, 'start-next: starts the head with its document'],
        ['L', 'no statusDetails when empty', REQUESTS, 'describe: $next is the head or nothing, a job'],
        ['M', 'seconds left only while a timer runs', TICK, 'timers: the vector of state-machine §3'],
        ['M', 'the end is never before the estimate', TICK, 'the vector of state-machine §3, step timers'],
        ['MD', 'what a summary has, and has not', REQUESTS, 'ordered by queuedAt, at most 10 together'],
        ['L', 'no statusDetails in a state when empty', REQUESTS, 'details are kept, replaced, emptied'],
        ['M', 'ten pairs', DECODE, 'wrong members are InvalidRequest (data-plane §6.4, §9)'],
        ['MD', 'keys and values', DECODE, 'the limits themselves are allowed: 10 pairs, 128 and 1024'],
        ['M', 'no control characters in values', DECODE, 'decodeRequest: wrong members are InvalidRequest'],
        ['', 'what AWS’s own clients send', DECODE, 'takes what AWS’s own clients send'],
      ],
    },
    {
      section: '§6.1',
      tagged: 3,
      rules: [
        ['L', 'both lists are always there', REQUESTS, 'get: both lists always there'],
        ['D', 'ten together, fifteen with a schedule', SCHEDULE, 'a pending list shows 15 where a scheduled job is'],
        ['', 'ordered, from the head of the queue', REQUESTS, 'at most 10 together, taken from the head'],
        ['D', 'jobs with windows only inside of one', SCHEDULE, 'its executions hidden: get, $next, start-next'],
      ],
    },
    {
      section: '§6.2',
      tagged: 2,
      rules: [
        ['D', 'what runs is returned unchanged', REQUESTS, 'hands it out again unchanged, and tells nobody'],
        ['DL', 'nobody is told', REQUESTS, 'start-next: starts the head with its document, hands it out'],
      ],
    },
    {
      section: '§6.3',
      tagged: 1,
      rules: [
        ['MD', 'TerminalStateReached', REQUESTS, 'refusals: code, message'],
        ['', 'the same from outside', CODES, 'TerminalStateReached: describing an execution that has ended'],
        ['', 'documents are signed at that moment', `${JOBS}/placeholders.test.ts`, 'a device is given signed URLs by'],
      ],
    },
    {
      section: '§6.4',
      tagged: 5,
      rules: [
        ['D', 'details that are not given are kept', FIELDS, 'an update of IN_PROGRESS without details'],
        ['D', 'a version as digits', DECODE, 'expectedVersion as digits'],
        ['LD', 'the least answer is a timestamp', REQUESTS, 'update: the minimal answer is a timestamp'],
        ['MD', 'each update counts the version up', FIELDS, 'an update of IN_PROGRESS without details'],
        ['L', 'the words of a VersionMismatch', REQUESTS, 'refusals: code, message, token'],
        ['', 'the order of faults', REQUESTS, 'faults of an update are looked for in the order of'],
      ],
    },
    {
      section: '§7',
      tagged: 9,
      rules: [
        ['D', 'the order of the queue', REQUESTS, 'get: both lists always there, ordered by queuedAt'],
        ['DL', 'statuses without executions are left out', VECTOR, 'the worked vector of data-plane §7'],
        ['D', 'notify shows ten', VECTOR, 'notify shows at most ten'],
        ['', 'or fifteen', SCHEDULE, 'a pending list shows 15'],
        ['DL', 'an empty queue: a timestamp alone', VECTOR, 'the worked vector of data-plane §7: exactly'],
        ['D', 'no notify-next when the head only changes', VECTOR, 'the details, version and status of the head may'],
        ['D', 'one that overtakes: notify-next, no notify', VECTOR, 'exactly these notifications, one message a step'],
        ['D', 'the members of notify-next', VECTOR, 'one message a step, member for member'],
        ['D', 'HTTP clients are told nothing unasked', PLANE, 'or no wait, is never held'],
        ['L', 'notify goes first', VECTOR, 'and notify before notify-next'],
        ['', 'the worked vector', VECTOR, 'the worked vector of data-plane'],
        ['', 'the worked vector from outside', 'whole/vector.test.ts', 'job1 queued, empty queue: notify with it'],
      ],
    },
    {
      section: '§8.1',
      tagged: 7,
      rules: [
        [
          'D',
          'DescribeEndpoint tells the address',
          'targets/service/http/clients.test.ts',
          'goes through thing, group, certificate',
        ],
        ['M', 'the default host of SDKs', NOT_OURS, 'a name in the DNS of AWS: clients are told our address instead'],
        ['M', 'the signing name is iot-jobs-data', `${HTTPS}/devices.test.ts`, 'who asks decides, never the path'],
        ['D', 'mutual TLS at 8443', `${HTTPS}/service.test.ts`, '--data-port is 8443 unless it is given'],
        ['D', 'ALPN x-amzn-http-ca', `${HTTPS}/devices.test.ts`, 'takes ALPN x-amzn-http-ca, http/1.1 and none'],
        ['D', 'ALPN x-amzn-mqtt-ca', `${GATEWAY}/mqttListener.test.ts`, 'ALPN: x-amzn-mqtt-ca or none is taken'],
        [
          'D',
          'who may do what by certificate',
          `${HTTPS}/devices.test.ts`,
          'a device is refused what is of another thing',
        ],
      ],
    },
    {
      section: '§8.2',
      tagged: 1,
      rules: [
        ['M', 'neither timestamp nor clientToken', PLANE, 'answers in the shape of HTTP: no timestamp, no token'],
        ['', 'the four operations', `${HTTPS}/operations.test.ts`, 'has the method, path, members, places, types'],
        ['', 'a whole life', `${HTTPS}/devices.test.ts`, 'a device goes through a whole job life over mutual TLS'],
        ['', 'paths are decoded', PLANE, 'reads each operation from method and decoded path'],
        ['', 'the paths of both planes', `${HTTPS}/devices.test.ts`, 'on the two paths that both planes have'],
      ],
    },
    {
      section: '§8.3',
      tagged: 2,
      rules: [
        ['M', 'status and type of each error', PLANE, 'each code of an ErrorResponse is its HTTP counterpart'],
        [
          '',
          'those of the model',
          `${HTTPS}/operations.test.ts`,
          'the HTTP counterparts of the error codes are errors',
        ],
        [
          '',
          'CertificateValidationException',
          `${HTTPS}/devices.test.ts`,
          'only certificates of our CA get through TLS',
        ],
        ['L', 'a VersionMismatch is 409', PLANE, 'with the state; VersionMismatch keeps its code'],
      ],
    },
    {
      section: '§9',
      tagged: 1,
      rules: [
        ['D', 'executionState with two codes alone', REQUESTS, 'token and state as in data-plane §9'],
        ['', 'InvalidTopic', CODES, 'InvalidTopic: a topic in the namespace'],
        ['', 'InvalidJson', CODES, 'InvalidJson: no JSON, no object, no UTF-8'],
        ['', 'InvalidRequest', CODES, "InvalidRequest: a status missing or not a device's"],
        ['', 'InvalidStateTransition', CODES, 'InvalidStateTransition with the state'],
        ['', 'ResourceNotFound', CODES, 'ResourceNotFound: an unknown job'],
        ['', 'VersionMismatch', CODES, 'VersionMismatch with what the version is'],
        ['', 'InternalError', CODES, 'InternalError: the store fails'],
        ['', 'RequestThrottled', CODES, 'RequestThrottled: more than 100 unanswered'],
        ['', 'the nine codes', DECODE, 'ERROR_MEANINGS: the nine'],
      ],
    },
    {
      section: '§11',
      tagged: 6,
      rules: [
        ['M', 'a document has 32768 bytes', LIMITS, 'document: 32768 bytes'],
        ['D', 'a message has 128 KiB', `${GATEWAY}/publish.test.ts`, 'a payload of 128 KiB passes, one byte more'],
        ['D', 'details', DECODE, 'the limits themselves are allowed: 10 pairs'],
        ['D', 'lists show 10 or 15', SCHEDULE, 'a pending list shows 15 where a scheduled job'],
        ['M', 'step timers of 1 to 10080 minutes, or -1', DECODE, 'decodeRequest: wrong members are InvalidRequest'],
        ['', 'a step timer of -1', TICK, '-1 stops it'],
        [
          'D',
          '200 reads and writes a second',
          NOT_OURS,
          'a quota that AWS sells, of 2019; here the machine is the limit',
        ],
      ],
    },
  ],
};
