import type { Budget } from './budgets.ts';

export type Unit = 'bytes' | 'ms' | 'us' | 'ns' | 'instructions' | 'per second' | 'times';

/** One line of the table. */
export interface Figure {
  name: string;
  unit: Unit;
  ours: number;
  /** Measured in the same run, undefined where a peer has none of it; the ratio is to the first. */
  beside: readonly { name: string; value: number | undefined }[];
  budget?: Budget;
}

/** What became of one family of figures. */
export interface Report {
  family: string;
  figures: readonly Figure[];
  /** Where all figures stand beside the same peers: their names, in that order. The table then has a column for each. */
  peers?: readonly string[];
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
