/**
 * One clock for several processes: CLOCK_MONOTONIC, which `process.hrtime` reads and which is the same for all
 * processes of a Linux machine. Wall clocks can be set, and `performance.now` starts anew in each process.
 */

/** Microseconds on the machine's monotonic clock. */
export function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + nanoseconds / 1_000;
}
