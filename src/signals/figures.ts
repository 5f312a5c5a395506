/**
 * From two pages of each endpoint to one number of a pool: a value, a rate per second, a mean or a quantile.
 *
 * Counters only count up, so what is wanted of them is what was added since the page before. One that is lower than it was has
 * begun again at zero, as when its process has started anew, and what it stands at was all added since. A series that was not
 * there before, on an endpoint that was, has begun at zero too.
 *
 * Of the series of one page that have the wanted labels, all are added up. Of the endpoints of a pool, values and rates are
 * averaged, and what histograms have seen is put together before a mean or a quantile is taken: an endpoint with few requests
 * then weighs as little as it should. Quantiles are interpolated within a bucket, as Prometheus does.
 */
import { failed, type Measured, measured, NOTHING } from './measured.ts';
import { type Page, readNumber, type Sample } from './prometheus-text.ts';

/** What is made of a metric. `quantile` is between 0 and 1. */
export type Figure =
  | { readonly kind: 'value' | 'rate' | 'mean' }
  | { readonly kind: 'quantile'; readonly quantile: number };

/** What is wanted of each page. */
export interface Wanted {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly figure: Figure;
}

/**
 * What one page says. A series is a few numbers by its labels: its value; or of a histogram count and sum, or the cumulative
 * counts of its buckets, whose upper bounds are `bounds`.
 */
export interface Scrape {
  readonly atMs: number;
  readonly bounds: readonly number[];
  readonly series: ReadonlyMap<string, readonly number[]>;
}

/** A page of an endpoint and the one before it; null when this is the first. */
export interface ScrapePair {
  readonly before: Scrape | null;
  readonly now: Scrape;
}

/** The names of the samples that are needed, and the name that declares them. */
export function namesWanted(wanted: Wanted): ReadonlySet<string> {
  return new Set([wanted.metric, ...samplesOf(wanted)]);
}

function samplesOf({ metric, figure }: Wanted): string[] {
  switch (figure.kind) {
    case 'value':
    case 'rate':
      return [metric];
    case 'mean':
      return [`${metric}_count`, `${metric}_sum`];
    case 'quantile':
      return [`${metric}_bucket`];
    default:
      return figure satisfies never;
  }
}

/** What a page says of what is wanted, or why it does not, in words. */
export function scrapeOf(page: Page, wanted: Wanted, atMs: number): Scrape | string {
  if (!page.ok) return `line ${page.line} of the page: ${page.problem}`;
  if (page.declared.size === 0) return `the page has no ${wanted.metric}`;
  const labels = Object.entries(wanted.labels);
  const names = samplesOf(wanted);
  const fitting = page.samples.filter(
    (sample) => names.includes(sample.name) && labels.every(([name, value]) => sample.labels.get(name) === value),
  );
  const strange = fitting.find(({ value }) => !Number.isFinite(value));
  if (strange !== undefined) return `${strange.name} is ${strange.value}`;
  const { metric, figure } = wanted;
  switch (figure.kind) {
    case 'value':
      if (fitting.length === 0) return `no series of ${metric} has the labels`;
      return { atMs, bounds: [], series: seriesOf(fitting, names) };
    case 'rate':
      return { atMs, bounds: [], series: seriesOf(fitting, names) };
    case 'mean': {
      const series = seriesOf(fitting, names);
      const half = [...series.values()].some((numbers) => numbers.some(Number.isNaN));
      return half ? `${metric} has a count without a sum, or a sum without a count` : { atMs, bounds: [], series };
    }
    case 'quantile':
      return bucketsOf(fitting, metric, atMs);
    default:
      return figure satisfies never;
  }
}

/** The number of a pool from the pages of its endpoints. */
export function figureOf(pairs: readonly ScrapePair[], { figure, metric }: Wanted): Measured {
  switch (figure.kind) {
    case 'value':
      return meanOf(pairs.map(({ now }) => sum([...now.series.values()].map(([value]) => value!))));
    case 'rate':
      return meanOf(pairs.flatMap(rateOf));
    case 'mean': {
      const [count = 0, total = 0] = addedOf(pairs, 2, 1);
      return count > 0 ? measured(total / count) : NOTHING;
    }
    case 'quantile': {
      const bounds = pairs.find(({ now }) => now.bounds.length > 0)?.now.bounds ?? [];
      const isOdd = ({ now, before }: ScrapePair): boolean =>
        [now, before].some((scrape) => scrape !== null && scrape.series.size > 0 && !isSame(scrape.bounds, bounds));
      if (pairs.some(isOdd)) return failed(`the buckets of ${metric} are not the same everywhere`);
      return quantileOf(addedOf(pairs, bounds.length, bounds.length), bounds, figure.quantile);
    }
    default:
      return figure satisfies never;
  }
}

