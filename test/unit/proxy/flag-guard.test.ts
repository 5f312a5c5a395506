/** What the guard of a flag counts of an exchange, on one data thread: each key once, in its arm, under its slot. */
import t from 'tap';
import type { Arm } from '../../../src/flags/arm.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import { chooseScale, levelTable } from '../../../src/judge/latency.ts';
import { FlagDecision } from '../../../src/proxy/flag-decision.ts';
import { FlagGuard, GuardLedgers } from '../../../src/proxy/flag-guard.ts';
import type { RouteFlags } from '../../../src/proxy/flag-route.ts';
import type { RequestSignalSpec } from '../../../src/routing/snapshot.ts';
import {
  createEvidenceMemory,
  createLevelMemory,
  readEvidence,
  takeNews,
  watchEvidence,
} from '../../../src/stats/evidence-cells.ts';
import { BUCKETS, bucketOf } from '../../../src/stats/histogram.ts';
import { createSignalMemory, readAllSignal, readSignal } from '../../../src/stats/signal-cells.ts';
import { createUnitMemory } from '../../../src/stats/unit-ledger.ts';
import { flagOf, turn } from '../flags/flag-of.ts';

function guard() {
  const arm = () => ({ evidence: createEvidenceMemory(1), signals: [createSignalMemory(1)] });
  const blocks = { treatment: arm(), control: arm(), treated: createSignalMemory(1) };
  const levels = createLevelMemory();
  const units = () => createUnitMemory(100);
  const spec = {
    levels,
    ledgers: { failures: units(), delays: units() },
    signals: [{ name: 'paid', ledger: units() }],
  };
  const signals = [{ name: 'other' }, { name: 'paid' }] as unknown as readonly RequestSignalSpec[];
  const made = new FlagGuard(new GuardLedgers(spec), blocks, signals, 0);
  const visit = (
    of: Arm,
    user: string,
    isBad: boolean,
    { slot = 3, durationUs = 1000, paid = null as 'good' | 'bad' | null } = {},
  ) => made.record({ arm: of, slot, key: user }, { isBad, durationUs, signal: (at) => (at === 1 ? paid : 'bad') });
  const read = (of: Arm, slot = 3) => readEvidence(blocks[of].evidence, slot);
  return { made, visit, read, blocks, levels };
}

t.test('a key fails once, in its arm and slot, and other keys besides', async (t) => {
  const { visit, read } = guard();
  for (let times = 0; times < 5; times += 1) visit('treatment', 'ann', true);
  visit('treatment', 'bob', true, { slot: 4 });
  visit('control', 'eve', true);
  visit('control', 'joe', false);
  t.match(read('treatment'), { judged: 5, bad: 1 });
  t.match(read('treatment', 4), { judged: 1, bad: 1 });
  t.match(read('control'), { judged: 2, bad: 1 });
});

t.test('a key that comes into the other arm has spoken already', async (t) => {
  const { visit, read } = guard();
  visit('control', 'ann', true);
  visit('treatment', 'ann', true, { slot: 4 });
  t.match(read('treatment', 4), { judged: 1, bad: 0 });
});

t.test('a slow key speaks once about each boundary', async (t) => {
  const { visit, read, levels } = guard();
  const histogram = new Float64Array(BUCKETS);
  histogram[bucketOf(1000)] = 100;
  const scale = chooseScale(histogram)!;
  new Uint8Array(levels).set(levelTable(scale));
  for (let times = 0; times < 3; times += 1) visit('treatment', 'ann', false, { durationUs: 1_000_000 });
  t.ok(read('treatment').above.every((count) => count === 1));
  visit('treatment', 'bob', false, { durationUs: 1000 });
  t.ok(
    read('treatment').above.every((count) => count === 1),
    'who is fast is above nothing',
  );
});

t.test('signals are those of the service by name, and a key speaks once about each', async (t) => {
  const { visit, blocks } = guard();
  visit('treatment', 'ann', false, { paid: 'bad' });
  visit('treatment', 'ann', false, { paid: 'bad' });
  visit('treatment', 'bob', false, { paid: 'good' });
  visit('treatment', 'eve', false);
  t.same(readSignal(blocks.treatment.signals[0]!, 3), { judged: 3, bad: 1 });
});

t.test('only what is new and bad of a watched treatment is news, once until somebody has looked', async (t) => {
  const { visit, blocks } = guard();
  t.equal(visit('treatment', 'ann', true), false, 'nobody watches');
  watchEvidence(blocks.treatment.evidence, true);
  t.equal(visit('treatment', 'ann', true), false, 'she has spoken');
  t.equal(visit('control', 'joe', true), false);
  t.equal(visit('treatment', 'bob', true), true);
  t.equal(visit('treatment', 'eve', true), false);
  t.equal(takeNews(blocks.treatment.evidence), true);
  t.equal(visit('treatment', 'zoe', false, { paid: 'bad' }), true, 'a signal is news too');
});

t.test('what the treated say of their version is counted as the version counts it', async (t) => {
  const { made, blocks } = guard();
  made.toldOfVersion(1, true);
  made.toldOfVersion(2, true);
  made.toldOfVersion(2, false);
  t.same(readAllSignal(blocks.treated), { judged: 3, bad: 2 });
});

t.test(
  'what a flag has treated speaks against no version once the flag is killed; what it has not treated does',
  async (t) => {
    const spec = flagOf({ strategy: { kind: 'percentage', share: 50_000 } });
    const route = { flags: [{ index: 0 }], shared: { evaluator: new FlagEvaluator([spec]) } } as unknown as RouteFlags;
    const standing = (arm: Arm) => [{ arm, slot: 0, key: 'ann' }];
    const treated = new FlagDecision(route, [], false, '', standing('treatment'));
    const spared = new FlagDecision(route, [], false, '', standing('control'));
    t.same([treated.isTreatedInVain(), spared.isTreatedInVain()], [false, false]);
    turn(spec, 50_000, { killed: true });
    t.same([treated.isTreatedInVain(), spared.isTreatedInVain()], [true, false]);
    t.equal(new FlagDecision(route, [], false, '', []).isGuarded, false);
  },
);
