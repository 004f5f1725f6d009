export function privateFaults(
  config: string,
  files: readonly string[],
  names?: readonly (readonly string[])[],
): readonly string[];
export function agentSources(root: string): Promise<string[]>;

export function withProject<Answer>(
  config: string,
  ask: (faultsOf: (files: readonly string[], names?: readonly (readonly string[])[]) => readonly string[]) => Answer,
): Answer;
