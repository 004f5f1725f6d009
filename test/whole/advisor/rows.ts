/**
 * Where each row of AWS IoT Device Advisor's checklist is shown (see row.ts): with the built agents before a server that misbehaves, and
 * on a virtual clock where time is what is judged.
 */
import { NOT_OURS } from '../../targets/service/rules/rule.ts';
import type { Row } from './row.ts';

const BUILT = 'whole/advisor/advisor.test.ts';
const CLOCK = 'whole/advisor/clock.test.ts';
const JOBS = 'whole/advisor/jobs.test.ts';
const CLIENT = 'runtime/mqtt/client.test.ts';
const DEVICE = 'runtime/device/device.test.ts';
const WAYS = 'transports/ways/ways.test.ts';
const WIRES = 'transports/wires.test.ts';

const HAPPY = 'MQTT_Subscribe, MQTT_Publish: SNI, a valid CONNECT';
const LARGE = '0 bytes to 128 KB in the largest records';
const IN_TIME = 'within the 4 minutes that are recommended';
const LONG = 'all seven scenarios one after another in one life';
const LAST_REPORT = 'cut off at its last report, the report comes again';
const NO_ACKNOWLEDGEMENT = 'its last report not acknowledged, the report comes again';
const GUIDES_DOCUMENT = "the guide's own document, a reboot";
const POLICY = 'nothing in that is more than it needs';
const NO_FILTERS = 'a policy without filters for answers';
const UNDER_WAY = 'the same packet identifier, first within 15 s';

