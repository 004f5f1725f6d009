import type { Budget } from './budgets.ts';
import { type Figure, type Report, ratioOf, type Unit, verdictOf } from './figure.ts';

const HEADINGS = ['figure', 'ours', 'beside it', 'ratio', 'budget', 'within'];

/** One table of all reports, its columns aligned, and under it what was left out and what is to be known. */
export function table(reports: readonly Report[]): string {
  const cells = [['', ...HEADINGS], ...rows(reports)];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 2 || i === 5 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const [headings, ...rest] = cells.map(line);
  const told = remarks(reports);
  return [
    headings,
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...rest,
    ...(told.length > 0 ? ['', ...told] : []),
  ].join('\n');
}

/** The same for a README. */
export function markdown(reports: readonly Report[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  const head = ['', ...HEADINGS];
  const told = remarks(reports).map((remark) => `* ${remark}`);
  return [line(head), line(head.map(() => '---')), ...rows(reports).map(line), '', ...told].join('\n');
}

function rows(reports: readonly Report[]): string[][] {
  return reports.flatMap(({ family, figures }) =>
    figures.flatMap((figure, i) => rowsOf(i === 0 ? family : '', figure)),
  );
}

function remarks(reports: readonly Report[]): string[] {
  return reports.flatMap(({ family, skipped, notes = [] }) => [
    ...(skipped === undefined ? [] : [`${family} is missing: ${skipped}`]),
    ...notes.map((note) => `${family}: ${note}`),
  ]);
}

function rowsOf(family: string, figure: Figure): string[][] {
  const { name, unit, ours, beside, budget } = figure;
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
  const size = least !== undefined ? `>= ${show(least, unit)}` : most !== undefined ? show(most, unit) : undefined;
  return [size, ratio === undefined ? undefined : `${ratio.toFixed(2)}x`]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** KB and MB are of 1,024. */
export function show(value: number, unit: Unit): string {
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
