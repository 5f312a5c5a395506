/**
 * "Did you mean": the known word that is nearest to an unknown one.
 *
 * The distance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment), since
 * swapped letters are the most common slip on a keyboard. A word is suggested when at most a third of it differs; a
 * farther one is a guess, and a wrong guess costs more than none.
 */

const LONGEST = 64;

/** The nearest of the words, or `undefined` when none is near; case does not count as a difference. */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of words) {
    if (candidate.length > LONGEST) continue;
    const tolerated = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= tolerated && distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === word ? undefined : best;
}

/** The least number of insertions, deletions, substitutions and swaps of neighbours between two words. */
export function editDistance(left: string, right: string): number {
  let twoBack: number[] = [];
  let oneBack = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      let least = Math.min(oneBack[j]! + 1, row[j - 1]! + 1, oneBack[j - 1]! + cost);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (swapped) least = Math.min(least, twoBack[j - 2]! + 1);
      row.push(least);
    }
    [twoBack, oneBack] = [oneBack, row];
  }
  return oneBack[right.length]!;
}
