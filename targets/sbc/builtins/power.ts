import { createRequire } from 'node:module';
import type { HandlerContext } from '../handlers/handler.ts';
import { firstProgram, hasProgram } from './tools.ts';

/** From the report of success to the end of the machine, as AWS's sample handler has it. */
export const SHUTDOWN_MINUTES = 1;

/** The step is over when the device has started again: the runner sees to that. */
export async function reboot({ execute }: Pick<HandlerContext, 'execute'>): Promise<number> {
  return firstProgram(['reboot', 'shutdown']) === 'reboot' ? execute('reboot') : execute('shutdown', '-r', 'now');
}

/**
 * Success is reported before the machine is off: it is told to end in a minute. systemd keeps that in mind by itself; elsewhere
 * the program waits for it, so it is let go, out of the step's process group.
 */
export function shutdown({ execute }: HandlerContext): Promise<number> {
  return shutdownIn(SHUTDOWN_MINUTES, execute);
}

export async function shutdownIn(minutes: number, execute: HandlerContext['execute']): Promise<number> {
  if (hasProgram('systemctl') && hasProgram('shutdown')) return execute('shutdown', '-h', `+${minutes}`);
  const [program, ...args] =
    firstProgram(['shutdown', 'poweroff']) === 'shutdown'
      ? (['shutdown', '-h', `+${minutes}`] as const)
      : (['poweroff', '-d', `${minutes * 60}`] as const);
  const { spawn } = createRequire('/')('node:child_process') as typeof import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: '/', detached: true, stdio: 'ignore' });
    child.on('error', reject);
    child.on('spawn', () => {
      child.unref();
      resolve(0);
    });
  });
}
