/**
 * Puts together the blocks of the board that are published under the same labels.
 *
 * Usually that is one block for each set of labels. But while an earlier configuration drains, the same pool can stand
 * on the board twice, and a scrape with the same series twice is refused as a whole by Prometheus. So blocks with equal
 * labels are added up, and a block that is named twice counts once.
 */
import type { Labels } from './metric-family.ts';

/** Blocks of the board under one set of labels. */
export interface BoardGroup {
  readonly labels: Labels;
  readonly boards: readonly SharedArrayBuffer[];
}

/** Groups entries by the labels they are published under, in the order in which each set of labels first occurs. */
export function groupBoards<Entry extends { readonly board: SharedArrayBuffer }>(
  entries: readonly Entry[],
  labelsOf: (entry: Entry) => Labels,
): BoardGroup[] {
  const groups = new Map<string, { labels: Labels; boards: Set<SharedArrayBuffer> }>();
  for (const entry of entries) {
    const labels = labelsOf(entry);
    const key = Object.values(labels).join('\n');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, boards: new Set([entry.board]) });
    else group.boards.add(entry.board);
  }
  return [...groups.values()].map(({ labels, boards }) => ({ labels, boards: [...boards] }));
}

/** The sum of cells that stand at the same index. */
export function addCells(cells: readonly Float64Array[]): Float64Array {
  const first = cells[0]!;
  if (cells.length === 1) return first;
  return first.map((_value, index) => addUp(cells, (one) => one[index]!));
}

/** The sum of one figure over several things. */
export function addUp<Thing>(things: readonly Thing[], figure: (thing: Thing) => number): number {
  return things.reduce((sum, thing) => sum + figure(thing), 0);
}
