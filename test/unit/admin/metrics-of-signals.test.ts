import t from 'tap';
import { scrape, value } from './scrape.ts';

t.test('readings of signals are published by what came of them, and last numbers by side', async (t) => {
  const page = await scrape({
    signals: [
      { service: 'shop', signal: 'memory', reads: { ok: 3, nothing: 1, failed: 2 }, candidate: 5e8, active: null },
    ],
  });
  for (const [result, count] of Object.entries({ ok: 3, nothing: 1, failed: 2 })) {
    t.equal(value(page, 'tidegate_signal_reads_total', { service: 'shop', signal: 'memory', result }), count);
  }
  const labels = { service: 'shop', signal: 'memory' };
  t.equal(value(page, 'tidegate_signal_value', { ...labels, side: 'candidate' }), 5e8);
  t.equal(value(page, 'tidegate_signal_value', { ...labels, side: 'active' }), undefined);
});
