/**
 * Work on many things, a few of them at once.
 *
 * A pool of a hundred endpoints must not be met with a hundred questions in one moment by what is there to protect it, and
 * one after the other would take too long.
 */

/** Does `work` for each item, for `most` of them at a time; rejects when any of it does. */
export async function atOnce<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}
