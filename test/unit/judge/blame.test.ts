/** Who is to blame when a release and a flag are under suspicion at once, from simulated counts. */
import t from 'tap';
import {
  type Blame,
  type BlameTable,
  binomialTail,
  blameFor,
  blameText,
  isConcentrated,
} from '../../../src/judge/blame.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

/** Requests of the cells, and the chance of each of them to fail: candidate treated, candidate, active treated, active. */
type Rates = readonly [candidateTreated: number, candidate: number, activeTreated: number, active: number];

/** Users come until `stop` of the bad events that make the suspect worse have been seen. */
function draw(
  rates: Rates,
  share: number,
  part: number,
  isEnough: (table: BlameTable) => boolean,
  rng: Seeded,
): BlameTable {
  const cells = [0, 1, 2, 3].map(() => ({ requests: 0, bad: 0 }));
  const table: BlameTable = {
    candidate: { treatment: cells[0]!, control: cells[1]! },
    active: { treatment: cells[2]!, control: cells[3]! },
  };
  while (!isEnough(table)) {
    const at = (rng.chance(share) ? 0 : 2) + (rng.chance(part) ? 0 : 1);
    cells[at]!.requests += 1;
    if (rng.chance(rates[at]!)) cells[at]!.bad += 1;
  }
  return table;
}

const flagIsWorse = ({ candidate, active }: BlameTable): boolean => candidate.treatment.bad + active.treatment.bad >= 9;
const versionIsWorse = ({ candidate }: BlameTable): boolean => candidate.treatment.bad + candidate.control.bad >= 6;

function blames(
  suspect: 'flag' | 'version',
  rates: Rates,
  share: number,
  part: number,
  rng: Seeded,
): Record<Blame, number> {
  const found = { flag: 0, version: 0, both: 0, undecidable: 0 };
  const isEnough = suspect === 'flag' ? flagIsWorse : versionIsWorse;
  for (let run = 0; run < 300; run += 1) found[blameFor(suspect, draw(rates, share, part, isEnough, rng), 0.01)] += 1;
  return found;
}

t.test(`a bad treatment is the flag's, in whatever share of the release (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (const share of [0.05, 0.25, 0.5, 0.9]) {
    const found = blames('flag', [0.05, 0.001, 0.05, 0.001], share, 0.5, rng);
    t.ok(found.flag >= 290, `${share}: ${JSON.stringify(found)}`);
  }
});

t.test(`a bad version is the version's, in whatever share of the flag (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (const part of [0.05, 0.2, 0.5]) {
    const found = blames('version', [0.2, 0.2, 0.001, 0.001], 0.1, part, rng);
    t.ok(found.version >= 290, `${part}: ${JSON.stringify(found)}`);
  }
});

t.test(`what is bad where both meet is undecidable, from both sides (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const meeting: Rates = [0.2, 0.0001, 0.0001, 0.0001];
  const fromFlag = blames('flag', meeting, 0.25, 0.5, rng);
  t.ok(fromFlag.undecidable >= 290, JSON.stringify(fromFlag));
  const fromVersion = blames('version', meeting, 0.25, 0.2, rng);
  t.ok(fromVersion.undecidable >= 290, JSON.stringify(fromVersion));
});

t.test('as long as it may be chance, the one that was found worse is to blame', async (t) => {
  const cell = (requests: number, bad: number) => ({ requests, bad });
  const table = {
    candidate: { treatment: cell(50, 4), control: cell(50, 0) },
    active: { treatment: cell(950, 0), control: cell(950, 0) },
  };
  t.equal(blameFor('version', table, 0.01), 'version', 'four of four in one half: one in sixteen');
  t.equal(blameFor('version', table, 0.1), 'undecidable');
});

t.test('a version that is bad by itself beside a flag that is bad by itself: both', async (t) => {
  const cell = (bad: number) => ({ requests: 1000, bad });
  const table = {
    candidate: { treatment: cell(120), control: cell(30) },
    active: { treatment: cell(30), control: cell(0) },
  };
  t.equal(blameFor('flag', table, 0.01), 'both');
  t.equal(blameFor('version', table, 0.01), 'both');
  const bad = { ...table, active: { treatment: cell(0), control: cell(0) } };
  t.equal(blameFor('flag', bad, 0.01), 'version', 'the treatment is bad only where the version is bad too');
  const treated = {
    candidate: { treatment: cell(120), control: cell(0) },
    active: { treatment: cell(30), control: cell(0) },
  };
  t.equal(blameFor('version', treated, 0.01), 'flag');
});

t.test(
  'the chance of a coincidence is that of the binomial distribution, and nothing concentrates where nothing is',
  async (t) => {
    t.equal(binomialTail(10, 0.5, 0), 1);
    t.ok(Math.abs(binomialTail(10, 0.5, 10) - 2 ** -10) < 1e-15);
    t.ok(Math.abs(binomialTail(4, 0.25, 3) - (4 * 0.25 ** 3 * 0.75 + 0.25 ** 4)) < 1e-15);
    t.ok(Math.abs(binomialTail(100_000, 0.5, 50_000) - 0.5) < 0.01, 'large counts');
    t.same([binomialTail(5, 0, 1), binomialTail(5, 1, 5)], [0, 1]);
    t.notOk(isConcentrated({ requests: 0, bad: 0 }, { requests: 0, bad: 0 }, 0.5));
    t.notOk(isConcentrated({ requests: 10, bad: 0 }, { requests: 10, bad: 9 }, 0.5));
    t.ok(isConcentrated({ requests: 10, bad: 9 }, { requests: 90, bad: 0 }, 0.01));
  },
);

t.test('each blame is a sentence with both names', async (t) => {
  for (const blame of ['flag', 'version', 'both', 'undecidable'] as const) {
    t.match(blameText(blame, 'new-checkout', 'green (v2)'), /new-checkout/);
    t.match(blameText(blame, 'new-checkout', 'green (v2)'), /green \(v2\)/);
  }
});
