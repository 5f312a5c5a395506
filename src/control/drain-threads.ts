/**
 * The end of an orderly stop: what is in flight may finish until a deadline, and is then cut, each with its last words.
 *
 * It belongs to no part: the threads end what is theirs, and whoever stops the process decides how long they may take.
 */
import type { Logger } from 'pino';
import type { DataThreads } from './data-threads.ts';
import { pause } from './pause.ts';

/** How long the threads may take to tell everybody who is cut at the deadline. */
const LAST_WORDS_MS = 1000;

/** Ends all data threads; returns when nothing is in flight, when the deadline has passed, or when `aborted` is. */
export async function drainThreads(
  threads: DataThreads,
  { deadlineMs, spreadMs }: { readonly deadlineMs: number; readonly spreadMs: number },
  aborted: AbortSignal,
  log: Logger,
): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, aborted]);
  const drained = threads.drain(deadlineMs, spreadMs).then(() => true);
  const late = pause(deadlineMs, signal).then(() => false);
  if (!(await Promise.race([drained, late])) && !signal.aborted) {
    log.warn('the shutdown deadline has passed: what is still in flight is cut');
    threads.endNow();
    await Promise.race([drained, pause(LAST_WORDS_MS, signal)]);
  }
  over.abort();
}
