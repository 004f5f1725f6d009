/** How many letters wrong, missing, too many or swapped a word may have to be taken for another: one in so many. */
const LETTERS_PER_SLIP = 4;

/**
 * The word that was probably meant, as an end of a sentence: ` (did you mean create-job?)`; empty when nothing is near.
 *
 * @param word  as it was typed
 */
export function didYouMean(word: string, words: readonly string[]): string {
  const near = words
    .map((one) => ({ one, slips: slips(word, one) }))
    .filter(({ one, slips }) => slips <= one.length / LETTERS_PER_SLIP)
    .sort((a, b) => a.slips - b.slips);
  return near.length === 0 ? '' : ` (did you mean ${near[0]!.one}?)`;
}

/** The optimal string alignment distance: letters to change, insert, leave out, or swap with their neighbour. */
function slips(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= from.length; i++) {
    const [above, row] = [rows[i - 1]!, [i]];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row.push(
        Math.min(
          above[j]! + 1,
          row[j - 1]! + 1,
          above[j - 1]! + same,
          swapped ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    rows.push(row);
  }
  return rows[from.length]![to.length]!;
}
