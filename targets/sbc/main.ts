import { step } from '../../runtime/device/device.ts';
import { tls } from '../../transports/tls.ts';
import type { Connect } from '../../transports/transport.ts';
import { Failure, runAgent } from './agent.ts';
import { createLog, print } from './log.ts';
import { deviceFor, prepare } from './parts.ts';
import { COMMANDS, runCommand } from './person/commands.ts';
import { watched } from './person/status.ts';
import { provision } from './provisioning/provision.ts';
import { changeable } from './provisioning/rotate.ts';
import { help, readSettings, type Settings } from './settings.ts';
import { connectWays } from './ways/connectWays.ts';

declare const ERRAND_VERSION: string;
/** See parts.ts. */
declare const ERRAND_WITHOUT_WAYS: true | undefined;
declare const ERRAND_WITHOUT_DOCTOR: true | undefined;
declare const ERRAND_WITHOUT_LEGACY: true | undefined;
declare const ERRAND_WITHOUT_PROVISIONING: true | undefined;

/** Everything else fails with 1: the agent is started again by whoever keeps it running. */
const EXIT_WRONG_SETTINGS = 2;

/** What AWS IoT Core wants to hear on port 443 (Developer Guide, "Protocols, port mappings, and authentication"). */
const ALPN = 'x-amzn-mqtt-ca';

/**
 * The agent, from its arguments to its end.
 *
 * @param argv  without node and script
 * @returns     the exit code: 0 ended as it was told to, 1 failed, 2 wrong settings
 */
export async function main(argv: readonly string[]): Promise<number> {
  const wanted = argv.find((arg) => /^(-h|--help|--version)$/.test(arg));
  if (wanted) {
    print(
      wanted === '--version'
        ? `${version()}\n`
        : help() + (typeof ERRAND_WITHOUT_DOCTOR === 'undefined' ? COMMANDS : ''),
    );
    return 0;
  }
  if (typeof ERRAND_WITHOUT_DOCTOR === 'undefined') {
    const code = await runCommand(argv);
    if (code !== undefined) return code;
  }
  const read = readSettings(argv, process.env);
  if ('faults' in read) return refuse(read.faults);
  const log = createLog(read.log);
  let settings: Settings = read;
  if (typeof ERRAND_WITHOUT_PROVISIONING === 'undefined') {
    try {
      settings = await provision(read, log);
    } catch (error) {
      log('error', (error as Error).message);
      return 1;
    }
  }
  const { host, port, thingName, data } = settings;
  let connect: Connect;
  try {
    connect =
      typeof ERRAND_WITHOUT_PROVISIONING === 'undefined'
        ? changeable(settings)
        : typeof ERRAND_WITHOUT_WAYS === 'undefined'
          ? connectWays(settings, log)
          : tls({ ...settings, alpn: port === 443 ? ALPN : undefined });
  } catch (error) {
    const { reason, message } = error as Error & { reason?: string };
    return refuse([`ca, cert or key: ${reason ?? message}`]);
  }
  for (const warning of settings.warnings) log('warn', warning);
  const fail = (error: Error): number => {
    if (error instanceof Failure) log('error', error.message);
    else {
      log('error', `a mistake in the agent: ${error}`);
      log('debug', `${error.stack}`);
    }
    return 1;
  };
  // What nobody caught is our own mistake: one line, and the end. The record says where to go on.
  process.on('uncaughtException', (error) => process.exit(fail(error)));
  log('info', `errand-agent ${version()}: thing ${thingName}, endpoint ${host}:${port}, data in ${data}`);
  if (typeof ERRAND_WITHOUT_LEGACY === 'undefined') prepare(settings);
  const state = deviceFor(settings, version());
  const core = typeof ERRAND_WITHOUT_DOCTOR === 'undefined' ? watched({ state, step }, settings) : { state, step };
  return runAgent(core, settings, connect, log).then(() => {
    log('info', 'ended');
    return 0;
  }, fail);
}

function refuse(faults: string[]): number {
  print(faults.map((fault) => `errand-agent: ${fault}\n`).join(''), 2);
  return EXIT_WRONG_SETTINGS;
}

function version(): string {
  return typeof ERRAND_VERSION === 'string' ? ERRAND_VERSION : 'from source';
}
