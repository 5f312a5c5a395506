/**
 * The word that was probably meant: the nearest of the known ones, if it is near enough to be worth saying.
 *
 * Distance counts insertions, deletions, replacements and swapped neighbours as one each (optimal string alignment).
 * A prefix counts as near too, because people shorten words more often than they misspell them.
 */

/** Longer words are no typing errors, and the comparison takes time by the product of the lengths. */
const WORD_LENGTH_MAX = 64;

/** The nearest known word, or undefined when none is within a third of the word's length (and at most 3). */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (word === '' || word.length > WORD_LENGTH_MAX) return undefined;
  const prefixed = known.filter((candidate) => candidate.startsWith(word));
  if (prefixed.length === 1) return prefixed[0];
  const farthest = Math.min(3, Math.max(1, Math.ceil(word.length / 3)));
  let nearest: string | undefined;
  let best = farthest + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate);
    if (distance < best) [best, nearest] = [distance, candidate];
  }
  return nearest;
}

function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const isSame = left[i - 1] === right[j - 1];
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[right.length]!;
}
