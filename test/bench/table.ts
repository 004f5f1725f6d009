import type { Budget } from './budgets.ts';
import { type Figure, type Report, ratioOf, type Unit, verdictOf } from './figure.ts';

const HEADINGS = ['figure', 'ours', 'beside it', 'ratio', 'goal', 'met'];
/** Of these columns of the table, numbers stand to the right. */
const RIGHT = [2, 5];

/** One table of all reports, its columns aligned, and under it what was left out and what is to be known. */
export function table(reports: readonly Report[]): string {
  const parts = blocks(reports).map(({ head, rows, right }) => aligned([head, ...rows], right));
  const told = [...remarks(reports), ...summary(reports)];
  return [...parts, ...(told.length > 0 ? [told.join('\n')] : [])].join('\n\n');
}

/** The same for a README. */
export function markdown(reports: readonly Report[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  const parts = blocks(reports).map(({ head, rows }) =>
    [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n'),
  );
  const told = [...remarks(reports), ...summary(reports)].map((remark) => `* ${remark}`);
  return [...parts, told.join('\n')].join('\n\n');
}

interface Block {
  head: readonly string[];
  rows: readonly (readonly string[])[];
  /** The columns that are aligned to the right. */
  right: readonly number[];
}

/** Reports with the same peers everywhere have columns of their own; all others follow one another in one block. */
function blocks(reports: readonly Report[]): Block[] {
  const own = reports.filter(({ peers }) => peers !== undefined).map(besidePeers);
  const rows = reports
    .filter(({ peers }) => peers === undefined)
    .flatMap(({ family, figures }) => figures.flatMap((figure, i) => rowsOf(i === 0 ? family : '', figure)));
  return [...own, ...(rows.length > 0 ? [{ head: ['', ...HEADINGS], rows, right: RIGHT }] : [])];
}

function aligned(cells: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const [headings, ...rest] = cells.map(line);
  return [headings, widths.map((width) => '-'.repeat(width)).join('  '), ...rest].join('\n');
}

/** A column for each peer; behind its figure, in brackets, ours by it. */
function besidePeers({ family, peers = [], figures }: Report): Block {
  const rows = figures.map((figure) => {
    const { name, unit, ours, beside, budget } = figure;
    const others = peers.map((_, i) => {
      const value = beside[i]?.value;
      if (value === undefined) return '';
      return value === 0 ? show(value, unit) : `${show(value, unit)} (${(ours / value).toFixed(2)})`;
    });
    const goal = budget === undefined ? '' : showBudget(budget, unit);
    return [name, show(ours, unit), ...others, goal, verdictOf(figure)];
  });
  const right = [...peers.map((_, i) => i + 2), 1, peers.length + 2];
  return { head: [`${family} (ours by it)`, 'this agent', ...peers, 'goal', 'met'], rows, right };
}

/** How many goals were met, and which were not. */
function summary(reports: readonly Report[]): string[] {
  const judged = reports.flatMap(({ family, figures }) =>
    figures.map((figure) => ({ name: `${family}: ${figure.name.trim()}`, verdict: verdictOf(figure) })),
  );
  const of = (...verdicts: string[]) => judged.filter(({ verdict }) => verdicts.includes(verdict));
  const [met, half, missed] = [of('yes'), of('ratio only', 'size only'), of('NO')];
  const list = (what: string, some: typeof judged) =>
    some.length === 0 ? [] : [`${what}: ${some.map(({ name }) => name).join('; ')}`];
  if (met.length + half.length + missed.length === 0) return [];
  return [
    `goals met: ${met.length}, by ratio or by size only: ${half.length}, not met: ${missed.length}`,
    ...list('by ratio or by size only', half),
    ...list('not met', missed),
  ];
}

function remarks(reports: readonly Report[]): string[] {
  return reports.flatMap(({ family, skipped, notes = [] }) => [
    ...(skipped === undefined ? [] : [`${family} is missing: ${skipped}`]),
    ...notes.map((note) => `${family}: ${note}`),
  ]);
}

function rowsOf(family: string, figure: Figure): string[][] {
  const { name, unit, ours, budget } = figure;
  const beside = figure.beside.flatMap(({ name, value }) => (value === undefined ? [] : [{ name, value }]));
  const peer = (i: number) => (beside[i] === undefined ? '' : `${show(beside[i].value, unit)} ${beside[i].name}`);
  const ratio = ratioOf(figure);
  const first = [
    family,
    name,
    show(ours, unit),
    peer(0),
    ratio === undefined ? '' : ratio.toFixed(2),
    budget === undefined ? '' : showBudget(budget, unit),
    verdictOf(figure),
  ];
  return [
    first,
    ...beside.slice(1).map((_, i) => ['', '', '', peer(i + 1), (ours / beside[i + 1]!.value).toFixed(2), '', '']),
  ];
}

function showBudget({ most, least, ratio }: Budget, unit: Unit): string {
  const size =
    least !== undefined ? `>= ${show(least, unit)}` : most !== undefined ? `<= ${show(most, unit)}` : undefined;
  return [size, ratio === undefined ? undefined : `${ratio.toFixed(2)}x`]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** KB and MB are of 1,024. */
function show(value: number, unit: Unit): string {
  switch (unit) {
    case 'bytes':
      if (value >= 1024 * 1024) return `${(value / 1024 / 1024).toFixed(1)} MB`;
      return value >= 8 * 1024 ? `${(value / 1024).toFixed(1)} KB` : `${grouped(value)} B`;
    case 'instructions':
      return `${(value / 1e6).toFixed(1)} M`;
    case 'per second':
      return `${grouped(value)}/s`;
    case 'times':
      return Number.isInteger(value) ? String(value) : value.toFixed(2);
    default:
      return `${value < 100 ? value.toFixed(1) : grouped(value)} ${unit}`;
  }
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
