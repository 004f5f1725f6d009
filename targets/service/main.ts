import { createLog } from './log.ts';
import { startService } from './service.ts';
import { readServiceSettings, SERVICE_HELP } from './settings.ts';

/**
 * `errand service`, from its arguments to its end.
 *
 * @returns the exit code: 0 ended as it was told to, 1 failed, 2 wrong settings
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
  try {
    const service = await startService(settings, log);
    log(
      'info',
      `ready: mqtts ${service.mqtts}, ${service.https}, keys in ${service.endpointsFile}, devices by HTTPS at ${service.data}`,
    );
    const signal = await new Promise<string>((resolve) => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, resolve);
    });
    log('info', `ending (${signal})`);
    await service.close();
    return 0;
  } catch (error) {
    const { message, stack } = error as Error;
    log('error', message);
    log('debug', stack ?? 'no stack');
    return 1;
  }
}
