/** How often a guard is wrong, and how much a bad treatment costs before it is gone: over many flags, from one seed. */
import t from 'tap';
import { runSeed, Seeded } from '../../unit/routing/seeded.ts';
import { type GuardedTraffic, type Kill, simulateGuard } from './guards.ts';

const RUNS = 300;
const ALARM = 0.05;

const HARMLESS: GuardedTraffic = {
  control: 'equal',
  shares: [5_000, 25_000, 50_000],
  requests: 2_000,
  users: 2_000,
  broken: 0.05,
  untreated: 0.005,
  treated: 0.005,
  margin: 1,
  falseAlarm: ALARM,
  speaksOnce: true,
};

/** Six accounts that fail again and again, and nobody else. */
const FEW = { broken: 0.006, untreated: 0, treated: 0, users: 1_000, requests: 10_000, shares: [50_000] };

/** Twelve shares of which only the first is said. */
const TURNED = { shares: Array.from({ length: 12 }, () => 20_000), requests: 2_000 };

/** So many that some of them are treated where few are. */
const MANY = { users: 5_000, requests: 6_000 };

const around = (share: number): number[] => [share, share * 2, share, share / 2, share];
const half = (share: number): number => Math.max(1_000, Math.floor(share / 2));
const double = (share: number): number => Math.min(50_000, share * 2);

/** What may happen to a flag that treats nobody worse. */
const FATES: readonly (readonly [string, Partial<GuardedTraffic>])[] = [
  ['1% and around it', { ...MANY, shares: around(1_000) }],
  ['5% and around it', { ...MANY, shares: around(5_000) }],
  ['20% and around it', { shares: around(20_000) }],
  ['50% and around it', { shares: around(50_000) }],
  ['no broken accounts', { broken: 0, untreated: 0.05, treated: 0.05 }],
  ['few of them, and nothing else', FEW],
  ['growing', { shares: [1_000, 5_000, 20_000, 50_000, 75_000] }],
  ['shrinking', { shares: [75_000, 50_000, 20_000, 5_000, 1_000] }],
  [
    'up and down, by way of nobody and everybody',
    { shares: [20_000, 1_000, 50_000, 0, 5_000, 100_000, 1_000, 30_000] },
  ],
  [
    'turned down by somebody whom the evidence frightens',
    { ...TURNED, turn: (share, e) => (e > 0 ? half : double)(share) },
  ],
  ['turned up by somebody who does not believe it', { ...TURNED, turn: (share, e) => (e > 0 ? double : half)(share) }],
  [
    'spared by an outage of the control, and then like all, at a smaller share',
    {
      shares: [50_000, 1_000],
      requests: 6_000,
      broken: 0,
      untreated: [0.2, 0.1],
      treated: [0, 0.1],
    },
  ],
  ['worse by the margin and no more, growing', { margin: 1.5, broken: 0, untreated: 0.02, treated: 0.03 }],
  [
    'worse by the margin and no more, shrinking',
    {
      margin: 1.5,
      broken: 0,
      untreated: 0.02,
      treated: 0.03,
      shares: [50_000, 20_000, 5_000, 1_000],
    },
  ],
  ['more accounts fail than can be remembered', { broken: 0.5, places: 300 }],
];

function alarms(traffic: GuardedTraffic, rng: Seeded): number {
  let killed = 0;
  for (let run = 0; run < RUNS; run += 1) if (simulateGuard(traffic, rng) !== null) killed += 1;
  return killed / RUNS;
}

for (const control of ['equal', 'others'] as const) {
  t.test(`a harmless treatment is killed as rarely as was asked for: ${control} (seed ${runSeed})`, async (t) => {
    const rng = new Seeded(runSeed);
    const bound = ALARM + 3 * Math.sqrt((ALARM * (1 - ALARM)) / RUNS);
    for (const [what, change] of FATES) {
      const share = alarms({ ...HARMLESS, ...change, control }, rng);
      t.comment(`${what}: ${(share * 100).toFixed(2)}% at a nominal 5%`);
      t.ok(share <= bound, `${what}: ${share}`);
    }
  });
}

t.test(`a test that counted every failure of a key would be wrong all the time (seed ${runSeed})`, async (t) => {
  const deaf = alarms({ ...HARMLESS, ...FEW, speaksOnce: false }, new Seeded(runSeed));
  t.comment(`each failure counted: ${(deaf * 100).toFixed(2)}%`);
  t.ok(deaf > 0.2);
});

t.test(`a treatment that fails 5% against 0.1% is gone after a handful of failures (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const bad = {
    ...HARMLESS,
    broken: 0,
    untreated: 0.001,
    treated: 0.05,
    users: 100_000,
    requests: 400_000,
    falseAlarm: 0.01,
    margin: 1.5,
  };
  const never: Kill = { failed: Number.POSITIVE_INFINITY, requests: Number.POSITIVE_INFINITY };
  for (const [percent, equal, others] of [
    [1, 16, 4],
    [5, 16, 5],
    [20, 16, 7],
    [50, 16, 16],
  ] as const) {
    for (const [control, most] of Object.entries({ equal, others }) as ['equal' | 'others', number][]) {
      const traffic = { ...bad, control, shares: [percent * 1000] };
      const kills = Array.from({ length: 101 }, () => simulateGuard(traffic, rng) ?? never);
      const [failed, requests] = (['failed', 'requests'] as const).map((what) =>
        kills.map((kill) => kill[what]).sort((a, b) => a - b),
      );
      const told = `${failed![50]} failures in the median (${failed![90]} in one of ten, ${failed![100]} at most)`;
      t.comment(`${percent}%, ${control}: ${told}, of ${requests![50]} requests`);
      t.ok(failed![50]! <= most, `${failed![50]} failures`);
    }
  }
});
