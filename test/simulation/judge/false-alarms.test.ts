import t from 'tap';
import { SETTINGS } from '../../unit/judge/stage.ts';
import { runSeed } from '../../unit/routing/seeded.ts';
import { atMost, Draws } from './draws.ts';
import { harmlessRelease, WEATHERS } from './harmless.ts';
import { outageRelease } from './outage.ts';
import { latencyRelease } from './slow-tail.ts';
import { stickyRelease } from './sticky.ts';

const RELEASES = 500;

t.test(`a harmless release is blamed at most as often as promised, in any weather (seed ${runSeed})`, async (t) => {
  const draws = new Draws(runSeed);
  for (const [margin, falseAlarm] of [
    [1, 0.05],
    [1, 0.01],
  ] as const) {
    let blamed = 0;
    for (const weather of WEATHERS) {
      let here = 0;
      for (let release = 0; release < RELEASES; release++) {
        if (harmlessRelease(weather, margin, falseAlarm, draws).byJudge) here += 1;
      }
      t.ok(here / RELEASES <= atMost(falseAlarm, RELEASES), `${falseAlarm}, ${weather.title}: ${here} of ${RELEASES}`);
      blamed += here;
    }
    const all = RELEASES * WEATHERS.length;
    t.ok(blamed / all <= atMost(falseAlarm, all), `${falseAlarm}, all together: ${blamed} of ${all}`);
    if (falseAlarm === 0.05) t.ok(blamed > 0, 'the releases are hard enough to be blamed now and then');
  }
});

t.test(
  `the same releases show what is wrong with others: looking again and again, a wrong share (seed ${runSeed})`,
  async (t) => {
    const draws = new Draws(runSeed);
    let byRepeatedTest = 0;
    let byWrongShare = 0;
    for (let release = 0; release < RELEASES; release++) {
      const weather = WEATHERS[release % WEATHERS.length]!;
      const { byJudge, byRepeatedTest: again } = harmlessRelease(weather, 1, 0.05, draws, (share) => share / 2);
      byRepeatedTest += Number(again);
      byWrongShare += Number(byJudge);
    }
    t.ok(byRepeatedTest / RELEASES > 0.2, `a test of 5% at every look: ${byRepeatedTest} of ${RELEASES}`);
    t.ok(byWrongShare / RELEASES > 0.5, `a judge that is told half of the share: ${byWrongShare} of ${RELEASES}`);
  },
);

t.test(`24 boundaries of latency cost nothing in false alarms (seed ${runSeed})`, async (t) => {
  const draws = new Draws(runSeed);
  const releases = 200;
  let blamed = 0;
  for (let release = 0; release < releases; release++) {
    if (latencyRelease([0.05, 0.25, 0.5][release % 3]!, 0, 0.05, 3000, draws).isBlamed) blamed += 1;
  }
  t.ok(blamed / releases <= atMost(0.05, releases), `${blamed} of ${releases}`);
});

const RAMPS = {
  'four steps': [0.01, 0.05, 0.25, 0.5],
  'fifteen steps': [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5],
} as const;

for (const [title, ramp] of Object.entries(RAMPS)) {
  t.test(`broken accounts of a sticky service, ${title}: counting units blames nobody (seed ${runSeed})`, async (t) => {
    const draws = new Draws(runSeed);
    const releases = 200;
    const blamed = (counting: Parameters<typeof stickyRelease>[0]): number =>
      Array.from({ length: releases }, () => stickyRelease(counting, ramp, 12, 0.05, draws)).filter(Boolean).length;
    const byUnits = blamed('unit-once-per-rollout');
    t.ok(byUnits / releases <= atMost(0.05, releases), `units once a rollout: ${byUnits} of ${releases}`);
    const byRequests = blamed('request');
    t.ok(byRequests / releases > 0.2, `requests: ${byRequests} of ${releases}, which is why they are not counted`);
    if (ramp.length < 10) return;
    const byEpochs = blamed('unit-once-per-epoch');
    t.ok(byEpochs / releases > atMost(0.05, releases), `units once an epoch: ${byEpochs}, which is why not either`);
  });
}

t.test(
  `an outage of both sides halts harmless releases and has none blamed, looked at after each bad event too (seed ${runSeed})`,
  async (t) => {
    const draws = new Draws(runSeed);
    const releases = 100;
    const outages = Array.from({ length: releases }, (_, release) =>
      outageRelease(release % 2 === 0 ? 0.1 : 0.5, true, draws),
    );
    const blamed = outages.filter(({ isBlamed }) => isBlamed).length;
    const halted = outages.filter(({ isHalted }) => isHalted).length;
    t.ok(blamed / releases <= atMost(SETTINGS.falseAlarm, releases), `${blamed} of ${releases} blamed`);
    t.ok(halted / releases > 0.3, `${halted} of ${releases} halted`);
  },
);
