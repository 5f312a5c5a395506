/** What an exchange says about its version: once, by its first attempt, and a user who sticks only once in all. */
import t from 'tap';
import { chooseScale, levelTable } from '../../../src/judge/latency.ts';
import { Witness } from '../../../src/proxy/witness.ts';
import type { EvidenceSpec } from '../../../src/routing/snapshot.ts';
import {
  createEvidenceMemory,
  createLevelMemory,
  EvidenceWriter,
  readEvidence,
} from '../../../src/stats/evidence-cells.ts';
import { BUCKETS, bucketOf } from '../../../src/stats/histogram.ts';
import { OUTCOMES, type Outcome } from '../../../src/stats/series.ts';
import { createUnitMemory } from '../../../src/stats/unit-ledger.ts';

function witness(rest: Partial<EvidenceSpec> = {}) {
  const memory = createEvidenceMemory(1);
  const writer = new EvidenceWriter(memory, 0);
  const badStatuses = new Uint8Array(600);
  badStatuses.fill(1, 500);
  const badOutcomes: readonly Outcome[] = ['timeout', 'connect', 'reset', 'protocol', 'unavailable'];
  const levels = createLevelMemory();
  const made = new Witness({
    badStatuses,
    badOutcomes,
    slowerThanUs: null,
    levels,
    ledgers: null,
    signals: [],
    ...rest,
  });
  const record = (outcome: Outcome, status: number, durationUs = 1000, unit = '', slot = 0): boolean =>
    made.record(writer, slot, OUTCOMES.indexOf(outcome), status, durationUs, unit);
  return { made, record, levels, read: (slot = 0) => readEvidence(memory, slot) };
}

t.test(
  'statuses and failures are bad as configured; what is not the version’s doing is no attempt to judge by',
  async (t) => {
    const { made, record, read } = witness();
    record('ok', 200);
    record('ok', 404);
    record('5xx', 503);
    record('timeout', 0);
    record('connect', 0);
    t.match(read(), { judged: 5, bad: 3 });
    const judged = OUTCOMES.filter((outcome) => made.counts(OUTCOMES.indexOf(outcome)));
    t.notOk(judged.some((outcome) => ['client-gone', 'internal', 'reuse-race'].includes(outcome)));
    t.ok(judged.includes('ok') && judged.includes('5xx') && judged.includes('unavailable'));
  },
);

t.test('an answer of 5xx that was not passed on, since another attempt followed, is bad all the same', async (t) => {
  const { record, read } = witness();
  record('5xx', 0);
  t.match(read(), { judged: 1, bad: 1 });
});

t.test('slower than the limit is bad, from the limit on', async (t) => {
  const { record, read } = witness({ slowerThanUs: 2_000_000 });
  record('ok', 200, 1_999_999);
  record('ok', 200, 2_000_000);
  t.match(read(), { judged: 2, bad: 1 });
});

t.test('a duration counts above each boundary that it has reached, when a rollout has set them', async (t) => {
  const { record, read, levels } = witness();
  record('ok', 200, 5_000_000);
  t.ok(
    read().above.every((count) => count === 0),
    'no rollout, no boundaries',
  );
  const histogram = new Array<number>(BUCKETS).fill(0);
  histogram[bucketOf(10_000)] = 100;
  const scale = chooseScale(histogram)!;
  new Uint8Array(levels).set(levelTable(scale));
  record('ok', 200, 9_000);
  record('ok', 200, scale.boundariesUs[2]!);
  record('ok', 200, 5_000_000);
  t.same(read().above.slice(0, 4), [2, 2, 2, 1]);
});

t.test('a user who sticks has one bad event, and one delay at each boundary, in whatever position', async (t) => {
  const ledgers = { failures: createUnitMemory(64), delays: createUnitMemory(64) };
  const { record, read, levels } = witness({ ledgers });
  new Uint8Array(levels).fill(2);
  for (let times = 0; times < 100; times++) record('5xx', 500, 1000, 'broken', times % 3);
  record('5xx', 500, 1000, 'other', 1);
  const all = [0, 1, 2].map((slot) => read(slot));
  t.equal(
    all.reduce((sum, { bad }) => sum + bad, 0),
    2,
  );
  t.equal(
    all.reduce((sum, { judged }) => sum + judged, 0),
    101,
    'all of them were judged',
  );
  t.equal(
    all.reduce((sum, { above }) => sum + above[0]!, 0),
    2,
  );
});

t.test('positions are counted apart', async (t) => {
  const { record, read } = witness();
  record('5xx', 500, 1000, '', 3);
  record('ok', 200, 1000, '', 4);
  t.match(read(3), { judged: 1, bad: 1 });
  t.match(read(4), { judged: 1, bad: 0 });
  t.match(read(0), { judged: 0 });
});

t.test(
  'whoever records is told of what was counted as bad: not of good ones, nor of a user who has spoken',
  async (t) => {
    const { record, levels } = witness();
    new Uint8Array(levels).fill(3);
    t.equal(record('ok', 200), false, 'slow is not bad');
    t.equal(record('5xx', 500), true);
    const ledgers = { failures: createUnitMemory(64), delays: createUnitMemory(64) };
    const sticky = witness({ ledgers });
    const failures = ['broken', 'broken', 'other'].map((unit) => sticky.record('5xx', 500, 1000, unit));
    t.same(failures, [true, false, true]);
    t.equal(sticky.record('ok', 200, 1000, 'third'), false);
  },
);
