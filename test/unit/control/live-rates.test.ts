import t from 'tap';
import { LIVE_SERIES_MAX, LiveRates, WINDOW_SAMPLES } from '../../../src/control/live-rates.ts';
import { createSeriesMemory, SeriesWriter } from '../../../src/stats/series.ts';

const EMPTY = { windowS: 0, requestsPerSecond: 0, errorShare: 0, p50Ms: null, p95Ms: null, p99Ms: null };

/** Ends `count` exchanges with this status and duration. */
function serve(writer: SeriesWriter, count: number, status: number, durationUs: number): void {
  for (let index = 0; index < count; index++) {
    writer.start(0);
    writer.finish(0, status, durationUs, 0, 0, false);
  }
}

function seriesOf(threads = 1) {
  const memory = createSeriesMemory(threads);
  return { memory, writer: new SeriesWriter(memory, 0), series: new Map([['shop/blue', memory]]) };
}

t.test('a series has no figures before its second sample, and an unknown one never', async (t) => {
  const rates = new LiveRates();
  const { writer, series } = seriesOf();
  serve(writer, 100, 200, 1_000);
  t.strictSame(rates.figures('shop/blue'), EMPTY);
  rates.sample(series, 0);
  t.strictSame(rates.figures('shop/blue'), EMPTY);
  rates.sample(series, 1_000);
  t.strictSame(rates.figures('shop/blue'), { ...EMPTY, windowS: 1 }, 'what came before the window is not in it');
  t.strictSame(rates.figures('shop/red'), EMPTY);
});

t.test('rate, share of errors and times are those of the window', async (t) => {
  const rates = new LiveRates();
  const { writer, series } = seriesOf();
  rates.sample(series, 5_000);
  serve(writer, 90, 200, 10_000);
  serve(writer, 6, 503, 100_000);
  serve(writer, 4, 0, 100_000);
  rates.sample(series, 7_000);
  const figures = rates.figures('shop/blue');
  t.equal(figures.windowS, 2);
  t.equal(figures.requestsPerSecond, 50);
  t.equal(figures.errorShare, 0.06);
  t.ok(Math.abs(figures.p50Ms! / 10 - 1) <= 0.05, `p50 ${figures.p50Ms}`);
  t.ok(Math.abs(figures.p95Ms! / 100 - 1) <= 0.05, `p95 ${figures.p95Ms}`);
  t.ok(Math.abs(figures.p99Ms! / 100 - 1) <= 0.05, `p99 ${figures.p99Ms}`);
});

t.test('the window slides: what is older than ten samples is out of it', async (t) => {
  const rates = new LiveRates();
  const { writer, series } = seriesOf();
  rates.sample(series, 0);
  serve(writer, 1_000, 500, 50_000);
  for (let second = 1; second <= WINDOW_SAMPLES; second++) {
    rates.sample(series, second * 1_000);
    serve(writer, 10, 200, 1_000);
    t.equal(rates.figures('shop/blue').windowS, second);
  }
  t.equal(rates.figures('shop/blue').errorShare, 1_000 / 1_090);
  rates.sample(series, (WINDOW_SAMPLES + 1) * 1_000);
  const figures = rates.figures('shop/blue');
  t.match(figures, { windowS: WINDOW_SAMPLES, requestsPerSecond: 10, errorShare: 0 });
  t.ok(figures.p99Ms! < 1.1);
});

t.test('a window with nothing in it has no times and no errors', async (t) => {
  const rates = new LiveRates();
  const { writer, series } = seriesOf();
  rates.sample(series, 0);
  serve(writer, 5, 500, 1_000);
  for (let second = 1; second <= WINDOW_SAMPLES + 1; second++) rates.sample(series, second * 1_000);
  t.strictSame(rates.figures('shop/blue'), { ...EMPTY, windowS: WINDOW_SAMPLES });
});

t.test('threads are summed', async (t) => {
  const rates = new LiveRates();
  const { memory, writer, series } = seriesOf(2);
  rates.sample(series, 0);
  serve(writer, 3, 200, 1_000);
  serve(new SeriesWriter(memory, 1), 4, 200, 1_000);
  rates.sample(series, 1_000);
  t.equal(rates.figures('shop/blue').requestsPerSecond, 7);
});

t.test('samples that come late or early are weighed by their true time', async (t) => {
  const rates = new LiveRates();
  const { writer, series } = seriesOf();
  rates.sample(series, 0);
  serve(writer, 100, 200, 1_000);
  rates.sample(series, 500);
  rates.sample(series, 2_500);
  t.match(rates.figures('shop/blue'), { windowS: 2.5, requestsPerSecond: 40 });
});

t.test('a clock that does not go on changes nothing and loses nothing', async (t) => {
  const rates = new LiveRates();
  const { writer, series } = seriesOf();
  rates.sample(series, 1_000);
  serve(writer, 10, 200, 1_000);
  rates.sample(series, 1_000);
  rates.sample(series, 400);
  t.strictSame(rates.figures('shop/blue'), EMPTY);
  rates.sample(series, 2_000);
  t.equal(rates.figures('shop/blue').requestsPerSecond, 10);
});

t.test('a series that is gone is forgotten, and one that returns with another memory starts anew', async (t) => {
  const rates = new LiveRates();
  const one = seriesOf();
  rates.sample(one.series, 0);
  serve(one.writer, 10, 200, 1_000);
  rates.sample(one.series, 1_000);
  rates.sample(new Map(), 2_000);
  t.strictSame(rates.figures('shop/blue'), EMPTY);
  rates.sample(one.series, 3_000);
  const other = seriesOf();
  rates.sample(other.series, 4_000);
  t.strictSame(rates.figures('shop/blue'), EMPTY);
  serve(other.writer, 3, 200, 1_000);
  rates.sample(other.series, 5_000);
  t.match(rates.figures('shop/blue'), { windowS: 1, requestsPerSecond: 3 });
});

t.test('the number of series is bounded', async (t) => {
  const rates = new LiveRates();
  const { memory, writer } = seriesOf();
  const series = new Map<string, SharedArrayBuffer>();
  for (let index = 0; index <= LIVE_SERIES_MAX; index++) series.set(`series ${index}`, memory);
  rates.sample(series, 0);
  serve(writer, 5, 200, 1_000);
  rates.sample(series, 1_000);
  t.equal(rates.figures(`series ${LIVE_SERIES_MAX - 1}`).requestsPerSecond, 5);
  t.strictSame(rates.figures(`series ${LIVE_SERIES_MAX}`), EMPTY);
});
