/**
 * A receipt in words: what moved, when it took effect, and what became of the requests that were on their way.
 *
 * Pure text, in Unicode; `ascii` of `terminal-text.ts` makes it fit a plain locale. Pools whose share stayed the same
 * are left out, because the line is about the change.
 */

import type { Receipt } from '../control/operations.ts';
import { counted, duration, percent, sharesOf } from './figures.ts';
import { movedBy, plain, when } from './terminal-text.ts';

const NOT_STORED = 'NOT KEPT in the state file, a restart now would forget it';

/** One line, such as `shop: blue 100→0%, green 0→100% at epoch 7 in 0.4 ms; 12 requests in flight on the earlier position`. */
export function receiptLine(receipt: Receipt): string {
  const head = `${plain(receipt.service)}: ${moves(receipt)} at epoch ${receipt.epoch} in ${duration(receipt.appliedMs)}`;
  return `${head}; ${flight(receipt)}${receipt.stored === false ? `; ${NOT_STORED}` : ''}`;
}

/** What became of the requests of the earlier position: `drained in 1.2 s, 0 lost`, or that some are still going on. */
export function drainLine(receipt: Receipt): string {
  const ended = receipt.ended === 0 ? '' : `, ${receipt.ended} of them ended by the drain`;
  if (receipt.drained === null) return `not drained yet, ${receipt.lost} lost so far${ended}`;
  const tookMs = Date.parse(receipt.drained) - Date.parse(receipt.at);
  const took = Number.isFinite(tookMs) ? duration(Math.max(0, tookMs)) : plain(receipt.drained);
  return `drained in ${took}, ${receipt.lost} lost${ended}`;
}

/** The whole account in three lines. */
export function receiptAccount(receipt: Receipt): string {
  const why = receipt.note === '' ? '' : `: ${plain(receipt.note)}`;
  return [
    receiptLine(receipt),
    `  ${when(receipt.at)}, ${movedBy(receipt.reason, receipt.by)}${why}`,
    `  ${drainLine(receipt)}`,
  ].join('\n');
}

function moves(receipt: Receipt): string {
  const from = sharesOf(receipt.from);
  const to = sharesOf(receipt.to);
  const changes: string[] = [];
  for (const pool of new Set([...from.keys(), ...to.keys()])) {
    const [before, after] = [percent(from.get(pool) ?? 0), percent(to.get(pool) ?? 0)];
    if (before !== after) changes.push(`${plain(pool)} ${before}→${after}%`);
  }
  return changes.length === 0 ? 'the same shares' : changes.join(', ');
}

function flight(receipt: Receipt): string {
  if (receipt.inFlight === 0) return 'nothing in flight on the earlier position';
  return `${counted(receipt.inFlight, 'request')} in flight on the earlier position`;
}
