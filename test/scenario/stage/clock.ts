/**
 * One clock for all threads and processes of the machine: CLOCK_MONOTONIC, which `process.hrtime` reads.
 * `performance.now` would not do, since each thread counts from its own start.
 */

/** Microseconds on the machine's monotonic clock. */
export function clockUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
