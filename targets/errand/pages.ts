import type { Operation } from '../service/operations/operation.ts';

/**
 * Calls an operation that answers in pages until the last one, and joins their lists, as the AWS CLI does. When the command line says
 * which page (`--next-token`, `--max-results`) it is that page alone; an operation without pages is called once.
 *
 * @param call  asks for one page
 */
export async function callAllPages(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  call: (input: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const members = Object.entries(operation.output?.members ?? {});
  const list = members.find(([, { shape }]) => shape.type === 'list')?.[0];
  const paged = Object.hasOwn(operation.input, 'nextToken') && list !== undefined;
  if (!paged || input.nextToken !== undefined || input.maxResults !== undefined) return call(input);
  const items: unknown[] = [];
  let nextToken: unknown;
  do {
    const page = await call(nextToken === undefined ? input : { ...input, nextToken });
    for (const item of (page[list] ?? []) as unknown[]) items.push(item);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return { [list]: items };
}
