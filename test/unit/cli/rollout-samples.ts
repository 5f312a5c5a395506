/** Rollouts, forecasts and explanations as the admin API gives them; their verdicts are the judge's own. */

import type { Explanation, RolloutForecast, RolloutView } from '../../../src/control/operations.ts';
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import { counts, errorsLook, SETTINGS } from '../judge/stage.ts';

export type Verdict = NonNullable<RolloutView['verdict']>;
type Count = readonly [requests: number, bad: number];

/** What the judge says of these requests of green, at 10%, and blue. */
export function verdictOf(green: Count, blue: Count, isHoldOver = false): Verdict {
  return judge(openJudgement(SETTINGS), errorsLook([counts(1, 0.1, green, blue)], { isHoldOver }), SETTINGS).verdict;
}

export const WAITING = verdictOf([412, 1], [3_708, 5]);
/** Nearly worse. */
export const NEARLY = verdictOf([412, 5], [3_708, 5]);
export const WORSE = verdictOf([412, 9], [3_708, 5]);

/** A rollout in the second of its steps, with what a test wants to be different. */
export function rollout(changes: Partial<RolloutView> = {}): RolloutView {
  const step = { holdMs: 600_000, minRequests: 0, approve: false, group: null, endpoints: null };
  return {
    id: 12,
    service: 'shop',
    flag: null,
    active: 'blue',
    candidate: 'green',
    version: 'v2.0',
    plan: 'canary',
    phase: 'holding',
    step: 2,
    steps: [0.01, 0.1, 1].map((share) => ({ ...step, share })),
    bakeMs: 900_000,
    share: 0.1,
    elapsedMs: 252_000,
    pausedBy: null,
    isHalted: false,
    reason: 'step 2 of 3: green has 10%',
    startedAt: '2026-01-31T12:00:00.000Z',
    startedBy: 'cli:ann',
    endedAt: null,
    warmUntil: null,
    ranMs: 852_000,
    verdict: WAITING,
    unjudged: null,
    verification: null,
    isQueued: false,
    group: null,
    takenBackWith: null,
    undone: null,
    confirmation: null,
    ...changes,
  };
}

/** The same when it has ended. */
export function ended(phase: RolloutView['phase'], reason: string, changes: Partial<RolloutView> = {}): RolloutView {
  return rollout({ phase, reason, endedAt: '2026-01-31T12:14:12.000Z', ...changes });
}

/** A forecast of one step and the bake. */
export function forecast(changes: Partial<RolloutForecast> = {}): RolloutForecast {
  const found = { rate: 0.002, requests: 510_000, seconds: 5_100, failed: 184, failedMost: 76, withinHold: 0.09 };
  const dead = { rate: 1, requests: 59, seconds: 0.59, failed: 3, failedMost: 14, withinHold: 0.997 };
  return {
    service: 'shop',
    active: 'blue',
    candidate: 'green',
    version: 'v2.0',
    plan: 'canary',
    obstacle: null,
    unjudged: null,
    traffic: { requests: 60_000, bad: 60, seconds: 600 },
    budget: null,
    steps: [
      {
        share: 0.05,
        holdMs: 600_000,
        approve: true,
        by: 'comparison',
        candidates: [
          { times: 2, ...found },
          { times: null, ...dead },
        ],
      },
      { share: 1, holdMs: 900_000, approve: false, by: 'ceiling', candidates: [] },
    ],
    costs: [
      { times: 2, failedMost: 256, isStopped: false },
      { times: null, failedMost: 14, isStopped: true },
    ],
    leastMs: 1_500_000,
    ...changes,
  };
}

/** The explanation of a rollout that was rolled back. */
export function explanation(changes: Partial<Explanation> = {}): Explanation {
  const at = '2026-01-31T12:00:09.000Z';
  return {
    rollout: ended('rolled-back', WORSE.sentence, { verdict: WORSE }),
    settings: SETTINGS,
    looks: 312,
    moments: [
      {
        at: '2026-01-31T12:00:00.000Z',
        atMs: null,
        kind: 'told',
        what: 'started',
        text: 'blue to green',
        verdict: null,
      },
      { at, atMs: 9_000, kind: 'verdict', verdict: WORSE },
      { at, atMs: 9_000, kind: 'told', what: 'rolling-back', text: WORSE.sentence, verdict: WORSE },
    ],
    momentsLeftOut: 0,
    turnedBackAtMs: 9_000,
    lastVerdict: WORSE,
    agreement: { differing: 0, looks: [], isLastSame: true },
    ...changes,
  };
}
