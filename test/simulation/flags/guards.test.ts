/** How often a guard is wrong, and how much a bad treatment costs before it is gone: over many flags, from one seed. */
import t from 'tap';
import { runSeed, Seeded } from '../../unit/routing/seeded.ts';
import { type GuardedTraffic, simulateGuard } from './guards.ts';

const RUNS = 300;

const HARMLESS: GuardedTraffic = {
  shares: [5_000, 25_000, 50_000],
  requests: 2_000,
  users: 1_000,
  broken: 0.05,
  untreated: 0.01,
  treated: 0.01,
  margin: 1,
  falseAlarm: 0.05,
  speaksOnce: true,
};

/** Two accounts that fail again and again, and nobody else. */
const FEW = { broken: 0.002, untreated: 0, treated: 0, requests: 10_000, shares: [50_000] };

function alarms(traffic: GuardedTraffic, rng: Seeded): number {
  let killed = 0;
  for (let run = 0; run < RUNS; run += 1) if (simulateGuard(traffic, rng) !== null) killed += 1;
  return killed / RUNS;
}

t.test(
  `a harmless treatment is killed as rarely as was asked for, broken accounts or not (seed ${runSeed})`,
  async (t) => {
    const rng = new Seeded(runSeed);
    const bound = (falseAlarm: number): number => falseAlarm + 3 * Math.sqrt((falseAlarm * (1 - falseAlarm)) / RUNS);
    for (const [what, change] of [
      ['broken accounts', {}],
      ['few of them, and nothing else', FEW],
      ['none', { broken: 0, untreated: 0.05, treated: 0.05 }],
      ['a share that goes up and down', { shares: [50_000, 10_000, 75_000, 5_000, 40_000] }],
    ] as const) {
      const share = alarms({ ...HARMLESS, ...change }, rng);
      t.comment(`${what}: ${(share * 100).toFixed(2)}% at a nominal 5%`);
      t.ok(share <= bound(0.05), `${what}: ${share}`);
    }
    const deaf = alarms({ ...HARMLESS, ...FEW, speaksOnce: false }, rng);
    t.comment(`each failure counted: ${(deaf * 100).toFixed(2)}%`);
    t.ok(deaf > 0.2, 'a test that counted every failure of a key would be wrong all the time');
  },
);

t.test(`a treatment that fails 5% is gone after a handful of failures (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const bad = {
    ...HARMLESS,
    broken: 0,
    untreated: 0.001,
    treated: 0.05,
    users: 100_000,
    requests: 40_000,
    falseAlarm: 0.01,
  };
  for (const [shares, margin, most] of [
    [[5_000], 1, 12],
    [[5_000], 1.5, 16],
    [[50_000], 1.5, 16],
  ] as const) {
    const failures = Array.from(
      { length: 101 },
      () => simulateGuard({ ...bad, shares, margin }, rng) ?? Number.POSITIVE_INFINITY,
    );
    const median = failures.sort((a, b) => a - b)[50]!;
    t.comment(
      `share ${shares[0] / 1000}%, margin ${margin}x: ${median} failures in the median, ${failures.at(-1)} at most`,
    );
    t.ok(median <= most, `${median} failures`);
  }
});
