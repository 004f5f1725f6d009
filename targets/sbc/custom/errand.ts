/**
 * What `import { handler } from 'errand'` gives: handlers in TypeScript, compiled into the agent's file by
 *
 *     node build.mjs --target sbc --handlers ./mine.ts
 *
 * Nothing is imported here, so that every project can read this file, whatever its own settings are.
 */

/** A JSON value, as documents are made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [member: string]: Json };

/**
 * What a job shows of a step (`statusDetails`): at most 4 pairs, names of a-z A-Z 0-9 : _ - (128 characters at most), values cut at 1,024
 * characters. The names of what the agent itself reports are taken.
 */
export type Details = {
  readonly [name: string]: string | number | boolean;
} & { readonly [name in 'step' | 'progress' | 'reason' | 'stdout' | 'stderr' | 'onFailure']?: never };

/** A file that the agent is to load; it needs the part downloads. */
export interface Download {
  /** https, or http. One of the step's `args` is fetched anew with the document when it has expired. */
  url: string;
  /** Where it goes: below the agent's `--downloads`. */
  file: string;
  /** Exactly so many; a larger one is refused before it is loaded. */
  sizeBytes?: number | undefined;
  /** Hexadecimal. */
  sha256?: string | undefined;
  /** Base64; needed when the agent has a `--download-key`. */
  signature?: string | undefined;
}

/** What a handler is given to do its work with. */
export interface Context {
  /** The Thing that the agent speaks for. */
  readonly thingName: string;
  /** The whole job document, as it came. */
  readonly document: { readonly [member: string]: Json };
  /** `input.args` of the step. */
  readonly args: readonly string[];
  /** All variables that there are; none of the agent's own settings are among them. */
  readonly env: Readonly<Record<'PATH' | 'HOME' | 'LANG' | 'ERRAND_THING', string>> & {
    readonly [name in 'USER' | 'LOGNAME']?: string;
  };
  /**
   * Aborted when the job is cancelled, deleted or timed out, or the agent ends. 0.7 s later the handler is killed, with every
   * process that it has started and left in its group.
   */
  readonly signal: AbortSignal;
  /** Shows how far the step is. Only the latest counts; the service is told every 5 s at most. */
  progress(details: Details): void;
  /** A line of the step's output, of which the end is reported. `console` goes the same way. */
  log(line: string): void;
  /**
   * Loads a file as `errand:download` does: it goes on with what an earlier run has left of it, and appears under its name when all of it is
   * there and right. Progress is told meanwhile.
   *
   * @throws Error of one sentence, also in an agent without the part downloads
   */
  download(what: Download): Promise<void>;
}

/** The step succeeds when it returns; what it returns is shown with the job. It fails when it throws: the message is the reason. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is a handler, too
export type Run = (context: Context) => Promise<Details | undefined | void> | Details | undefined | void;

export interface Options {
  /** A step that a power cut interrupted may be run again. */
  idempotent?: boolean;
}

export interface Handler extends Readonly<Options> {
  readonly name: string;
  readonly run: Run;
}

/** Every handler of this process by its name. */
export const defined = new Map<string, Handler>();

/**
 * Defines a handler. A step calls it as it calls a program of the handler folder, where a file of the same name wins:
 *
 *     { "action": { "name": "any", "type": "runHandler", "input": { "handler": NAME, "args": [...] } } }
 *
 * @param name  1 to 64 of a-z A-Z 0-9 . _ - and none that the agent has built in
 * @returns     it, for tests of your own: `run` takes whatever fits Context
 */
export function handler(name: string, ...how: [run: Run] | [options: Options, run: Run]): Handler {
  const [options, run] = how.length === 1 ? [{}, how[0]] : how;
  const made: Handler = { ...options, name, run };
  defined.set(name, made);
  return made;
}
