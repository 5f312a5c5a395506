import t from 'tap';
import { type DetectionRule, detect, pickFirstShare, presentRate } from '../../../src/judge/detectability.ts';
import { simulateDetection } from '../../simulation/judge/detection.ts';
import { Draws } from '../../simulation/judge/draws.ts';
import { runSeed } from '../routing/seeded.ts';

const RULE: DetectionRule = { margin: 1, logNeeded: Math.log(100), floor: 0, reactionMs: 0 };
const TRAFFIC = { requests: 100_000, bad: 100, seconds: 1000 };
const HOUR = 3_600_000;

t.test(`what a step is said to detect is what a simulation finds (seed ${runSeed})`, async (t) => {
  const draws = new Draws(runSeed);
  for (const share of [0.05, 0.1, 0.5]) {
    for (const ratio of [10, 50]) {
      const said = detect({ share, holdMs: HOUR }, TRAFFIC, ratio, RULE)!;
      const found = simulateDetection({ active: 0.001, candidate: 0.001 * ratio }, share, 0.01, 2001, draws);
      t.ok(
        Math.abs(said.requests! / found.requests - 1) < 0.2,
        `${share}, ${ratio}x: ${said.requests}, ${found.requests}`,
      );
      t.ok(Math.abs(said.failed! - found.failed) <= 1, `${share}, ${ratio}x: ${said.failed}, ${found.failed} failed`);
    }
  }
});

t.test('the floor is part of what it takes', async (t) => {
  const without = detect({ share: 0.01, holdMs: HOUR }, TRAFFIC, 500, RULE)!;
  const within = detect({ share: 0.01, holdMs: HOUR }, TRAFFIC, 500, { ...RULE, floor: 5 })!;
  t.equal(without.failed, 2);
  t.equal(within.failed, 5);
  t.ok(within.requests! > without.requests!);
});

t.test('seconds are those of the present traffic, and a short hold may end before anything is found', async (t) => {
  const long = detect({ share: 0.1, holdMs: HOUR }, TRAFFIC, 5, RULE)!;
  t.equal(long.seconds, long.requests! / 100);
  t.ok(long.withinHold > 0.98, `${long.withinHold}`);
  const short = detect({ share: 0.1, holdMs: 1000 }, TRAFFIC, 5, RULE)!;
  t.ok(short.withinHold < 0.02, `${short.withinHold}`);
  t.ok(short.failedMost <= long.failedMost, 'then the hold bounds what it costs');
  const half = detect({ share: 0.1, holdMs: long.seconds! * 1000 }, TRAFFIC, 5, RULE)!;
  t.ok(Math.abs(half.withinHold - 0.5) < 0.12, `about half within the median time: ${half.withinHold}`);
});

t.test('a candidate that is no worse than the margin is not found', async (t) => {
  t.match(detect({ share: 0.1, holdMs: HOUR }, TRAFFIC, 1, RULE), { requests: null, seconds: null, failed: null });
});

t.test('a risk is at most 1, and a candidate that fails everything is found in its first requests', async (t) => {
  const dead = detect({ share: 0.1, holdMs: HOUR }, TRAFFIC, Number.POSITIVE_INFINITY, RULE)!;
  t.match(dead, { rate: 1, failed: 3 });
  t.ok(dead.requests! <= 40);
  const reacting = detect({ share: 0.1, holdMs: HOUR }, TRAFFIC, Number.POSITIVE_INFINITY, {
    ...RULE,
    reactionMs: 500,
  })!;
  t.equal(reacting.failedMost, dead.failedMost + 5, 'and so do those that come while the gate moves');
});

t.test('without traffic, or without two sides, there is nothing to say', async (t) => {
  t.equal(detect({ share: 0.1, holdMs: HOUR }, { requests: 0, bad: 0, seconds: 10 }, 5, RULE), null);
  t.equal(detect({ share: 0.1, holdMs: HOUR }, { ...TRAFFIC, seconds: 0 }, 5, RULE), null);
  t.equal(detect({ share: 1, holdMs: HOUR }, TRAFFIC, 5, RULE), null);
});

t.test('a service without a failure is taken to have one in all that was seen', async (t) => {
  t.equal(presentRate({ requests: 5000, bad: 0, seconds: 60 }), 1 / 5000);
  t.equal(presentRate({ requests: 5000, bad: 5, seconds: 60 }), 1 / 1000);
  t.equal(presentRate({ requests: 0, bad: 0, seconds: 60 }), null);
});

t.test('the first weight is the largest that keeps within the budget of failed requests', async (t) => {
  const shares = [0.5, 0.25, 0.1, 0.05, 0.01];
  const ratios = [2, 5, 50, Number.POSITIVE_INFINITY];
  const rule = { ...RULE, floor: 3, reactionMs: 200 };
  const picked = [10_000, 60, 25, 12, 0].map((most) => pickFirstShare(shares, 600_000, most, TRAFFIC, ratios, rule));
  t.equal(picked[0], 0.5, 'a large budget takes the largest');
  t.equal(picked.at(-1), null, 'no budget takes none');
  const known = picked.filter((share) => share !== null);
  t.same(
    [...known].sort((one, other) => other - one),
    known,
    'less budget never takes more',
  );
  for (const [index, most] of [10_000, 60, 25, 12].entries()) {
    const share = picked[index];
    if (share == null) continue;
    for (const ratio of ratios) {
      t.ok(detect({ share, holdMs: 600_000 }, TRAFFIC, ratio, rule)!.failedMost <= most, `${share}, ${ratio}x`);
    }
  }
  t.ok(known.length >= 3, JSON.stringify(picked));
});
