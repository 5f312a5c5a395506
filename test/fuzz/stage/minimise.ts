/**
 * Makes a failing input small: parts are taken away as long as what is left still fails.
 *
 * This is delta debugging without its complement step: halves, then quarters, down to single members. The number of
 * attempts is bounded, because each may cost a connection and a deadline.
 */

/** `parts` without what is not needed to fail; `fails` must be true of `parts` themselves. */
export async function minimised<T>(
  parts: readonly T[],
  fails: (parts: readonly T[]) => Promise<boolean>,
  attemptsMax: number,
): Promise<readonly T[]> {
  let kept = parts;
  let attempts = 0;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < kept.length; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (++attempts > attemptsMax) return kept;
      if (without.length < kept.length && (await fails(without))) kept = without;
      else at += size;
    }
  }
  return kept;
}

/** `text` without the characters that are not needed to fail. */
export async function minimisedText(
  text: string,
  fails: (text: string) => Promise<boolean>,
  attemptsMax = 600,
): Promise<string> {
  const left = await minimised([...text], (characters) => fails(characters.join('')), attemptsMax);
  return left.join('');
}
