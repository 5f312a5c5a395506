/** What is published of requests by the variants of flags. */
import t from 'tap';
import { createFlagSeriesMemory, FlagSeriesWriter } from '../../../src/stats/flag-series.ts';
import { createFlagTallyMemory, FlagTallyWriter } from '../../../src/stats/flag-tally.ts';
import { keyOf } from './prometheus-text.ts';
import { scrape, THREADS, value } from './scrape.ts';

t.test('requests, errors, latencies and fallbacks by flag, variant, service and pool', async (t) => {
  const board = createFlagSeriesMemory(THREADS);
  const tally = createFlagTallyMemory(THREADS);
  for (const thread of [0, 1]) {
    const writer = new FlagSeriesWriter(board, thread);
    writer.ended(200, 2000);
    writer.ended(502, 4000);
    writer.judged(thread === 1);
    writer.fellBack();
    new FlagTallyWriter(tally, thread).count('token-refused');
  }
  const labels = { flag: 'new-checkout', variant: 'treatment', service: 'shop', pool: 'canary' };
  const results = { told: 5, repeated: 2, dropped: 1 };
  const page = await scrape({
    flagTraffic: { series: [{ ...labels, board }], tally, exposures: { waiting: 3, results } },
  });
  const expected = [
    ['flag_requests_total', { ...labels, code: '2xx' }, 2],
    ['flag_requests_total', { ...labels, code: '5xx' }, 2],
    ['flag_requests_total', { ...labels, code: '4xx' }, 0],
    ['flag_errors_total', labels, 1],
    ['flag_fallbacks_total', labels, 2],
    ['flag_incidents_total', { what: 'token-refused' }, 2],
    ['flag_incidents_total', { what: 'override-refused' }, 0],
    ['flag_exposures_total', { result: 'dropped' }, 1],
    ['flag_exposures_waiting', {}, 3],
  ] as const;
  for (const [name, labelled, number] of expected) {
    t.equal(value(page, `tidegate_${name}`, labelled), number, `${name} ${JSON.stringify(labelled)}`);
  }
  const duration = 'tidegate_flag_request_duration_seconds';
  const line = (suffix: string, more = {}) =>
    page.get(duration)?.samples.get(keyOf(`${duration}${suffix}`, { ...labels, ...more }));
  t.strictSame([line('_count'), line('_sum'), line('_bucket', { le: '0.003072' })], [4, 0.012, 2]);
});

t.test('nothing of it is published where the config has no flags', async (t) => {
  t.notMatch(JSON.stringify([...(await scrape({}))]), /tidegate_flag_requests_total/);
});

t.test('the guard of a flag is one verdict out of all, and its evidence beside what is needed', async (t) => {
  const evidence = [{ signal: 'errors', value: 51, needed: 200 }];
  const page = await scrape({ flagGuards: [{ flag: 'new-nav', verdict: 'waiting', unheard: 7, evidence }] });
  const at = (name: string, labels: Record<string, string>) =>
    value(page, `tidegate_flag_judge_${name}`, { flag: 'new-nav', ...labels });
  t.same([at('verdict', { verdict: 'waiting' }), at('verdict', { verdict: 'worse' })], [1, 0]);
  t.same([at('evidence', { signal: 'errors' }), at('evidence_needed', { signal: 'errors' })], [51, 200]);
  t.equal(at('unheard', {}), 7);
});
