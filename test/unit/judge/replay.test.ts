import t from 'tap';
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import type { JudgeState, Look } from '../../../src/judge/look.ts';
import { replay } from '../../../src/judge/replay.ts';
import type { JudgeSettings } from '../../../src/judge/signals.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';
import { CPU, counts, ERRORS, lookAt, SETTINGS } from './stage.ts';

const BOTH: JudgeSettings = { ...SETTINGS, signals: [ERRORS, CPU] };

/** The looks of a rollout of three steps whose candidate is so many times as bad. */
function rollout(ratio: number, seeded: Seeded): Look[] {
  const looks: Look[] = [];
  for (const [step, share] of [0.05, 0.25, 0.5].entries()) {
    const green: [number, number] = [0, 0];
    const blue: [number, number] = [0, 0];
    for (let tick = 0; tick < 20; tick++) {
      for (let request = 0; request < 50; request++) {
        const isGreen = seeded.chance(share);
        const side = isGreen ? green : blue;
        side[0] += 1;
        if (seeded.chance(isGreen ? Math.min(1, 0.02 * ratio) : 0.02)) side[1] += 1;
      }
      const atMs = (step * 20 + tick) * 1000;
      looks.push(
        lookAt(
          [
            { kind: 'counts', name: 'errors', epochs: [counts(step + 1, share, [...green], [...blue])] },
            { kind: 'reading', name: 'cpu', reading: { atMs, candidate: 10 + seeded.below(9), active: 10 } },
          ],
          { atMs, sinceEpoch: step + 1, isHoldOver: tick > 15 },
        ),
      );
    }
  }
  return looks;
}

t.test(`a replay under the same settings says the same, to the last digit (seed ${runSeed})`, async (t) => {
  const seeded = new Seeded(runSeed);
  for (const ratio of [1, 3, 20]) {
    const looks = rollout(ratio, seeded);
    let state = openJudgement(BOTH);
    const live = looks.map((look) => {
      const judged = judge(state, look, BOTH);
      state = judged.state;
      return judged.verdict;
    });
    // What the store gives back is text that was read again.
    const again = replay(JSON.parse(JSON.stringify(looks)), JSON.parse(JSON.stringify(BOTH)));
    t.same(
      again.verdicts.map(({ verdict }) => verdict),
      live,
    );
    t.strictSame(again.state, state);
  }
});

t.test(`a restart at any look goes on with the same numbers (seed ${runSeed})`, async (t) => {
  const looks = rollout(2, new Seeded(runSeed));
  const whole = replay(looks, BOTH);
  let state = openJudgement(BOTH);
  for (const [index, look] of looks.entries()) {
    const stored: JudgeState = JSON.parse(JSON.stringify(state));
    const judged = judge(stored, look, BOTH);
    if (JSON.stringify(judged.verdict) !== JSON.stringify(whole.verdicts[index]!.verdict)) t.fail(`look ${index}`);
    state = judged.state;
  }
  t.same(state, whole.state);
});

t.test(`a look that is lost is made up for by the next (seed ${runSeed})`, async (t) => {
  const looks = rollout(2, new Seeded(runSeed)).map((look) => ({ ...look, signals: look.signals.slice(0, 1) }));
  const settings = { ...SETTINGS, signals: [{ ...ERRORS, ceiling: null }] };
  const every = replay(looks, settings).verdicts.at(-1)!.verdict.signals[0]!;
  const few = replay(
    looks.filter((_, index) => index % 20 === 19),
    settings,
  ).verdicts.at(-1)!.verdict.signals[0]!;
  t.ok(every.kind === 'compared' && few.kind === 'compared');
  if (every.kind !== 'compared' || few.kind !== 'compared') return;
  t.equal(few.numbers.logEvidence, every.numbers.logEvidence);
});

t.test('other settings may turn back earlier, later or never', async (t) => {
  const looks = rollout(6, new Seeded(runSeed));
  const usual = replay(looks, SETTINGS).turnedBack!;
  const eager = replay(looks, { ...SETTINGS, falseAlarm: 0.2 }).turnedBack!;
  const strict = replay(looks, { ...SETTINGS, falseAlarm: 1e-6 }).turnedBack;
  const tolerant = replay(looks, { ...SETTINGS, signals: [{ ...ERRORS, margin: 50, ceiling: null }] }).turnedBack;
  t.ok(eager.atMs < usual.atMs);
  t.ok(strict === null || strict.atMs > usual.atMs);
  t.equal(tolerant, null);
});