function rateOf({ before, now }: ScrapePair): number[] {
  if (before === null || now.atMs <= before.atMs) return [];
  return [(addedOf([{ before, now }], 1, 1)[0]! * 1000) / (now.atMs - before.atMs)];
}

/**
 * What was added since the pages before, over all series and endpoints that had one, for each of the `length` numbers of a
 * series. The first `counts` of them only count up, and tell when a series has begun again.
 */
function addedOf(pairs: readonly ScrapePair[], length: number, counts: number): number[] {
  const total = new Array<number>(length).fill(0);
  for (const { before, now } of pairs) {
    if (before === null) continue;
    for (const [key, numbers] of now.series) {
      const earlier = before.series.get(key);
      const isNew = earlier === undefined || numbers.some((number, at) => at < counts && number < earlier[at]!);
      for (let at = 0; at < length; at += 1) total[at]! += numbers[at]! - (isNew ? 0 : earlier[at]!);
    }
  }
  return total;
}

/** Series by their labels, with the number of each name in its place; NaN where a page has none. */
function seriesOf(samples: readonly Sample[], names: readonly string[]): Map<string, number[]> {
  const series = new Map<string, number[]>();
  for (const { name, labels, value } of samples) {
    const at = names.indexOf(name);
    if (at < 0) continue;
    const key = keyOf(labels);
    const numbers = series.get(key) ?? new Array<number>(names.length).fill(Number.NaN);
    numbers[at] = value;
    series.set(key, numbers);
  }
  return series;
}

/** The buckets of a histogram, by their other labels; all series of a page must have the same bounds. */
function bucketsOf(samples: readonly Sample[], metric: string, atMs: number): Scrape | string {
  const buckets = new Map<string, { readonly bound: number; readonly count: number }[]>();
  for (const { labels, value: count } of samples) {
    const bound = readNumber(labels.get('le') ?? '');
    if (bound === undefined || Number.isNaN(bound)) return `a bucket of ${metric} has no upper bound`;
    const key = keyOf(labels, 'le');
    const list = buckets.get(key) ?? [];
    list.push({ bound, count });
    buckets.set(key, list);
  }
  let bounds: readonly number[] = [];
  const series = new Map<string, number[]>();
  for (const [key, list] of buckets) {
    list.sort((one, other) => (one.bound < other.bound ? -1 : 1));
    const own = list.map(({ bound }) => bound);
    if (own.at(-1) !== Number.POSITIVE_INFINITY) return `the buckets of ${metric} do not end at +Inf`;
    if (series.size > 0 && !isSame(own, bounds)) return `the buckets of ${metric} are not the same everywhere`;
    bounds = own;
    series.set(
      key,
      list.map(({ count }) => count),
    );
  }
  return { atMs, bounds, series };
}

function quantileOf(cumulative: readonly number[], bounds: readonly number[], quantile: number): Measured {
  // A page that was written while requests ended may count fewer in a wider bucket.
  let most = 0;
  const counts = cumulative.map((count) => {
    most = Math.max(most, count);
    return most;
  });
  if (most <= 0) return NOTHING;
  const rank = quantile * most;
  const bucket = counts.findIndex((count) => count >= rank);
  const upper = bounds[bucket]!;
  const lower = bucket === 0 ? Math.min(0, upper) : bounds[bucket - 1]!;
  // Beyond the last bound nothing is known but that it is more.
  if (upper === Number.POSITIVE_INFINITY) {
    return bucket === 0 ? failed('the histogram has no bounds') : { kind: 'number', value: lower };
  }
  const below = bucket === 0 ? 0 : counts[bucket - 1]!;
  return measured(lower + ((upper - lower) * (rank - below)) / (counts[bucket]! - below));
}

function meanOf(numbers: readonly number[]): Measured {
  return numbers.length === 0 ? NOTHING : measured(sum(numbers) / numbers.length);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((number, at) => number === other[at]);
}

function keyOf(labels: ReadonlyMap<string, string>, without = ''): string {
  const named = [...labels].filter(([name]) => name !== without);
  return JSON.stringify(named.sort(([one], [other]) => (one < other ? -1 : 1)));
}
