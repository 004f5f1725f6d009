/** How the command ends, as AWS CLI v2 does: scripts written for one work with the other. */
export const EXIT = {
  ok: 0,
  /** The command line is wrong. */
  usage: 252,
  /** What the command needs beside its arguments is missing or wrong: endpoints.json, the CA. */
  configuration: 253,
  /** The service refused; its error is on stderr. */
  refused: 254,
  /** Anything else: the service cannot be reached, or does not answer as it should. */
  failed: 255,
} as const;

/** Ends the command with one sentence on stderr. */
export class CommandError extends Error {
  override name = 'CommandError';
  constructor(
    readonly exitCode: (typeof EXIT)[keyof typeof EXIT],
    message: string,
  ) {
    super(message);
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}
