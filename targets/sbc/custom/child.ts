import { Socket } from 'node:net';
import { STATUS_DETAILS_VALUE_CHARS_MAX } from '../../../runtime/jobs/limits.ts';
import { DETAILS_OF_HANDLERS_MAX } from '../../../runtime/jobs/runner/limits.ts';
import { parseStatusDetails, reportable, type StatusDetails } from '../../../runtime/jobs/statusDetails.ts';
import { type Context, defined } from './errand.ts';
import { ORPHAN_MILLIS_MAX, PROGRESS_MILLIS, REASON_CHARS_MAX, STACK_LINES_MAX } from './limits.ts';
import { talk } from './line.ts';

/**
 * The process of one handler, from its context to its end: code 0 and `done`, 1 and `fault`, or death by SIGTERM when it was asked to
 * end. Compiled together with the handlers, apart from the agent: no name in here is shortened.
 *
 * @param load  by name: loads the file that defines the handler
 */
export function runHandler(name: string, load: Readonly<Record<string, () => unknown>>): void {
  const line = openLine();
  if (!line) return;
  Error.stackTraceLimit = STACK_LINES_MAX;
  const abort = new AbortController();
  const loads = new Map<number, (fault: string | null) => void>();
  let lastNumber = 0;
  const progress = throttled((details) => send(['tell', details]));

  const ask = () => abort.abort(new Error('the step is being ended'));
  // The agent is gone: nobody would end this process, and the next start may begin the step anew.
  const orphaned = () => {
    ask();
    setTimeout(killGroup, ORPHAN_MILLIS_MAX, 'SIGKILL');
  };
  const end = (code: number, ...last: unknown[]) => {
    // An end that was asked for is not taken for success, nor for a failure of the handler's own.
    if (abort.signal.aborted) {
      process.removeAllListeners('SIGTERM');
      return killGroup('SIGTERM');
    }
    line.off('close', orphaned);
    process.off('beforeExit', stuck);
    line.end(`${JSON.stringify(last)}\n`, () => process.exit(code));
  };
  const fail = (error: unknown) => {
    if (!abort.signal.aborted) console.error(error);
    const reason = error instanceof Error ? error.message || error.name : String(error);
    end(1, 'fault', reason.slice(0, REASON_CHARS_MAX));
  };
  const stuck = () => fail(new Error('it waits for something that can no longer happen'));

  const send = talk(line, (message) => {
    if (typeof message[0] === 'string') start(message as [string, Context['document'], string[]]);
    else {
      const [number, fault] = message as [number, string | null];
      loads.get(number)?.(fault);
      loads.delete(number);
      if (loads.size === 0) line.unref();
    }
  });
  line.on('close', orphaned);
  process.on('SIGTERM', ask).on('uncaughtException', fail).on('beforeExit', stuck);

  function start([thingName, document, args]: [string, Context['document'], string[]]): void {
    // From here on only what the handler waits for keeps the process.
    line!.unref();
    const context: Context = {
      thingName,
      document,
      args,
      env: process.env as unknown as Context['env'],
      signal: abort.signal,
      progress: (details) => progress(checked(details, 'progress()')),
      log: (text) => void process.stdout.write(`${text}\n`),
      download: ({ url, file, sizeBytes, sha256, signature }) =>
        new Promise((resolve, reject) => {
          abort.signal.throwIfAborted();
          abort.signal.addEventListener('abort', () => reject(abort.signal.reason));
          const number = ++lastNumber;
          loads.set(number, (fault) => (fault === null ? resolve() : reject(new Error(fault))));
          line!.ref();
          send(['load', number, url, file, sizeBytes, sha256, signature]);
        }),
    };
    (async () => {
      load[name]?.();
      const handler = defined.get(name);
      if (!handler) throw new Error(`the agent's file was replaced by one without it: start the agent again`);
      const result = (await handler.run(context)) ?? {};
      end(0, 'done', checked(result, 'what it returned'));
    })().catch(fail);
  }
}

/** Nothing there: it was not started by an agent. */
function openLine(): Socket | undefined {
  try {
    return new Socket({ fd: 3 });
  } catch {
    console.error('errand-agent: handler is how the agent starts a handler; to try one, see: errand-agent run FILE');
    process.exitCode = 2;
    return undefined;
  }
}

/** This process leads the group of all that it has started. */
function killGroup(signal: NodeJS.Signals): void {
  process.kill(-process.pid, signal);
}

/** Names that the agent itself reports under; beside them there is room for so many more. */
const RESERVED = ['step', 'progress', 'reason', 'stdout', 'stderr', 'onFailure'];

/**
 * What can be reported of `given`: long texts are cut, what is no character is a space.
 *
 * @param where  what it is, for the sentence
 * @throws       Error of one sentence
 */
function checked(given: unknown, where: string): StatusDetails {
  const isMap = typeof given === 'object' && given !== null && !Array.isArray(given);
  const pairs = isMap ? Object.entries(given).map(([name, value]) => [name, shown(value)] as const) : [];
  const { details = {}, fault } = parseStatusDetails(isMap ? Object.fromEntries(pairs) : given);
  const taken = RESERVED.find((name) => Object.hasOwn(details, name));
  if (fault || taken)
    throw new Error(`${where}: ${fault ?? `the agent itself reports '${taken}': expected another name`}`);
  if (pairs.length > DETAILS_OF_HANDLERS_MAX)
    throw new Error(`${where} has ${pairs.length} pairs: at most ${DETAILS_OF_HANDLERS_MAX} are allowed`);
  return details;
}

function shown(value: unknown): unknown {
  return typeof value === 'string' ? reportable(value.slice(0, STATUS_DETAILS_VALUE_CHARS_MAX)) || ' ' : value;
}

/** Calls `tell` at once, then every PROGRESS_MILLIS at most, with the latest. */
function throttled(tell: (details: StatusDetails) => void): (details: StatusDetails) => void {
  let latest: StatusDetails;
  let tellAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    tellAt = performance.now() + PROGRESS_MILLIS;
    tell(latest);
  };
  return (details) => {
    latest = details;
    const left = tellAt - performance.now();
    if (left <= 0 && !timer) flush();
    else timer ??= setTimeout(flush, left).unref();
  };
}
