import { usageError } from './outcome.ts';

/** Takes what is wanted out of an answer. */
export type Query = (answer: unknown) => unknown;

/**
 * `--query`: an expression in JMESPath (jmespath.org), as the AWS CLI takes it.
 *
 * @returns the expression, checked; its own call throws CommandError (usage) where a function is given what it cannot take
 * @throws CommandError (usage): no such expression
 */
export async function readQuery(expression: string): Promise<Query> {
  // Loaded where it is used: few commands do.
  const { compile, search } = (await import('jmespath')).default;
  const told = <T>(attempt: () => T): T => {
    try {
      return attempt();
    } catch (error) {
      throw usageError(`--query '${expression}': ${(error as Error).message}`);
    }
  };
  told(() => compile(expression));
  return (answer) => told(() => search(answer, expression));
}
