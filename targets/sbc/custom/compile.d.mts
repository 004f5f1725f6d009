export function compileHandlers(
  given: readonly string[],
  parts: readonly string[],
): Promise<{ names: string[]; wrap: (agent: string) => string }>;
