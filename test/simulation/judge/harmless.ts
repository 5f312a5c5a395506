/**
 * Harmless releases: both sides fail alike, and everything else moves. How often is one blamed?
 *
 * A release climbs 1, 5, 25, 50% while traffic and error rate follow the hours of a day, the rate drifts, and an outage of both
 * sides may come. The evidence is looked at after every bad event, which is more often than any tick.
 */
import { type EpochEvents, logEvidence } from '../../../src/judge/relative-risk.ts';
import type { Draws } from './draws.ts';

const STEPS = [0.01, 0.05, 0.25, 0.5] as const;
const TICKS_PER_STEP = 40;

/** What happens beside the release. */
export interface Weather {
  readonly title: string;
  /** Factor of the expected number of bad events, at this part (0 to 1) of the release. */
  readonly rate: (part: number, phase: number) => number;
}

export const WEATHERS: readonly Weather[] = [
  { title: 'steady', rate: () => 1 },
  { title: 'error rate drifts up to tenfold', rate: (part) => 10 ** part },
  { title: 'daily cycles', rate: (part, phase) => 1 + 0.95 * Math.sin(2 * Math.PI * (3 * part + phase)) },
  { title: 'shared outage', rate: (part, phase) => (Math.abs(part - phase) < 0.03 ? 60 : 1) },
];

/** What a release came to under the judge, and under a fixed-size test that is repeated at every look. */
export interface Blame {
  readonly byJudge: boolean;
  readonly byRepeatedTest: boolean;
}

/** One harmless release with about 3 bad events a tick; `share` tells the judge a share, which is the true one if it is honest. */
export function harmlessRelease(
  weather: Weather,
  margin: number,
  falseAlarm: number,
  draws: Draws,
  told = (share: number): number => share,
): Blame {
  const needed = -Math.log(falseAlarm);
  const phase = draws.uniform();
  const perTick = 10 ** (draws.uniform() - 0.5);
  const epochs: EpochEvents[] = [];
  const ticks = STEPS.length * TICKS_PER_STEP;
  let byJudge = false;
  let byRepeatedTest = false;
  let surplus = 0;
  let variance = 0;
  let events = 0;
  for (const [step, share] of STEPS.entries()) {
    const candidate = [0];
    const active = [0];
    epochs.push({ share: told(share), candidate, active });
    for (let tick = 0; tick < TICKS_PER_STEP; tick++) {
      const part = (step * TICKS_PER_STEP + tick) / ticks;
      for (let left = draws.poisson(perTick * weather.rate(part, phase)); left > 0; left--) {
        const isCandidate = draws.uniform() < share;
        (isCandidate ? candidate : active)[0]! += 1;
        surplus += Number(isCandidate) - share;
        variance += share * (1 - share);
        events += 1;
        byJudge ||= logEvidence(epochs, 1, margin) >= needed;
        // The one-sided z-test at 5%, from 30 events on.
        byRepeatedTest ||= events >= 30 && surplus > 1.645 * Math.sqrt(variance);
      }
    }
  }
  return { byJudge, byRepeatedTest };
}
