import { parseStatusDetails, type StatusDetails } from '../../../runtime/jobs/statusDetails.ts';
import type { Handler, HandlerContext } from '../handlers/handler.ts';
import { talk } from './line.ts';

/** The head of the agent's file, where handlers were compiled in (compile.mjs): their names, and whether they may be repeated. */
declare const ERRAND_CUSTOM: readonly (readonly [name: string, idempotent: boolean])[];

/**
 * The handlers that were compiled into this file. Each runs in a process of its own, begun as `errand-agent handler NAME`: what it does to
 * itself (an endless loop, all memory taken, an end) is no harm to the agent, and it is ended as every program of a step is.
 */
export function compiledIn(): Handler[] {
  const named = typeof ERRAND_CUSTOM === 'undefined' ? [] : ERRAND_CUSTOM;
  return named.map(([name, idempotent]) => ({ name, idempotent, run: (context) => runProcess(name, context) }));
}

async function runProcess(name: string, context: HandlerContext): Promise<number> {
  let done = false;
  let fault = '';
  const program = [process.execPath, ...process.execArgv, process.argv[1]!, 'handler', name] as const;
  const code = await context.converse(
    (line) => {
      const send = talk(line, ([what, ...said]) => {
        if (what === 'tell') context.progress(detailsOf(said[0]));
        if (what === 'load') load(context, said, send);
        if (what === 'done') context.conclude(detailsOf(said[0]));
        done ||= what === 'done';
        if (what === 'fault') fault = `${said[0]}`;
      });
      send([context.thingName, context.document, context.args]);
    },
    ...program,
  );
  if (fault) throw new Error(fault);
  if (code === 0 && !done) throw new Error('its process ended by itself before it had returned');
  return code;
}

/** What cannot be reported was refused over there; what comes all the same is passed over. */
function detailsOf(said: unknown): StatusDetails {
  return parseStatusDetails(said).details ?? {};
}

function load(
  { download, args, freshArgs }: HandlerContext,
  said: unknown[],
  send: (message: unknown[]) => void,
): void {
  const [number, url, file, sizeBytes, sha256, signature] = said as [number, string, string, number, string, string];
  const at = args.indexOf(url);
  void download({
    url,
    file,
    sizeBytes: sizeBytes ?? undefined,
    sha256: sha256 ?? undefined,
    signature: signature ?? undefined,
    refresh: at < 0 ? undefined : async () => (await freshArgs())[at]!,
  }).then(
    () => send([number, null]),
    (error?: Error) => send([number, error?.message ?? 'the step is being ended']),
  );
}
