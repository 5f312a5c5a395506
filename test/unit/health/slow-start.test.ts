import t from 'tap';
import { usedSince, weightPart } from '../../../src/health/slow-start.ts';

t.test('an endpoint grows evenly from a tenth of its weight to all of it', async (t) => {
  for (const [nowMs, part] of [
    [1000, 0.1],
    [16_000, 0.55],
    [31_000, 1],
    [99_000, 1],
    [0, 0.1],
  ] as const) {
    t.equal(weightPart(1000, 30_000, nowMs), part, `${part} at ${nowMs} ms`);
  }
});

t.test('without a slow start, or out of use, an endpoint has all of its weight', async (t) => {
  t.equal(weightPart(1000, 0, 1000), 1);
  t.equal(weightPart(null, 30_000, 1000), 1);
});

t.test('the time in use goes on while it is used, and starts anew after a break', async (t) => {
  t.equal(usedSince(null, true, 5), 5);
  t.equal(usedSince(5, true, 9), 5);
  t.equal(usedSince(5, false, 9), null);
  t.equal(usedSince(usedSince(5, false, 9), true, 12), 12);
});
