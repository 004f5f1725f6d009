import type { Operation } from '../service/operations/operation.ts';

/**
 * Calls an operation that answers in pages until the last one, as the AWS CLI does. When the command line says
 * which page (`--next-token`, `--max-results`) it is that page alone; an operation without pages is called once.
 *
 * @param call  asks for one page
 */
export async function callAllPages(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  call: (input: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>[]> {
  const members = Object.entries(operation.output?.members ?? {});
  const list = members.find(([, { shape }]) => shape.type === 'list')?.[0];
  const paged = Object.hasOwn(operation.input, 'nextToken') && list !== undefined;
  if (!paged || input.nextToken !== undefined || input.maxResults !== undefined) return [await call(input)];
  const pages: Record<string, unknown>[] = [];
  let nextToken: unknown;
  do {
    const page = await call(nextToken === undefined ? input : { ...input, nextToken });
    pages.push({ [list]: page[list] ?? [] });
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return pages;
}
