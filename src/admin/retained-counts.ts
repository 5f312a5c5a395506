/**
 * Keeps a published counter from going backwards when a part of what it adds up leaves the board.
 *
 * Counters with fewer labels than the board has series (those without `version`) are sums over series. When a pool gets
 * another version and the earlier one has drained, its series goes, and the sum would fall; Prometheus takes a fall for a
 * restart. So what a vanished part last came to is kept, for as long as the set of labels exists at all.
 */

interface Retained {
  retired: number;
  parts: Map<SharedArrayBuffer, number>;
}

/** The memory of one counter, over all its sets of labels. */
export class RetainedCounts {
  #byKey = new Map<string, Retained>();

  /**
   * The totals to publish, by key, from the present parts of each key; a key that has no part any more is forgotten. What a
   * part counted between the last call and its end is not in the total.
   */
  totals(present: ReadonlyMap<string, ReadonlyMap<SharedArrayBuffer, number>>): Map<string, number> {
    const next = new Map<string, Retained>();
    const totals = new Map<string, number>();
    for (const [key, parts] of present) {
      const before = this.#byKey.get(key);
      let retired = before?.retired ?? 0;
      for (const [board, value] of before?.parts ?? []) if (!parts.has(board)) retired += value;
      let total = retired;
      for (const value of parts.values()) total += value;
      next.set(key, { retired, parts: new Map(parts) });
      totals.set(key, total);
    }
    this.#byKey = next;
    return totals;
  }
}
