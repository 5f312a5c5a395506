/**
 * What `tidegate status` says of the state file: nothing while all is well.
 *
 * It stands above the services, because it is about all of them. The sentences are cut to the width like every other line.
 */
import type { StateView } from '../control/operations.ts';
import { paint } from './paint.ts';
import type { TableStyle } from './status-table.ts';
import { ascii, cut, plain, when } from './terminal-text.ts';

/** Lines for people, each with its line break; empty while there is nothing to say. */
export function renderState(state: StateView | null, style: TableStyle): string {
  if (state === null) return '';
  const lines: string[] = [];
  if (state.problem !== null) {
    const since = state.since === null ? '' : ` since ${when(state.since)}`;
    lines.push(`state file not written${since}: ${plain(state.problem)}`);
    lines.push(`traffic can be moved; ${state.unkept} changes and events would be lost by a restart now`);
  }
  for (const path of state.setAside) lines.push(`a damaged state file was set aside: ${plain(path)}`);
  const text = lines.map((line) =>
    paint(cut(`! ${line}`, style.width, style.unicode ? '…' : '~'), 'red', style.colour),
  );
  const shown = text.map((line) => `${line}\n`).join('');
  return style.unicode ? shown : ascii(shown);
}
