import { CommandError, EXIT, usageError } from './outcome.ts';

/** Takes what is wanted out of an answer. @throws CommandError (failed): a function is given what it cannot take */
export type Query = (answer: unknown) => unknown;

/**
 * `--query`: an expression in JMESPath (jmespath.org), as the AWS CLI takes it.
 *
 * @throws CommandError (usage): no such expression
 */
export async function readQuery(expression: string): Promise<Query> {
  // Loaded where it is used: few commands do.
  const { compile, search } = (await import('jmespath')).default;
  const fault = (error: unknown) => `--query '${expression}': ${(error as Error).message}`;
  try {
    compile(expression);
  } catch (error) {
    throw usageError(fault(error));
  }
  return (answer) => {
    try {
      return search(answer, expression);
    } catch (error) {
      throw new CommandError(
        EXIT.failed,
        `${fault(error)}; the request was carried out, and its whole answer is on stdout`,
      );
    }
  };
}
