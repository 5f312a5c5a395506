/**
 * A table of texts whose columns are as wide as what is in them: results, histories, forecasts.
 *
 * The last column takes what is left of the width and is cut there, since it holds sentences; the others are never cut, since they
 * hold what rows are told apart by. Numbers stand at the right. (`status` lays out its table by the text alone, so that it does
 * not jump while it is watched; this one is printed once.)
 */

import { columnsOf, fit } from './terminal-text.ts';

export interface TableColumn {
  readonly title: string;
  readonly side: 'left' | 'right';
}

/** The lines of a table with its titles, each after `indent` spaces and at most `width` columns where the last one can be cut. */
export function plainTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  { width, indent, mark }: { readonly width: number; readonly indent: number; readonly mark: string },
): string[] {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => columnsOf(row[index] ?? ''))));
  const last = columns.length - 1;
  const before = widths.slice(0, last).reduce((sum, one) => sum + one + 2, indent);
  widths[last] = Math.max(columnsOf(columns[last]!.title), Math.min(widths[last]!, width - before));
  return all.map((row) => {
    const cells = columns.map(({ side }, index) => fit(row[index] ?? '', widths[index]!, side, mark));
    return `${' '.repeat(indent)}${cells.join('  ')}`.trimEnd();
  });
}
