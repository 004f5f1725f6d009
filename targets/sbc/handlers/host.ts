import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Effect, Event } from '../../../runtime/effects.ts';
import type { Step } from '../../../runtime/jobs/document.ts';
import type { StatusDetails } from '../../../runtime/jobs/statusDetails.ts';
import { createPrograms, type Programs, type ProgramsOptions } from '../../../transports/programs.ts';
import type { Settings } from '../settings.ts';
import { AGENT_ENDS, type Download, type Handler, type HandlerContext } from './handler.ts';

type Exited = Extract<Event, { on: 'exited' }>;
type Run = Extract<Effect, { do: 'run' }>;

/** A handler at work. */
interface Hosted {
  abort: AbortController;
  /** The programs that it runs, each under a number of its own and what waits for its end. */
  programs: Map<number, (exited: Exited) => void>;
  /** Who waits for the document anew. */
  refreshed: ((args: readonly string[]) => void)[];
  /** What it says of its end. */
  details?: StatusDetails;
}

/** targets/sbc/downloads, where that is in. */
export type Downloader = (settings: Settings, context: HandlerContext, what: Download) => Promise<void>;

interface Host extends Programs {
  refreshed(effect: Extract<Effect, { do: 'refreshed' }>): void;
}

/**
 * Runs handlers inside of the agent, and everything else as programs. A file of the same name in the handler folder wins.
 * A handler's own programs are programs like any other: without a shell, in a process group each, as the step's user.
 */
export function hostHandlers(handlers: readonly Handler[], download?: Downloader): (options: ProgramsOptions) => Host {
  return (options) => {
    const hosted = new Map<number, Hosted>();
    // The agent hands all of its settings over.
    const settings = options as unknown as Settings;
    /** Of the programs of handlers: below zero, where no step's are. */
    let lastNumber = 0;
    const inner = createPrograms({ ...options, tell: hear });

    function hear(event: Event): void {
      if (!('run' in event) || event.run > 0) return options.tell(event);
      for (const [run, { programs }] of hosted) {
        const ended = programs.get(event.run);
        if (!ended) continue;
        if (event.on === 'output') options.tell({ ...event, run });
        if (event.on === 'exited') {
          programs.delete(event.run);
          ended(event);
        }
      }
    }

    function start(handler: Handler, { run, step, source: document = {}, job }: Run, args: readonly string[]): void {
      const work: Hosted = { abort: new AbortController(), programs: new Map(), refreshed: [] };
      hosted.set(run, work);
      const tell = (event: Event) => {
        if (hosted.get(run) === work) options.tell(event);
      };
      const execute = (argv: [string, ...string[]], meet?: (line: Duplex) => void) =>
        new Promise<number>((resolve, reject) => {
          if (work.abort.signal.aborted) return reject(new Error('the step is being ended'));
          const number = --lastNumber;
          work.programs.set(number, ({ code, signal, error }) => {
            if (code !== undefined) resolve(code);
            else reject(new Error(error ?? `${argv[0]} was killed by signal: ${signal}`));
          });
          inner.run({ do: 'run', run: number, step: { ...step, run: { type: 'runCommand', argv } } }, meet);
        });
      const context: HandlerContext = {
        thingName: options.thingName,
        execution: job ? `${job.jobId} ${job.executionNumber} ${job.queuedAt}` : '',
        document,
        args,
        runAsUser: step.runAsUser,
        signal: work.abort.signal,
        print: (text) => tell({ on: 'output', run, stream: 'stdout', text }),
        progress: (details) => tell({ on: 'progressed', run, details }),
        conclude: (details) => {
          work.details = details;
        },
        freshArgs: () =>
          new Promise((resolve, reject) => {
            work.refreshed.push(resolve);
            work.abort.signal.addEventListener('abort', reject);
            tell({ on: 'stale', run });
          }),
        download: async (what) => {
          if (!download) throw new Error('this agent was built without the part downloads');
          await download(settings, context, what);
        },
        execute: (...argv) => execute(argv),
        converse: (meet, ...argv) => execute(argv, meet),
      };
      const end = (how: Omit<Exited, 'on' | 'run'>) => {
        if (hosted.get(run) !== work) return;
        hosted.delete(run);
        options.tell({ on: 'exited', run, details: work.details, ...how });
      };
      // Not within the effect that started it: no handler is faster than the loop.
      void Promise.resolve(context)
        .then((given) => handler.run(given, settings))
        .then(
          (code = 0) => end({ code }),
          (error: Error) =>
            end(
              work.abort.signal.aborted
                ? { signal: 'SIGTERM' }
                : { error: `step '${step.name}': ${handler.name}: ${error.message}` },
            ),
        );
    }

    return {
      run: (effect) => {
        const { step } = effect;
        const handler = handlers.find((one) => isFor(one, step, options));
        if (handler && step.run.type === 'runHandler') start(handler, effect, step.run.args);
        else inner.run(effect);
      },
      signal: (effect) => {
        const work = hosted.get(effect.run);
        if (!work) return inner.signal(effect);
        for (const run of work.programs.keys()) inner.signal({ ...effect, run });
        work.abort.abort();
        if (effect.signal !== 'SIGKILL') return;
        // A handler cannot be killed: whatever it still does, the step is over.
        hosted.delete(effect.run);
        options.tell({ on: 'exited', run: effect.run, signal: effect.signal });
      },
      refreshed: ({ run, step }) => {
        const args = step.run.type === 'runHandler' ? step.run.args : [];
        for (const take of hosted.get(run)?.refreshed.splice(0) ?? []) take(args);
      },
      end: () => {
        for (const { abort } of hosted.values()) abort.abort(AGENT_ENDS);
        hosted.clear();
        inner.end();
      },
    };
  };
}

/** As programs are looked for: `path` absent or `default` means the handler folder first. */
export function isFor({ name }: Handler, { run }: Step, { handlers }: Pick<ProgramsOptions, 'handlers'>): boolean {
  if (run.type !== 'runHandler' || run.handler !== name) return false;
  return (run.path === undefined || run.path === 'default') && !existsSync(join(handlers, name));
}
