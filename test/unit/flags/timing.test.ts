import t from 'tap';
import { isWithin, shareOfRamp } from '../../../src/flags/timing.ts';

t.test('a schedule holds from its beginning until before its end', async (t) => {
  t.ok(isWithin({ fromMs: 10, untilMs: 20 }, 10));
  t.ok(isWithin({ fromMs: 10, untilMs: 20 }, 19));
  t.notOk(isWithin({ fromMs: 10, untilMs: 20 }, 9));
  t.notOk(isWithin({ fromMs: 10, untilMs: 20 }, 20));
  t.ok(isWithin({ fromMs: null, untilMs: 20 }, -1));
  t.ok(isWithin({ fromMs: 10, untilMs: null }, 1e15));
});

t.test('a ramp goes in a straight line, up or down, and stays at its ends', async (t) => {
  const up = { fromShare: 5000, toShare: 50_000, startMs: 1000, overMs: 3 * 3_600_000 };
  t.equal(shareOfRamp(up, 0), 5000);
  t.equal(shareOfRamp(up, 1000), 5000);
  t.equal(shareOfRamp(up, 1000 + 3_600_000), 20_000);
  t.equal(shareOfRamp(up, 1000 + 3 * 3_600_000), 50_000);
  t.equal(shareOfRamp(up, 1e15), 50_000);
  const down = { fromShare: 100, toShare: 0, startMs: 0, overMs: 1000 };
  t.equal(shareOfRamp(down, 500), 50);
  t.equal(shareOfRamp(down, 1000), 0);
  let last = 0;
  for (let ms = 0; ms < up.overMs + 2000; ms += 997) {
    const share = shareOfRamp(up, ms);
    t.ok(Number.isInteger(share) && share >= last, 'whole thousandths, and never back');
    last = share;
  }
  t.equal(shareOfRamp({ fromShare: 1, toShare: 2, startMs: 5, overMs: 0 }, 5), 2, 'a ramp without length is a step');
});
