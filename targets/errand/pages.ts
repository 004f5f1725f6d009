import type { Operation } from '../service/operations/operation.ts';
import { usageError } from './outcome.ts';

/** How many of a list are wanted, and from where on: options that every command of a list takes, as with the AWS CLI. */
export interface Paging {
  /** --max-items: at most so many; what is left has a NextToken. */
  maxItems?: number;
  /** --page-size: in one answer of the service. */
  pageSize?: number;
  /** --starting-token: a NextToken of before. */
  startingToken?: string;
  /** --no-paginate: one answer of the service, as it is. */
  isOff?: boolean;
}

/** The members by which an operation tells its pages. */
interface PagedBy {
  list: string;
  /** Of the request, and of the answer before. */
  token: string;
  answerToken: string;
  /** Undefined: the service alone says how large a page is. */
  limit: string | undefined;
}

/** A NextToken, JSON in Base64 (botocore's): what the service is to be asked with, and how much of that page is known already. */
interface Resume {
  token: string | undefined;
  skip: number;
}

const TRUNCATED = 'boto_truncate_amount';

/** Undefined: the operation answers in one piece. */
function pagedBy({ input, output }: Operation): PagedBy | undefined {
  const list = Object.entries(output?.members ?? {}).find(([, { shape }]) => shape.type === 'list')?.[0];
  const [token, answerToken] = Object.hasOwn(input, 'marker') ? ['marker', 'nextMarker'] : ['nextToken', 'nextToken'];
  if (list === undefined || !Object.hasOwn(input, token!)) return undefined;
  const limit = ['maxResults', 'pageSize'].find((name) => Object.hasOwn(input, name));
  return { list, token: token!, answerToken: answerToken!, limit };
}

/**
 * Calls an operation that answers in pages until the last one, or until there are enough, as the AWS CLI does. When the command line
 * says which page (`--next-token`, `--max-results`) it is that page alone; an operation without pages is called once.
 *
 * @param call  asks for one page
 * @returns     its pages; `NextToken` behind them where more is there than was wanted
 * @throws CommandError (usage): a starting token that is none
 */
export async function callAllPages(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  paging: Paging,
  call: (input: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>[]> {
  const by = pagedBy(operation);
  if (by === undefined || paging.isOff || choosesPage(by, input)) return [await call(input)];
  const { list, token, answerToken, limit } = by;
  const { maxItems = Number.POSITIVE_INFINITY, pageSize, startingToken } = paging;
  const asked = { ...input, ...(limit !== undefined && pageSize !== undefined && { [limit]: pageSize }) };
  const pages: Record<string, unknown>[] = [];
  let { token: next, skip } =
    startingToken === undefined ? { token: undefined, skip: 0 } : decode(startingToken, token);
  for (let count = 0; ; ) {
    const page = await call(next === undefined ? asked : { ...asked, [token]: next });
    const items = ((page[list] ?? []) as unknown[]).slice(skip);
    const taken = items.slice(0, maxItems - count);
    pages.push({ [list]: taken });
    count += taken.length;
    const behind = page[answerToken] as string | undefined;
    const left = taken.length < items.length ? { token: next, skip: skip + taken.length } : { token: behind, skip: 0 };
    if (left.skip === 0 && behind === undefined) return pages;
    if (count >= maxItems) return [...pages, { NextToken: encode(left, token) }];
    [next, skip] = [behind, 0];
  }
}

/** The options of an operation's pages beside its own members: `[option, what stands behind it, what it means]`. */
export function pagingOptions(operation: Operation): readonly (readonly [string, string, string])[] {
  const by = pagedBy(operation);
  if (by === undefined) return [];
  return [
    ['--max-items', 'NUMBER', 'at most so many, and a NextToken where there are more'],
    ['--starting-token', 'TEXT', 'a NextToken of before'],
    ...(by.limit === 'maxResults'
      ? ([['--page-size', 'NUMBER', 'so many in one answer of the service']] as const)
      : []),
    ['--no-paginate', '', 'one answer of the service, as it is'],
  ];
}

/** Takes one of these options. @throws CommandError (usage) */
export function readPaging(paging: Paging, option: string, values: readonly string[]): void {
  if (option === '--no-paginate') {
    if (values.length > 0) throw usageError(`${option}: found '${values[0]}' behind it: expected nothing`);
    paging.isOff = true;
    return;
  }
  const [value = '', ...more] = values;
  if (value === '' || more.length > 0) throw usageError(`${option}: expected one value, found ${values.length}`);
  if (option === '--starting-token') {
    paging.startingToken = value;
    return;
  }
  if (!/^[1-9]\d{0,8}$/.test(value)) throw usageError(`${option} is '${value}': expected a whole number above 0`);
  paging[option === '--max-items' ? 'maxItems' : 'pageSize'] = Number(value);
}

/** @throws CommandError (usage): two ways at once */
export function checkPaging(operation: Operation, input: Readonly<Record<string, unknown>>, paging: Paging): void {
  const [first] = Object.keys(paging);
  const by = pagedBy(operation);
  if (first === undefined || by === undefined) return;
  if (choosesPage(by, input))
    throw usageError('one page is asked for by its token or its size, and pages by other options: expected one way');
  if (paging.isOff && Object.keys(paging).length > 1)
    throw usageError('--no-paginate is given with another option of pages: expected one of them');
}

/** The command line says itself which page of the service it wants. */
function choosesPage({ token, limit }: PagedBy, input: Readonly<Record<string, unknown>>): boolean {
  return input[token] !== undefined || (limit === 'maxResults' && input[limit] !== undefined);
}

function encode({ token, skip }: Resume, member: string): string {
  // With the blanks that Python puts there: the same text as the AWS CLI's.
  const known = skip > 0 ? `, "${TRUNCATED}": ${skip}` : '';
  return Buffer.from(`{"${member}": ${JSON.stringify(token ?? null)}${known}}`).toString('base64');
}

function decode(text: string, member: string): Resume {
  try {
    const { [member]: token, [TRUNCATED]: skip = 0 } = JSON.parse(Buffer.from(text, 'base64').toString());
    const isToken = token === null || typeof token === 'string';
    if (isToken && Number.isInteger(skip) && skip >= 0) return { token: token ?? undefined, skip };
  } catch {
    // no JSON
  }
  throw usageError(`--starting-token '${text}': expected the NextToken of an answer before`);
}
