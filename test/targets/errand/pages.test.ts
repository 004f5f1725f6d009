import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CommandError } from '../../../targets/errand/outcome.ts';
import { callAllPages, type Paging } from '../../../targets/errand/pages.ts';
import { OPERATIONS } from '../../../targets/service/operations/table.ts';

const LIST_JOBS = OPERATIONS.find(({ name }) => name === 'ListJobs')!;
const LIST_CERTIFICATES = OPERATIONS.find(({ name }) => name === 'ListCertificates')!;
const ITEMS = Array.from({ length: 7 }, (_, i) => `item ${i}`);

/** Seven items, three on a page unless asked otherwise; a token is where the page begins. */
async function list(paging: Paging, input: Record<string, unknown> = {}) {
  const asked: Record<string, unknown>[] = [];
  const pages = await callAllPages(LIST_JOBS, input, paging, async (page) => {
    asked.push(page);
    const from = Number(page.nextToken ?? 0);
    const to = from + ((page.maxResults as number | undefined) ?? 3);
    return { jobs: ITEMS.slice(from, to), ...(to < ITEMS.length && { nextToken: `${to}` }) };
  });
  const { NextToken } = pages.at(-1) as { NextToken?: string };
  return { items: pages.flatMap((page) => (page.jobs ?? []) as string[]), next: NextToken, asked };
}

test('without options all pages are asked for, and no token is left', async () => {
  const { items, next, asked } = await list({});
  assert.equal([items, next, asked.length], [ITEMS, undefined, 3]);
});

test('--page-size is what the service is asked for', async () => {
  const { items, asked } = await list({ pageSize: 5 });
  assert.equal(items, ITEMS);
  assert.equal(asked, [{ maxResults: 5 }, { maxResults: 5, nextToken: '5' }]);
});

test('--max-items and --starting-token go through a list without a gap, wherever they cut', async () => {
  for (const maxItems of [1, 2, 3, 4, 6, 7, 8]) {
    const all: string[] = [];
    let startingToken: string | undefined;
    do {
      const { items, next } = await list({ maxItems, ...(startingToken !== undefined && { startingToken }) });
      assert.ok(items.length <= maxItems && items.length > 0, `${maxItems}: ${items}`);
      all.push(...items);
      startingToken = next;
    } while (startingToken !== undefined);
    assert.equal(all, ITEMS, `${maxItems}`);
  }
});

test('a NextToken is the one of botocore, byte for byte: the token of the page, and how much of it is known', async () => {
  assert.is((await list({ maxItems: 2 })).next, 'eyJuZXh0VG9rZW4iOiBudWxsLCAiYm90b190cnVuY2F0ZV9hbW91bnQiOiAyfQ==');
  const tokenOf = async (maxItems: number) =>
    JSON.parse(Buffer.from((await list({ maxItems })).next!, 'base64').toString());
  assert.equal(await tokenOf(2), { nextToken: null, boto_truncate_amount: 2 });
  assert.equal(await tokenOf(3), { nextToken: '3' });
  assert.equal(await tokenOf(5), { nextToken: '3', boto_truncate_amount: 2 });
});

test('a starting token that is none is refused, with what was expected', async () => {
  for (const startingToken of ['x', Buffer.from('{"nextToken":5}').toString('base64')]) {
    const fault = await list({ startingToken }).catch((error: Error) => error);
    assert.instance(fault, CommandError);
    assert.match((fault as Error).message, 'expected the NextToken of an answer before');
  }
});

test('--no-paginate, and a page that was named by its members: one answer, as it is', async () => {
  for (const [paging, input] of [
    [{ isOff: true }, {}],
    [{}, { maxResults: 3 }],
  ] as const) {
    const { asked } = await list(paging, input);
    assert.is(asked.length, 1);
  }
});

test('certificates, whose pages have markers, are listed to the end too', async () => {
  const pages = await callAllPages(LIST_CERTIFICATES, { pageSize: 1 }, {}, async ({ marker }) =>
    marker === undefined ? { certificates: ['a'], nextMarker: 'm' } : { certificates: ['b'] },
  );
  assert.equal(pages, [{ certificates: ['a'] }, { certificates: ['b'] }]);
});

test.run();
