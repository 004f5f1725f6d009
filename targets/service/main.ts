import { readPlanFile } from './faults/planFile.ts';
import { PlanFault } from './faults/readPlan.ts';
import { createLog, type Log } from './log.ts';
import { startService } from './service.ts';
import { readServiceSettings, SERVICE_HELP } from './settings.ts';

/**
 * `errand service`, from its arguments to its end.
 *
 * @returns the exit code: 0 ended as it was told to, 1 failed, 2 wrong settings; a second signal ends it with 128 and its number
 */
export async function main(argv: readonly string[]): Promise<number> {
  const settings = readServiceSettings(argv);
  if (settings === 'help') {
    process.stdout.write(SERVICE_HELP);
    return 0;
  }
  if ('faults' in settings) {
    process.stderr.write(settings.faults.map((fault) => `errand service: ${fault}\n`).join(''));
    return 2;
  }
  const log = createLog(settings.log);
  const signal = firstSignal(log);
  try {
    const plan = settings.faultsFile === undefined ? undefined : readPlanFile(settings.faultsFile);
    if (plan !== undefined)
      log(
        'warn',
        `faults are on: ${plan.rules.length} rules of ${settings.faultsFile} (errand clear-faults ends them)`,
      );
    const service = await startService(settings, log, { plan });
    log(
      'info',
      `ready: mqtts ${service.mqtts}, ${service.https}, keys in ${service.endpointsFile}, devices by HTTPS at ${service.data}, ${service.files === undefined ? 'files at S3' : `files at ${service.files}`}${service.ops === undefined ? '' : `, /healthz and /metrics on port ${service.ops}`}`,
    );
    log('info', `ending (${await signal}): what was accepted is answered first`);
    const late = setTimeout(() => {
      log('warn', `ended after ${ENDING_MILLIS_MAX / 1000} s: not all that was accepted is answered`);
      process.exit(1);
    }, ENDING_MILLIS_MAX);
    await service.close();
    clearTimeout(late);
    log('info', 'ended');
    return 0;
  } catch (error) {
    const { message, stack } = error as Error;
    if (error instanceof PlanFault) {
      process.stderr.write(`errand service: --faults: ${message}\n`);
      return 2;
    }
    log('error', message);
    log('debug', stack ?? 'no stack');
    return 1;
  }
}

/** How long the end may take; whoever manages services (systemd: 90 s) waits longer. */
const ENDING_MILLIS_MAX = 15_000;

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/** The first signal to end; from then on another one ends the process where it is. */
function firstSignal(log: Log): Promise<string> {
  return new Promise((resolve) => {
    let told = false;
    for (const [name, number] of Object.entries(SIGNALS))
      process.on(name, () => {
        if (told) {
          log('warn', `ended at once (${name}): what was not answered yet is asked again by its clients`);
          process.exit(128 + number);
        }
        told = true;
        resolve(name);
      });
  });
}
