import type { Duplex } from 'node:stream';
import type { JsonObject } from '../../../runtime/jobs/json.ts';
import type { StatusDetails } from '../../../runtime/jobs/statusDetails.ts';
import type { Settings } from '../settings.ts';

/** Why a handler's signal was aborted, when its step may be taken up again at the next start of the agent. */
export const AGENT_ENDS = 'the agent ends';

/** A file that is to be loaded. */
export interface Download {
  /** https, or http. */
  url: string;
  /** Where it goes: below the folder for downloads. */
  file: string;
  /** Exactly so many; a larger one is refused before it is loaded. */
  sizeBytes?: number | undefined;
  /** Hexadecimal. */
  sha256?: string | undefined;
  /** Base64; checked with the configured key, which wants one. */
  signature?: string | undefined;
  /** Gives another URL when the first is no longer valid. */
  refresh?: (() => Promise<string>) | undefined;
}

/** What a handler is given to do its work with. */
export interface HandlerContext {
  thingName: string;
  /** Names the job's execution, unlike every other one: also of a job that was deleted and made anew. */
  execution: string;
  /** The whole job document, as it came. */
  document: JsonObject;
  /** `input.args` of the step, as the document has them. */
  args: readonly string[];
  /** The user that the step names; absent: the agent's own. `execute` runs as that user. */
  runAsUser: string | undefined;
  /** Aborted when the job is cancelled, deleted or timed out, or the agent ends (AGENT_ENDS): less than a second is left then. */
  signal: AbortSignal;
  /** Prints to the step's output, of which the end is reported. */
  print(text: string): void;
  /**
   * Runs a program as the step's user, without a shell; what it prints is the step's output.
   *
   * @returns its exit code
   * @throws  Error of one sentence: it could not be started, or was ended by a signal
   */
  execute(program: string, ...args: string[]): Promise<number>;
  /**
   * The same for a program that talks with the agent, over a socket that is its descriptor 3.
   *
   * @param meet  is handed the agent's end of it as soon as the program is started
   */
  converse(meet: (line: Duplex) => void, program: string, ...args: string[]): Promise<number>;
  /** Tells the service how far the step is; only the latest counts, and it may be told later or not at all. */
  progress(details: StatusDetails): void;
  /** What is reported of the step's end beside its reason; only the latest counts. */
  conclude(details: StatusDetails): void;
  /** Asks the service for the document again, where presigned URLs are fresh; gives the step's `args`, as soon as there is a connection. */
  freshArgs(): Promise<readonly string[]>;
  /**
   * Loads a file, going on with what an earlier run has left of it; it appears under its name when all of it is there and right.
   *
   * @throws Error of one sentence; also in an agent without the part downloads
   */
  download(what: Download): Promise<void>;
}

/** A handler that is part of the agent: a document calls it as it calls a program of the handler folder. */
export interface Handler {
  name: string;
  /** The step may be repeated after a power cut. */
  idempotent?: boolean;
  /** Resolves when the step succeeded, with its exit code when there is one; throws an Error whose message is the reason why not. */
  run(context: HandlerContext, settings?: Settings): Promise<number | undefined>;
}
