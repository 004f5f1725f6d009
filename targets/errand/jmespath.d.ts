/** What `--query` needs of the package, which comes without types. */
declare module 'jmespath' {
  /** @throws Error: no expression */
  export function compile(expression: string): object;
  /** @throws Error: no expression, or a function is given what it cannot take */
  export function search(value: unknown, expression: string): unknown;
}
