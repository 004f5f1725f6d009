/** What rows.ts says of each row of the specification, and how it is compared with it. */

/**
 * One row of the specification and one test that shows it; a row with several tests has several of these.
 *
 * @param row     the section and the test's identifier, the number of a point, or the first two words of a paragraph
 * @param file    below test/, or NOT_OURS of ../../targets/service/rules/rule.ts
 * @param words   of the test's name, that are nowhere else in that file; or the reason
 * @param choice  what we take for it where the specification itself does not know what AWS does
 */
export type Row = readonly [row: string, file: string, words: string, choice?: string];

/**
 * The rows of the specification: tests in headings and tables by their identifiers, points of lists by their number, paragraphs by
 * their first two words.
 *
 * @returns each with whether it says `[U]`, that is: that nobody has seen it
 */
export function rowsIn(text: string): Map<string, boolean> {
  const rows = new Map<string, boolean>();
  let section: string | undefined;
  let points = 0;
  for (const line of text.split('\n')) {
    const [, number] = /^## (?:(\d+)\. )?/.exec(line) ?? [];
    if (line.startsWith('## ')) {
      section = number && `§${number}`;
      points = 0;
    }
    const name = section && nameOf(line);
    if (!name) continue;
    rows.set(name === POINT ? `${section}.${++points}` : `${section} ${name}`, line.includes('[U'));
  }
  return rows;
}

const POINT = '*';

function nameOf(line: string): string | undefined {
  if (line.startsWith('#')) return /`(\w+)`/.exec(line)?.[1];
  if (line.startsWith('|')) return [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, id]) => id).join(' ');
  if (/^(\*|\d+\.) /.test(line)) return POINT;
  return /^(\S+ \S+)/.exec(line)?.[1]?.replace(/[:*]+$/, '');
}
