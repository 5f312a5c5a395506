/**
 * Harmless releases that meet an outage of both sides, before the whole judge: evidence, floor and ceiling together.
 *
 * They are looked at as the live loop looks: ten times a second by all rules, and between two ticks, as soon as the candidate has
 * had a bad event, by evidence alone. Such a look leaves no trace unless it blames, as in `rollout-run.ts`.
 */
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import { isByEvidence } from '../../../src/judge/verdict.ts';
import { counts, errorsLook, SETTINGS } from '../../unit/judge/stage.ts';
import type { Draws } from './draws.ts';

const TICKS = 600;
const REQUESTS_PER_TICK = 4;

/** What an outage came to: whether the candidate was blamed, and whether the ramp was halted. */
export interface Outage {
  readonly isBlamed: boolean;
  readonly isHalted: boolean;
}

/** One release of a minute at this share; from a tick between the first and the 200th on, 15 to 45% of the requests of both sides fail. */
export function outageRelease(share: number, looksEarly: boolean, draws: Draws): Outage {
  const outageFrom = draws.uniform() < 0.5 ? 0 : Math.floor(200 * draws.uniform());
  const rate = 0.15 + 0.3 * draws.uniform();
  const green: [number, number] = [0, 0];
  const blue: [number, number] = [0, 0];
  let state = openJudgement(SETTINGS);
  let isHalted = false;
  const look = (atMs: number): ReturnType<typeof judge> =>
    judge(state, errorsLook([counts(1, share, [...green], [...blue])], { atMs }), SETTINGS);
  for (let tick = 0; tick < TICKS; tick++) {
    for (let request = 0; request < REQUESTS_PER_TICK; request++) {
      const isCandidate = draws.uniform() < share;
      const side = isCandidate ? green : blue;
      side[0] += 1;
      if (draws.uniform() >= (tick < outageFrom ? 0.002 : rate)) continue;
      side[1] += 1;
      if (looksEarly && isCandidate && isByEvidence(look((tick - 1) * 100).verdict))
        return { isBlamed: true, isHalted };
    }
    const judged = look(tick * 100);
    state = judged.state;
    if (judged.verdict.kind === 'worse') return { isBlamed: true, isHalted };
    isHalted ||= judged.verdict.kind === 'halt';
  }
  return { isBlamed: false, isHalted };
}
