/**
 * How long the control plane waits for data threads to leave their routing sections, and by which clock.
 *
 * A section lasts well under a microsecond, so a wait of more than that means that the system has suspended the thread.
 * Five seconds is far beyond any scheduler's pause; a thread that is stuck for longer is broken, and is reported.
 */
import { performance } from 'node:perf_hooks';
import type { GraceClock } from '../stats/process-cells.ts';

/** The longest wait, in milliseconds. */
export const GRACE_MS = 5000;

/** What is logged when a thread did not leave its routing section in that time. */
export const STUCK = 'a data thread did not leave its routing section in time';

/** The process's own clock and event loop. */
export const GRACE_CLOCK: GraceClock = {
  now: () => performance.now(),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};
