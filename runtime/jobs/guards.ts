import { type Place, readStep, type Step, type StepDocument } from './document.ts';
import { isObject, isWhole, type JsonObject } from './json.ts';
import { STEP_TIMEOUT_MINUTES_MAX } from './limits.ts';
import type { Family } from './operations.ts';

/**
 * Members of our own in a document of steps, all optional and passed over by other agents:
 *
 *     { "conditions": [{ "key": "arch", "value": ["arm", "arm64"] }],
 *       "steps": [{ "action": { ..., "idempotent": true, "restarts": true, "timeoutSeconds": 90 } }],
 *       "onFailure": { "action": { ... } } }
 *
 * - `idempotent`: the step may be repeated after a power cut.
 * - `restarts`: the step restarts the device. It has succeeded when the kernel has another boot id, and is never repeated.
 * - `timeoutSeconds`: the step is ended, and fails, when it takes longer. The service times the job out a little later.
 * - `onFailure`: a step that runs when the job does not succeed, for whatever reason, once something of it has begun: also after
 *   a cancel and after a power cut. One that a power cut interrupted is begun anew. Behind a last step that succeeded nothing is
 *   cleaned up, though a cancel may still overtake the report.
 * - `conditions`: each must hold for this device, or the job is REJECTED.
 */
export interface Facts {
  /** Unlike that of every other start of this device. */
  bootId: string;
  /** Handlers that restart the device, and those that may be repeated, by name: as if their steps said so. */
  restarts: readonly string[];
  idempotent: readonly string[];
  /** What conditions ask for: thingName, agentVersion, os, arch and what this device was configured with. */
  attributes: Readonly<Record<string, string>>;
  /** Whose documents of one operation are taken; absent: nobody's. */
  operations?: Family | undefined;
}

/** The longest time a step may be given, seconds: what the service's step timer can follow. */
export const TIMEOUT_SECONDS_MAX = (STEP_TIMEOUT_MINUTES_MAX - 2) * 60;
/** How long a device may take to restart when its step does not say, seconds. */
export const RESTART_SECONDS = 600;
/** How long a clean-up may take when it does not say, seconds. */
export const CLEAN_UP_SECONDS = 600;
/** Largest clean-up as JSON, characters: it is kept in the record, beside an outcome. */
export const CLEAN_UP_CHARS_MAX = 2_048;

/** `document` with what it says of these, checked. */
export function readGuards(place: Place, document: StepDocument, { attributes, ...facts }: Facts): StepDocument {
  for (const condition of place.member('conditions').items([])) checkCondition(condition, attributes);
  const written = place
    .member('steps')
    .items()
    .filter(({ found }) => isObject(found) && found.action !== undefined);
  const steps = document.steps.map((step, i) =>
    readGuard((written[i] ?? place.member('finalStep')).member('action'), step, facts),
  );
  return { ...document, steps, onFailure: readCleanUp(place.member('onFailure')), source: place.found as JsonObject };
}

/** @param action  where the step's members are */
export function readGuard(action: Place, step: Step, facts: Pick<Facts, 'restarts' | 'idempotent'>): Step {
  const isOne = (names: readonly string[]) => step.run.type === 'runHandler' && names.includes(step.run.handler);
  const restarts = action.member('restarts').flag() || isOne(facts.restarts);
  const idempotent = action.member('idempotent').flag() || isOne(facts.idempotent);
  action.expect(!restarts || !idempotent, 'idempotent or restarts, not both');
  return {
    ...step,
    idempotent,
    restarts,
    timeoutSeconds: readTimeout(action) ?? (restarts ? RESTART_SECONDS : undefined),
  };
}

function readTimeout(action: Place): number | undefined {
  const timeout = action.member('timeoutSeconds');
  const { found } = timeout;
  const inRange = isWhole(found) && found >= 1 && found <= TIMEOUT_SECONDS_MAX;
  timeout.expect(found === undefined || inRange, `whole seconds, 1 to ${TIMEOUT_SECONDS_MAX}`);
  return found as number | undefined;
}

function readCleanUp(place: Place): Step | undefined {
  if (place.found === undefined) return undefined;
  const timeoutSeconds = readTimeout(place.member('action')) ?? CLEAN_UP_SECONDS;
  const step: Step = { ...readStep(place), timeoutSeconds };
  place.expect(JSON.stringify(step).length <= CLEAN_UP_CHARS_MAX, `at most ${CLEAN_UP_CHARS_MAX} characters`);
  return step;
}

function checkCondition(condition: Place, attributes: Facts['attributes']): void {
  condition.member('type').optional(/^stringEqual$/, 'stringEqual');
  const key = condition.member('key').found as string;
  const values = condition.member('value').found as string[];
  const own = Object.hasOwn(attributes, key) ? attributes[key] : undefined;
  condition.expect(
    own !== undefined && values.includes(own),
    // A name that this device does not know is anybody's text: it is shown with what was found, quoted and cut.
    own === undefined ? 'an attribute that this device has' : `a device whose ${key} is so (its own: ${own})`,
  );
}