export const ROWS: readonly Row[] = [
  ['§1.1', BUILT, HAPPY],
  ['§1.2', CLOCK, 'between two tests: refused for two minutes'],
  ['§1.3', CLOCK, IN_TIME],
  ['§1.4', NOT_OURS, 'how a suite is written down for the console: no device sees it'],
  ['§1 TLS Connect', 'whole/advisor/rows.test.ts', 'each test of the qualification set is shown'],

  ['§2 TLS_Connect', BUILT, HAPPY],
  ['§2 TLS_Receive_Maximum_Size_Fragments', BUILT, LARGE],
  ['§2 TLS_Support_AWS_IoT_Cipher_Suites', WAYS, 'offers the recommended ones and none that AWS does not have'],
  ['§2 TLS_Large_Size_Server_Cert', BUILT, 'a chain of many certificates is taken'],
  ['§2 TLS_Unsecure_Server_Cert', BUILT, "'TLS_Unsecure_Server_Cert'"],
  ['§2 TLS_Incorrect_Subject_Name_Server_Cert', BUILT, "'TLS_Incorrect_Subject_Name_Server_Cert'"],
  ['§2 TLS_Expired_Server_Cert', BUILT, "'TLS_Expired_Server_Cert'"],
  [
    '§2 Recommended suites',
    WAYS,
    'offers the recommended ones and none that AWS does not have',
    'the three AES-GCM and ChaCha suites of TLS 1.3, of TLS 1.2 those by ECDHE with AES-GCM, and no other',
  ],

  ['§3 MQTT_Connect', BUILT, HAPPY],
  ['§3 MQTT_Client_Puback_Qos1', BUILT, LARGE],
  ['§3 MQTT_Client_Puback_Qos1', CLIENT, 'MQTT_Client_Puback_Qos1: a message at QoS 1'],
  ['§3 MQTT_Connect_Jitter_Backoff_Retries', BUILT, 'CONNACK withheld, six attempts and more'],
  ['§3 MQTT_Connect_Jitter_Backoff_Retries', CLOCK, "'MQTT_Connect_Jitter_Backoff_Retries, CONNACK withheld'"],
  ['§3 MQTT_Connect_Jitter_Backoff_Retries', CLOCK, 'five withheld, the sixth let through and'],
  [
    '§3 MQTT_Connect_Exponential_Backoff_Retries',
    CLOCK,
    "'MQTT_Connect_Exponential_Backoff_Retries, CONNACK withheld'",
  ],
  ['§3 MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect', BUILT, 'disconnected, then CONNACK withheld'],
  [
    '§3 MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect',
    CLOCK,
    "'MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect, then CONNACK withheld'",
  ],
  ['§3 MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection', BUILT, 'dropped right after CONNACK'],
  [
    '§3 MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection',
    CLOCK,
    "'MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection, 10 times'",
  ],
  [
    '§3 MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection',
    CLIENT,
    'an accepted connection that does not last is a failed attempt',
  ],
  ['§3 MQTT_Publish', BUILT, HAPPY],
  ['§3 MQTT_Publish', JOBS, 'MQTT_Publish: a claim at QoS 0'],
  ['§3 MQTT_Publish_Retry_No_Puback', BUILT, 'sent again with DUP and its packet id, on the same connection'],
  ['§3 MQTT_Publish_Retry_No_Puback', CLIENT, UNDER_WAY],
  ['§3 MQTT_Subscribe', BUILT, HAPPY],
  ['§3 MQTT_Subscribe_Retry_No_Suback', BUILT, 'MQTT_Subscribe_Retry_No_Suback: sent again with its packet id'],
  ['§3 MQTT_Subscribe_Retry_No_Suback', CLIENT, 'SUBSCRIBE is sent again with the same packet identifier'],
  ['§3 MQTT_No_Ack_PingResp', BUILT, 'everything swallowed, it disconnects and comes again'],
  ['§3 MQTT_No_Ack_PingResp', CLIENT, 'closes within 1.5 times the keep-alive'],
  ['§3 MQTT_Persistent_Session_Happy_Case', BUILT, 'a session present is not subscribed again'],
  ['§3 MQTT_Expired_Persistent_Session', BUILT, 'a session that is lost is subscribed again'],
  ['§3 Verdicts for', CLOCK, 'jitter passes, pure exponential and weak jitter pass with warnings'],

  ['§4 Shadow_Publish_Reported_State', NOT_OURS, 'the agent runs jobs and has no shadow; the test is optional'],
  ['§4 Shadow_Update_Reported_State', NOT_OURS, 'the agent runs jobs and has no shadow; the test is optional'],
  ['§4 Rec. timeout', NOT_OURS, 'the time of the two tests above'],

  ['§5 Job_Execution', JOBS, LAST_REPORT],
  ['§5 The test', JOBS, LAST_REPORT],
  ['§5 JOB_DOCUMENT', JOBS, LAST_REPORT],
  ['§5 JOB_DOCUMENT', JOBS, GUIDES_DOCUMENT],
  ['§5 JOB_DOCUMENT_SOURCE', NOT_OURS, 'where the service has a document from is not seen by a device'],
  ['§5 JOB_JOBID', JOBS, LAST_REPORT],
  [
    '§5 JOB_PRESIGN_ROLE_ARN JOB_PRESIGN_EXPIRES_IN_SEC',
    'targets/sbc/downloads/downloads.test.ts',
    'an expired URL is asked for anew',
  ],
  ['§5 Topics the', JOBS, POLICY],
  ['§5 Topics the', JOBS, NO_FILTERS],
  ['§5 Sample document', JOBS, GUIDES_DOCUMENT],
  [
    '§5 Whether direct',
    JOBS,
    LAST_REPORT,
    'IN_PROGRESS is always reported before SUCCEEDED, which is right in either case',
  ],

  ['§6 Security_Device_Policies', JOBS, POLICY],
  ['§6 Policies attached', JOBS, POLICY],
  ['§6 Policies attached', JOBS, 'a policy with more than is needed is noticed'],

  ['§7 MQTT_Long_Duration', CLOCK, LONG],
  ['§7 OPERATIONS', CLOCK, LONG, 'one SUBSCRIBE and one PUBLISH at QoS 1, whatever their topics are'],
  ['§7 SCENARIOS', CLOCK, LONG],
  ['§7 BASIC_TESTS_EXECUTION_TIMEOUT', CLOCK, LONG],
  ['§7 LONG_SERVER_DISCONNECT_TIME', CLOCK, LONG],
  ['§7 LONG_SERVER_DISCONNECT_TIME', DEVICE, 'the service is gone for a week while a job runs'],
  ['§7 ADDITIONAL_EXECUTION_TIME', DEVICE, 'the service is gone for a week while a job runs'],
  ['§7 BACKOFF_CONNECTION_ATTEMPTS', CLOCK, "'MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection, 10 times'"],
  ['§7 LONG_PAYLOAD_FORMAT', BUILT, LARGE],
  ['§7 QoS 1', CLIENT, UNDER_WAY],
  ['§7 QoS 1', CLIENT, 'SUBSCRIBE is sent again with the same packet identifier'],
  ['§7 QoS 1', CLOCK, LONG],

  ['§8.1', BUILT, 'no handshake completes, and each attempt ends with an alert'],
  ['§8.1', BUILT, 'no handshake completes, and the attempt ends with an alert'],
  ['§8.1', WAYS, 'refused by an alert, and the handshake does not complete'],
  ['§8.2', BUILT, HAPPY],
  ['§8.2', WIRES, "'it speaks TLS 1.1 at most'"],
  ['§8.2', WAYS, 'offers the recommended ones and none that AWS does not have'],
  ['§8.2', BUILT, LARGE],
  ['§8.2', BUILT, 'a chain of many certificates is taken'],
  ['§8.3', CLIENT, 'CONNACK withheld, retries for ever with exponential back-off and jitter'],
  ['§8.3', CLIENT, 'pauses start anew only after a stable connection'],
  ['§8.3', BUILT, 'full, HTTPS: every connection is ended at once'],
  ['§8.4', BUILT, 'CONNACK withheld, six attempts and more'],
  ['§8.4', CLIENT, 'closes within 1.5 times the keep-alive'],
  ['§8.5', CLIENT, UNDER_WAY],
  ['§8.5', CLIENT, 'SUBSCRIBE is sent again with the same packet identifier'],
  ['§8.6', BUILT, 'a session present is not subscribed again'],
  ['§8.6', BUILT, 'a session that is lost is subscribed again'],
  ['§8.7', BUILT, LARGE],
  ['§8.8', JOBS, NO_FILTERS],
  ['§8.8', JOBS, LAST_REPORT],
  ['§8.8', JOBS, NO_ACKNOWLEDGEMENT],
  ['§8.9', JOBS, POLICY],
];

/** What a device must pass to be qualified, by the present guide. */
export const QUALIFICATION: readonly string[] = [
  '§2 TLS_Connect',
  '§2 TLS_Incorrect_Subject_Name_Server_Cert',
  '§2 TLS_Unsecure_Server_Cert',
  '§2 TLS_Support_AWS_IoT_Cipher_Suites',
  '§2 TLS_Receive_Maximum_Size_Fragments',
  '§2 TLS_Expired_Server_Cert',
  '§2 TLS_Large_Size_Server_Cert',
  '§3 MQTT_Connect',
  '§3 MQTT_Subscribe',
  '§3 MQTT_Publish',
  '§3 MQTT_Connect_Jitter_Backoff_Retries',
];
