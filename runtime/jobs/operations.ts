import { WITH_JOBSAGENT } from '../parts.ts';
import { type Place, readAllowed, readHandler, type Step, type StepDocument } from './document.ts';
import { CLEAN_UP_SECONDS, type Facts, RESTART_SECONDS, readGuard } from './guards.ts';
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import type { Outcome } from './record.ts';
import type { StatusDetails } from './statusDetails.ts';

/**
 * Documents of one `operation` instead of steps. Two families look alike, so a device is told which one is meant:
 *
 *     { "operation": "install-packages.sh", "args": ["lftp"], "path": "default" }    AWS IoT Device Client, its old schema
 *     { "operation": "reboot", "delay": 1 }                                          aws-iot-device-sdk-js, jobs-agent.js
 *
 * Either becomes one step, and all that holds for steps holds for it.
 */
export type Family = 'device-client' | 'jobs-agent';

/** On the wire. A member spelled out would have another name in the agent's file, where requests have one of this name. */
const OPERATION = 'operation';
const OPERATIONS = ['install', 'start', 'stop', 'restart', 'reboot', 'shutdown', 'systemStatus'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Handlers of a jobs-agent's operations have their names behind this; an agent has them only with that setting. */
export const OPERATION_PREFIX = 'jobs-agent:';
/** The handler that takes an install back. */
export const ROLL_BACK = `${OPERATION_PREFIX}roll-back`;

/** Longest name of a package, characters: it is in the record. */
const PACKAGE_NAME_CHARS_MAX = 128;
/** Most files of one package. Our choice. */
export const FILES_MAX = 100;
/** A week: longest pause before a reboot or a shutdown, minutes. */
export const DELAY_MINUTES_MAX = 10_000;
/** jobs-agent.js cuts its texts of errors at so many characters. */
const ERROR_CHARS_MAX = 64;

/** The step schema has a `version` that is text; whatever has none and names an operation is one of these. */
export function isOperation(value: JsonValue | undefined): boolean {
  return (
    isObject(value) && (typeof value.version !== 'string' || value.version === '') && value[OPERATION] !== undefined
  );
}

/** @throws ProtocolError with the path of what is wrong; also when the device takes no documents of this kind */
export function readOperation(document: Place, facts: Facts): StepDocument {
  const { operations } = facts;
  document
    .member(OPERATION)
    .expect(
      operations !== undefined,
      "a document of steps (the setting 'operations', device-client or jobs-agent, allows others)",
    );
  const read = WITH_JOBSAGENT && operations === 'jobs-agent' ? readOfJobsAgent : readOfDeviceClient;
  return { ...read(document, facts), source: document.found as JsonObject };
}

/** Old schema: the operation is the name of the step and of its handler; it has no user. */
function readOfDeviceClient(document: Place, facts: Facts): StepDocument {
  const member = (name: string) => document.member(name === 'handler' ? OPERATION : name);
  const step: Step = {
    name: document.member(OPERATION).text(),
    run: readHandler({ ...document, member }),
    allowStdErr: readAllowed(document.member('allowStdErr')),
    ignoreStepFailure: false,
  };
  return { includeStdOut: document.member('includeStdOut').flag(), steps: [readGuard(document, step, facts)] };
}

function readOfJobsAgent(document: Place): StepDocument {
  const operation = document
    .member(OPERATION)
    .text(new RegExp(`^(${OPERATIONS.join('|')})$`), `one of ${OPERATIONS.join(', ')}`) as Operation;
  const isPower = operation === 'reboot' || operation === 'shutdown';
  const delayMinutes = isPower ? readDelay(document.member('delay')) : 0;
  const args = isPower ? [`${delayMinutes}`] : operation === 'install' ? readUrls(document) : [];
  const name = isPower || operation === 'systemStatus' ? '' : readName(document.member('packageName'));
  const step = (handler: string, args: string[], more: Partial<Step>): Step => ({
    name: operation,
    run: { type: 'runHandler', handler, args },
    ignoreStepFailure: false,
    ...more,
  });
  const restarts = operation === 'reboot';
  return {
    includeStdOut: false,
    operation,
    steps: [
      step(OPERATION_PREFIX + operation, args, {
        restarts,
        idempotent: operation === 'stop' || operation === 'systemStatus',
        timeoutSeconds: restarts ? delayMinutes * 60 + RESTART_SECONDS : undefined,
      }),
    ],
    onFailure: operation === 'install' ? step(ROLL_BACK, [name], { timeoutSeconds: CLEAN_UP_SECONDS }) : undefined,
  };
}

function readName(place: Place): string {
  return place.text(
    new RegExp(`^[^\\0]{1,${PACKAGE_NAME_CHARS_MAX}}$`, 's'),
    `the name of a package, at most ${PACKAGE_NAME_CHARS_MAX} characters`,
  );
}

/** Minutes, as a number or in digits. */
function readDelay({ found, expect }: Place): number {
  const fits = found === undefined || (/^\d{1,5}$/.test(`${found}`) && Number(found) <= DELAY_MINUTES_MAX);
  expect(fits, `whole minutes, 0 to ${DELAY_MINUTES_MAX}`);
  return Number(found ?? 0);
}

/** Checks what an install says of its files. @returns where each comes from: the step's arguments, so that they can be asked for anew */
function readUrls(document: Place): string[] {
  document.member('workingDirectory').optional();
  document.member('launchCommand').optional();
  const list = document.member('files');
  const files = list.items();
  list.expect(files.length > 0 && files.length <= FILES_MAX, `1 to ${FILES_MAX} files`);
  return files.map((file) => {
    file.member('fileName').text(/^(?!\/|(.*\/)?\.\.(\/|$))[^\0]*[^\0/]$/s, 'a name inside of the working directory');
    const checksum = file.member('checksum');
    if (
      checksum.found !== undefined &&
      checksum
        .member('hashAlgorithm')
        .optional(/^(md5|sha-?(1|224|256|384|512))$/i, 'md5, sha1 or sha256, sha384, sha512')
    )
      checksum
        .member('inline')
        .member('value')
        .text(/^[0-9a-f]+$/i, 'hexadecimal digits');
    return file.member('fileSource').member('url').text();
  });
}

/** The `step` that jobs-agent.js reports while it works; none for the others. */
const STEPS: Partial<Record<Operation, string>> = {
  start: 'starting package, checking stability',
  restart: 'stopping running package',
  reboot: 'initiated',
  shutdown: 'attempting',
};

/** What is reported while an operation is at work, in the words of jobs-agent.js. */
export function operationProgress(operation: Operation): StatusDetails {
  return { [OPERATION]: operation, step: STEPS[operation] ?? '' };
}

/**
 * What is reported at its end.
 *
 * @param told  what its handler says of it
 */
export function operationOutcome(
  operation: Operation,
  status: Outcome['status'],
  reason: string,
  told: StatusDetails | undefined,
): StatusDetails {
  if (status === 'SUCCEEDED')
    return { [OPERATION]: operation, ...(operation === 'reboot' ? { step: 'rebooted' } : told) };
  return { [OPERATION]: operation, errorCode: 'ERR_UNEXPECTED', errorMessage: shortened(reason), ...told };
}

export function shortened(text: string): string {
  return text.length > ERROR_CHARS_MAX ? `${text.slice(0, ERROR_CHARS_MAX - 3)}...` : text;
}
