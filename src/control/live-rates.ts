/**
 * The figures of the last ten seconds for each series: rate, share of errors and latency, as people watch them.
 *
 * The board only counts up, so "the last ten seconds" is a difference. A ring of ten differences per series keeps the
 * window sliding by one second, and a series that is new has a shorter window and says so. Differences of one second
 * fit in 32 bits, which makes a series cost 18 KiB. Rejected: an exponentially weighted mean (no quantiles, and a number
 * that nobody can check), averages since the start (they hide the minute that matters).
 *
 * The share of errors counts the responses of class 5xx. Exchanges that ended without a response head are in the
 * denominator only: nearly all of them are clients that went away.
 */
import { BUCKETS, quantileUs } from '../stats/histogram.ts';
import { CODES, SeriesReader } from '../stats/series.ts';
import type { LiveFigures } from './operations.ts';

/** Samples in a full window; at one sample a second, its length in seconds. */
export const WINDOW_SAMPLES = 10;
/** Series that figures are kept for; more have no figures. */
export const LIVE_SERIES_MAX = 4_096;

const CELLS = CODES.length + BUCKETS;
const FAILED = CODES.indexOf('5xx');
const NOTHING: LiveFigures = {
  windowS: 0,
  requestsPerSecond: 0,
  errorShare: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
};

/** One series' last total and the ring of its differences. */
class Ring {
  readonly memory: SharedArrayBuffer;
  readonly #reader: SeriesReader;
  readonly #last = new Float64Array(CELLS);
  readonly #differences = new Uint32Array(WINDOW_SAMPLES * CELLS);
  readonly #spansMs = new Float64Array(WINDOW_SAMPLES);
  #lastMs: number;
  #next = 0;

  constructor(memory: SharedArrayBuffer, nowMs: number) {
    this.memory = memory;
    this.#reader = new SeriesReader(memory);
    this.#lastMs = nowMs;
    this.#readTotals(this.#last);
  }

  sample(nowMs: number): void {
    if (nowMs <= this.#lastMs) return;
    const totals = new Float64Array(CELLS);
    this.#readTotals(totals);
    const start = this.#next * CELLS;
    for (let cell = 0; cell < CELLS; cell++) this.#differences[start + cell] = totals[cell]! - this.#last[cell]!;
    this.#last.set(totals);
    this.#spansMs[this.#next] = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#next = (this.#next + 1) % WINDOW_SAMPLES;
  }

  figures(): LiveFigures {
    const windowS = this.#spansMs.reduce((sum, ms) => sum + ms, 0) / 1000;
    const sums = new Float64Array(CELLS);
    for (let index = 0; index < this.#differences.length; index++) sums[index % CELLS]! += this.#differences[index]!;
    const codes = sums.subarray(0, CODES.length);
    const durations = sums.subarray(CODES.length);
    const ended = codes.reduce((sum, count) => sum + count, 0);
    return {
      windowS,
      requestsPerSecond: windowS === 0 ? 0 : ended / windowS,
      errorShare: ended === 0 ? 0 : codes[FAILED]! / ended,
      p50Ms: quantileMs(durations, 0.5),
      p95Ms: quantileMs(durations, 0.95),
      p99Ms: quantileMs(durations, 0.99),
    };
  }

  #readTotals(into: Float64Array): void {
    into.set(this.#reader.codes());
    into.set(this.#reader.durations(), CODES.length);
  }
}

function quantileMs(durations: Float64Array, q: number): number | null {
  const us = quantileUs(durations, q);
  return Number.isNaN(us) ? null : us / 1000;
}

/** Turns the board's totals into the figures of the last WINDOW_SAMPLES samples. */
export class LiveRates {
  readonly #rings = new Map<string, Ring>();

  /**
   * Takes a sample of these series, and forgets all others. `nowMs` comes from a clock that only goes forward; a call
   * that does not find it later than the one before changes nothing. A key that comes with another memory starts anew.
   */
  sample(series: ReadonlyMap<string, SharedArrayBuffer>, nowMs: number): void {
    for (const [key, ring] of this.#rings) {
      if (series.get(key) !== ring.memory) this.#rings.delete(key);
    }
    for (const [key, memory] of series) {
      const ring = this.#rings.get(key);
      if (ring !== undefined) ring.sample(nowMs);
      else if (this.#rings.size < LIVE_SERIES_MAX) this.#rings.set(key, new Ring(memory, nowMs));
    }
  }

  /** The figures of a series; a window of 0 s, and no times, before its second sample and for an unknown key. */
  figures(key: string): LiveFigures {
    return this.#rings.get(key)?.figures() ?? NOTHING;
  }
}
