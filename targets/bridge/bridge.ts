/** The bridge: its lines, its microcontrollers as Things, their connections, and the board itself where it is a Thing too. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createDevice, step } from '../../runtime/device/device.ts';
import { lockFolder } from '../../transports/lock.ts';
import { makeFolders } from '../../transports/record.ts';
import type { SerialShell } from '../../transports/serial/serialPort.ts';
import { tls } from '../../transports/tls.ts';
import type { Connect } from '../../transports/transport.ts';
import { Failure, runAgent } from '../sbc/agent.ts';
import type { Log } from '../sbc/log.ts';
import { type Fleet, openFleet } from './fleet.ts';
import type { BridgeSettings } from './settings.ts';

/** What AWS IoT Core wants to hear on port 443 (Developer Guide, "Protocols, port mappings, and authentication"). */
const ALPN = 'x-amzn-mqtt-ca';

/**
 * Runs until it was told to stop (SIGTERM, SIGINT; a second one does not wait).
 *
 * @throws Failure when the data folder, a certificate or the shell cannot be used
 */
export async function runBridge(settings: BridgeSettings, shell: SerialShell, log: Log): Promise<void> {
  const lock = await takeFolder(settings.data);
  const told = untilTold();
  let fleet: Fleet | undefined;
  try {
    fleet = openFleet(settings, shell, (files) => connectWith(settings, files), log);
    const board = settings.thing === undefined ? undefined : runBoard(settings, settings.thing, log);
    await Promise.race([told, ...(board ? [board.then(() => told)] : [])]);
    log('info', 'ending: what runs on a microcontroller goes on, and the next start takes it up');
    await fleet.end();
    await board;
  } finally {
    await fleet?.close();
    lock.release();
  }
}

/** The board's own jobs, as the agent runs them, on a connection of their own. It ends by the same signals. */
function runBoard(settings: BridgeSettings, thing: string, log: Log): Promise<void> {
  const { keepAliveSeconds, retryMaxMillis, data, handlers } = settings;
  const state = createDevice({ thingName: thing, clientId: thing, keepAliveSeconds, retryMaxMillis });
  const own = { data: join(data, 'board'), handlers, thingName: thing };
  return runAgent({ state, step }, own, connectWith(settings, settings), (level, message, jobId) =>
    log(level, `${thing}: ${message}`, jobId),
  );
}

function connectWith({ host, port, ca }: BridgeSettings, { cert, key }: { cert: string; key: string }): Connect {
  try {
    return tls({ host, port, ca, cert, key, ...(port === 443 ? { alpn: ALPN } : {}) });
  } catch (error) {
    const { message } = error as Error;
    throw new Failure(
      /key values mismatch/.test(message) ? 'key does not belong to cert' : `ca, cert or key: ${message}`,
    );
  }
}

async function takeFolder(data: string) {
  try {
    for (const folder of [data, join(data, 'things')]) {
      makeFolders(folder);
      const { mode } = statSync(folder);
      if ((mode & 0o022) !== 0) throw new Error(`others may write to ${folder}; run: chmod go-w ${folder}`);
    }
    const lock = await lockFolder(data);
    if (lock === undefined) throw new Error('another bridge uses it; give each one its own');
    return lock;
  } catch (error) {
    throw new Failure(`the data folder ${data} cannot be used: ${(error as Error).message}`);
  }
}

function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve();
      });
  });
}
