import { spawn } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Device } from '../../../runtime/device/device.ts';
import type { Core } from '../agent.ts';
import type { Settings } from '../settings.ts';
import { say } from './commands.ts';

const SOCKET = 'status';
const JOBS_MAX = 5;

interface Ended {
  jobId: string;
  status: string;
  reason: string | undefined;
  endedAt: string;
}

/**
 * Looks at what the core does: answers whoever asks at the socket `status` in the data folder, keeps a file of metrics where one is
 * wanted, and tells systemd that the agent is up and alive. Nothing is written or sent while nothing happens, but for the watchdog.
 */
export function watched(core: Core<Device>, { data, metrics }: Pick<Settings, 'data' | 'metrics'>): Core<Device> {
  const startedAt = new Date();
  const counts: Record<string, number> = { SUCCEEDED: 0, FAILED: 0, REJECTED: 0 };
  const jobs: Ended[] = [];
  let server: Server | undefined;
  let last: Device['runner']['outcome'];
  let seen = core.state;
  let written = '';
  let unwritable = '';

  /** @returns why the metrics are not written, when that has just become so */
  function look(device: Device): string | undefined {
    const { outcome, job } = device.runner;
    if (outcome && job && outcome !== last) {
      counts[outcome.status] = (counts[outcome.status] ?? 0) + 1;
      jobs.unshift({
        jobId: job.jobId,
        status: outcome.status,
        reason: outcome.statusDetails?.reason,
        endedAt: new Date().toISOString(),
      });
      jobs.splice(JOBS_MAX);
    }
    last = outcome ?? last;
    seen = device;
    const now = metrics ? metricsText() : '';
    if (now === written) return undefined;
    written = now;
    const before = unwritable;
    try {
      writeFileSync(`${metrics}.new`, now);
      renameSync(`${metrics}.new`, metrics!);
      unwritable = '';
    } catch (error) {
      // A full disk: the next change is written again.
      written = '';
      unwritable = (error as Error).message;
    }
    return unwritable === before ? undefined : unwritable;
  }

  function text(): string {
    const { runner, client } = seen;
    const { job, document, step, run } = runner;
    const name = document?.steps[step]?.name;
    const doing = job
      ? `job ${job.jobId}${name && run ? `, step ${step + 1} of ${document!.steps.length} '${name}'` : ''}`
      : 'waiting for a job';
    return [
      `thing       ${runner.thingName}`,
      `connection  ${client.at === 'online' ? 'connected' : 'not connected: the log says why'}`,
      `doing       ${doing}`,
      `running     since ${startedAt.toISOString()}, process ${process.pid}`,
      ...jobs.map((job) => `job         ${job.endedAt} ${job.jobId} ${job.status}: ${job.reason ?? ''}`),
    ].join('\n');
  }

  function metricsText(): string {
    const rows = Object.entries(counts).map(
      ([status, count]) => `errand_agent_jobs_total{status="${status}"} ${count}`,
    );
    return `# TYPE errand_agent_connected gauge
errand_agent_connected ${seen.client.at === 'online' ? 1 : 0}
# TYPE errand_agent_job_running gauge
errand_agent_job_running ${seen.runner.run ? 1 : 0}
# TYPE errand_agent_jobs_total counter
${rows.join('\n')}
# TYPE errand_agent_start_time_seconds gauge
errand_agent_start_time_seconds ${Math.floor(startedAt.getTime() / 1000)}
`;
  }

  return {
    state: core.state,
    step: (before, event, now) => {
      const [after, effects] = core.step(before, event, now);
      if (event.on === 'boot') {
        // The data folder is ours from here on; what an agent that was killed left there is not in use.
        rmSync(join(data, SOCKET), { force: true });
        server = createServer((visitor) => void visitor.on('error', () => {}).end(`${text()}\n`));
        server.on('error', () => {}).listen(join(data, SOCKET));
        server.unref();
        notifySystemd();
      }
      const fault = look(after);
      if (fault) effects.push({ do: 'log', level: 'warn', message: `metrics are not written: ${fault}` });
      if (effects.some((effect) => effect.do === 'exit')) server?.close();
      return [after, effects];
    },
  };
}

/** Node has no datagram sockets of Unix: systemd's own program tells it, as `NotifyAccess=all` allows. */
function notifySystemd(): void {
  const { NOTIFY_SOCKET, WATCHDOG_USEC } = process.env;
  if (!NOTIFY_SOCKET) return;
  const notify = (what: string) =>
    spawn('systemd-notify', [what], { stdio: 'ignore' })
      .on('error', () => {})
      .unref();
  notify('--ready');
  if (WATCHDOG_USEC) setInterval(notify, Number(WATCHDOG_USEC) / 2000, 'WATCHDOG=1').unref();
}

/** @returns the exit code: 0 it runs, 1 it does not, 2 wrong settings */
export async function printStatus(settings: Settings | { faults: string[] }): Promise<number> {
  if ('faults' in settings) {
    for (const fault of settings.faults) say(fault);
    return 2;
  }
  const said = await askAgent(settings.data);
  say(said?.trimEnd() ?? `no agent runs with the data folder ${settings.data}`);
  return said === undefined ? 1 : 0;
}

/** What the agent of this data folder says of itself; undefined: none runs. */
export function askAgent(data: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    connect(join(data, SOCKET))
      .on('data', (portion) => (said += portion))
      .on('error', () => resolve(undefined))
      .on('end', () => resolve(said));
  });
}
