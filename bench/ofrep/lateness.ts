/**
 * Loaded into a Tidegate by `--import`: says how late its main thread's timers come, as the judge's do, which looks ten
 * times a second. Answers the bench's file at the end of the process: pairs of when (milliseconds since 1970) and how late.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const TICK_MS = 100;
const file = process.env.TIDEGATE_BENCH_LATENESS;

if (isMainThread && file !== undefined) {
  const samples: (readonly [atMs: number, lateMs: number])[] = [];
  let dueMs = performance.now() + TICK_MS;
  const tick = (): void => {
    const nowMs = performance.now();
    samples.push([performance.timeOrigin + nowMs, nowMs - dueMs]);
    dueMs = nowMs + TICK_MS;
    setTimeout(tick, TICK_MS).unref();
  };
  setTimeout(tick, TICK_MS).unref();
  process.on('exit', () => writeFileSync(file, JSON.stringify(samples)));
}
