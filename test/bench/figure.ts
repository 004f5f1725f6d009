import type { Budget } from './budgets.ts';

export type Unit = 'bytes' | 'ms' | 'us' | 'ns' | 'instructions' | 'per second' | 'times';

/** One line of the table. */
export interface Figure {
  name: string;
  unit: Unit;
  ours: number;
  /** Measured in the same run; the ratio is to the first. */
  beside: readonly { name: string; value: number }[];
  budget?: Budget;
}

/** What became of one family of figures. */
export interface Report {
  family: string;
  figures: readonly Figure[];
  /** Why it has none, and how to get them. */
  skipped?: string;
  /** What a reader has to know, one sentence each. */
  notes?: readonly string[];
}

export type Verdict = 'yes' | 'NO' | 'ratio only' | 'size only' | '';

export function ratioOf({ ours, beside }: Figure): number | undefined {
  const peer = beside[0]?.value;
  return peer === undefined || peer === 0 ? undefined : ours / peer;
}

/** Whether a figure is within its budget; where that has a size and a ratio and one is kept, which one. */
export function verdictOf(figure: Figure): Verdict {
  const { budget, ours } = figure;
  if (budget === undefined) return '';
  const size =
    budget.least !== undefined ? ours >= budget.least : budget.most !== undefined ? ours <= budget.most : undefined;
  const ratio = ratioOf(figure);
  const kept =
    budget.ratio === undefined || ratio === undefined
      ? undefined
      : budget.least === undefined
        ? ratio <= budget.ratio
        : ratio >= budget.ratio;
  const answers = [size, kept].filter((answer) => answer !== undefined);
  if (answers.every((answer) => answer)) return 'yes';
  if (answers.every((answer) => !answer)) return 'NO';
  return size ? 'size only' : 'ratio only';
}

const HEADINGS = ['figure', 'ours', 'beside it', 'ratio', 'budget', 'within'];

/** One table of all reports, its columns aligned, and under it what was skipped and what is to be known. */
export function table(reports: readonly Report[]): string {
  const rows = reports.flatMap(({ family, figures }) =>
    figures.flatMap((figure, i) => rowsOf(i === 0 ? family : '', figure)),
  );
  const cells = [['', ...HEADINGS], ...rows];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 2 || i === 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const told = reports.flatMap(({ family, skipped, notes = [] }) => [
    ...(skipped === undefined ? [] : [`${family} is missing: ${skipped}`]),
    ...notes.map((note) => `${family}: ${note}`),
  ]);
  return [
    line(cells[0]!),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...rows.map(line),
    ...(told.length > 0 ? ['', ...told] : []),
  ].join('\n');
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
