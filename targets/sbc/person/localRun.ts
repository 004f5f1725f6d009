import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Event } from '../../../runtime/effects.ts';
import type { JsonObject } from '../../../runtime/jobs/json.ts';
import type { Outcome } from '../../../runtime/jobs/record.ts';
import type { UpdateRequest } from '../../../runtime/jobs/requests.ts';
import { runnerWakeAt, stepRunner } from '../../../runtime/jobs/runner/runner.ts';
import type { Ask, RunnerEvent } from '../../../runtime/jobs/runner/state.ts';
import { clock } from '../../../transports/loop.ts';
import { DOWNLOAD_SETTINGS } from '../downloads/settings.ts';
import type { Log } from '../log.ts';
import { deviceFor, isOwn, runPrograms } from '../parts.ts';
import type { Settings } from '../settings.ts';
import { Refusal, readWords, say } from './commands.ts';

const USAGE =
  'expected: errand-agent run FILE [--handlers FOLDER] [--downloads FOLDER] [--thing NAME] [--operations FAMILY] [--dry-run]';

/**
 * Runs a document on this machine as the agent would, with the same runner; the service is played here, and always agrees.
 *
 * @returns the exit code: 0 SUCCEEDED, 1 not
 * @throws  Refusal
 */
export async function runLocally(args: readonly string[], log: Log): Promise<number> {
  const { given, lone } = readWords(args, 'handlers downloads thing operations', 'dry-run', USAGE);
  const { handlers, downloads, thing: thingName, operations: family } = given;
  const dry = !!given['dry-run'];
  const [file] = lone;
  if (!file || lone.length > 1) throw new Refusal(USAGE);
  if (family && !/^(device-client|jobs-agent)$/.test(family))
    throw new Refusal(`--operations ${family}: expected device-client or jobs-agent`);
  let jobDocument: JsonObject;
  try {
    jobDocument = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Refusal(`${file}: ${(error as Error).message}`);
  }
  const work = mkdtempSync(join(tmpdir(), 'errand-run-'));
  const settings = {
    thingName: thingName ?? 'local',
    handlers: resolve(handlers ?? '/etc/errand/handlers'),
    data: work,
    downloads: resolve(downloads ?? DOWNLOAD_SETTINGS.downloads[3]),
    downloadBytesMax: Infinity,
    bootId: 'local',
    attributes: {},
    operations: family,
  } as unknown as Settings;
  try {
    const { status, statusDetails } = await play(settings, work, jobDocument, dry, log);
    for (const [name, value] of Object.entries(statusDetails ?? {})) say(`${name}: ${value}`);
    say(dry && status === 'SUCCEEDED' ? 'valid' : status);
    return status === 'SUCCEEDED' ? 0 : 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function play(settings: Settings, work: string, jobDocument: JsonObject, dry: boolean, log: Log): Promise<Outcome> {
  return new Promise((done) => {
    const waiting: RunnerEvent[] = [];
    let { runner } = deviceFor(settings, 'local');
    let timer: NodeJS.Timeout | undefined;
    let busy = false;
    let over = false;
    const { thingName } = settings;
    const programs = runPrograms({ ...settings, thingName, work, tell: (event: Event) => tell(event as RunnerEvent) });
    const stop = () => tell({ on: 'stop' });
    process.on('SIGINT', stop);

    function tell(event: RunnerEvent): void {
      waiting.push(event);
      if (busy || over) return;
      busy = true;
      for (const one of waiting) {
        const [next, effects] = stepRunner(runner, one, clock());
        runner = next;
        for (const effect of effects) {
          if (effect.do === 'ask') answer(effect.request);
          else if (effect.do === 'persist') waiting.push({ on: 'persisted' });
          else if (effect.do === 'log') log(effect.level, effect.message);
          else if (effect.do === 'signal') programs.signal(effect);
          else if (effect.do === 'refreshed') (programs as { refreshed?(effect: object): void }).refreshed?.(effect);
          else if (!dry) programs.run(effect);
          else {
            const own = isOwn(effect.step, settings) ? ', which this agent has in it' : '';
            log('info', `would run ${JSON.stringify(effect.step.run)}${own}`);
            waiting.push({ on: 'exited', run: effect.run, code: 0 });
          }
        }
      }
      waiting.length = 0;
      busy = false;
      clearTimeout(timer);
      const at = runnerWakeAt(runner);
      if (at < Infinity && !over) timer = setTimeout(tell, Math.max(0, at - clock()) + 1, { on: 'wake' });
    }

    function answer(request: Ask): void {
      const { clientToken } = request;
      const { status, statusDetails = {} } = request as UpdateRequest;
      if (status && status !== 'IN_PROGRESS') return end({ status, statusDetails } as Outcome);
      const [jobId, known] = ['local', runner.job];
      const execution = {
        jobId,
        status: known ? 'IN_PROGRESS' : 'QUEUED',
        queuedAt: 0,
        lastUpdatedAt: 0,
        versionNumber: known?.versionNumber ?? 1,
        executionNumber: 1,
        jobDocument,
      } as const;
      const said = status ? { jobDocument } : { execution };
      waiting.push({ on: 'accepted', answer: { timestamp: 0, clientToken, ...said } });
    }

    function end(outcome: Outcome): void {
      over = true;
      process.off('SIGINT', stop);
      programs.end();
      done(outcome);
    }

    tell({ on: 'boot', record: undefined, seed: 1 });
    tell({ on: 'online' });
  });
}
