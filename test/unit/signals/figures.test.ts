import t from 'tap';
import {
  type Figure,
  figureOf,
  namesWanted,
  type Scrape,
  scrapeOf,
  type Wanted,
} from '../../../src/signals/figures.ts';
import type { Measured } from '../../../src/signals/measured.ts';
import { readPage } from '../../../src/signals/prometheus-text.ts';

function wanted(kind: Exclude<Figure['kind'], 'quantile'> | number, labels: Record<string, string> = {}): Wanted {
  const figure: Figure = typeof kind === 'number' ? { kind: 'quantile', quantile: kind } : { kind };
  return { metric: 'm', labels, figure };
}

function scrape(text: string, what: Wanted, atMs = 0): Scrape | string {
  return scrapeOf(readPage(text, namesWanted(what)), what, atMs);
}

/** The number of a pool whose endpoints had these pages, ten seconds apart. */
function figure(what: Wanted, ...endpoints: readonly (readonly [before: string | null, now: string])[]): Measured {
  const pairs = endpoints.map(([before, now]) => ({
    before: before === null ? null : (scrape(before, what) as Scrape),
    now: scrape(now, what, 10_000) as Scrape,
  }));
  return figureOf(pairs, what);
}

const number = (value: number): Measured => ({ kind: 'number', value });

t.test('a value is the mean over endpoints of what their series come to together', async (t) => {
  t.same(figure(wanted('value'), [null, 'm 10\n'], [null, 'm{a="1"} 20\nm{a="2"} 30\n']), number(30));
  t.same(figure(wanted('value', { a: '2' }), [null, 'm{a="1"} 20\nm{a="2",b="x"} 30\n']), number(30));
});

t.test('a rate is what was added in a second', async (t) => {
  t.same(figure(wanted('rate'), ['m 100\n', 'm 150\n']), number(5));
  t.same(figure(wanted('rate'), ['m 100\n', 'm 150\n'], ['m 0\n', 'm 10\n']), number(3), 'the mean over endpoints');
});

t.test('a counter that is lower than it was has begun again, and never makes a rate negative', async (t) => {
  t.same(figure(wanted('rate'), ['m 1000\n', 'm 20\n']), number(2));
  t.same(figure(wanted('rate'), ['m{a="1"} 1000\nm{a="2"} 5\n', 'm{a="1"} 20\nm{a="2"} 15\n']), number(3));
});

t.test('a series that was not there before has begun at zero', async (t) => {
  t.same(
    figure(wanted('rate', { code: '500' }), ['m{code="200"} 7\n', 'm{code="200"} 9\nm{code="500"} 30\n']),
    number(3),
  );
  t.same(figure(wanted('rate', { code: '500' }), ['# TYPE m counter\n', 'm{code="200"} 9\n']), number(0));
});

t.test('the first look at a counter says nothing, and an endpoint that is new waits for its second', async (t) => {
  t.same(figure(wanted('rate'), [null, 'm 100\n']), { kind: 'nothing' });
  t.same(figure(wanted('rate'), [null, 'm 100\n'], ['m 0\n', 'm 10\n']), number(1));
});

t.test('a mean is of what was seen since, over all endpoints together', async (t) => {
  const pages = (count: number, sum: number): string => `m_count ${count}\nm_sum ${sum}\n`;
  t.same(figure(wanted('mean'), [pages(10, 100), pages(20, 130)]), number(3));
  t.same(figure(wanted('mean'), [pages(10, 100), pages(19, 109)], [pages(0, 0), pages(1, 11)]), number(2));
  t.same(figure(wanted('mean'), [pages(10, 100), pages(10, 100)]), { kind: 'nothing' }, 'no request came');
  t.same(figure(wanted('mean'), [pages(10, 100), pages(2, 8)]), number(4), 'it has begun again');
  t.same(figure(wanted('mean'), [pages(10, 100), pages(12, 96)]), number(-2), 'a sum may fall by itself');
  const summary = `m{quantile="0.5"} NaN\n${pages(4, 8)}`;
  t.same(figure(wanted('mean'), [pages(0, 0), summary]), number(2), 'quantiles of a summary are not looked at');
});

function buckets(...counts: readonly number[]): string {
  return counts.map((count, at) => `m_bucket{le="${['1', '2', '4', '+Inf'][at]}"} ${count}\n`).join('');
}

t.test('a quantile is interpolated in the bucket of what was seen since', async (t) => {
  const before = buckets(100, 100, 100, 100);
  t.same(figure(wanted(0.5), [before, buckets(150, 200, 200, 200)]), number(1));
  t.same(figure(wanted(0.75), [before, buckets(150, 200, 200, 200)]), number(1.5));
  t.same(figure(wanted(0.05), [before, buckets(150, 200, 200, 200)]), number(0.1));
  t.same(figure(wanted(0.99), [before, buckets(150, 150, 150, 200)]), number(4), 'beyond the last bound: that bound');
  t.same(figure(wanted(0.99), [before, before]), { kind: 'nothing' });
});

t.test('quantiles of several endpoints are of all their requests, and a restart of one loses none', async (t) => {
  const slow = [buckets(0, 0, 0, 0), buckets(0, 0, 10, 10)] as const;
  const fast = [buckets(90, 90, 90, 90), buckets(10, 10, 10, 10)] as const;
  t.same(figure(wanted(0.5), slow, fast), number(1));
  t.same(figure(wanted(0.75), slow, fast), number(3));
});

t.test('buckets that do not fit together give no number', async (t) => {
  const other = 'm_bucket{le="0.5"} 1\nm_bucket{le="+Inf"} 2\n';
  t.match(figure(wanted(0.5), [buckets(0, 0, 0, 0), buckets(1, 1, 1, 1)], [other, other]), { kind: 'failed' });
  t.match(figure(wanted(0.5), [other, buckets(1, 1, 1, 1)]), { kind: 'failed' }, 'they have changed');
});

t.test('a page that does not have it says why', async (t) => {
  for (const [what, text, why] of [
    [wanted('value'), 'x 1\n', 'the page has no m'],
    [wanted('value'), '', 'the page has no m'],
    [wanted('rate'), '', 'the page has no m'],
    [wanted('value', { a: 'b' }), 'm 1\n', 'no series of m has the labels'],
    [wanted('value'), 'm NaN\n', 'm is NaN'],
    [wanted('rate'), 'm +Inf\n', 'm is Infinity'],
    [wanted('value'), 'm 1', 'line 1 of the page: the last line does not end'],
    [wanted('mean'), 'm_count 1\n', 'm has a count without a sum, or a sum without a count'],
    [wanted(0.5), 'm_bucket{le="1"} 1\n', 'the buckets of m do not end at +Inf'],
    [wanted(0.5), 'm_bucket 1\n', 'a bucket of m has no upper bound'],
    [
      wanted(0.5),
      `${buckets(1, 1, 1, 1)}m_bucket{le="+Inf",a="b"} 2\n`,
      'the buckets of m are not the same everywhere',
    ],
  ] as const) {
    t.equal(scrape(text, what), why);
  }
});
