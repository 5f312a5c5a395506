/**
 * Work on many things, a few of them at once: outbound questions that must not all leave in one moment.
 *
 * As many workers as may run share one iterator, so a slow item holds up its own worker only.
 */

/** Does `work` for each item, for `most` of them at a time; rejects when any of it does. */
export async function atOnce<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}
